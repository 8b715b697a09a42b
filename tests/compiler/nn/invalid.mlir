// RUN: halcyon-opt %s --split-input-file --verify-diagnostics

func.func @channels(%x: tensor<1x4x8xf32>, %w: tensor<6x3x3xf32>, %i: tensor<1x6x6xf32>) {
  // expected-error @below {{input has 4 channels, the filter takes 3}}
  %0 = nn.conv ins(%x, %w : tensor<1x4x8xf32>, tensor<6x3x3xf32>) outs(%i : tensor<1x6x6xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @extent(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>, %i: tensor<1x6x8xf32>) {
  // expected-error @below {{spatial dimension 0: expected an output of 6, got 8}}
  %0 = nn.conv ins(%x, %w : tensor<1x4x8xf32>, tensor<6x4x3xf32>) outs(%i : tensor<1x6x8xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @strides(%x: tensor<1x4x8xf32>, %i: tensor<1x4x7xf32>) {
  // expected-error @below {{strides has 2 values for 1 spatial dimensions}}
  %0 = nn.pool ins(%x : tensor<1x4x8xf32>) outs(%i : tensor<1x4x7xf32>)
    {kind = #nn.pool_kind<max>, kernel = array<i64: 2>, strides = array<i64: 1, 1>, dilations = array<i64: 1>,
     pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @groups(%x: tensor<1x4x8xf32>, %w: tensor<4x3x2xf32>, %i: tensor<1x9x9xf32>) {
  // expected-error @below {{groups must divide the filter's 4 inputs}}
  %0 = nn.conv_transpose ins(%x, %w : tensor<1x4x8xf32>, tensor<4x3x2xf32>) outs(%i : tensor<1x9x9xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 3 : i64}
  return
}

// -----

func.func @extent(%x: tensor<1x4x8xf32>, %w: tensor<4x3x2xf32>, %i: tensor<1x3x8xf32>) {
  // expected-error @below {{spatial dimension 0: expected an output of 9, got 8}}
  %0 = nn.conv_transpose ins(%x, %w : tensor<1x4x8xf32>, tensor<4x3x2xf32>) outs(%i : tensor<1x3x8xf32>)
    {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @axis(%x: tensor<4x8xf32>) {
  // expected-error @below {{axis 2 is not one of 2 dimensions}}
  %0 = nn.softmax ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) {axis = 2 : i64}
  return
}

// -----

func.func @scale(%x: tensor<4x8xf32>, %s: tensor<4xf32>) {
  // expected-error @below {{scale and bias must have the shape of the normalised dimensions}}
  %0 = nn.layer_norm ins(%x, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%x : tensor<4x8xf32>)
    {axis = 1 : i64, epsilon = 1.0e-5 : f32}
  return
}

// -----

func.func @neither_side_is_packed(%x: tensor<8xi16>) {
  // expected-error @below {{expects elements of 2 or 4 bits on one side and a list of bytes on the other}}
  %0 = nn.reinterpret %x : tensor<8xi16> to tensor<16xi8>
  return
}

// -----

func.func @no_size(%x: tensor<?x3xi4>) {
  // expected-error @below {{expects 1 sizes, got 0}}
  %0 = nn.reinterpret %x : tensor<?x3xi4> to tensor<?xi8>
  return
}

// -----

func.func @other_bytes(%x: tensor<3x3xi4>) {
  // expected-error @below {{turns 5 bytes into 4}}
  %0 = nn.reinterpret %x : tensor<3x3xi4> to tensor<4xi8>
  return
}

// -----

func.func @tile(%x: f32) -> f32 {
  // expected-error @below {{expects a tile of 2 or 4, got 3}}
  %0 = nn.winograd %x, %x into %x {tile = 3}
  return %0 : f32
}

// -----

func.func @no_body(%x: f32) -> f32 {
  // expected-error @below {{expects to be the body of a linalg.generic of input, filter, window and sums}}
  %0 = nn.winograd %x, %x into %x {tile = 4}
  return %0 : f32
}

// -----

func.func @filter(%x: tensor<10x10x8xf32>, %w: tensor<16x1x8x16xf32>, %k: tensor<3x3xf32>, %y: tensor<8x8x16xf32>) -> tensor<8x8x16xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>,
                                        affine_map<(h, w, o, y, x, i) -> (0, o floordiv 16, i, o mod 16)>,
                                        affine_map<(h, w, o, y, x, i) -> (y, x)>, affine_map<(h, w, o, y, x, i) -> (h, w, o)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w, %k : tensor<10x10x8xf32>, tensor<16x1x8x16xf32>, tensor<3x3xf32>) outs(%y : tensor<8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    // expected-error @below {{expects a filter of 36 transformed elements}}
    %s = nn.winograd %a, %b into %o {tile = 4}
    linalg.yield %s : f32
  } -> tensor<8x8x16xf32>
  return %0 : tensor<8x8x16xf32>
}

// -----

func.func @not_by_fours(%x: tensor<3x6xi8>) {
  // expected-error @below {{or i32 of four bytes or two bf16 of the innermost dimension}}
  %0 = nn.reinterpret %x : tensor<3x6xi8> to tensor<3x2xi32>
  return
}

// -----

func.func @other_dimension(%x: tensor<4x6xi8>) {
  // expected-error @below {{or i32 of four bytes or two bf16 of the innermost dimension}}
  %0 = nn.reinterpret %x : tensor<4x6xi8> to tensor<1x6xi32>
  return
}

// -----

func.func @no_bytes(%x: i64) {
  // expected-error @below {{expects elements of type i32}}
  %0 = nn.dot_bytes %x, %x : i64
  return
}

// -----

func.func @not_by_twos(%x: tensor<3x6xbf16>) {
  // expected-error @below {{or i32 of four bytes or two bf16 of the innermost dimension}}
  %0 = nn.reinterpret %x : tensor<3x6xbf16> to tensor<3x2xi32>
  return
}

// -----

func.func @no_pairs(%x: i32) {
  // expected-error @below {{expects elements of type i32, and of f32 for their sum}}
  %0 = nn.dot_pairs %x, %x : i32 to f64
  return
}
