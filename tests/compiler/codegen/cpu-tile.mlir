// RUN: halcyon-opt %s --pass-pipeline='builtin.module(halcyon-cpu-kernel,func.func(halcyon-cpu-tile),canonicalize,cse)' --split-input-file | FileCheck %s

// The workgroup's part of the root, and of the producer that it needs.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: %[[N:.+]]: index, %[[ID:.+]]: index, %{{.+}}: index, %{{.+}}: index, %{{.+}}: memref<?xi8>)
// CHECK-SAME: halcyon.tile = array<i64: [[TILE:[0-9]+]], 1, 1>
// CHECK: %[[OFFSET:.+]] = affine.apply #{{.+}}()[%[[ID]]]
// CHECK: %[[SIZE:.+]] = affine.min
// CHECK: tensor.extract_slice %{{.+}}[%[[OFFSET]]] [%[[SIZE]]] [1]
// CHECK: math.exp
// CHECK: arith.negf
// CHECK: tensor.insert_slice %{{.+}} into %{{.+}}[%[[OFFSET]]] [%[[SIZE]]] [1]
#id = affine_map<(i) -> (i)>
dispatch.executable @chain inputs 1 workload_rank 1 dims [[0], [0]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index):
  %e = tensor.empty(%n) : tensor<?xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<?xf32>) outs(%out : tensor<?xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = arith.negf %v : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  dispatch.return %y : tensor<?xf32>
}

// -----

// A loop of length one keeps its place among the workgroup's ids: the second id tiles the second loop.
// CHECK-LABEL: func.func @one_row(
// CHECK-SAME: %{{[^:]+}}: memref<1x5000xf32>, %{{[^:]+}}: memref<1x5000xf32>, %[[ID0:[^:]+]]: index, %[[ID1:[^:]+]]: index,
// CHECK: affine.apply #{{.+}}()[%[[ID1]]]
// CHECK-NOT: affine.apply #{{.+}}()[%[[ID0]]]
#row = affine_map<(i, j) -> (i, j)>
dispatch.executable @one_row inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<1x5000xf32>, %out: tensor<1x5000xf32>):
  %y = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<1x5000xf32>) outs(%out : tensor<1x5000xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s0 = math.exp %v : f32
    %s = math.exp %s0 : f32
    linalg.yield %s : f32
  } -> tensor<1x5000xf32>
  dispatch.return %y : tensor<1x5000xf32>
}

// -----

// Work for another destination would be done by every workgroup: one does all of it.
// CHECK-LABEL: func.func @two_roots(
// CHECK-SAME: halcyon.tile = array<i64: 4294967295, 1, 1>
// CHECK-NOT: tensor.extract_slice
#vec = affine_map<(i) -> (i)>
dispatch.executable @two_roots inputs 1 workload_rank 1 dims [[], [], []] {
^bb0(%x: tensor<8xf32>, %out: tensor<8xf32>, %out2: tensor<8xf32>):
  %y = linalg.generic {indexing_maps = [#vec, #vec], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%out : tensor<8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %z = linalg.generic {indexing_maps = [#vec, #vec], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%out2 : tensor<8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = arith.negf %v : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  dispatch.return %y, %z : tensor<8xf32>, tensor<8xf32>
}
