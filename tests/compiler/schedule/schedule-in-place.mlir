// RUN: halcyon-opt %s -halcyon-schedule-buffers -canonicalize -cse | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#transposed = affine_map<(i, j) -> (j, i)>
dispatch.executable @negate inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<4x4xf32>, %out: tensor<4x4xf32>):
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%out : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = arith.negf %a : f32
    linalg.yield %c : f32
  } -> tensor<4x4xf32>
  dispatch.return %y : tensor<4x4xf32>
}
dispatch.executable @transpose inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<4x4xf32>, %out: tensor<4x4xf32>):
  %y = linalg.generic {indexing_maps = [#transposed, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xf32>) outs(%out : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<4x4xf32>
  dispatch.return %y : tensor<4x4xf32>
}

// An elementwise kernel writes over an input that nobody reads any more; one that permutes does not.
// CHECK-LABEL: func.func @elementwise(
// CHECK:         %[[A:.+]] = host.alloca transient
// CHECK:         host.dispatch @transpose {{.*}} bindings(%{{.+}}, %[[A]])
// CHECK-NEXT:    host.dispatch @negate {{.*}} bindings(%[[A]], %[[A]])
// CHECK-NEXT:    %[[B:.+]] = host.alloca external
// CHECK-NEXT:    host.dispatch @transpose {{.*}} bindings(%[[A]], %[[B]])
func.func @elementwise(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4x4xf32>
  %a = dispatch.launch @transpose workload [%c4, %c4] ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %b = dispatch.launch @negate workload [%c4, %c4] ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %c = dispatch.launch @transpose workload [%c4, %c4] ins(%b : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  return %c : tensor<4x4xf32>
}

// Not over an argument, nor over what is read later.
// CHECK-LABEL: func.func @needed(
// CHECK-SAME:    %[[X:.+]]: !host.buffer)
// CHECK:         host.dispatch @negate {{.*}} bindings(%[[X]], %[[A:.+]]) offsets
// CHECK:         host.dispatch @negate {{.*}} bindings(%[[A]], %[[B:.+]]) offsets
// CHECK:         host.dispatch @transpose {{.*}} bindings(%[[A]],
// CHECK:         host.dispatch @transpose {{.*}} bindings(%[[B]],
func.func @needed(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4x4xf32>
  %a = dispatch.launch @negate workload [%c4, %c4] ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %b = dispatch.launch @negate workload [%c4, %c4] ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %c = dispatch.launch @transpose workload [%c4, %c4] ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %d = dispatch.launch @transpose workload [%c4, %c4] ins(%b : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  return %c, %d : tensor<4x4xf32>, tensor<4x4xf32>
}

dispatch.executable @sum_and_product inputs 2 workload_rank 2 dims [[], [], [], []] {
^bb0(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>, %out: tensor<4x4xf32>, %out2: tensor<4x4xf32>):
  %s:2 = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<4x4xf32>, tensor<4x4xf32>) outs(%out, %out2 : tensor<4x4xf32>, tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %sum = arith.addf %a, %b : f32
    %product = arith.mulf %a, %b : f32
    linalg.yield %sum, %product : f32, f32
  } -> (tensor<4x4xf32>, tensor<4x4xf32>)
  dispatch.return %s#0, %s#1 : tensor<4x4xf32>, tensor<4x4xf32>
}
dispatch.executable @sum_into_row inputs 2 workload_rank 2 dims [[], [], [], []] {
^bb0(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>, %rows: tensor<9x4x4xf32>, %out: tensor<4x4xf32>, %t: index):
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<4x4xf32>, tensor<4x4xf32>) outs(%out : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %sum = arith.addf %a, %b : f32
    linalg.yield %sum : f32
  } -> tensor<4x4xf32>
  %r = tensor.insert_slice %s into %rows[%t, 0, 0] [1, 4, 4] [1, 1, 1] : tensor<4x4xf32> into tensor<9x4x4xf32>
  dispatch.return %r, %s : tensor<9x4x4xf32>, tensor<4x4xf32>
}

// Of two results one lies where an input was, and each has a place of its own.
// CHECK-LABEL: func.func @two_results(
// CHECK:         host.dispatch @negate {{.*}} bindings(%{{.+}}, %[[A:.+]]) offsets
// CHECK:         host.dispatch @negate {{.*}} bindings(%{{.+}}, %[[B:.+]]) offsets
// CHECK:         host.dispatch @sum_and_product {{.*}} bindings(%[[A]], %[[B]], %[[A]], %[[B]])
func.func @two_results(%x: tensor<4x4xf32>, %z: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4x4xf32>
  %a = dispatch.launch @negate workload [%c4, %c4] ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %b = dispatch.launch @negate workload [%c4, %c4] ins(%z : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %c:2 = dispatch.launch @sum_and_product workload [%c4, %c4] ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e, %e : tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
  %d = dispatch.launch @transpose workload [%c4, %c4] ins(%c#0 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %f:2 = dispatch.launch @sum_and_product workload [%c4, %c4] ins(%d, %c#1 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e, %e : tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
  return %f#0 : tensor<4x4xf32>
}

dispatch.executable @negation_and_sum inputs 2 workload_rank 2 dims [[], [], [], []] {
^bb0(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>, %out: tensor<4x4xf32>, %out2: tensor<4x4xf32>):
  %s:2 = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<4x4xf32>, tensor<4x4xf32>) outs(%out, %out2 : tensor<4x4xf32>, tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %negation = arith.negf %b : f32
    %sum = arith.addf %a, %negation : f32
    linalg.yield %negation, %sum : f32, f32
  } -> (tensor<4x4xf32>, tensor<4x4xf32>)
  dispatch.return %s#0, %s#1 : tensor<4x4xf32>, tensor<4x4xf32>
}

// A result that does not need an input might be stored before that is loaded for the other one: the first does not lie
// where the first input does, the second does.
// CHECK-LABEL: func.func @independent_result(
// CHECK:         host.dispatch @negate {{.*}} bindings(%{{.+}}, %[[A:.+]]) offsets
// CHECK:         host.dispatch @negate {{.*}} bindings(%{{.+}}, %[[B:.+]]) offsets
// CHECK:         host.dispatch @negation_and_sum {{.*}} bindings(%[[A]], %[[B]], %[[B]], %[[A]])
func.func @independent_result(%x: tensor<4x4xf32>, %z: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4x4xf32>
  %a = dispatch.launch @negate workload [%c4, %c4] ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %b = dispatch.launch @negate workload [%c4, %c4] ins(%z : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %c:2 = dispatch.launch @negation_and_sum workload [%c4, %c4] ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e, %e : tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
  %d = dispatch.launch @transpose workload [%c4, %c4] ins(%c#0 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %f = dispatch.launch @transpose workload [%c4, %c4] ins(%c#1 : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  return %d, %f : tensor<4x4xf32>, tensor<4x4xf32>
}

// A state that a loop carries is computed in its place, and a copy of it goes into its row.
// CHECK-LABEL: func.func @state_and_rows(
// CHECK-SAME:    %[[X:.+]]: !host.buffer)
// CHECK-DAG:     %[[H:.+]] = host.alloca
// CHECK-DAG:     %[[ROWS:.+]] = host.alloca
// CHECK:         scf.for
// CHECK-NEXT:    host.dispatch @sum_into_row {{.*}} bindings(%[[A:.+]], %[[X]], %[[B:.+]], %[[A]])
// CHECK-NEXT:    }
func.func @state_and_rows(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<9x4x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c9 = arith.constant 9 : index
  %rows = tensor.empty() : tensor<9x4x4xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %r:2 = scf.for %t = %c0 to %c9 step %c1 iter_args(%h = %x, %all = %rows) -> (tensor<4x4xf32>, tensor<9x4x4xf32>) {
    %n:2 = dispatch.launch @sum_into_row workload [%c4, %c4] parameters(%t : index) ins(%h, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%all, %e : tensor<9x4x4xf32>, tensor<4x4xf32>) -> (tensor<9x4x4xf32>, tensor<4x4xf32>)
    scf.yield %n#1, %n#0 : tensor<4x4xf32>, tensor<9x4x4xf32>
  }
  return %r#0, %r#1 : tensor<4x4xf32>, tensor<9x4x4xf32>
}

dispatch.executable @add_part inputs 2 workload_rank 2 dims [[], [], []] {
^bb0(%x: tensor<4x4xf32>, %y: tensor<8x4xf32>, %out: tensor<4x4xf32>):
  %part = tensor.extract_slice %y[2, 0] [4, 4] [1, 1] : tensor<8x4xf32> to tensor<4x4xf32>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %part : tensor<4x4xf32>, tensor<4x4xf32>) outs(%out : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %sum = arith.addf %a, %b : f32
    linalg.yield %sum : f32
  } -> tensor<4x4xf32>
  dispatch.return %s : tensor<4x4xf32>
}
dispatch.executable @negate_part inputs 1 workload_rank 2 dims [[], []] {
^bb0(%y: tensor<8x4xf32>, %out: tensor<8x4xf32>):
  %part = tensor.extract_slice %y[0, 0] [8, 4] [1, 1] : tensor<8x4xf32> to tensor<8x4xf32>
  %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%part : tensor<8x4xf32>) outs(%out : tensor<8x4xf32>) {
  ^bb0(%a: f32, %c: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<8x4xf32>
  dispatch.return %s : tensor<8x4xf32>
}

// Beside a part of another tensor, a kernel still writes over its input; over what it reads a part of it does not.
// CHECK-LABEL: func.func @parts(
// CHECK:         host.dispatch @negate_part {{.*}} bindings(%{{.+}}, %[[A:.+]]) offsets
// CHECK:         host.dispatch @negate_part {{.*}} bindings(%[[A]], %[[B:.+]]) offsets
// CHECK:         host.dispatch @negate {{.*}} bindings(%{{.+}}, %[[C:.+]]) offsets
// CHECK-NEXT:    host.dispatch @add_part {{.*}} bindings(%[[C]], %[[B]], %[[C]]) offsets
func.func @parts(%x: tensor<4x4xf32>, %y: tensor<8x4xf32>) -> tensor<4x4xf32> {
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %e = tensor.empty() : tensor<4x4xf32>
  %f = tensor.empty() : tensor<8x4xf32>
  %a = dispatch.launch @negate_part workload [%c8, %c4] ins(%y : tensor<8x4xf32>) outs(%f : tensor<8x4xf32>) -> (tensor<8x4xf32>)
  %b = dispatch.launch @negate_part workload [%c8, %c4] ins(%a : tensor<8x4xf32>) outs(%f : tensor<8x4xf32>) -> (tensor<8x4xf32>)
  %c = dispatch.launch @negate workload [%c4, %c4] ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %d = dispatch.launch @add_part workload [%c4, %c4] ins(%c, %b : tensor<4x4xf32>, tensor<8x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  %r = dispatch.launch @transpose workload [%c4, %c4] ins(%d : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> (tensor<4x4xf32>)
  return %r : tensor<4x4xf32>
}
