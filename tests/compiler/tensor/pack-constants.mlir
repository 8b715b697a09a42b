// RUN: halcyon-opt %s --halcyon-pack-constants --canonicalize --split-input-file | FileCheck %s

// Columns 16 and 17 begin a second panel, zeros follow.
// CHECK-DAG: #[[PANEL:.*]] = affine_map<(d0, d1, d2) -> (d1 floordiv 16, d2, d1 mod 16)>
// CHECK-LABEL: func @gemm
// CHECK: %[[W:.*]] = arith.constant dense_resource<{{.*}}panels{{.*}}> : tensor<2x2x16xf32>
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[PANEL]], #{{.*}}]
// CHECK-SAME: ins(%arg0, %[[W]] : tensor<4x2xf32>, tensor<2x2x16xf32>)
// CHECK: "0x40000000
// Of row 0: columns 0 to 15, in hexadecimal; then row 1.
// CHECK-SAME: 0000803F0000004000004040000080400000A0400000C0400000E0400000004100001041000020410000304100004041000050410000604100007041000080410000803F000000400000
// The second panel: columns 16 and 17, then zeros.
// CHECK-SAME: 0000884100009041000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000008841000090410000
func.func @gemm(%x: tensor<4x2xf32>, %y: tensor<4x18xf32>) -> tensor<4x18xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0],
                             [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0]]> : tensor<2x18xf32>
  %r = linalg.matmul ins(%x, %w : tensor<4x2xf32>, tensor<2x18xf32>) outs(%y : tensor<4x18xf32>) -> tensor<4x18xf32>
  return %r : tensor<4x18xf32>
}

// -----

// The bytes are followed through views and transposes; reductions keep the operation's order.
// CHECK-DAG: #[[PANEL:.*]] = affine_map<(d0, d1, d2, d3) -> (d1 floordiv 16, d2, d3, d1 mod 16)>
// CHECK-LABEL: func @window
// CHECK: arith.constant dense_resource<constant.panels> : tensor<1x3x2x16xf32>
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[PANEL]], #{{.*}}]
func.func @window(%x: tensor<8x2xf32>, %y: tensor<6x4xf32>) -> tensor<6x4xf32> {
  %c = arith.constant dense<[[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]], [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]]> : tensor<4x2x3xf32>
  %e = tensor.empty() : tensor<3x2x4xf32>
  %t = linalg.transpose ins(%c : tensor<4x2x3xf32>) outs(%e : tensor<3x2x4xf32>) permutation = [2, 1, 0]
  %r = linalg.generic {indexing_maps = [affine_map<(w, o, k, i) -> (w + k, i)>, affine_map<(w, o, k, i) -> (k, i, o)>, affine_map<(w, o, k, i) -> (w, o)>],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %t : tensor<8x2xf32>, tensor<3x2x4xf32>) outs(%y : tensor<6x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<6x4xf32>
  return %r : tensor<6x4xf32>
}

// -----

