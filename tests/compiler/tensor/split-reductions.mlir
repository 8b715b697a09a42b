// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-split-reductions))' | FileCheck %s

// A long sum of products to few results: 16 parts of it, and their sum, from what the whole started from.
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[X:.+]]: tensor<2x262144xf32>, %[[W:.+]]: tensor<262144x8xf32>, %[[I:.+]]: tensor<2x8xf32>
// CHECK-DAG: tensor.expand_shape %[[X]] {{.*}} into tensor<2x16x16384xf32>
// CHECK-DAG: tensor.expand_shape %[[W]] {{.*}} into tensor<16x16384x8xf32>
// CHECK-DAG: %[[ZEROS:.+]] = linalg.fill {{.*}} -> tensor<16x2x8xf32>
// CHECK: %[[PARTS:.+]] = linalg.generic {{.*}} outs(%[[ZEROS]] : tensor<16x2x8xf32>)
// CHECK: arith.mulf
// CHECK: %[[SUM:.+]] = linalg.generic {{.*}}"reduction"{{.*}} ins(%[[PARTS]] : tensor<16x2x8xf32>) outs(%[[I]] :
// CHECK: return %[[SUM]]
func.func @product(%x: tensor<2x262144xf32>, %w: tensor<262144x8xf32>, %i: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %p = linalg.matmul ins(%x, %w : tensor<2x262144xf32>, tensor<262144x8xf32>) outs(%i : tensor<2x8xf32>) -> tensor<2x8xf32>
  return %p : tensor<2x8xf32>
}

// Of the largest of all, each part starts at -infinity.
// CHECK-LABEL: func.func @largest(
// CHECK: %[[LEAST:.+]] = arith.constant 0xFF800000 : f32
// CHECK: linalg.fill ins(%[[LEAST]] : f32) {{.*}} -> tensor<16xf32>
// CHECK: arith.maximumf
func.func @largest(%x: tensor<1048576xf32>, %i: tensor<f32>) -> tensor<f32> {
  %p = linalg.generic {indexing_maps = [affine_map<(k) -> (k)>, affine_map<(k) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<1048576xf32>) outs(%i : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %o, %a : f32
    linalg.yield %m : f32
  } -> tensor<f32>
  return %p : tensor<f32>
}

// Not where there are columns enough for workgroups, too little to do, no divisor, an unknown length, or sums of halves.
// CHECK-LABEL: func.func @whole(
// CHECK-NOT: tensor.expand_shape
// CHECK: return
func.func @whole(%x: tensor<2x16384xf32>, %w: tensor<16384x1024xf32>, %i: tensor<2x1024xf32>, %v: tensor<2x65537xf32>, %u: tensor<65537x8xf32>,
                 %s: tensor<16384x8xf32>, %j: tensor<2x8xf32>, %d: tensor<2x?xf32>, %e: tensor<?x8xf32>, %h: tensor<1048576xf16>, %k: tensor<f16>)
    -> (tensor<2x1024xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<f16>) {
  %0 = linalg.matmul ins(%x, %w : tensor<2x16384xf32>, tensor<16384x1024xf32>) outs(%i : tensor<2x1024xf32>) -> tensor<2x1024xf32>
  %1 = linalg.matmul ins(%x, %s : tensor<2x16384xf32>, tensor<16384x8xf32>) outs(%j : tensor<2x8xf32>) -> tensor<2x8xf32>
  %2 = linalg.matmul ins(%v, %u : tensor<2x65537xf32>, tensor<65537x8xf32>) outs(%j : tensor<2x8xf32>) -> tensor<2x8xf32>
  %3 = linalg.matmul ins(%d, %e : tensor<2x?xf32>, tensor<?x8xf32>) outs(%j : tensor<2x8xf32>) -> tensor<2x8xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(k) -> (k)>, affine_map<(k) -> ()>], iterator_types = ["reduction"]}
      ins(%h : tensor<1048576xf16>) outs(%k : tensor<f16>) {
  ^bb0(%a: f16, %o: f16):
    %m = arith.addf %o, %a : f16
    linalg.yield %m : f16
  } -> tensor<f16>
  return %0, %1, %2, %3, %4 : tensor<2x1024xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<f16>
}

// Rows that are read again stay whole: one kernel reduces and reads them.
// CHECK-LABEL: func.func @rows(
// CHECK-NOT: tensor.expand_shape
// CHECK: return
func.func @rows(%x: tensor<1x1048576xf32>, %i: tensor<1xf32>) -> tensor<1x1048576xf32> {
  %p = linalg.generic {indexing_maps = [affine_map<(r, k) -> (r, k)>, affine_map<(r, k) -> (r)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<1x1048576xf32>) outs(%i : tensor<1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.addf %o, %a : f32
    linalg.yield %m : f32
  } -> tensor<1xf32>
  %e = tensor.empty() : tensor<1x1048576xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(r, k) -> (r, k)>, affine_map<(r, k) -> (r)>, affine_map<(r, k) -> (r, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %p : tensor<1x1048576xf32>, tensor<1xf32>) outs(%e : tensor<1x1048576xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.divf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x1048576xf32>
  return %y : tensor<1x1048576xf32>
}
