// RUN: halcyon-opt %s --halcyon-decompose-nn --canonicalize | FileCheck %s

// Finite weights: padding may be left out or multiplied, and is what later passes find best.
// CHECK-LABEL: func @finite
func.func @finite(%x: tensor<1x1x4xf32>, %i: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = arith.constant dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32>
  // CHECK-NOT: scf.for
  // CHECK: return
  %y = nn.conv ins(%x, %w : tensor<1x1x4xf32>, tensor<1x1x3xf32>) outs(%i : tensor<1x1x4xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return %y : tensor<1x1x4xf32>
}

// So are those that were integers.
// CHECK-LABEL: func @dequantized
func.func @dequantized(%x: tensor<1x1x4xf32>, %q: tensor<1x1x3xi8>, %i: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %scale = arith.constant dense<0.5> : tensor<1x1x3xf32>
  %e = tensor.empty() : tensor<1x1x3xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
                       iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %scale : tensor<1x1x3xi8>, tensor<1x1x3xf32>) outs(%e : tensor<1x1x3xf32>) {
  ^bb0(%in: i8, %s: f32, %o: f32):
    %f = arith.sitofp %in : i8 to f32
    %p = arith.mulf %f, %s : f32
    linalg.yield %p : f32
  } -> tensor<1x1x3xf32>
  // CHECK-NOT: scf.for
  // CHECK: return
  %y = nn.conv ins(%x, %w : tensor<1x1x4xf32>, tensor<1x1x3xf32>) outs(%i : tensor<1x1x4xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return %y : tensor<1x1x4xf32>
}

// An infinite weight is multiplied by the zeros outside.
// CHECK-LABEL: func @infinite
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<1x1x4xf32>
func.func @infinite(%x: tensor<1x1x4xf32>, %i: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = arith.constant dense<[[[1.0, 0x7F800000, 3.0]]]> : tensor<1x1x3xf32>
  // CHECK: scf.for
  // CHECK: %[[IN:.*]] = scf.if
  // CHECK: tensor.extract %[[X]]
  // CHECK: arith.mulf %[[IN]],
  %y = nn.conv ins(%x, %w : tensor<1x1x4xf32>, tensor<1x1x3xf32>) outs(%i : tensor<1x1x4xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return %y : tensor<1x1x4xf32>
}

// Of a transposed convolution what lies outside is left out.
// CHECK-LABEL: func @inside
func.func @inside(%x: tensor<1x1x4xf32>, %i: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = arith.constant dense<[[[1.0, 0x7F800000, 3.0]]]> : tensor<1x1x3xf32>
  // CHECK: scf.for
  // CHECK: scf.if
  // CHECK: arith.mulf
  // CHECK: arith.addf
  // CHECK: } else {
  %y = nn.conv ins(%x, %w : tensor<1x1x4xf32>, tensor<1x1x3xf32>) outs(%i : tensor<1x1x4xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>, inside_only}
  return %y : tensor<1x1x4xf32>
}

// Weights that nobody knows yet are looked at when it runs; where all are finite the plain convolution is the result.
// CHECK-LABEL: func @unknown
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<1x1x4xf32>, %[[W:[a-z0-9]+]]: tensor<1x1x3xf32>
func.func @unknown(%x: tensor<1x1x4xf32>, %w: tensor<1x1x3xf32>, %i: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  // CHECK: %[[PLAIN:.*]] = linalg.generic {{.*}}"reduction"{{.*}} ins(%{{.*}}, %{{.*}} :
  // CHECK: %[[FOUND:.*]] = linalg.generic {{.*}} iterator_types = ["reduction", "reduction", "reduction"]} ins(%[[W]] :
  // CHECK: math.absf
  // CHECK: tensor.extract %[[FOUND]][]
  // CHECK: scf.if
  // CHECK: scf.for
  // CHECK: tensor.extract %[[PLAIN]]
  %y = nn.conv ins(%x, %w : tensor<1x1x4xf32>, tensor<1x1x3xf32>) outs(%i : tensor<1x1x4xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return %y : tensor<1x1x4xf32>
}

// Without padding there is nothing to look at.
// CHECK-LABEL: func @plain
func.func @plain(%x: tensor<1x1x4xf32>, %w: tensor<1x1x3xf32>, %i: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
  // CHECK-NOT: math.absf
  // CHECK: return
  %y = nn.conv ins(%x, %w : tensor<1x1x4xf32>, tensor<1x1x3xf32>) outs(%i : tensor<1x1x2xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return %y : tensor<1x1x2xf32>
}
