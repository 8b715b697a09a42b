// RUN: halcyon-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(halcyon-pair-products{rounds=true}),canonicalize,cse)' | FileCheck %s
// RUN: halcyon-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(halcyon-pair-products),canonicalize,cse)' | FileCheck %s --check-prefix=STORED

// 1.0 is 0x3f80, 2.0 is 0x4000: rows 0 and 1 of the weights are halves of one word. The rows are rounded once for both products.
// CHECK-LABEL: func @products(
// CHECK-DAG: %[[W:.+]] = arith.constant dense_resource<{{.+\.pairs}}> : tensor<32x80xi32>
// CHECK: %[[ROUNDED:.+]] = linalg.generic {{.*}} ins(%arg0 : tensor<?x64xf32>) outs(%{{.+}} : tensor<?x64xbf16>)
// CHECK: arith.truncf
// CHECK: %[[WORDS:.+]] = nn.reinterpret %[[ROUNDED]][%{{.+}}] : tensor<?x64xbf16> to tensor<?x32xi32>
// CHECK: linalg.generic {{.*}} ins(%[[WORDS]], %[[W]] : tensor<?x32xi32>, tensor<32x80xi32>) outs(%arg1 : tensor<?x80xf32>)
// CHECK: ^bb0(%[[A:.+]]: i32, %[[B:.+]]: i32, %[[SUM:.+]]: f32):
// CHECK-NEXT: %[[DOT:.+]] = nn.dot_pairs %[[A]], %[[B]] : i32 to f32
// CHECK-NEXT: arith.addf %[[SUM]], %[[DOT]] : f32
// CHECK-NOT: arith.truncf
// CHECK: linalg.generic {{.*}} ins(%[[WORDS]], %{{.+}} : tensor<?x32xi32>, tensor<32x80xi32>)
func.func @products(%x: tensor<?x64xf32>, %y: tensor<?x80xf32>) -> (tensor<?x80xf32>, tensor<?x80xf32>) {
  %w = arith.constant dense<0.5> : tensor<64x80xf32>
  %v = arith.constant dense<0.25> : tensor<64x80xf32>
  %r = linalg.matmul ins(%x, %w : tensor<?x64xf32>, tensor<64x80xf32>) outs(%y : tensor<?x80xf32>) -> tensor<?x80xf32>
  %s = linalg.matmul ins(%x, %v : tensor<?x64xf32>, tensor<64x80xf32>) outs(%y : tensor<?x80xf32>) -> tensor<?x80xf32>
  return %r, %s : tensor<?x80xf32>, tensor<?x80xf32>
}

// -----

// What is rounded comes before padding, whose zeros are words.
// CHECK-LABEL: func @padded(
// CHECK: linalg.generic {{.*}} ins(%arg0 : tensor<8x8x32xf32>) outs(%{{.+}} : tensor<8x8x32xbf16>)
// CHECK: %[[WORDS:.+]] = nn.reinterpret %{{.+}} : tensor<8x8x32xbf16> to tensor<8x8x16xi32>
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : tensor<10x10x16xi32>)
// CHECK: tensor.extract %[[WORDS]]
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} : tensor<10x10x16xi32>, tensor<3x3x16x32xi32>)
// CHECK: nn.dot_pairs
func.func @padded(%x: tensor<8x8x32xf32>, %y: tensor<8x8x32xf32>) -> tensor<8x8x32xf32> {
  %w = arith.constant dense<0.5> : tensor<3x3x32x32xf32>
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<10x10x32xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(h, w, c) -> (h, w, c)>], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%e : tensor<10x10x32xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %hs = arith.subi %h, %c1 : index
    %is = arith.subi %i, %c1 : index
    %hi = arith.cmpi ult, %hs, %c8 : index
    %ii = arith.cmpi ult, %is, %c8 : index
    %in = arith.andi %hi, %ii : i1
    %v = scf.if %in -> f32 {
      %f = tensor.extract %x[%hs, %is, %c] : tensor<8x8x32xf32>
      scf.yield %f : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %v : f32
  } -> tensor<10x10x32xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>, affine_map<(h, w, o, y, x, i) -> (y, x, i, o)>,
                                        affine_map<(h, w, o, y, x, i) -> (h, w, o)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%p, %w : tensor<10x10x32xf32>, tensor<3x3x32x32xf32>) outs(%y : tensor<8x8x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<8x8x32xf32>
  return %r : tensor<8x8x32xf32>
}

// -----