// Elements that index arithmetic picks are seen through, and columns that do not lie side by side are put in order: of
// [k][t] = 1 2 3 4 | 5 6 7 8, taps 2 - 2 * j + t of each row: 3 4 1 2 | 7 8 5 6, and its columns are (t, row).
// CHECK-LABEL: func @picked
// CHECK: arith.constant dense_resource<constant.moved.panels> : tensor<1x2x16xf32>
// CHECK-NOT: tensor.extract
// CHECK: "0x40000000
// CHECK-SAME: 000040400000E040000080400000004100000000
// CHECK-SAME: 0000803F0000A040000000400000C04000000000
func.func @picked(%x: tensor<4x2xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %c = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %two = arith.constant 2 : index
  %e = tensor.empty() : tensor<2x2x2xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(t, o, j) -> (t, o, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<2x2x2xf32>) {
  ^bb0(%o: f32):
    %t = linalg.index 0 : index
    %row = linalg.index 1 : index
    %j = linalg.index 2 : index
    %back = arith.muli %j, %two : index
    %first = arith.subi %two, %back : index
    %tap = arith.addi %first, %t : index
    %w = tensor.extract %c[%row, %tap] : tensor<2x4xf32>
    linalg.yield %w : f32
  } -> tensor<2x2x2xf32>
  %f = tensor.collapse_shape %g [[0, 1], [2]] : tensor<2x2x2xf32> into tensor<4x2xf32>
  %r = linalg.matmul_transpose_b ins(%x, %f : tensor<4x2xf32>, tensor<4x2xf32>) outs(%y : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %r : tensor<4x4xf32>
}

// -----

// An operand that is no constant, one that the columns do not read, another type: all stay.
// CHECK-LABEL: func @stay
// CHECK-NOT: panels
// CHECK: linalg.matmul
// CHECK: linalg.matmul
// CHECK: linalg.generic
// CHECK: return
func.func @stay(%x: tensor<4x2xf32>, %w: tensor<2x18xf32>, %y: tensor<4x18xf32>, %l: tensor<4x2xi64>, %z: tensor<4x2xi64>) -> (tensor<4x18xf32>, tensor<4x2xi64>, tensor<2x18xf32>) {
  %r = linalg.matmul ins(%x, %w : tensor<4x2xf32>, tensor<2x18xf32>) outs(%y : tensor<4x18xf32>) -> tensor<4x18xf32>
  %d = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi64>
  %s = linalg.matmul ins(%l, %d : tensor<4x2xi64>, tensor<2x2xi64>) outs(%z : tensor<4x2xi64>) -> tensor<4x2xi64>
  %c = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%c, %w : tensor<2x2xf32>, tensor<2x18xf32>) outs(%w : tensor<2x18xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  } -> tensor<2x18xf32>
  return %r, %s, %t : tensor<4x18xf32>, tensor<4x2xi64>, tensor<2x18xf32>
}

// -----

