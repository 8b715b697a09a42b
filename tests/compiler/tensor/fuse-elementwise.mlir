// RUN: halcyon-opt %s --halcyon-tensor-to-linalg --halcyon-fuse-elementwise --split-input-file | FileCheck %s

// A chain of elementwise operations becomes one.
// CHECK-LABEL: func @chain
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @chain(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.exp ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.add ins(%0, %y : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// A value that two operations use is computed once.
// CHECK-LABEL: func @shared
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK-NOT: math.exp
// CHECK: return
func.func @shared(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.exp ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.add ins(%0, %y : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = linalg.mul ins(%0, %y : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// A contraction takes no producer: it would compute it for each column.
// CHECK-LABEL: func @contraction
// CHECK: math.exp
// CHECK: linalg.matmul
func.func @contraction(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %i: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.exp ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.matmul ins(%0, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%i : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %1 : tensor<4x16xf32>
}

// -----

// The view between a contraction and what follows moves behind both.
// CHECK-LABEL: func @view
// CHECK: %[[M:.+]] = linalg.matmul
// CHECK-NOT: tensor.expand_shape %[[M]]
// CHECK: %[[R:.+]] = linalg.generic {{.*}} ins(%[[M]]
// CHECK: tensor.expand_shape %[[R]]
func.func @view(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %i: tensor<4x16xf32>) -> tensor<2x2x16xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%i : tensor<4x16xf32>) -> tensor<4x16xf32>
  %1 = tensor.expand_shape %0 [[0, 1], [2]] output_shape [2, 2, 16] : tensor<4x16xf32> into tensor<2x2x16xf32>
  %e = tensor.empty() : tensor<2x2x16xf32>
  %2 = linalg.exp ins(%1 : tensor<2x2x16xf32>) outs(%e : tensor<2x2x16xf32>) -> tensor<2x2x16xf32>
  return %2 : tensor<2x2x16xf32>
}

// -----

// What reads its destination is computed once an element, not once a reader.
// CHECK-LABEL: func @reads_destination
// CHECK: linalg.generic
// CHECK: linalg.yield
// CHECK: linalg.generic
// CHECK: return
func.func @reads_destination(%x: tensor<2xf32>, %y: tensor<2xf32>, %v: tensor<2x33xf32>) -> tensor<2x33xf32> {
  %s = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<2xf32>) outs(%y : tensor<2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %o, %a : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  %g = tensor.empty() : tensor<2x33xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%s, %v : tensor<2xf32>, tensor<2x33xf32>) outs(%g : tensor<2x33xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<2x33xf32>
  return %z : tensor<2x33xf32>
}

// -----

// A product with a vector reads a turned matrix as it lies: rows are summed. For two rows or more the matrix is turned once.
// CHECK-DAG: #[[ROWS:.+]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[VECTOR:.+]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-LABEL: func @turned_for_vector(
// CHECK-SAME: %[[Q:.+]]: tensor<12x64xf32>, %[[K:.+]]: tensor<12x100x64xf32>
// CHECK: linalg.generic {indexing_maps = [#[[VECTOR]], #[[ROWS]], {{.*}}"reduction"]} ins(%[[Q]], %[[K]] :
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.mulf
// CHECK-LABEL: func @turned_for_rows(
// CHECK: linalg.generic {{.*}} ins(%{{.+}} : tensor<12x100x64xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} : tensor<12x2x64xf32>, tensor<12x64x100xf32>)
#turn = affine_map<(b, k, n) -> (b, n, k)>
#turned = affine_map<(b, k, n) -> (b, k, n)>
func.func @turned_for_vector(%q: tensor<12x64xf32>, %k: tensor<12x100x64xf32>, %i: tensor<12x100xf32>) -> tensor<12x100xf32> {
  %e = tensor.empty() : tensor<12x64x100xf32>
  %t = linalg.generic {indexing_maps = [#turn, #turned], iterator_types = ["parallel", "parallel", "parallel"]} ins(%k : tensor<12x100x64xf32>) outs(%e : tensor<12x64x100xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<12x64x100xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(b, n, k) -> (b, k)>, affine_map<(b, n, k) -> (b, k, n)>, affine_map<(b, n, k) -> (b, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%q, %t : tensor<12x64xf32>, tensor<12x64x100xf32>) outs(%i : tensor<12x100xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<12x100xf32>
  return %r : tensor<12x100xf32>
}
func.func @turned_for_rows(%q: tensor<12x2x64xf32>, %k: tensor<12x100x64xf32>, %i: tensor<12x2x100xf32>) -> tensor<12x2x100xf32> {
  %e = tensor.empty() : tensor<12x64x100xf32>
  %t = linalg.generic {indexing_maps = [#turn, #turned], iterator_types = ["parallel", "parallel", "parallel"]} ins(%k : tensor<12x100x64xf32>) outs(%e : tensor<12x64x100xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<12x64x100xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, k, n)>, affine_map<(b, m, n, k) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%q, %t : tensor<12x2x64xf32>, tensor<12x64x100xf32>) outs(%i : tensor<12x2x100xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<12x2x100xf32>
  return %r : tensor<12x2x100xf32>
}
