// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-reduce-early))' | FileCheck %s

// Sums of softmax's rows come right behind the exponentials, with the zeros that they start from, before the product that
// reads those, too.
// CHECK-LABEL: func.func @attention(
// CHECK: %[[P:.+]] = linalg.generic
// CHECK: math.exp
// CHECK: %[[E:.+]] = tensor.empty() : tensor<64xf32>
// CHECK-NEXT: %[[F:.+]] = linalg.fill {{.*}} outs(%[[E]] :
// CHECK-NEXT: linalg.generic {{.*}} ins(%[[P]] : tensor<64x128xf32>) outs(%[[F]] :
// CHECK: linalg.matmul ins(%[[P]],
#row = affine_map<(i, j) -> (i)>
#both = affine_map<(i, j) -> (i, j)>
func.func @attention(%s: tensor<64x128xf32>, %v: tensor<128x32xf32>, %z: tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<64xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64x128xf32>
  %p = linalg.generic {indexing_maps = [#both, #both], iterator_types = ["parallel", "parallel"]} ins(%s : tensor<64x128xf32>) outs(%e : tensor<64x128xf32>) {
  ^bb1(%a: f32, %o: f32):
    %x = math.exp %a : f32
    linalg.yield %x : f32
  } -> tensor<64x128xf32>
  %y = linalg.matmul ins(%p, %v : tensor<64x128xf32>, tensor<128x32xf32>) outs(%z : tensor<64x32xf32>) -> tensor<64x32xf32>
  %re = tensor.empty() : tensor<64xf32>
  %rf = linalg.fill ins(%zero : f32) outs(%re : tensor<64xf32>) -> tensor<64xf32>
  %r = linalg.generic {indexing_maps = [#both, #row], iterator_types = ["parallel", "reduction"]} ins(%p : tensor<64x128xf32>) outs(%rf : tensor<64xf32>) {
  ^bb1(%a: f32, %o: f32):
    %x = arith.addf %o, %a : f32
    linalg.yield %x : f32
  } -> tensor<64xf32>
  return %y, %r : tensor<64x32xf32>, tensor<64xf32>
}

// What a reduction starts from may need the product: then it stays behind that.
// CHECK-LABEL: func.func @from_product(
// CHECK: linalg.matmul
// CHECK: arith.addf
func.func @from_product(%s: tensor<64x128xf32>, %v: tensor<128x1xf32>, %z: tensor<64x1xf32>) -> tensor<64xf32> {
  %e = tensor.empty() : tensor<64x128xf32>
  %p = linalg.generic {indexing_maps = [#both, #both], iterator_types = ["parallel", "parallel"]} ins(%s : tensor<64x128xf32>) outs(%e : tensor<64x128xf32>) {
  ^bb1(%a: f32, %o: f32):
    %x = math.exp %a : f32
    linalg.yield %x : f32
  } -> tensor<64x128xf32>
  %y = linalg.matmul ins(%p, %v : tensor<64x128xf32>, tensor<128x1xf32>) outs(%z : tensor<64x1xf32>) -> tensor<64x1xf32>
  %flat = tensor.collapse_shape %y [[0, 1]] : tensor<64x1xf32> into tensor<64xf32>
  %r = linalg.generic {indexing_maps = [#both, #row], iterator_types = ["parallel", "reduction"]} ins(%p : tensor<64x128xf32>) outs(%flat : tensor<64xf32>) {
  ^bb1(%a: f32, %o: f32):
    %x = arith.addf %o, %a : f32
    linalg.yield %x : f32
  } -> tensor<64xf32>
  return %r : tensor<64xf32>
}
