// RUN: halcyon-opt %s --halcyon-form-dispatches --cse --split-input-file | FileCheck %s

// What is concatenated is computed in its place where it was computed before, in that order, not at the concatenation: %x
// need not live until then. What cannot be is copied at the end.
// CHECK-LABEL: func.func @order(
// CHECK-SAME: %[[X:.+]]: tensor<32x64xf32>, %[[W:.+]]: tensor<64x32xf32>, %[[Y:.+]]: tensor<32x16xf32>)
// CHECK: %[[E:.+]] = tensor.empty() : tensor<32x80xf32>
// CHECK: %[[A:.+]] = dispatch.launch {{.*}} ins(%[[X]], %[[W]] : {{.*}}) outs(%[[E]] :
// CHECK: %[[OTHER:.+]] = dispatch.launch {{.*}} ins(%[[Y]] : {{.*}}) outs(%{{.+}} : tensor<32x16xf32>)
// CHECK: %[[B:.+]] = dispatch.launch {{.*}} ins(%[[OTHER]] : {{.*}}) outs(%[[A]] :
// CHECK: %[[C:.+]] = dispatch.launch {{.*}} ins(%[[Y]] : {{.*}}) outs(%[[B]] :
// CHECK: %[[D:.+]] = dispatch.launch {{.*}} ins(%[[Y]] : {{.*}}) outs(%[[C]] :
// CHECK-NEXT: return %[[D]]
#id = affine_map<(i, j) -> (i, j)>
func.func @order(%x: tensor<32x64xf32>, %w: tensor<64x32xf32>, %y: tensor<32x16xf32>) -> tensor<32x80xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<32x32xf32>) -> tensor<32x32xf32>
  %p = linalg.matmul ins(%x, %w : tensor<32x64xf32>, tensor<64x32xf32>) outs(%f : tensor<32x32xf32>) -> tensor<32x32xf32>
  %g = tensor.empty() : tensor<32x16xf32>
  %sum = tensor.empty() : tensor<32xf32>
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<32x16xf32>) outs(%g : tensor<32x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<32x16xf32>
  %r = linalg.fill ins(%zero : f32) outs(%sum : tensor<32xf32>) -> tensor<32xf32>
  %rows = linalg.generic {indexing_maps = [#id, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%n : tensor<32x16xf32>) outs(%r : tensor<32xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    linalg.yield %c : f32
  } -> tensor<32xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, #id], iterator_types = ["parallel", "parallel"]} ins(%rows : tensor<32xf32>) outs(%g : tensor<32x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.exp %a : f32
    linalg.yield %c : f32
  } -> tensor<32x16xf32>
  %t = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<32x16xf32>) outs(%g : tensor<32x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.sqrt %a : f32
    linalg.yield %c : f32
  } -> tensor<32x16xf32>
  %whole = tensor.empty() : tensor<32x80xf32>
  %i = tensor.insert_slice %y into %whole[0, 0] [32, 16] [1, 1] : tensor<32x16xf32> into tensor<32x80xf32>
  %j = tensor.insert_slice %t into %i[0, 16] [32, 16] [1, 1] : tensor<32x16xf32> into tensor<32x80xf32>
  %k = tensor.insert_slice %s into %j[0, 32] [32, 16] [1, 1] : tensor<32x16xf32> into tensor<32x80xf32>
  %l = tensor.insert_slice %p into %k[0, 48] [32, 32] [1, 1] : tensor<32x32xf32> into tensor<32x80xf32>
  return %l : tensor<32x80xf32>
}

// -----

// Places that the call alone gives are known to be apart where each begins at the end of another; the arithmetic comes along.
// CHECK-LABEL: func.func @unknown(
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>, %[[Y:.+]]: tensor<?x64xf32>)
// CHECK-DAG: %[[M:.+]] = tensor.dim %[[X]]
// CHECK-DAG: %[[N:.+]] = tensor.dim %[[Y]]
// CHECK: %[[ALL:.+]] = arith.addi %[[M]], %[[N]]
// CHECK: %[[E:.+]] = tensor.empty(%[[ALL]])
// CHECK: %[[A:.+]] = dispatch.launch {{.*}} ins(%[[Y]] : {{.*}}) outs(%[[E]] :
// CHECK: %[[B:.+]] = dispatch.launch {{.*}} ins(%[[X]] : {{.*}}) outs(%[[A]] :
// CHECK-NEXT: return %[[B]]
func.func @unknown(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %n = tensor.dim %y, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%n) : tensor<?x64xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<?x64xf32>
  %f = tensor.empty(%m) : tensor<?x64xf32>
  %q = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x64xf32>) outs(%f : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.exp %a : f32
    linalg.yield %c : f32
  } -> tensor<?x64xf32>
  %all = arith.addi %m, %n : index
  %whole = tensor.empty(%all) : tensor<?x64xf32>
  %i = tensor.insert_slice %q into %whole[0, 0] [%m, 64] [1, 1] : tensor<?x64xf32> into tensor<?x64xf32>
  %j = tensor.insert_slice %p into %i[%m, 0] [%n, 64] [1, 1] : tensor<?x64xf32> into tensor<?x64xf32>
  return %j : tensor<?x64xf32>
}

// -----

// Where one may overwrite the other, the order stays.
// CHECK-LABEL: func.func @over(
// CHECK-SAME: %[[X:.+]]: tensor<8x64xf32>, %[[Y:.+]]: tensor<8x64xf32>, %{{.+}}: index)
// CHECK: %[[A:.+]] = dispatch.launch {{.*}} ins(%[[X]] : {{.*}}) outs(%{{.+}} : tensor<20x64xf32>)
// CHECK: %[[B:.+]] = dispatch.launch {{.*}} ins(%[[Y]] : {{.*}}) outs(%[[A]] :
// CHECK: return %[[B]]
func.func @over(%x: tensor<8x64xf32>, %y: tensor<8x64xf32>, %at: index) -> tensor<20x64xf32> {
  %e = tensor.empty() : tensor<8x64xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<8x64xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<8x64xf32>
  %q = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x64xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.exp %a : f32
    linalg.yield %c : f32
  } -> tensor<8x64xf32>
  %whole = tensor.empty() : tensor<20x64xf32>
  %i = tensor.insert_slice %q into %whole[0, 0] [8, 64] [1, 1] : tensor<8x64xf32> into tensor<20x64xf32>
  %j = tensor.insert_slice %p into %i[%at, 0] [8, 64] [1, 1] : tensor<8x64xf32> into tensor<20x64xf32>
  return %j : tensor<20x64xf32>
}