// Weights that are dequantised by a scale for each output, then turned: the arithmetic is done on panels of the bytes and of
// the scales, which the reduction does not read.
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[COLUMNS:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[PANEL:.*]] = affine_map<(d0, d1, d2) -> (d1 floordiv 16, d2, d1 mod 16)>
// CHECK-LABEL: func @dequantised
// CHECK-DAG: %[[Q:.*]] = arith.constant dense_resource<{{.*}}panels{{.*}}> : tensor<1x3x16xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense_resource<{{.*}}panels{{.*}}> : tensor<1x16xf32>
// CHECK: %[[W:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[COLUMNS]], #[[ALL]]]
// CHECK-SAME: ins(%[[Q]], %[[S]] : tensor<1x3x16xi8>, tensor<1x16xf32>)
// CHECK: arith.sitofp
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[PANEL]], #{{.*}}]
// CHECK-SAME: ins(%arg0, %[[W]] : tensor<4x3xf32>, tensor<1x3x16xf32>)
// The bytes of columns 0 and 1 of row 0, then 14 zeros.
// CHECK: "0x400000000104000000000000000000000000000002050000
func.func @dequantised(%x: tensor<4x3xf32>, %y: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %q = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>
  %scale = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %e = tensor.empty() : tensor<2x3xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(o, k) -> (o, k)>, affine_map<(o, k) -> (o)>, affine_map<(o, k) -> (o, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%q, %scale : tensor<2x3xi8>, tensor<2xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%i: i8, %s: f32, %o: f32):
    %f = arith.sitofp %i : i8 to f32
    %m = arith.mulf %f, %s : f32
    linalg.yield %m : f32
  } -> tensor<2x3xf32>
  %te = tensor.empty() : tensor<3x2xf32>
  %t = linalg.transpose ins(%w : tensor<2x3xf32>) outs(%te : tensor<3x2xf32>) permutation = [1, 0]
  %r = linalg.matmul ins(%x, %t : tensor<4x3xf32>, tensor<3x2xf32>) outs(%y : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// -----

// Arithmetic that also reads an argument, or a place: stays.
// CHECK-LABEL: func @not_constant
// CHECK-NOT: panels
// CHECK: return
func.func @not_constant(%x: tensor<4x3xf32>, %y: tensor<4x2xf32>, %scale: tensor<2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %q = arith.constant dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi8>
  %e = tensor.empty() : tensor<3x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(k, o) -> (k, o)>, affine_map<(k, o) -> (o)>, affine_map<(k, o) -> (k, o)>], iterator_types = ["parallel", "parallel"]}
      ins(%q, %scale : tensor<3x2xi8>, tensor<2xf32>) outs(%e : tensor<3x2xf32>) {
  ^bb0(%i: i8, %s: f32, %o: f32):
    %f = arith.sitofp %i : i8 to f32
    %m = arith.mulf %f, %s : f32
    linalg.yield %m : f32
  } -> tensor<3x2xf32>
  %v = linalg.generic {indexing_maps = [affine_map<(k, o) -> (k, o)>, affine_map<(k, o) -> (k, o)>], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<3x2xi8>) outs(%e : tensor<3x2xf32>) {
  ^bb0(%i: i8, %o: f32):
    %row = linalg.index 0 : index
    %n = arith.index_cast %row : index to i32
    %f = arith.sitofp %n : i32 to f32
    linalg.yield %f : f32
  } -> tensor<3x2xf32>
  %r = linalg.matmul ins(%x, %w : tensor<4x3xf32>, tensor<3x2xf32>) outs(%y : tensor<4x2xf32>) -> tensor<4x2xf32>
  %s = linalg.matmul ins(%x, %v : tensor<4x3xf32>, tensor<3x2xf32>) outs(%y : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %r, %s : tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// A sum of products of several types: no kernel reads panels of the factors.
// CHECK-LABEL: func @scaled_bytes
// CHECK-NOT: panels
// CHECK: linalg.generic
// CHECK: return
func.func @scaled_bytes(%x: tensor<2xf32>, %b: tensor<2x18xi8>, %y: tensor<18xf32>) -> tensor<18xf32> {
  %s = arith.constant dense<2.0> : tensor<2x18xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k)>, affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (n)>],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x, %b, %s : tensor<2xf32>, tensor<2x18xi8>, tensor<2x18xf32>) outs(%y : tensor<18xf32>) {
  ^bb0(%a: f32, %q: i8, %f: f32, %o: f32):
    %n = arith.sitofp %q : i8 to f32
    %w = arith.mulf %n, %f : f32
    %m = arith.mulf %a, %w : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<18xf32>
  return %r : tensor<18xf32>
}

// -----

// Weights of 16 bits lie in panels of 32 columns where f32 meets them; products of 16 bits alone read no panels.
// CHECK-LABEL: func @narrow
// CHECK: ins(%{{.+}}, %{{.+}} : tensor<4x3xf32>, tensor<2x3x32xbf16>)
// CHECK: linalg.matmul ins(%{{.+}}, %{{.+}} : tensor<4x3xbf16>, tensor<3x40xbf16>)
func.func @narrow(%x: tensor<4x3xf32>, %n: tensor<4x3xbf16>, %y: tensor<4x40xf32>) -> (tensor<4x40xf32>, tensor<4x40xf32>) {
  %w = arith.constant dense<2.0> : tensor<3x40xbf16>
  %r = linalg.matmul ins(%x, %w : tensor<4x3xf32>, tensor<3x40xbf16>) outs(%y : tensor<4x40xf32>) -> tensor<4x40xf32>
  %s = linalg.matmul ins(%n, %w : tensor<4x3xbf16>, tensor<3x40xbf16>) outs(%y : tensor<4x40xf32>) -> tensor<4x40xf32>
  return %r, %s : tensor<4x40xf32>, tensor<4x40xf32>
}
