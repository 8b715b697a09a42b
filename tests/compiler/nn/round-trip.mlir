// RUN: halcyon-opt %s | halcyon-opt | FileCheck %s

// Every op prints as it parses; attributes at their defaults stay away.
// CHECK-LABEL: func @ops
func.func @ops(%x: tensor<1x4x8x8xf32>, %w: tensor<6x2x3x3xf32>, %wt: tensor<4x3x2x2xf32>, %b: tensor<6xf32>, %s: tensor<8xf32>,
               %c: tensor<1x6x8x8xf32>, %t: tensor<1x3x16x16xf32>, %p: tensor<1x4x4x4xf32>, %l: tensor<1x8x8x6xf32>) {
  // CHECK: nn.conv ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) outs(%{{.*}} : tensor<1x6x8x8xf32>)
  %0 = nn.conv ins(%x, %w, %b : tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) outs(%c : tensor<1x6x8x8xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 2 : i64}
  // CHECK: nn.conv {{.*}} output_layout = #nn.layout<channels_last>
  %1 = nn.conv ins(%x, %w : tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>) outs(%l : tensor<1x8x8x6xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 2 : i64,
     output_layout = #nn.layout<channels_last>}
  // CHECK: nn.conv_transpose
  %2 = nn.conv_transpose ins(%x, %wt : tensor<1x4x8x8xf32>, tensor<4x3x2x2xf32>) outs(%t : tensor<1x3x16x16xf32>)
    {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  // CHECK: nn.pool {{.*}} kind = #nn.pool_kind<max>
  %3 = nn.pool ins(%x : tensor<1x4x8x8xf32>) outs(%p : tensor<1x4x4x4xf32>)
    {kind = #nn.pool_kind<max>, kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
     pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  // CHECK: nn.softmax {{.*}} {axis = 1 : i64, log}
  %4 = nn.softmax ins(%x : tensor<1x4x8x8xf32>) outs(%x : tensor<1x4x8x8xf32>) {axis = 1 : i64, log}
  // CHECK: nn.layer_norm ins(%{{.*}}, %{{.*}} bias %{{.*}} : tensor<1x4x8x8xf32>, tensor<8xf32> bias tensor<8xf32>)
  %5 = nn.layer_norm ins(%x, %s bias %s : tensor<1x4x8x8xf32>, tensor<8xf32> bias tensor<8xf32>) outs(%x : tensor<1x4x8x8xf32>)
    {axis = 3 : i64, epsilon = 1.0e-5 : f32}
  return
}

// CHECK-LABEL: func @reinterpreted
func.func @reinterpreted(%x: tensor<?x3xi4>, %y: tensor<5xi8>, %n: index) {
  // CHECK: nn.reinterpret %{{.*}}[%{{.*}}] : tensor<?x3xi4> to tensor<?xi8>
  %0 = nn.reinterpret %x[%n] : tensor<?x3xi4> to tensor<?xi8>
  // CHECK: nn.reinterpret %{{.*}} : tensor<5xi8> to tensor<20xi2>
  %1 = nn.reinterpret %y : tensor<5xi8> to tensor<20xi2>
  return
}

// CHECK-LABEL: func @winograd
func.func @winograd(%x: tensor<10x10x8xf32>, %w: tensor<16x1x8x16xf32>, %k: tensor<3x3xf32>, %y: tensor<8x8x16xf32>) -> tensor<8x8x16xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>,
                                        affine_map<(h, w, o, y, x, i) -> (0, o floordiv 16, i, o mod 16)>,
                                        affine_map<(h, w, o, y, x, i) -> (y, x)>, affine_map<(h, w, o, y, x, i) -> (h, w, o)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w, %k : tensor<10x10x8xf32>, tensor<16x1x8x16xf32>, tensor<3x3xf32>) outs(%y : tensor<8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    // CHECK: nn.winograd %{{.*}}, %{{.*}} into %{{.*}} {tile = 2 : i64}
    %s = nn.winograd %a, %b into %o {tile = 2}
    linalg.yield %s : f32
  } -> tensor<8x8x16xf32>
  return %0 : tensor<8x8x16xf32>
}

// CHECK-LABEL: func @by_fours
func.func @by_fours(%x: tensor<?x8xi8>, %n: index, %a: i32, %v: vector<8xi32>) {
  // CHECK: nn.reinterpret %{{.*}}[%{{.*}}] : tensor<?x8xi8> to tensor<?x2xi32>
  %0 = nn.reinterpret %x[%n] : tensor<?x8xi8> to tensor<?x2xi32>
  // CHECK: nn.dot_bytes %{{.*}}, %{{.*}} : i32
  %1 = nn.dot_bytes %a, %a : i32
  // CHECK: nn.dot_bytes %{{.*}}, %{{.*}} : vector<8xi32>
  %2 = nn.dot_bytes %v, %v : vector<8xi32>
  return
}

// CHECK-LABEL: func @by_twos
func.func @by_twos(%x: tensor<?x8xbf16>, %n: index, %a: i32, %v: vector<8xi32>) {
  // CHECK: nn.reinterpret %{{.*}}[%{{.*}}] : tensor<?x8xbf16> to tensor<?x4xi32>
  %0 = nn.reinterpret %x[%n] : tensor<?x8xbf16> to tensor<?x4xi32>
  // CHECK: nn.dot_pairs %{{.*}}, %{{.*}} : i32 to f32
  %1 = nn.dot_pairs %a, %a : i32 to f32
  // CHECK: nn.dot_pairs %{{.*}}, %{{.*}} : vector<8xi32> to vector<8xf32>
  %2 = nn.dot_pairs %v, %v : vector<8xi32> to vector<8xf32>
  return
}
