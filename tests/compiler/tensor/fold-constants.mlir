// RUN: halcyon-opt %s --halcyon-fold-constants --split-input-file | FileCheck %s

// The gates of a recurrent layer, in another order: the bytes are joined here.
// CHECK-LABEL: func @join
// CHECK-SAME: %[[X:.+]]: tensor<4x2xi8>
// CHECK: %[[W:.+]] = arith.constant dense<{{\[}}[5, 6], [7, 8], [1, 2], [3, 4]]> : tensor<4x2xi8>
// CHECK-NOT: tensor.insert_slice
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[W]] : tensor<4x2xi8>, tensor<4x2xi8>)
#map = affine_map<(d0, d1) -> (d0, d1)>
func.func @join(%x: tensor<4x2xi8>) -> tensor<4x2xi8> {
  %w = arith.constant dense_resource<w> : tensor<4x2xi8>
  %part = tensor.empty() : tensor<2x2xi8>
  %first = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel", "parallel"]} outs(%part : tensor<2x2xi8>) {
  ^bb0(%out: i8):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %v = tensor.extract %w[%i, %j] : tensor<4x2xi8>
    linalg.yield %v : i8
  } -> tensor<2x2xi8>
  %second = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel", "parallel"]} outs(%part : tensor<2x2xi8>) {
  ^bb0(%out: i8):
    %c2 = arith.constant 2 : index
    %i = linalg.index 0 : index
    %k = arith.addi %i, %c2 : index
    %j = linalg.index 1 : index
    %v = tensor.extract %w[%k, %j] : tensor<4x2xi8>
    linalg.yield %v : i8
  } -> tensor<2x2xi8>
  %empty = tensor.empty() : tensor<4x2xi8>
  %0 = tensor.insert_slice %second into %empty[0, 0] [2, 2] [1, 1] : tensor<2x2xi8> into tensor<4x2xi8>
  %1 = tensor.insert_slice %first into %0[2, 0] [2, 2] [1, 1] : tensor<2x2xi8> into tensor<4x2xi8>
  %2 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%x, %1 : tensor<4x2xi8>, tensor<4x2xi8>) outs(%empty : tensor<4x2xi8>) {
  ^bb0(%a: i8, %b: i8, %out: i8):
    %v = arith.addi %a, %b : i8
    linalg.yield %v : i8
  } -> tensor<4x2xi8>
  return %2 : tensor<4x2xi8>
}
// The halves have changed places.

{-#
  dialect_resources: {
    builtin: {
      w: "0x400000000102030405060708"
    }
  }
#-}

// -----

// A part that an elementwise operation reads on its own is a constant of its own.
// CHECK-LABEL: func @part
// CHECK: %[[P:.+]] = arith.constant dense<[2, 3]> : tensor<2xi16>
// CHECK-NOT: tensor.extract
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %[[P]] : tensor<2xi16>, tensor<2xi16>)
#map = affine_map<(d0) -> (d0)>
func.func @part(%x: tensor<2xi16>) -> tensor<2xi16> {
  %w = arith.constant dense_resource<w> : tensor<4xi16>
  %empty = tensor.empty() : tensor<2xi16>
  %0 = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel"]} outs(%empty : tensor<2xi16>) {
  ^bb0(%out: i16):
    %c1 = arith.constant 1 : index
    %i = linalg.index 0 : index
    %j = arith.addi %i, %c1 : index
    %v = tensor.extract %w[%j] : tensor<4xi16>
    linalg.yield %v : i16
  } -> tensor<2xi16>
  %1 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%x, %0 : tensor<2xi16>, tensor<2xi16>) outs(%empty : tensor<2xi16>) {
  ^bb0(%a: i16, %b: i16, %out: i16):
    %v = arith.addi %a, %b : i16
    linalg.yield %v : i16
  } -> tensor<2xi16>
  return %1 : tensor<2xi16>
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x400000000100020003000400"
    }
  }
#-}

// -----

// Twice the same is more than the constant: nothing is kept twice.
// CHECK-LABEL: func @twice
// CHECK-COUNT-2: tensor.insert_slice
// CHECK-NOT: moved
func.func @twice() -> tensor<8xi8> {
  %w = arith.constant dense_resource<w> : tensor<4xi8>
  %empty = tensor.empty() : tensor<8xi8>
  %0 = tensor.insert_slice %w into %empty[0] [4] [1] : tensor<4xi8> into tensor<8xi8>
  %1 = tensor.insert_slice %w into %0[4] [4] [1] : tensor<4xi8> into tensor<8xi8>
  return %1 : tensor<8xi8>
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x4000000001020304"
    }
  }
#-}

// -----

// With a part that is computed, all is: a constant with a hole would be larger than what it is made of.
// CHECK-LABEL: func @mixed
// CHECK-COUNT-2: tensor.insert_slice
// CHECK-NOT: moved
func.func @mixed(%x: tensor<4xi8>) -> tensor<8xi8> {
  %w = arith.constant dense_resource<w> : tensor<4xi8>
  %empty = tensor.empty() : tensor<8xi8>
  %0 = tensor.insert_slice %w into %empty[0] [4] [1] : tensor<4xi8> into tensor<8xi8>
  %1 = tensor.insert_slice %x into %0[4] [4] [1] : tensor<4xi8> into tensor<8xi8>
  return %1 : tensor<8xi8>
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x4000000001020304"
    }
  }
#-}

// -----

// Cut out of an outer dimension, every second row of the result.
// CHECK-LABEL: func @strided
// CHECK: dense<{{\[\[}}[1, 2]], {{\[}}[5, 6]], {{\[}}[3, 4]]]> : tensor<3x1x2xi8>
func.func @strided() -> tensor<3x1x2xi8> {
  %a = arith.constant dense_resource<a> : tensor<2x2xi8>
  %b = arith.constant dense_resource<b> : tensor<2xi8>
  %empty = tensor.empty() : tensor<3x1x2xi8>
  %0 = tensor.insert_slice %a into %empty[0, 0, 0] [2, 1, 2] [2, 1, 1] : tensor<2x2xi8> into tensor<3x1x2xi8>
  %1 = tensor.insert_slice %b into %0[1, 0, 0] [1, 1, 2] [1, 1, 1] : tensor<2xi8> into tensor<3x1x2xi8>
  return %1 : tensor<3x1x2xi8>
}

{-#
  dialect_resources: {
    builtin: {
      a: "0x4000000001020304",
      b: "0x400000000506"
    }
  }
#-}

// -----

// Small ones are elements, which upstream folds one by one; others stay bytes under a name.
// CHECK-LABEL: func @large
// CHECK: dense_resource<a.moved> : tensor<2x150xi8>
func.func @large() -> tensor<2x150xi8> {
  %a = arith.constant dense_resource<a> : tensor<1x150xi8>
  %b = arith.constant dense_resource<b> : tensor<1x150xi8>
  %empty = tensor.empty() : tensor<2x150xi8>
  %0 = tensor.insert_slice %a into %empty[1, 0] [1, 150] [1, 1] : tensor<1x150xi8> into tensor<2x150xi8>
  %1 = tensor.insert_slice %b into %0[0, 0] [1, 150] [1, 1] : tensor<1x150xi8> into tensor<2x150xi8>
  return %1 : tensor<2x150xi8>
}
// CHECK: a.moved: "0x4000000002020202

{-#
  dialect_resources: {
    builtin: {
      a: "0x40000000010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101",
      b: "0x40000000020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202"
    }
  }
#-}
