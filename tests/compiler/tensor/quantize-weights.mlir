// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-quantize-weights{bits=4 block=32}))' | FileCheck %s
// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-quantize-weights))' | FileCheck %s --check-prefix=BYTES
// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-quantize-weights{bits=4 block=32}))' 2>&1 >/dev/null | FileCheck %s --check-prefix=WARNING --implicit-check-not=warning:

// CHECK-DAG: #[[FIRST:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, 0)>
// CHECK-DAG: #[[SECOND:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, 1)>
// CHECK-DAG: #[[PANELS:.+]] = affine_map<(d0, d1, d2, d3) -> (d1 floordiv 64, d2, d3, d1 mod 64)>
// CHECK-DAG: #[[SCALES:.+]] = affine_map<(d0, d1, d2, d3) -> (d1 floordiv 64, d2, d1 mod 64)>

// Two blocks of 16 bytes; 80 columns are two panels.
// CHECK-LABEL: func @product(
// CHECK: %[[X:.+]] = tensor.expand_shape %{{.+}} {{\[\[}}0], [1, 2, 3]] output_shape [%{{.+}}, 2, 16, 2] : tensor<?x64xf32> into tensor<?x2x16x2xf32>
// CHECK: linalg.generic {indexing_maps = [#[[FIRST]], #[[SECOND]], #[[PANELS]], #[[SCALES]], #{{.+}}], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
// CHECK-SAME: ins(%[[X]], %[[X]], %{{.+}}, %{{.+}} : tensor<?x2x16x2xf32>, tensor<?x2x16x2xf32>, tensor<2x2x16x64xi8>, tensor<2x2x64xf32>)
// CHECK: arith.andi
// CHECK: arith.shrui
// One block; a byte is one weight.
// BYTES-LABEL: func @product(
// BYTES: ins(%{{.+}} : tensor<?x1x64x1xf32>, tensor<2x1x64x64xi8>, tensor<2x1x64xf32>)
// BYTES-NOT: arith.andi
// BYTES: return
func.func @product(%x: tensor<?x64xf32>, %y: tensor<?x80xf32>) -> tensor<?x80xf32> {
  %w = arith.constant dense<0.5> : tensor<64x80xf32>
  %r = linalg.matmul ins(%x, %w : tensor<?x64xf32>, tensor<64x80xf32>) outs(%y : tensor<?x80xf32>) -> tensor<?x80xf32>
  return %r : tensor<?x80xf32>
}

// Not a block's multiple; a window; no constant.
// WARNING: warning: its matrix stays f32: 72 weights of a column are no multiple of 32
// WARNING: warning: its matrix stays f32: a weight is not finite
// CHECK-LABEL: func @others(
// CHECK-NOT: xi8
// CHECK: return
func.func @others(%x: tensor<8x72xf32>, %v: tensor<72x80xf32>, %y: tensor<8x80xf32>, %i: tensor<1x10x10x64xf32>, %o: tensor<1x8x8x64xf32>)
    -> (tensor<8x80xf32>, tensor<8x80xf32>, tensor<1x8x8x64xf32>) {
  %w = arith.constant dense<0.5> : tensor<72x80xf32>
  %f = arith.constant dense<0.5> : tensor<3x3x64x64xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<8x72xf32>, tensor<72x80xf32>) outs(%y : tensor<8x80xf32>) -> tensor<8x80xf32>
  %1 = linalg.matmul ins(%x, %v : tensor<8x72xf32>, tensor<72x80xf32>) outs(%y : tensor<8x80xf32>) -> tensor<8x80xf32>
  %2 = linalg.conv_2d_nhwc_hwcf ins(%i, %f : tensor<1x10x10x64xf32>, tensor<3x3x64x64xf32>) outs(%o : tensor<1x8x8x64xf32>) -> tensor<1x8x8x64xf32>
  return %0, %1, %2 : tensor<8x80xf32>, tensor<8x80xf32>, tensor<1x8x8x64xf32>
}

// CHECK-LABEL: func @infinite(
// CHECK-NOT: xi8
// CHECK: return
func.func @infinite(%x: tensor<8x64xf32>, %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %w = arith.constant dense<0x7F800000> : tensor<64x64xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<8x64xf32>, tensor<64x64xf32>) outs(%y : tensor<8x64xf32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}
