// RUN: halcyon-opt %s --halcyon-form-dispatches --cse --split-input-file | FileCheck %s

// What one product makes of columns of %x, and another of the same after a view, reads them where they lie: the view is one
// of %x.
// CHECK-LABEL: dispatch.executable @columns_matmul
// CHECK: ^bb0(%[[X:.+]]: tensor<8x64xf32>, %[[W:.+]]: tensor<32x16xf32>, %{{.+}}: tensor<8x16xf32>)
// CHECK: %[[S:.+]] = tensor.extract_slice %[[X]][0, 32] [8, 32] [1, 1]
// CHECK: linalg.matmul ins(%[[S]], %[[W]] :
// CHECK-LABEL: dispatch.executable @columns_batch_matmul
// CHECK: ^bb0(%[[X:.+]]: tensor<2x4x64xf32>
// CHECK: tensor.extract_slice %[[X]][0, 0, 32] [2, 4, 32] [1, 1, 1]
// CHECK-LABEL: func.func @columns(
// CHECK-SAME: %[[X:.+]]: tensor<1x8x64xf32>
// CHECK: %[[A:.+]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]]
// CHECK: dispatch.launch @columns_matmul {{.*}} ins(%[[A]],
// CHECK: %[[B:.+]] = tensor.expand_shape %[[A]] {{\[\[}}0, 1], [2]] output_shape [2, 4, 64]
// CHECK: dispatch.launch @columns_batch_matmul {{.*}} ins(%[[B]],
// CHECK-NOT: dispatch.launch
// CHECK: return
func.func @columns(%x: tensor<1x8x64xf32>, %w: tensor<32x16xf32>, %v: tensor<2x32x16xf32>) -> (tensor<8x16xf32>, tensor<2x4x16xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x32xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<8x32xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.addi %j, %c32 : index
    %a = tensor.extract %x[%c0, %i, %k] : tensor<1x8x64xf32>
    linalg.yield %a : f32
  } -> tensor<8x32xf32>
  %f = tensor.empty() : tensor<8x16xf32>
  %g = linalg.fill ins(%zero : f32) outs(%f : tensor<8x16xf32>) -> tensor<8x16xf32>
  %p = linalg.matmul ins(%s, %w : tensor<8x32xf32>, tensor<32x16xf32>) outs(%g : tensor<8x16xf32>) -> tensor<8x16xf32>
  %view = tensor.expand_shape %s [[0, 1], [2]] output_shape [2, 4, 32] : tensor<8x32xf32> into tensor<2x4x32xf32>
  %h = tensor.empty() : tensor<2x4x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%h : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
  %q = linalg.batch_matmul ins(%view, %v : tensor<2x4x32xf32>, tensor<2x32x16xf32>) outs(%z : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
  return %p, %q : tensor<8x16xf32>, tensor<2x4x16xf32>
}

// -----

