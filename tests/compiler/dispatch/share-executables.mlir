// RUN: halcyon-opt %s --halcyon-share-executables --split-input-file | FileCheck %s

// Contractions that differ in a factor are one; what they have in common stays in the body.
// CHECK: dispatch.executable @first inputs 2 workload_rank 2
// CHECK-SAME: {
// CHECK-NEXT: ^bb0({{.*}}, %[[OUT:.+]]: tensor<4x16xf32>, %[[BITS:.+]]: i64):
// CHECK: %[[NARROW:.+]] = arith.trunci %[[BITS]] : i64 to i32
// CHECK: %[[FACTOR:.+]] = arith.bitcast %[[NARROW]] : i32 to f32
// CHECK: %[[SAME:.+]] = arith.constant 3.000000e+00
// CHECK: arith.mulf %{{.+}}, %[[FACTOR]]
// CHECK: arith.addf %{{.+}}, %[[SAME]]
// CHECK-NOT: dispatch.executable
// CHECK-LABEL: func @alike
// 0.5 and -2.0 as bits.
// CHECK: %[[HALF:.+]] = arith.constant 1056964608 : i64
// CHECK: dispatch.launch @first workload[{{.*}}] parameters(%[[HALF]] : i64)
// CHECK: %[[TWO:.+]] = arith.constant 3221225472 : i64
// CHECK: dispatch.launch @first workload[{{.*}}] parameters(%[[TWO]] : i64)
#same = affine_map<(i, j) -> (i, j)>
dispatch.executable @first inputs 2 workload_rank 2 dims [[], [], []] {
^bb0(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %out: tensor<4x16xf32>):
  %factor = arith.constant 0.5 : f32
  %same = arith.constant 3.0 : f32
  %zero = arith.constant 0.0 : f32
  %f = linalg.fill ins(%zero : f32) outs(%out : tensor<4x16xf32>) -> tensor<4x16xf32>
  %m = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%f : tensor<4x16xf32>) -> tensor<4x16xf32>
  %r = linalg.generic {indexing_maps = [#same], iterator_types = ["parallel", "parallel"]} outs(%m : tensor<4x16xf32>) {
  ^bb0(%o: f32):
    %a = arith.mulf %o, %factor : f32
    %b = arith.addf %a, %same : f32
    linalg.yield %b : f32
  } -> tensor<4x16xf32>
  dispatch.return %r : tensor<4x16xf32>
}
dispatch.executable @second inputs 2 workload_rank 2 dims [[], [], []] {
^bb0(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %out: tensor<4x16xf32>):
  %factor = arith.constant -2.0 : f32
  %same = arith.constant 3.0 : f32
  %zero = arith.constant 0.0 : f32
  %f = linalg.fill ins(%zero : f32) outs(%out : tensor<4x16xf32>) -> tensor<4x16xf32>
  %m = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%f : tensor<4x16xf32>) -> tensor<4x16xf32>
  %r = linalg.generic {indexing_maps = [#same], iterator_types = ["parallel", "parallel"]} outs(%m : tensor<4x16xf32>) {
  ^bb0(%o: f32):
    %a = arith.mulf %o, %factor : f32
    %b = arith.addf %a, %same : f32
    linalg.yield %b : f32
  } -> tensor<4x16xf32>
  dispatch.return %r : tensor<4x16xf32>
}
func.func @alike(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>) -> (tensor<4x16xf32>, tensor<4x16xf32>) {
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %e = tensor.empty() : tensor<4x16xf32>
  %0 = dispatch.launch @first workload[%c4, %c16] ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%e : tensor<4x16xf32>) -> (tensor<4x16xf32>)
  %1 = dispatch.launch @second workload[%c4, %c16] ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%e : tensor<4x16xf32>) -> (tensor<4x16xf32>)
  return %0, %1 : tensor<4x16xf32>, tensor<4x16xf32>
}

// -----

// A divisor is better known, and an elementwise body is little code.
// CHECK: dispatch.executable @third
// CHECK: dispatch.executable @fourth
// CHECK: dispatch.executable @fifth
// CHECK: dispatch.executable @sixth
#same = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
dispatch.executable @third inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4x8xf32>, %out: tensor<4xf32>):
  %divisor = arith.constant 8.0 : f32
  %r = linalg.generic {indexing_maps = [#same, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%out : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %d = arith.divf %a, %divisor : f32
    %s = arith.addf %o, %d : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  dispatch.return %r : tensor<4xf32>
}
dispatch.executable @fourth inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4x8xf32>, %out: tensor<4xf32>):
  %divisor = arith.constant 7.0 : f32
  %r = linalg.generic {indexing_maps = [#same, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%out : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %d = arith.divf %a, %divisor : f32
    %s = arith.addf %o, %d : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  dispatch.return %r : tensor<4xf32>
}
dispatch.executable @fifth inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<4x8xf32>, %out: tensor<4x8xf32>):
  %factor = arith.constant 8.0 : f32
  %r = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%out : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %d = arith.mulf %a, %factor : f32
    linalg.yield %d : f32
  } -> tensor<4x8xf32>
  dispatch.return %r : tensor<4x8xf32>
}
dispatch.executable @sixth inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<4x8xf32>, %out: tensor<4x8xf32>):
  %factor = arith.constant 7.0 : f32
  %r = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%out : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %d = arith.mulf %a, %factor : f32
    linalg.yield %d : f32
  } -> tensor<4x8xf32>
  dispatch.return %r : tensor<4x8xf32>
}
func.func @different(%x: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %e = tensor.empty() : tensor<4xf32>
  %f = tensor.empty() : tensor<4x8xf32>
  %0 = dispatch.launch @third workload[%c4] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  %1 = dispatch.launch @fourth workload[%c4] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  %2 = dispatch.launch @fifth workload[%c4, %c8] ins(%x : tensor<4x8xf32>) outs(%f : tensor<4x8xf32>) -> (tensor<4x8xf32>)
  %3 = dispatch.launch @sixth workload[%c4, %c8] ins(%x : tensor<4x8xf32>) outs(%f : tensor<4x8xf32>) -> (tensor<4x8xf32>)
  return %0, %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}
