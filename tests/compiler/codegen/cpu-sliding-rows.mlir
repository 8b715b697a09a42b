// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-register-blocks{vector-bytes=64 vector-registers=32}),canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,LONG
// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-register-blocks{vector-bytes=32 vector-registers=16}),canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,SHORT

// One channel from several: of vectors as long as a cache line, a block of one column reads 8 + 4 for its rows' five
// positions down the window, which is the innermost loop. Of shorter ones it has two columns, and the window's columns there.
// CHECK-LABEL: func.func @one_channel(
// LONG: %[[C:.+]]:8 = scf.for %{{.+}} = %c0 to %c4
// LONG: scf.for %[[Z:.+]] = %c0 to %c5
// LONG-NEXT: arith.addi %{{.+}}, %[[Z]]
// LONG-NEXT: vector.load %arg0
// LONG-COUNT-11: vector.load %arg0
// LONG-NOT: vector.load %arg0
// LONG: scf.yield
// SHORT: %[[C:.+]]:12 = scf.for %{{.+}} = %c0 to %c4
// SHORT: scf.for %[[Y:.+]] = %c0 to %c5
// SHORT-NEXT: vector.load %arg0[%{{.+}}, %[[Y]],
// SHORT: scf.yield
#x = affine_map<(h, w, c, y, z) -> (c, h + y, w + z)>
#k = affine_map<(h, w, c, y, z) -> (c, y, z)>
#o = affine_map<(h, w, c, y, z) -> (h, w)>
func.func @one_channel(%x: memref<4x20x36xf32>, %k: memref<4x5x5xf32>, %y: memref<16x32xf32>) {
  linalg.generic {indexing_maps = [#x, #k, #o], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %k : memref<4x20x36xf32>, memref<4x5x5xf32>) outs(%y : memref<16x32xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  }
  return
}