// An odd depth, few weights, no constant, a loop's step: as they are.
// CHECK-LABEL: func @others(
// CHECK-NOT: bf16
// CHECK: return
func.func @others(%x: tensor<8x75xf32>, %z: tensor<8x64xf32>, %y: tensor<8x80xf32>, %v: tensor<64x80xf32>, %h: tensor<8x64xf32>)
    -> (tensor<8x80xf32>, tensor<8x80xf32>, tensor<8x80xf32>, tensor<8x64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %w = arith.constant dense<0.5> : tensor<75x80xf32>
  %f = arith.constant dense<0.5> : tensor<16x80xf32>
  %g = arith.constant dense<0.5> : tensor<64x64xf32>
  %few = tensor.extract_slice %z[0, 0] [8, 16] [1, 1] : tensor<8x64xf32> to tensor<8x16xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<8x75xf32>, tensor<75x80xf32>) outs(%y : tensor<8x80xf32>) -> tensor<8x80xf32>
  %1 = linalg.matmul ins(%few, %f : tensor<8x16xf32>, tensor<16x80xf32>) outs(%y : tensor<8x80xf32>) -> tensor<8x80xf32>
  %2 = linalg.matmul ins(%z, %v : tensor<8x64xf32>, tensor<64x80xf32>) outs(%y : tensor<8x80xf32>) -> tensor<8x80xf32>
  %3 = scf.for %i = %c0 to %c9 step %c1 iter_args(%s = %h) -> tensor<8x64xf32> {
    %t = linalg.matmul ins(%s, %g : tensor<8x64xf32>, tensor<64x64xf32>) outs(%z : tensor<8x64xf32>) -> tensor<8x64xf32>
    scf.yield %t : tensor<8x64xf32>
  }
  return %0, %1, %2, %3 : tensor<8x80xf32>, tensor<8x80xf32>, tensor<8x80xf32>, tensor<8x64xf32>
}

// -----

// Two sides that were bf16 before they were widened need no rounding to be taken by twos; one alone does.
// STORED-LABEL: func @products(
// STORED-NOT: bf16
// STORED-LABEL: func @stored(
// STORED-DAG: arith.constant dense_resource<{{.+\.pairs}}> : tensor<32x16xi32>
// STORED: ins(%{{.+}}, %{{.+}} : tensor<?x32xi32>, tensor<32x16xi32>) outs(%arg1 : tensor<?x16xf32>)
// STORED: nn.dot_pairs
// STORED: linalg.generic {{.*}} ins(%arg2, %{{.+}} : tensor<?x64xf32>, tensor<64x16xf32>)
func.func @stored(%x: tensor<?x64xbf16>, %y: tensor<?x16xf32>, %z: tensor<?x64xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %c0 = arith.constant 0 : index
  %w = arith.constant dense<0.5> : tensor<64x16xbf16>
  %n = tensor.dim %x, %c0 : tensor<?x64xbf16>
  %ex = tensor.empty(%n) : tensor<?x64xf32>
  %ew = tensor.empty() : tensor<64x16xf32>
  %wx = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x64xbf16>) outs(%ex : tensor<?x64xf32>) {
  ^bb0(%i: bf16, %o: f32):
    %f = arith.extf %i : bf16 to f32
    linalg.yield %f : f32
  } -> tensor<?x64xf32>
  %ww = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<64x16xbf16>) outs(%ew : tensor<64x16xf32>) {
  ^bb0(%i: bf16, %o: f32):
    %f = arith.extf %i : bf16 to f32
    linalg.yield %f : f32
  } -> tensor<64x16xf32>
  %0 = linalg.matmul ins(%wx, %ww : tensor<?x64xf32>, tensor<64x16xf32>) outs(%y : tensor<?x16xf32>) -> tensor<?x16xf32>
  %1 = linalg.matmul ins(%z, %ww : tensor<?x64xf32>, tensor<64x16xf32>) outs(%y : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0, %1 : tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

// Widened in the body; the sum must be f32.
// STORED-LABEL: func @widened_inside(
// STORED: %[[WORDS:.+]] = nn.reinterpret %arg0 : tensor<8x64xbf16> to tensor<8x32xi32>
// STORED: ins(%[[WORDS]], %{{.+}} : tensor<8x32xi32>, tensor<32x16xi32>) outs(%arg1 : tensor<8x16xf32>)
// STORED: outs(%arg2 : tensor<8x16xbf16>)
func.func @widened_inside(%x: tensor<8x64xbf16>, %y: tensor<8x16xf32>, %z: tensor<8x16xbf16>) -> (tensor<8x16xf32>, tensor<8x16xbf16>) {
  %w = arith.constant dense<0.5> : tensor<64x16xbf16>
  %0 = linalg.matmul ins(%x, %w : tensor<8x64xbf16>, tensor<64x16xbf16>) outs(%y : tensor<8x16xf32>) -> tensor<8x16xf32>
  %1 = linalg.matmul ins(%x, %w : tensor<8x64xbf16>, tensor<64x16xbf16>) outs(%z : tensor<8x16xbf16>) -> tensor<8x16xbf16>
  return %0, %1 : tensor<8x16xf32>, tensor<8x16xbf16>
}
