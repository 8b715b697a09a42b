// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-transposes{vector-bytes=32}),canonicalize,cse)' | FileCheck %s

#cr = affine_map<(r, c) -> (c, r)>
#rc = affine_map<(r, c) -> (r, c)>

// Blocks of 8 by 8: rows of the input as vectors, three rounds of shuffles, the body, rows of the output. What is left
// of the columns and of the rows is done one by one.
// CHECK-LABEL: func.func @turn(
// CHECK-SAME: %[[X:[^:]+]]: memref<20x17xf32>, %[[Y:[^:]+]]: memref<17x20xf32>
// CHECK-SAME: halcyon.specialised
// CHECK-COUNT-8: vector.load %[[X]]
// CHECK-COUNT-24: vector.shuffle
// CHECK-COUNT-8: vector.load %[[Y]]
// CHECK-COUNT-8: arith.addf {{.*}} : vector<8xf32>
// CHECK: vector.store
// CHECK: scf.for
// CHECK: memref.load %[[X]]
// CHECK: scf.for
// CHECK: memref.load %[[X]]
// CHECK-NOT: linalg
func.func @turn(%x: memref<20x17xf32>, %y: memref<17x20xf32>, %out: memref<17x20xf32>) {
  linalg.generic {indexing_maps = [#cr, #rc, #rc], iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : memref<20x17xf32>, memref<17x20xf32>) outs(%out : memref<17x20xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  }
  return
}

// Channels to the end: positions are one loop, and one of the block's.
// CHECK-LABEL: func.func @channels(
// CHECK: memref.reinterpret_cast
// CHECK-COUNT-24: vector.shuffle
func.func @channels(%x: memref<16x6x4xf32>, %out: memref<6x4x16xf32>) {
  linalg.generic {indexing_maps = [affine_map<(h, w, c) -> (c, h, w)>, affine_map<(h, w, c) -> (h, w, c)>],
                  iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<16x6x4xf32>) outs(%out : memref<6x4x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// Three columns fill no vector; rows that stay rows need no block: loops.
// CHECK-LABEL: func.func @narrow(
// CHECK-COUNT-2: linalg.generic
func.func @narrow(%x: memref<3x64xf32>, %out: memref<64x3xf32>, %y: memref<64x3xf32>) {
  linalg.generic {indexing_maps = [#cr, #rc], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<3x64xf32>) outs(%out : memref<64x3xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#rc, #rc], iterator_types = ["parallel", "parallel"]}
      ins(%y : memref<64x3xf32>) outs(%out : memref<64x3xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// Bytes: as many lanes as registers hold rows, at most 16.
// CHECK-LABEL: func.func @bytes(
// CHECK-SAME: halcyon.specialised
// CHECK-COUNT-16: vector.load {{.*}} vector<16xi8>
// CHECK-COUNT-64: vector.shuffle
// CHECK-COUNT-16: vector.store
func.func @bytes(%x: memref<20x32xi8>, %out: memref<32x20xi8>) {
  linalg.generic {indexing_maps = [#cr, #rc], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<20x32xi8>) outs(%out : memref<32x20xi8>) {
  ^bb0(%a: i8, %o: i8):
    linalg.yield %a : i8
  }
  return
}

// The widest element says how many lanes: bytes that become floats are read 8 at a time.
// CHECK-LABEL: func.func @widened(
// CHECK-COUNT-8: vector.load {{.*}} vector<8xi8>
// CHECK-COUNT-24: vector.shuffle {{.*}} vector<8xi8>
// CHECK-COUNT-8: arith.uitofp {{.*}} to vector<8xf32>
func.func @widened(%x: memref<20x32xi8>, %out: memref<32x20xf32>) {
  linalg.generic {indexing_maps = [#cr, #rc], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<20x32xi8>) outs(%out : memref<32x20xf32>) {
  ^bb0(%a: i8, %o: f32):
    %f = arith.uitofp %a : i8 to f32
    linalg.yield %f : f32
  }
  return
}

// Halves are shuffled as the bits that they are.
// CHECK-LABEL: func.func @halves(
// CHECK-COUNT-16: vector.bitcast {{.*}} : vector<16xf16> to vector<16xi16>
// CHECK-COUNT-64: vector.shuffle {{.*}} vector<16xi16>
// CHECK-COUNT-16: vector.bitcast {{.*}} : vector<16xi16> to vector<16xf16>
func.func @halves(%x: memref<20x32xf16>, %out: memref<32x20xf16>) {
  linalg.generic {indexing_maps = [#cr, #rc], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<20x32xf16>) outs(%out : memref<32x20xf16>) {
  ^bb0(%a: f16, %o: f16):
    linalg.yield %a : f16
  }
  return
}
