// RUN: halcyon-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(halcyon-narrow-weights{precision=f16}))' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING --implicit-check-not=warning: < %t
// RUN: halcyon-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(halcyon-narrow-weights),canonicalize)' | FileCheck %s --check-prefix=STORED
// RUN: halcyon-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(halcyon-narrow-weights{precision=bf16}))' | FileCheck %s --check-prefix=BRAIN

// A named operation becomes a generic one; what its inputs are is all that changes.
// CHECK-LABEL: func @product(
// CHECK: %[[W:.+]] = arith.constant dense_resource<[[NAME:.+\.f16]]> : tensor<64x80xf16>
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %[[W]] : tensor<?x64xf32>, tensor<64x80xf16>) outs(%{{.+}} : tensor<?x80xf32>)
// CHECK: ^bb0(%[[X:.+]]: f32, %[[NARROW:.+]]: f16, %[[SUM:.+]]: f32):
// CHECK-NEXT: %[[WIDE:.+]] = arith.extf %[[NARROW]] : f16 to f32
// CHECK-NEXT: arith.mulf %[[X]], %[[WIDE]] : f32
// BRAIN: ins(%{{.+}}, %{{.+}} : tensor<?x64xf32>, tensor<64x80xbf16>)
// BRAIN: arith.extf %{{.+}} : bf16 to f32
func.func @product(%x: tensor<?x64xf32>, %y: tensor<?x80xf32>) -> tensor<?x80xf32> {
  %w = arith.constant dense<0.5> : tensor<64x80xf32>
  %r = linalg.matmul ins(%x, %w : tensor<?x64xf32>, tensor<64x80xf32>) outs(%y : tensor<?x80xf32>) -> tensor<?x80xf32>
  return %r : tensor<?x80xf32>
}

// -----

// Equal weights are one constant; windows read them as well.
// CHECK-LABEL: func @windows(
// CHECK: %[[W:.+]] = arith.constant {{.+}} : tensor<3x3x32x32xf16>
// CHECK: ins(%{{.+}}, %[[W]] : tensor<1x10x10x32xf32>, tensor<3x3x32x32xf16>)
// CHECK: %[[AGAIN:.+]] = arith.constant dense_resource<{{.+}}> : tensor<3x3x32x32xf16>
// CHECK: ins(%{{.+}}, %[[AGAIN]] : tensor<1x10x10x32xf32>, tensor<3x3x32x32xf16>)
// BRAIN-COUNT-2: tensor<3x3x32x32xbf16>)
func.func @windows(%x: tensor<1x10x10x32xf32>, %y: tensor<1x8x8x32xf32>) -> (tensor<1x8x8x32xf32>, tensor<1x8x8x32xf32>) {
  %w = arith.constant dense<0.5> : tensor<3x3x32x32xf32>
  %0 = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x10x10x32xf32>, tensor<3x3x32x32xf32>) outs(%y : tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32>
  %1 = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x10x10x32xf32>, tensor<3x3x32x32xf32>) outs(%0 : tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32>
  return %0, %1 : tensor<1x8x8x32xf32>, tensor<1x8x8x32xf32>
}

// -----

// Few weights, a filter of each channel, no constant, f64: as they are.
// CHECK-LABEL: func @others(
// CHECK-NOT: f16
// CHECK: return
// BRAIN-LABEL: func @others(
func.func @others(%x: tensor<8x32xf32>, %v: tensor<64x80xf32>, %y: tensor<8x32xf32>, %i: tensor<1x10x10x512xf32>,
                  %o: tensor<1x8x8x512xf32>, %d: tensor<8x80xf64>) -> (tensor<8x32xf32>, tensor<8x80xf32>, tensor<1x8x8x512xf32>, tensor<8x80xf64>) {
  %w = arith.constant dense<0.5> : tensor<32x32xf32>
  %f = arith.constant dense<0.5> : tensor<3x3x512xf32>
  %g = arith.constant dense<0.5> : tensor<80x80xf64>
  %x2 = tensor.empty() : tensor<8x64xf32>
  %y2 = tensor.empty() : tensor<8x80xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<8x32xf32>, tensor<32x32xf32>) outs(%y : tensor<8x32xf32>) -> tensor<8x32xf32>
  %1 = linalg.matmul ins(%x2, %v : tensor<8x64xf32>, tensor<64x80xf32>) outs(%y2 : tensor<8x80xf32>) -> tensor<8x80xf32>
  %2 = linalg.depthwise_conv_2d_nhwc_hwc ins(%i, %f : tensor<1x10x10x512xf32>, tensor<3x3x512xf32>) outs(%o : tensor<1x8x8x512xf32>) -> tensor<1x8x8x512xf32>
  %3 = linalg.matmul ins(%d, %g : tensor<8x80xf64>, tensor<80x80xf64>) outs(%d : tensor<8x80xf64>) -> tensor<8x80xf64>
  return %0, %1, %2, %3 : tensor<8x32xf32>, tensor<8x80xf32>, tensor<1x8x8x512xf32>, tensor<8x80xf64>
}