// Rows of each batch, at a place that the call gives, are no rows of all: they are read where they lie, but by what sees the
// batch; after a view that joins both they are copied.
// CHECK-LABEL: dispatch.executable @rows_generic
// CHECK: ^bb0(%[[X:.+]]: tensor<?x?x32xf32>, %{{.+}}: tensor<?x4xf32>, {{.*}}
// CHECK: tensor.extract_slice %[[X]][0, %{{.+}}, 0] [%{{.+}}, 4, 32] [1, 1, 1] : tensor<?x?x32xf32> to tensor<?x4x32xf32>
// CHECK-LABEL: func.func @rows(
// CHECK-COUNT-1: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK-LABEL: func.func @joined(
// CHECK-COUNT-2: dispatch.launch
#slice = affine_map<(b, i, j) -> (b, i, j)>
func.func @rows(%x: tensor<?x?x32xf32>, %at: index) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x?x32xf32>
  %e = tensor.empty(%n) : tensor<?x4x32xf32>
  %s = linalg.generic {indexing_maps = [#slice], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<?x4x32xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %k = arith.addi %i, %at : index
    %a = tensor.extract %x[%b, %k, %j] : tensor<?x?x32xf32>
    linalg.yield %a : f32
  } -> tensor<?x4x32xf32>
  %f = tensor.empty(%n) : tensor<?x4xf32>
  %g = linalg.fill ins(%zero : f32) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  %r = linalg.generic {indexing_maps = [#slice, affine_map<(b, i, j) -> (b, i)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%s : tensor<?x4x32xf32>) outs(%g : tensor<?x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.maximumf %o, %a : f32
    linalg.yield %c : f32
  } -> tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

func.func @joined(%x: tensor<3x9x32xf32>) -> tensor<12xf32> {
  %c5 = arith.constant 5 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x4x32xf32>
  %s = linalg.generic {indexing_maps = [#slice], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<3x4x32xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %k = arith.addi %i, %c5 : index
    %a = tensor.extract %x[%b, %k, %j] : tensor<3x9x32xf32>
    linalg.yield %a : f32
  } -> tensor<3x4x32xf32>
  %view = tensor.collapse_shape %s [[0, 1], [2]] : tensor<3x4x32xf32> into tensor<12x32xf32>
  %f = tensor.empty() : tensor<12xf32>
  %g = linalg.fill ins(%zero : f32) outs(%f : tensor<12xf32>) -> tensor<12xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%view : tensor<12x32xf32>) outs(%g : tensor<12xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.maximumf %o, %a : f32
    linalg.yield %c : f32
  } -> tensor<12xf32>
  return %r : tensor<12xf32>
}

// -----

// Copies: short rows; every second one; columns that become rows; what is returned, too.
// CHECK-LABEL: func.func @copied(
// CHECK-COUNT-8: dispatch.launch
#id = affine_map<(i, j) -> (i, j)>
func.func @copied(%x: tensor<8x64xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x32xf32>) {
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %f = tensor.empty() : tensor<8xf32>
  %g = linalg.fill ins(%zero : f32) outs(%f : tensor<8xf32>) -> tensor<8xf32>
  %e = tensor.empty() : tensor<8x8xf32>
  %short = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<8x8xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %a = tensor.extract %x[%i, %j] : tensor<8x64xf32>
    linalg.yield %a : f32
  } -> tensor<8x8xf32>
  %r0 = linalg.generic {indexing_maps = [#id, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%short : tensor<8x8xf32>) outs(%g : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.maximumf %o, %a : f32
    linalg.yield %c : f32
  } -> tensor<8xf32>
  %h = tensor.empty() : tensor<8x32xf32>
  %second = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%h : tensor<8x32xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.muli %j, %c2 : index
    %a = tensor.extract %x[%i, %k] : tensor<8x64xf32>
    linalg.yield %a : f32
  } -> tensor<8x32xf32>
  %r1 = linalg.generic {indexing_maps = [#id, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%second : tensor<8x32xf32>) outs(%g : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.maximumf %o, %a : f32
    linalg.yield %c : f32
  } -> tensor<8xf32>
  %turned = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<8x8xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %a = tensor.extract %x[%j, %i] : tensor<8x64xf32>
    linalg.yield %a : f32
  } -> tensor<8x8xf32>
  %r2 = linalg.generic {indexing_maps = [#id, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%turned : tensor<8x8xf32>) outs(%g : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.maximumf %o, %a : f32
    linalg.yield %c : f32
  } -> tensor<8xf32>
  %returned = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%h : tensor<8x32xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %a = tensor.extract %x[%i, %j] : tensor<8x64xf32>
    linalg.yield %a : f32
  } -> tensor<8x32xf32>
  %r3 = linalg.generic {indexing_maps = [#id, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%returned : tensor<8x32xf32>) outs(%g : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.maximumf %o, %a : f32
    linalg.yield %c : f32
  } -> tensor<8xf32>
  return %r0, %r1, %r2, %r3, %returned : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x32xf32>
}
