// RUN: halcyon-opt %s --pass-pipeline='builtin.module(halcyon-cpu-kernel,halcyon-cpu-bufferize)' | FileCheck %s

// A pad becomes a fill and a copy in the kernel's own buffer.
// CHECK-LABEL: func.func @pad(
// CHECK-SAME: %[[X:.+]]: memref<4xf32>, %[[OUT:.+]]: memref<7xf32>
// CHECK-NOT: memref.alloc
// CHECK: linalg.fill {{.*}} outs(%[[OUT]] :
// CHECK: %[[VIEW:.+]] = memref.subview %[[OUT]][1] [4] [1]
// CHECK: memref.copy %[[X]], %[[VIEW]]
// CHECK-NOT: tensor<
dispatch.executable @pad inputs 1 workload_rank 0 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<7xf32>):
  %zero = arith.constant 0.0 : f32
  %y = tensor.pad %x low[1] high[2] {
  ^bb1(%i: index):
    tensor.yield %zero : f32
  } : tensor<4xf32> to tensor<7xf32>
  dispatch.return %y : tensor<7xf32>
}
