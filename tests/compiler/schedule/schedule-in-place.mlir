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
