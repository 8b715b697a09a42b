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
