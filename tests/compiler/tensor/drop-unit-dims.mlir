// RUN: halcyon-opt %s --halcyon-drop-unit-dims --split-input-file | FileCheck %s

// A loop of one iteration goes; the operand is viewed without it.
// CHECK-LABEL: func @unit
// CHECK: %[[V:.+]] = tensor.collapse_shape %{{.+}} {{\[\[0, 1\]\]}} : tensor<?x1xf32> into tensor<?xf32>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]{{.*}} ins(%{{.+}}, %[[V]] : tensor<?x8xf32>, tensor<?xf32>)
func.func @unit(%x: tensor<?x8xf32>, %y: tensor<?x1xf32>, %n: index) -> tensor<?x8xf32> {
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, 0)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : tensor<?x8xf32>, tensor<?x1xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// What is taken at the loops' own indices becomes an operand.
// CHECK-LABEL: func @transpose
// CHECK-SAME: %[[X:.+]]: tensor<4x8xf32>
// CHECK: linalg.generic {{.*}} ins(%[[X]] : tensor<4x8xf32>)
// CHECK-NOT: tensor.extract
// CHECK: return
func.func @transpose(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
  %e = tensor.empty() : tensor<8x4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<8x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %v = tensor.extract %x[%j, %i] : tensor<4x8xf32>
    linalg.yield %v : f32
  } -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// -----

// A part of a tensor is not an operand: the loop is shorter than the dimension.
// CHECK-LABEL: func @part
// CHECK: tensor.extract
func.func @part(%x: tensor<8xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%e : tensor<4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %v = tensor.extract %x[%i] : tensor<8xf32>
    linalg.yield %v : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// One window that ends before its operand does: without the loop its map would span the operand.
// CHECK-LABEL: func @spare
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
func.func @spare(%x: tensor<7xf32>, %w: tensor<5xf32>, %y: tensor<1xf32>) -> tensor<1xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(i, k) -> (i * 3 + k)>, affine_map<(i, k) -> (k)>, affine_map<(i, k) -> (i)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : tensor<7xf32>, tensor<5xf32>) outs(%y : tensor<1xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  } -> tensor<1xf32>
  return %r : tensor<1xf32>
}

// -----

// A sum over one element starts from an input.
// CHECK-LABEL: func @one
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel"]} ins(%{{.*}}, %arg1 : tensor<2xf32>, tensor<2xf32>)
// CHECK: ^bb0(%[[A:.*]]: f32, %[[START:.*]]: f32, %{{.*}}: f32):
// CHECK: arith.addf %[[START]], %[[A]]
func.func @one(%x: tensor<2x1xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x1xf32>) outs(%y : tensor<2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %o, %a : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  return %s : tensor<2xf32>
}

// -----

// A product of one row loses the loop as its bias does: no view is left between them.
// CHECK-LABEL: func @row_product
// CHECK: %[[P:.+]] = linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]{{.*}} ins(%[[P]], %{{.+}} : tensor<16xf32>, tensor<16xf32>)
func.func @row_product(%x: tensor<1x8xf32>, %w: tensor<8x16xf32>, %b: tensor<16xf32>) -> tensor<1x16xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x16xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<1x16xf32>) -> tensor<1x16xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x8xf32>, tensor<8x16xf32>) outs(%i : tensor<1x16xf32>) -> tensor<1x16xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%0, %b : tensor<1x16xf32>, tensor<16xf32>) outs(%e : tensor<1x16xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<1x16xf32>
  return %1 : tensor<1x16xf32>
}

// -----

// Several rows stay the named operation.
// CHECK-LABEL: func @rows_product
// CHECK: linalg.matmul
func.func @rows_product(%x: tensor<2x8xf32>, %w: tensor<8x16xf32>, %i: tensor<2x16xf32>) -> tensor<2x16xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<2x8xf32>, tensor<8x16xf32>) outs(%i : tensor<2x16xf32>) -> tensor<2x16xf32>
  return %0 : tensor<2x16xf32>
}
