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

// Rows of a kernel's own memory begin at cache lines; short ones, and those that do, are left as they are.
// CHECK-LABEL: func.func @rows(
// CHECK: %[[WIDE:.+]] = memref.alloc() {{.*}} : memref<4x208xf32>
// CHECK: %[[ROWS:.+]] = memref.subview %[[WIDE]][0, 0] [4, 197] [1, 1] : memref<4x208xf32> to memref<4x197xf32, strided<[208, 1]>>
// CHECK: linalg.generic {{.*}} outs(%[[ROWS]] :
// CHECK-LABEL: func.func @short(
// CHECK: memref.alloc() {{.*}} : memref<4x17xf32>
// CHECK-LABEL: func.func @aligned(
// CHECK: memref.alloc() {{.*}} : memref<4x192xf32>
#all = affine_map<(r, c) -> (r, c)>
#turned = affine_map<(r, c) -> (c, r)>
dispatch.executable @rows inputs 1 workload_rank 0 dims [[], []] {
^bb0(%x: tensor<4x197xf32>, %out: tensor<197x4xf32>):
  %e = tensor.empty() : tensor<4x197xf32>
  %y = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x197xf32>) outs(%e : tensor<4x197xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<4x197xf32>
  %z = linalg.generic {indexing_maps = [#turned, #all], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x197xf32>) outs(%out : tensor<197x4xf32>) {
  ^bb1(%v: f32, %o: f32):
    linalg.yield %v : f32
  } -> tensor<197x4xf32>
  dispatch.return %z : tensor<197x4xf32>
}
dispatch.executable @short inputs 1 workload_rank 0 dims [[], []] {
^bb0(%x: tensor<4x17xf32>, %out: tensor<17x4xf32>):
  %e = tensor.empty() : tensor<4x17xf32>
  %y = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x17xf32>) outs(%e : tensor<4x17xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<4x17xf32>
  %z = linalg.generic {indexing_maps = [#turned, #all], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x17xf32>) outs(%out : tensor<17x4xf32>) {
  ^bb1(%v: f32, %o: f32):
    linalg.yield %v : f32
  } -> tensor<17x4xf32>
  dispatch.return %z : tensor<17x4xf32>
}
dispatch.executable @aligned inputs 1 workload_rank 0 dims [[], []] {
^bb0(%x: tensor<4x192xf32>, %out: tensor<192x4xf32>):
  %e = tensor.empty() : tensor<4x192xf32>
  %y = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x192xf32>) outs(%e : tensor<4x192xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<4x192xf32>
  %z = linalg.generic {indexing_maps = [#turned, #all], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x192xf32>) outs(%out : tensor<192x4xf32>) {
  ^bb1(%v: f32, %o: f32):
    linalg.yield %v : f32
  } -> tensor<192x4xf32>
  dispatch.return %z : tensor<192x4xf32>
}
