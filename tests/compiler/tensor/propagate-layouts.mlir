// RUN: halcyon-opt %s --halcyon-propagate-layouts --cse --split-input-file | FileCheck %s

// Nothing is transposed: an image is read as it is, all that follows is channels-last, and one pixel is a view.
// CHECK-LABEL: func @chain
// CHECK-NOT: linalg.transpose
// CHECK: %[[A:.*]] = nn.conv ins(%arg0, %arg1 {{.*}} outs(%{{.*}} : tensor<1x6x6x16xf32>)
// CHECK-NOT: input_layout
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[A]] : tensor<1x6x6x16xf32>)
// CHECK: %[[B:.*]] = nn.conv ins(%[[R]], %arg2 {{.*}}input_layout = #nn.layout<channels_last>
// CHECK: %[[P:.*]] = nn.pool ins(%[[B]] : tensor<1x6x6x24xf32>) {{.*}}layout = #nn.layout<channels_last>
// CHECK: %[[C:.*]] = nn.conv ins(%[[P]], %arg3
// CHECK: tensor.collapse_shape %[[C]]
// CHECK: tensor.expand_shape
func.func @chain(%x: tensor<1x3x8x8xf32>, %w: tensor<16x3x3x3xf32>, %v: tensor<24x16x1x1xf32>, %d: tensor<24x1x3x3xf32>) -> tensor<1x24x1x1xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x16x6x6xf32>
  %a = nn.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<16x3x3x3xf32>) outs(%e : tensor<1x16x6x6xf32>) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  %r = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%a : tensor<1x16x6x6xf32>) outs(%e : tensor<1x16x6x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.maximumf %in, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x16x6x6xf32>
  %e2 = tensor.empty() : tensor<1x24x6x6xf32>
  %b = nn.conv ins(%r, %v : tensor<1x16x6x6xf32>, tensor<24x16x1x1xf32>) outs(%e2 : tensor<1x24x6x6xf32>) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  %e3 = tensor.empty() : tensor<1x24x3x3xf32>
  %p = nn.pool ins(%b : tensor<1x24x6x6xf32>) outs(%e3 : tensor<1x24x3x3xf32>) {kind = #nn.pool_kind<max>, kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  %e4 = tensor.empty() : tensor<1x24x1x1xf32>
  %c = nn.conv ins(%p, %d : tensor<1x24x3x3xf32>, tensor<24x1x3x3xf32>) outs(%e4 : tensor<1x24x1x1xf32>) {groups = 24 : i64, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return %c : tensor<1x24x1x1xf32>
}

// -----

// One output channel: vectors run along the width, the layout stays.
// CHECK-LABEL: func @few_outputs
// CHECK-NOT: linalg.transpose
// CHECK-NOT: channels_last
// CHECK: return
func.func @few_outputs(%x: tensor<1x16x8x8xf32>, %w: tensor<1x16x3x3xf32>, %e: tensor<1x1x6x6xf32>) -> tensor<1x1x6x6xf32> {
  %y = nn.conv ins(%x, %w : tensor<1x16x8x8xf32>, tensor<1x16x3x3xf32>) outs(%e : tensor<1x1x6x6xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return %y : tensor<1x1x6x6xf32>
}

// -----

// Eight output channels fill half a vector: long rows are better, short ones are not.
// CHECK-LABEL: func @eight_outputs
// CHECK: nn.conv ins(%arg0, %arg1 {{.*}} outs(%arg2
// CHECK-NOT: channels_last
// CHECK: nn.conv ins(%arg3, %arg1 {{.*}} outs(%{{.*}} : tensor<1x6x6x8xf32>)
func.func @eight_outputs(%x: tensor<1x3x66x66xf32>, %w: tensor<8x3x3x3xf32>, %e: tensor<1x8x64x64xf32>, %y: tensor<1x3x8x8xf32>, %f: tensor<1x8x6x6xf32>) -> (tensor<1x8x64x64xf32>, tensor<1x8x6x6xf32>) {
  %0 = nn.conv ins(%x, %w : tensor<1x3x66x66xf32>, tensor<8x3x3x3xf32>) outs(%e : tensor<1x8x64x64xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  %1 = nn.conv ins(%y, %w : tensor<1x3x8x8xf32>, tensor<8x3x3x3xf32>) outs(%f : tensor<1x8x6x6xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return %0, %1 : tensor<1x8x64x64xf32>, tensor<1x8x6x6xf32>
}

// -----

// Many input channels are turned once; the result is turned back where something wants it channels-first.
// CHECK-LABEL: func @ends
// CHECK: %[[T:.*]] = linalg.transpose ins(%arg0 {{.*}} permutation = [0, 2, 3, 1]
// CHECK: %[[Y:.*]] = nn.conv ins(%[[T]],
// CHECK: linalg.transpose ins(%[[Y]] {{.*}} permutation = [0, 3, 1, 2]
func.func @ends(%x: tensor<1x16x8x8xf32>, %w: tensor<16x16x3x3xf32>, %e: tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32> {
  %y = nn.conv ins(%x, %w : tensor<1x16x8x8xf32>, tensor<16x16x3x3xf32>) outs(%e : tensor<1x16x6x6xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return %y : tensor<1x16x6x6xf32>
}

// -----

// A reduction reads either layout; a sum, a pad, a slice, a concatenation and an element taken by its indices turn
// with their operands.
// CHECK-LABEL: func @sinks
// CHECK-NOT: linalg.transpose
// CHECK: tensor.pad {{.*}} low[0, 1, 1, 0] high[0, 1, 1, 0]
// CHECK: tensor.extract_slice {{.*}}[0, 0, 0, 2] [1, 8, 8, 14] [1, 1, 1, 1]
// CHECK: tensor.concat dim(3)
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<1x4x4x30xf32>)
// CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] : tensor<1x8x8x30xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x4x4x30xf32>) outs(%{{.*}} : tensor<1x30xf32>)
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @sinks(%x: tensor<1x3x8x8xf32>, %w: tensor<16x3x3x3xf32>, %init: tensor<1x30xf32>) -> tensor<1x30xf32> {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2 : index
  %e = tensor.empty() : tensor<1x16x6x6xf32>
  %a = nn.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<16x3x3x3xf32>) outs(%e : tensor<1x16x6x6xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  %p = tensor.pad %a low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x16x6x6xf32> to tensor<1x16x8x8xf32>
  %s = tensor.extract_slice %p[0, 2, 0, 0] [1, 14, 8, 8] [1, 1, 1, 1] : tensor<1x16x8x8xf32> to tensor<1x14x8x8xf32>
  %c = tensor.concat dim(1) %p, %s : (tensor<1x16x8x8xf32>, tensor<1x14x8x8xf32>) -> tensor<1x30x8x8xf32>
  %e2 = tensor.empty() : tensor<1x30x4x4xf32>
  %half = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%e2 : tensor<1x30x4x4xf32>) {
  ^bb0(%out: f32):
    %n = linalg.index 0 : index
    %ch = linalg.index 1 : index
    %h = linalg.index 2 : index
    %wi = linalg.index 3 : index
    %h2 = arith.muli %h, %two : index
    %w2 = arith.muli %wi, %two : index
    %v = tensor.extract %c[%n, %ch, %h2, %w2] : tensor<1x30x8x8xf32>
    linalg.yield %v : f32
  } -> tensor<1x30x4x4xf32>
  %sum = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%half : tensor<1x30x4x4xf32>) outs(%init : tensor<1x30xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.addf %out, %in : f32
    linalg.yield %r : f32
  } -> tensor<1x30xf32>
  return %sum : tensor<1x30xf32>
}

// -----

// A concatenation as the importer writes it: what is not channels-last yet is turned.
// CHECK-LABEL: func @inserts
// CHECK: %[[A:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 0] [1, 6, 6, 16] [1, 1, 1, 1]
// CHECK: %[[T:.*]] = linalg.transpose ins(%arg2 {{.*}} permutation = [0, 2, 3, 1]
// CHECK: %[[B:.*]] = tensor.insert_slice %[[T]] into %[[A]][0, 0, 0, 16] [1, 6, 6, 8] [1, 1, 1, 1]
// CHECK: linalg.transpose ins(%[[B]]
func.func @inserts(%x: tensor<1x3x8x8xf32>, %w: tensor<16x3x3x3xf32>, %y: tensor<1x8x6x6xf32>) -> tensor<1x24x6x6xf32> {
  %e = tensor.empty() : tensor<1x16x6x6xf32>
  %a = nn.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<16x3x3x3xf32>) outs(%e : tensor<1x16x6x6xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  %e2 = tensor.empty() : tensor<1x24x6x6xf32>
  %b = tensor.insert_slice %a into %e2[0, 0, 0, 0] [1, 16, 6, 6] [1, 1, 1, 1] : tensor<1x16x6x6xf32> into tensor<1x24x6x6xf32>
  %c = tensor.insert_slice %y into %b[0, 16, 0, 0] [1, 8, 6, 6] [1, 1, 1, 1] : tensor<1x8x6x6xf32> into tensor<1x24x6x6xf32>
  return %c : tensor<1x24x6x6xf32>
}

// -----

// Two transposes of the model itself are one.
// CHECK-LABEL: func @compose
// CHECK: linalg.transpose {{.*}} permutation = [1, 2, 0]
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @compose(%x: tensor<2x3x4xf32>, %a: tensor<2x4x3xf32>, %b: tensor<3x4x2xf32>) -> tensor<3x4x2xf32> {
  %t = linalg.transpose ins(%x : tensor<2x3x4xf32>) outs(%a : tensor<2x4x3xf32>) permutation = [0, 2, 1]
  %u = linalg.transpose ins(%t : tensor<2x4x3xf32>) outs(%b : tensor<3x4x2xf32>) permutation = [2, 1, 0]
  return %u : tensor<3x4x2xf32>
}

// -----

// Of one spatial dimension a concatenation of which half is channels-last stays: turned, the other half would be, without
// end.
// CHECK-LABEL: func @half_of_rows
// CHECK: %[[C:.*]] = tensor.concat dim(2) %arg2, %{{.*}} : (tensor<1x16x4xf32>, tensor<1x16x6xf32>)
// CHECK: return %[[C]]
func.func @half_of_rows(%x: tensor<1x16x8xf32>, %w: tensor<16x16x3xf32>, %y: tensor<1x16x4xf32>) -> tensor<1x16x10xf32> {
  %e = tensor.empty() : tensor<1x16x6xf32>
  %a = nn.conv ins(%x, %w : tensor<1x16x8xf32>, tensor<16x16x3xf32>) outs(%e : tensor<1x16x6xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  %c = tensor.concat dim(2) %y, %a : (tensor<1x16x4xf32>, tensor<1x16x6xf32>) -> tensor<1x16x10xf32>
  return %c : tensor<1x16x10xf32>
}