// -----

// f16 ends at 65504. An infinite weight is one in any type.
// WARNING: warning: its weights stay f32: one is too large for f16
// CHECK-LABEL: func @large(
// CHECK: ins(%{{.+}} : tensor<8x64xf32>, tensor<64x64xf32>)
// CHECK: ins(%{{.+}} : tensor<8x64xf32>, tensor<64x64xf16>)
// BRAIN-LABEL: func @large(
// BRAIN-COUNT-2: tensor<64x64xbf16>)
func.func @large(%x: tensor<8x64xf32>, %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %w = arith.constant dense<65520.0> : tensor<64x64xf32>
  %i = arith.constant dense<0x7F800000> : tensor<64x64xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<8x64xf32>, tensor<64x64xf32>) outs(%y : tensor<8x64xf32>) -> tensor<8x64xf32>
  %1 = linalg.matmul ins(%x, %i : tensor<8x64xf32>, tensor<64x64xf32>) outs(%0 : tensor<8x64xf32>) -> tensor<8x64xf32>
  return %1 : tensor<8x64xf32>
}

// -----

// What a model stores in 16 bits is read so, however few they are; other arithmetic on weights stays.
// STORED-LABEL: func @stored(
// STORED: %[[W:.+]] = arith.constant dense_resource<{{.+\.bf16}}> : tensor<16x20xbf16>
// STORED: linalg.generic {{.*}} ins(%{{.+}} : tensor<16x20xbf16>) outs(%{{.+}} : tensor<16x20xf32>)
// STORED: arith.negf
// STORED: ins(%{{.+}}, %[[W]] : tensor<8x16xf32>, tensor<16x20xbf16>) outs(%{{.+}} : tensor<8x20xf32>)
// STORED: arith.extf
// STORED: linalg.matmul
func.func @stored(%x: tensor<8x16xf32>, %y: tensor<8x20xf32>) -> (tensor<8x20xf32>, tensor<8x20xf32>) {
  %w = arith.constant dense<0.5> : tensor<20x16xbf16>
  %v = arith.constant dense<0.5> : tensor<16x20xbf16>
  %e = tensor.empty() : tensor<16x20xf32>
  %wide = linalg.generic {indexing_maps = [affine_map<(k, n) -> (n, k)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<20x16xbf16>) outs(%e : tensor<16x20xf32>) {
  ^bb0(%i: bf16, %o: f32):
    %f = arith.extf %i : bf16 to f32
    linalg.yield %f : f32
  } -> tensor<16x20xf32>
  %negative = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%v : tensor<16x20xbf16>) outs(%e : tensor<16x20xf32>) {
  ^bb0(%i: bf16, %o: f32):
    %f = arith.extf %i : bf16 to f32
    %m = arith.negf %f : f32
    linalg.yield %m : f32
  } -> tensor<16x20xf32>
  %0 = linalg.matmul ins(%x, %wide : tensor<8x16xf32>, tensor<16x20xf32>) outs(%y : tensor<8x20xf32>) -> tensor<8x20xf32>
  %1 = linalg.matmul ins(%x, %negative : tensor<8x16xf32>, tensor<16x20xf32>) outs(%0 : tensor<8x20xf32>) -> tensor<8x20xf32>
  return %0, %1 : tensor<8x20xf32>, tensor<8x20xf32>
}

// -----

// A transformed filter is read by a kernel of its own.
// CHECK-LABEL: func @winograd(
// CHECK: ins(%{{.+}} : tensor<10x10x32xf32>, tensor<16x2x32x16xf32>, tensor<3x3xf32>)
func.func @winograd(%x: tensor<10x10x32xf32>, %k: tensor<3x3xf32>, %y: tensor<8x8x32xf32>) -> tensor<8x8x32xf32> {
  %w = arith.constant dense<0.5> : tensor<16x2x32x16xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>,
                                        affine_map<(h, w, o, y, x, i) -> (0, o floordiv 16, i, o mod 16)>,
                                        affine_map<(h, w, o, y, x, i) -> (y, x)>, affine_map<(h, w, o, y, x, i) -> (h, w, o)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w, %k : tensor<10x10x32xf32>, tensor<16x2x32x16xf32>, tensor<3x3xf32>) outs(%y : tensor<8x8x32xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    %s = nn.winograd %a, %b into %o {tile = 2}
    linalg.yield %s : f32
  } -> tensor<8x8x32xf32>
  return %0 : tensor<8x8x32xf32>
}
