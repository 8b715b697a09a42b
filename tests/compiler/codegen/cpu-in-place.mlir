// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-in-place))' | FileCheck %s

#id = affine_map<(i) -> (i)>
#swap = affine_map<(i, j) -> (j, i)>
#both = affine_map<(i, j) -> (i, j)>

// The intermediate is computed in the destination.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: %[[X:.+]]: tensor<8xf32>, %[[OUT:.+]]: tensor<8xf32>)
// CHECK: %[[A:.+]] = linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[OUT]] :
// CHECK: linalg.generic {{.*}} outs(%[[A]] :
func.func @chain(%x: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<8xf32>) outs(%out : tensor<8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = arith.negf %v : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// A transposing consumer reads elements that it has overwritten: not in place.
// CHECK-LABEL: func.func @transposed(
// CHECK: %[[E:.+]] = tensor.empty
// CHECK: linalg.generic {{.*}} outs(%[[E]] :
func.func @transposed(%x: tensor<8x8xf32>, %out: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %e = tensor.empty() : tensor<8x8xf32>
  %a = linalg.generic {indexing_maps = [#both, #both], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  %y = linalg.generic {indexing_maps = [#swap, #both], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<8x8xf32>) outs(%out : tensor<8x8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = arith.negf %v : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}
