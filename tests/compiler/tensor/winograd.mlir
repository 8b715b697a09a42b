// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-winograd{fast=true}),canonicalize)' --split-input-file | FileCheck %s
// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-winograd),canonicalize)' --split-input-file | FileCheck %s --check-prefix=EXACT
// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-winograd{tile=4}),canonicalize)' --split-input-file | FileCheck %s --check-prefix=FORCED

#in = affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (o, i, y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

// A tile of 4x4 has 36 transformed elements, in panels of 16 columns.
// CHECK-DAG: #[[PANELS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (0, d2 floordiv 16, d5, d2 mod 16)>
// CHECK-DAG: #[[WINDOW:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d4)>
// CHECK-LABEL: func @large
// CHECK: %[[U:.*]] = arith.constant dense_resource<constant.winograd4> : tensor<36x3x32x16xf32>
// CHECK: %[[K:.*]] = tensor.empty() : tensor<3x3xf32>
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[PANELS]], #[[WINDOW]], #{{.*}}]
// CHECK-SAME: ins(%{{.*}}, %[[U]], %[[K]] :
// CHECK: nn.winograd %{{.*}}, %{{.*}} into %{{.*}} {tile = 4 : i64}
// EXACT-LABEL: func @large
// EXACT: nn.winograd %{{.*}}, %{{.*}} into %{{.*}} {tile = 2 : i64}
func.func @large(%x: tensor<34x34x32xf32>, %y: tensor<32x32x40xf32>) -> tensor<32x32x40xf32> {
  %w = arith.constant dense<0.5> : tensor<40x32x3x3xf32>
  %r = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<34x34x32xf32>, tensor<40x32x3x3xf32>) outs(%y : tensor<32x32x40xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<32x32x40xf32>
  return %r : tensor<32x32x40xf32>
}

// -----

#in = affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (o, i, y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

// Where the filter is most of the work, its transform does not pay; it can be asked for.
// CHECK-LABEL: func @deep
// CHECK-NOT: nn.winograd
// FORCED-LABEL: func @deep
// FORCED: nn.winograd
func.func @deep(%x: tensor<5x5x512xf32>, %y: tensor<3x3x512xf32>) -> tensor<3x3x512xf32> {
  %w = arith.constant dense<0.5> : tensor<512x512x3x3xf32>
  %r = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<5x5x512xf32>, tensor<512x512x3x3xf32>) outs(%y : tensor<3x3x512xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<3x3x512xf32>
  return %r : tensor<3x3x512xf32>
}

// -----

#in = affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (o, i, y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

// An infinite weight would spread over its tile.
// FORCED-LABEL: func @infinite
// FORCED-NOT: nn.winograd
func.func @infinite(%x: tensor<34x34x8xf32>, %y: tensor<32x32x16xf32>) -> tensor<32x32x16xf32> {
  %w = arith.constant dense<0x7F800000> : tensor<16x8x3x3xf32>
  %r = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<34x34x8xf32>, tensor<16x8x3x3xf32>) outs(%y : tensor<32x32x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<32x32x16xf32>
  return %r : tensor<32x32x16xf32>
}

// -----

#in = affine_map<(h, w, o, y, x, i) -> (h * 2 + y, w * 2 + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (o, i, y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

// FORCED-LABEL: func @stride
// FORCED-NOT: nn.winograd
func.func @stride(%x: tensor<65x65x8xf32>, %y: tensor<32x32x16xf32>) -> tensor<32x32x16xf32> {
  %w = arith.constant dense<0.5> : tensor<16x8x3x3xf32>
  %r = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<65x65x8xf32>, tensor<16x8x3x3xf32>) outs(%y : tensor<32x32x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<32x32x16xf32>
  return %r : tensor<32x32x16xf32>
}

// -----

#in = affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (o, i, y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

// A greatest product is no sum, and a filter from outside is not known.
// FORCED-LABEL: func @others
// FORCED-NOT: nn.winograd
func.func @others(%x: tensor<34x34x8xf32>, %y: tensor<32x32x16xf32>, %f: tensor<16x8x3x3xf32>) -> (tensor<32x32x16xf32>, tensor<32x32x16xf32>) {
  %w = arith.constant dense<0.5> : tensor<16x8x3x3xf32>
  %r = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<34x34x8xf32>, tensor<16x8x3x3xf32>) outs(%y : tensor<32x32x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.maximumf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<32x32x16xf32>
  %q = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %f : tensor<34x34x8xf32>, tensor<16x8x3x3xf32>) outs(%y : tensor<32x32x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<32x32x16xf32>
  return %r, %q : tensor<32x32x16xf32>, tensor<32x32x16xf32>
}

// -----

#in = affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (o, i, y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

// Sums of whole numbers are exact; those of transformed ones would not be.
// CHECK-LABEL: func @whole
// CHECK-NOT: nn.winograd
// FORCED-LABEL: func @whole
// FORCED-NOT: nn.winograd
func.func @whole(%x: tensor<34x34x32xf32>, %y: tensor<32x32x40xf32>) -> tensor<32x32x40xf32> {
  %w = arith.constant dense<3.0> : tensor<40x32x3x3xf32>
  %r = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<34x34x32xf32>, tensor<40x32x3x3xf32>) outs(%y : tensor<32x32x40xf32>) attrs = {halcyon.whole} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<32x32x40xf32>
  return %r : tensor<32x32x40xf32>
}
