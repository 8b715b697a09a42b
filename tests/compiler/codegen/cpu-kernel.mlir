// RUN: halcyon-opt %s --halcyon-cpu-kernel | FileCheck %s

// Tensors become buffers, the dynamic size stays a parameter; ids and local memory follow it.
// CHECK-LABEL: func.func @relu(
// CHECK-SAME: %[[X:.+]]: memref<?xf32>, %[[OUT:.+]]: memref<?xf32>, %[[N:.+]]: index, %{{.+}}: index, %{{.+}}: index, %{{.+}}: index, %{{.+}}: memref<?xi8>) -> i32
// CHECK-SAME: halcyon.bindings = [memref<?xf32>, memref<?xf32>]
// CHECK: bufferization.to_tensor %[[X]] restrict :
// CHECK: bufferization.to_tensor %[[OUT]] restrict writable
// CHECK: bufferization.materialize_in_destination %{{.+}} in restrict writable %[[OUT]]
// CHECK: return %{{.+}} : i32
// CHECK-NOT: dispatch.executable
dispatch.executable @relu inputs 1 workload_rank 1 dims [[0], [0]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index):
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%out : tensor<?xf32>) {
  ^bb1(%a: f32, %o: f32):
    %s = arith.negf %a : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  dispatch.return %y : tensor<?xf32>
}

// What is inserted is computed in its part of the destination, which a view says to be rows of one dimension.
// CHECK-LABEL: func.func @placed(
// CHECK-SAME: %{{.+}}: memref<?x64xf32>, %[[OUT:.+]]: memref<?x8x48xf32>, %[[N:[^:]+]]: index, %[[ROWS:[^:]+]]: index, %[[AT:[^:]+]]: index,
// CHECK: %[[START:.+]] = affine.apply #{{.+}}()[%[[AT]]]
// CHECK: %[[FLAT:.+]] = memref.collapse_shape %[[OUT]] {{\[}}[0, 1], [2]] : memref<?x8x48xf32> into memref<?x48xf32>
// CHECK: %[[PLACE:.+]] = memref.subview %[[FLAT]][%[[START]], 16] [%{{.+}}, 32] [1, 1]
// CHECK: %[[T:.+]] = bufferization.to_tensor %[[PLACE]] restrict writable
// CHECK: linalg.fill {{.*}} outs(%[[T]] :
// CHECK-NOT: tensor.insert_slice
// CHECK: bufferization.materialize_in_destination %{{.+}} in restrict writable %[[PLACE]]
dispatch.executable @placed inputs 1 workload_rank 2 dims [[1], [0]] {
^bb0(%x: tensor<?x64xf32>, %out: tensor<?x8x48xf32>, %n: index, %rows: index, %at: index):
  %zero = arith.constant 0.0 : f32
  %c8 = arith.constant 8 : index
  %w = arith.constant dense<1.0> : tensor<64x32xf32>
  %e = tensor.empty(%rows) : tensor<?x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x64xf32>, tensor<64x32xf32>) outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  %m = arith.divui %rows, %c8 : index
  %v = tensor.expand_shape %p [[0, 1], [2]] output_shape [%m, 8, 32] : tensor<?x32xf32> into tensor<?x8x32xf32>
  %i = tensor.insert_slice %v into %out[%at, 0, 16] [%m, 8, 32] [1, 1, 1] : tensor<?x8x32xf32> into tensor<?x8x48xf32>
  dispatch.return %i : tensor<?x8x48xf32>
}

// What something else made is copied.
// CHECK-LABEL: func.func @copied(
// CHECK: tensor.insert_slice
dispatch.executable @copied inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<4x32xf32>, %out: tensor<4x48xf32>):
  %i = tensor.insert_slice %x into %out[0, 16] [4, 32] [1, 1] : tensor<4x32xf32> into tensor<4x48xf32>
  dispatch.return %i : tensor<4x48xf32>
}

// A part of an argument is a part of its buffer, at a place that a parameter gives.
// CHECK-LABEL: func.func @part(
// CHECK-SAME: %[[X:.+]]: memref<?x64xf32>, %{{.+}}: memref<4x32xf32>, %[[N:[^:]+]]: index, %[[AT:[^:]+]]: index,
// CHECK: %[[PLACE:.+]] = memref.subview %[[X]][%[[AT]], 32] [4, 32] [1, 1] : memref<?x64xf32> to memref<4x32xf32, strided<[64, 1], offset: ?>>
// CHECK: %[[T:.+]] = bufferization.to_tensor %[[PLACE]] restrict :
// CHECK-NOT: tensor.extract_slice
// CHECK: linalg.abs ins(%[[T]] :
dispatch.executable @part inputs 1 workload_rank 2 dims [[0], []] {
^bb0(%x: tensor<?x64xf32>, %out: tensor<4x32xf32>, %n: index, %at: index):
  %s = tensor.extract_slice %x[%at, 32] [4, 32] [1, 1] : tensor<?x64xf32> to tensor<4x32xf32>
  %y = linalg.abs ins(%s : tensor<4x32xf32>) outs(%out : tensor<4x32xf32>) -> tensor<4x32xf32>
  dispatch.return %y : tensor<4x32xf32>
}
