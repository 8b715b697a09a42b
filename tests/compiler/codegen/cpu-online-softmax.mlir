// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-online-softmax))' | FileCheck %s

// Long rows of scores come in blocks of 512 keys and a last one of 452: the largest, sums and results so far are carried, the
// latter two multiplied where a larger score comes. What makes the scores is computed for each block alone.
// CHECK-LABEL: func.func @attention(
// CHECK: scf.for %[[K:.+]] = %c0{{.*}} to %c2560{{.*}} step %c512{{.*}} iter_args(%[[M:.+]] = %{{.+}}, %[[L:.+]] = %{{.+}}, %[[Y:.+]] = %{{.+}}) -> (tensor<64xf32>, tensor<64xf32>, tensor<64x32xf32>)
// CHECK: tensor.extract_slice %{{.+}}[0, %[[K]]] [16, 512]
// CHECK: %[[S:.+]] = linalg.matmul {{.*}} -> tensor<64x512xf32>
// CHECK: arith.mulf
// CHECK: arith.maximumf
// CHECK: %[[NOW:.+]] = linalg.generic {{.*}} ins(%[[M]] : tensor<64xf32>)
// CHECK: arith.cmpf oeq
// CHECK: linalg.generic {{.*}} ins(%[[M]], %{{.+}} : tensor<64xf32>, tensor<64xf32>)
// CHECK: math.exp
// CHECK: %[[LARGEST:.+]] = linalg.generic {{.*}} ins(%[[NOW]] : tensor<64xf32>) outs(%[[M]] :
// CHECK: math.exp
// CHECK: linalg.generic {{.*}} outs(%[[L]] :
// CHECK: tensor.extract_slice %{{.+}}[%[[K]], 0] [512, 32]
// CHECK: %[[SCALED:.+]] = linalg.generic {{.*}} outs(%[[Y]] :
// CHECK: %[[VALUES:.+]] = linalg.matmul {{.*}} outs(%[[SCALED]] :
// CHECK: scf.yield %[[LARGEST]], %{{.+}}, %[[VALUES]]
// CHECK: %[[LAST:.+]]:3 = scf.for {{.*}} step %c452
// CHECK-NOT: linalg{{.*}}3012
// CHECK: linalg.generic {{.*}} ins(%[[LAST]]#2, %[[LAST]]#1 :
#row = affine_map<(i, j) -> (i)>
#both = affine_map<(i, j) -> (i, j)>
func.func @attention(%q: tensor<64x16xf32>, %k: tensor<16x3012xf32>, %v: tensor<3012x32xf32>) -> tensor<64x32xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  %none = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<64x3012xf32>
  %re = tensor.empty() : tensor<64xf32>
  %ye = tensor.empty() : tensor<64x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<64x3012xf32>) -> tensor<64x3012xf32>
  %s = linalg.matmul ins(%q, %k : tensor<64x16xf32>, tensor<16x3012xf32>) outs(%f : tensor<64x3012xf32>) -> tensor<64x3012xf32>
  %t = linalg.generic {indexing_maps = [#both, #both], iterator_types = ["parallel", "parallel"]} ins(%s : tensor<64x3012xf32>) outs(%e : tensor<64x3012xf32>) {
  ^bb0(%a: f32, %o: f32):
    %x = arith.mulf %a, %scale : f32
    linalg.yield %x : f32
  } -> tensor<64x3012xf32>
  %mf = linalg.fill ins(%none : f32) outs(%re : tensor<64xf32>) -> tensor<64xf32>
  %m = linalg.generic {indexing_maps = [#both, #row], iterator_types = ["parallel", "reduction"]} ins(%t : tensor<64x3012xf32>) outs(%mf : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %x = arith.maximumf %o, %a : f32
    linalg.yield %x : f32
  } -> tensor<64xf32>
  %p = linalg.generic {indexing_maps = [#both, #row, #both], iterator_types = ["parallel", "parallel"]} ins(%t, %m : tensor<64x3012xf32>, tensor<64xf32>) outs(%e : tensor<64x3012xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %d = arith.subf %a, %b : f32
    %x = math.exp %d : f32
    linalg.yield %x : f32
  } -> tensor<64x3012xf32>
  %yf = linalg.fill ins(%zero : f32) outs(%ye : tensor<64x32xf32>) -> tensor<64x32xf32>
  %y = linalg.matmul ins(%p, %v : tensor<64x3012xf32>, tensor<3012x32xf32>) outs(%yf : tensor<64x32xf32>) -> tensor<64x32xf32>
  %rf = linalg.fill ins(%zero : f32) outs(%re : tensor<64xf32>) -> tensor<64xf32>
  %l = linalg.generic {indexing_maps = [#both, #row], iterator_types = ["parallel", "reduction"]} ins(%p : tensor<64x3012xf32>) outs(%rf : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %x = arith.addf %o, %a : f32
    linalg.yield %x : f32
  } -> tensor<64xf32>
  %d = linalg.generic {indexing_maps = [#both, #row, #both], iterator_types = ["parallel", "parallel"]} ins(%y, %l : tensor<64x32xf32>, tensor<64xf32>) outs(%ye : tensor<64x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %x = arith.divf %a, %b : f32
    linalg.yield %x : f32
  } -> tensor<64x32xf32>
  return %d : tensor<64x32xf32>
}
