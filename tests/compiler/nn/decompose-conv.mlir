// RUN: halcyon-opt %s --halcyon-decompose-nn --canonicalize | FileCheck %s

// CHECK-DAG: #[[PLAIN:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d2 * 2 + d4)>
// CHECK-DAG: #[[DEPTH:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 + d3)>
// CHECK-DAG: #[[LAST:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1 + d3, d4)>
// CHECK-DAG: #[[LAST_FILTER:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d4, d3)>

// The bias starts the accumulator; padding is a copy with a bounds test.
// CHECK-LABEL: func @padded
// CHECK-SAME: %[[X:.*]]: tensor<1x4x9xf32>, %[[W:.*]]: tensor<6x4x3xf32>, %[[B:.*]]: tensor<6xf32>
func.func @padded(%x: tensor<1x4x9xf32>, %w: tensor<6x4x3xf32>, %b: tensor<6xf32>, %i: tensor<1x6x5xf32>) -> tensor<1x6x5xf32> {
  // CHECK: %[[P:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x4x11xf32>)
  // CHECK: scf.if
  // CHECK: tensor.extract %[[X]]
  // CHECK: %[[START:.*]] = linalg.generic {{.*}} ins(%[[B]] : tensor<6xf32>)
  // CHECK: linalg.generic {indexing_maps = [#[[PLAIN]], {{.*}} iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
  // CHECK-SAME: ins(%[[P]], %[[W]] :
  // CHECK-SAME: outs(%[[START]] :
  %y = nn.conv ins(%x, %w, %b : tensor<1x4x9xf32>, tensor<6x4x3xf32>, tensor<6xf32>) outs(%i : tensor<1x6x5xf32>)
    {strides = array<i64: 2>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return %y : tensor<1x6x5xf32>
}

// Depthwise: one channel loop, no reduction over channels.
// CHECK-LABEL: func @depthwise
func.func @depthwise(%x: tensor<1x4x9xf32>, %w: tensor<4x1x3xf32>, %i: tensor<1x4x7xf32>) -> tensor<1x4x7xf32> {
  // CHECK-NOT: scf.if
  // CHECK: linalg.generic {indexing_maps = [#[[DEPTH]], {{.*}} iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
  %y = nn.conv ins(%x, %w : tensor<1x4x9xf32>, tensor<4x1x3xf32>) outs(%i : tensor<1x4x7xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 4 : i64}
  return %y : tensor<1x4x7xf32>
}

// Groups become a dimension of their own.
// CHECK-LABEL: func @grouped
func.func @grouped(%x: tensor<1x4x9xf32>, %w: tensor<6x2x3xf32>, %i: tensor<1x6x7xf32>) -> tensor<1x6x7xf32> {
  // CHECK: tensor.expand_shape {{.*}} into tensor<1x2x2x9xf32>
  // CHECK: tensor.expand_shape {{.*}} into tensor<2x3x2x3xf32>
  // CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]
  // CHECK: tensor.collapse_shape {{.*}} into tensor<1x6x7xf32>
  %y = nn.conv ins(%x, %w : tensor<1x4x9xf32>, tensor<6x2x3xf32>) outs(%i : tensor<1x6x7xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 2 : i64}
  return %y : tensor<1x6x7xf32>
}

// Channels last, input and output: loops in the output's order, the input's channels innermost.
// CHECK-LABEL: func @last
func.func @last(%x: tensor<1x9x4xf32>, %w: tensor<6x4x3xf32>, %i: tensor<1x7x6xf32>) -> tensor<1x7x6xf32> {
  // CHECK: linalg.generic {indexing_maps = [#[[LAST]], #[[LAST_FILTER]],
  %y = nn.conv ins(%x, %w : tensor<1x9x4xf32>, tensor<6x4x3xf32>) outs(%i : tensor<1x7x6xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
     input_layout = #nn.layout<channels_last>, output_layout = #nn.layout<channels_last>}
  return %y : tensor<1x7x6xf32>
}

// One element a window, channels last: a matrix product over views.
// CHECK-LABEL: func @pointwise
// CHECK-SAME: %[[X:.*]]: tensor<1x5x5x4xf32>, %[[W:.*]]: tensor<6x4x1x1xf32>
func.func @pointwise(%x: tensor<1x5x5x4xf32>, %w: tensor<6x4x1x1xf32>, %b: tensor<6xf32>, %i: tensor<1x5x5x6xf32>) -> tensor<1x5x5x6xf32> {
  // CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{.*}} into tensor<25x4xf32>
  // CHECK: %[[TAPS:.*]] = tensor.collapse_shape %[[W]] {{.*}} into tensor<6x4xf32>
  // CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[ROWS]], %[[TAPS]] :
  // CHECK: tensor.expand_shape {{.*}} into tensor<1x5x5x6xf32>
  %y = nn.conv ins(%x, %w, %b : tensor<1x5x5x4xf32>, tensor<6x4x1x1xf32>, tensor<6xf32>) outs(%i : tensor<1x5x5x6xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>,
     input_layout = #nn.layout<channels_last>, output_layout = #nn.layout<channels_last>}
  return %y : tensor<1x5x5x6xf32>
}

// A transposed convolution is a plain one for each phase of its stride, of the input as it is and of the phase's taps; what
// they make lies side by side. Of 3 taps at a stride of 2, two meet the even positions and one the odd ones.
// CHECK-LABEL: func @transposed
// CHECK-SAME: %[[X:.*]]: tensor<1x4x5xf32>, %[[W:.*]]: tensor<4x3x3xf32>
func.func @transposed(%x: tensor<1x4x5xf32>, %w: tensor<4x3x3xf32>, %i: tensor<1x3x11xf32>) -> tensor<1x3x11xf32> {
  // CHECK: %[[EVEN_TAPS:.*]] = tensor.collapse_shape %{{.*}} : tensor<1x1x3x4x2xf32> into tensor<3x4x2xf32>
  // CHECK: %[[EVEN:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[EVEN_TAPS]] : tensor<1x4x7xf32>, tensor<3x4x2xf32>) outs({{.*}} : tensor<1x3x6xf32>)
  // CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 0] [1, 3, 6, 1] [1, 1, 1, 1] : tensor<1x3x6x1xf32> into tensor<1x3x6x2xf32>
  // CHECK: %[[ODD_TAP:.*]] = tensor.collapse_shape %{{.*}} : tensor<1x1x3x4x1xf32> into tensor<3x4x1xf32>
  // CHECK: linalg.generic {{.*}} ins(%[[X]], %[[ODD_TAP]] : tensor<1x4x5xf32>, tensor<3x4x1xf32>) outs({{.*}} : tensor<1x3x5xf32>)
  // CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 1] [1, 3, 5, 1] [1, 1, 1, 1]
  // CHECK: %[[JOINED:.*]] = tensor.collapse_shape %{{.*}} : tensor<1x3x6x2xf32> into tensor<1x3x12xf32>
  // CHECK: tensor.extract_slice %[[JOINED]][0, 0, 0] [1, 3, 11] [1, 1, 1]
  %y = nn.conv_transpose ins(%x, %w : tensor<1x4x5xf32>, tensor<4x3x3xf32>) outs(%i : tensor<1x3x11xf32>)
    {strides = array<i64: 2>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return %y : tensor<1x3x11xf32>
}

// Few channels: phases of the last dimension that as many taps reach are channels of one convolution. A phase that no tap
// reaches is the bias.
// CHECK-LABEL: func @gaps
func.func @gaps(%x: tensor<1x4x5xf32>, %w: tensor<4x3x3xf32>, %b: tensor<3xf32>, %i: tensor<1x3x20xf32>) -> tensor<1x3x20xf32> {
  // CHECK: %[[START:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<3xf32>) outs(%{{.*}} : tensor<1x5x4x3xf32>)
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x4x5xf32>, tensor<9x4x1xf32>)
  // CHECK: tensor.insert_slice %{{.*}} into %[[START]][0, 0, 0, 0] [1, 5, 3, 3] [1, 1, 1, 1]
  // CHECK-NOT: tensor.insert_slice
  %y = nn.conv_transpose ins(%x, %w, %b : tensor<1x4x5xf32>, tensor<4x3x3xf32>, tensor<3xf32>) outs(%i : tensor<1x3x20xf32>)
    {strides = array<i64: 4>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: -1>}
  return %y : tensor<1x3x20xf32>
}

// More phases than are worth a kernel each are joined, too.
// CHECK-LABEL: func @joined
func.func @joined(%x: tensor<1x4x5x5xf32>, %w: tensor<4x64x5x5xf32>, %i: tensor<1x64x25x25xf32>) -> tensor<1x64x25x25xf32> {
  // CHECK-COUNT-5: tensor.insert_slice %{{.*}} [1, 5, 1, 5, 5, 64] [1, 1, 1, 1, 1, 1]
  // CHECK-NOT: tensor.insert_slice
  %y = nn.conv_transpose ins(%x, %w : tensor<1x4x5x5xf32>, tensor<4x64x5x5xf32>) outs(%i : tensor<1x64x25x25xf32>)
    {strides = array<i64: 5, 5>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 0>, pad_high = array<i64: -1, 0>}
  return %y : tensor<1x64x25x25xf32>
}

// Too many phases for a kernel each: a sum over the taps that meet an element.
// CHECK-LABEL: func @many
func.func @many(%x: tensor<1x64x5x5xf32>, %w: tensor<64x64x5x5xf32>, %i: tensor<1x64x25x25xf32>) -> tensor<1x64x25x25xf32> {
  // CHECK-COUNT-3: scf.for
  // CHECK: scf.if
  // CHECK: tensor.extract
  %y = nn.conv_transpose ins(%x, %w : tensor<1x64x5x5xf32>, tensor<64x64x5x5xf32>) outs(%i : tensor<1x64x25x25xf32>)
    {strides = array<i64: 5, 5>, dilations = array<i64: 2, 2>, pad_low = array<i64: 2, 2>, pad_high = array<i64: 2, 2>}
  return %y : tensor<1x64x25x25xf32>
}

// Windows that begin beyond the input give no elements.
// CHECK-LABEL: func @empty
// CHECK-NEXT: return %{{.*}} : tensor<1x3x0xf32>
func.func @empty(%x: tensor<1x4x2xf32>, %w: tensor<3x4x2xf32>, %i: tensor<1x3x0xf32>) -> tensor<1x3x0xf32> {
  %y = nn.conv ins(%x, %w : tensor<1x4x2xf32>, tensor<3x4x2xf32>) outs(%i : tensor<1x3x0xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 2>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return %y : tensor<1x3x0xf32>
}

// Where windows tile the output it is a matrix product; with few channels the tiles are turned afterwards.
// CHECK-LABEL: func @tiles
func.func @tiles(%x: tensor<1x4x5x5xf32>, %w: tensor<4x8x2x2xf32>, %v: tensor<4x1x2x2xf32>, %i: tensor<1x8x10x10xf32>, %j: tensor<1x1x10x10xf32>) -> (tensor<1x8x10x10xf32>, tensor<1x1x10x10xf32>) {
  // CHECK-NOT: tensor.extract
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %arg1 : tensor<1x5x5x4xf32>, tensor<4x8x2x2xf32>) outs(%{{.*}} : tensor<1x5x2x5x2x8xf32>)
  // CHECK: tensor.collapse_shape {{.*}} into tensor<1x10x10x8xf32>
  %y = nn.conv_transpose ins(%x, %w : tensor<1x4x5x5xf32>, tensor<4x8x2x2xf32>) outs(%i : tensor<1x8x10x10xf32>)
    {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x5x5x4xf32>, tensor<4x4xf32>) outs(%{{.*}} : tensor<1x5x5x4xf32>)
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x5x5x2x2x1xf32>) outs(%{{.*}} : tensor<1x5x2x5x2x1xf32>)
  %z = nn.conv_transpose ins(%x, %v : tensor<1x4x5x5xf32>, tensor<4x1x2x2xf32>) outs(%j : tensor<1x1x10x10xf32>)
    {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return %y, %z : tensor<1x8x10x10xf32>, tensor<1x1x10x10xf32>
}

// What is not of this dialect stays.
// CHECK-LABEL: func @other
func.func @other(%x: tensor<4x4xf32>, %i: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // CHECK: linalg.matmul
  %y = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%i : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}
