// RUN: halcyon-opt %s --halcyon-cpu-register-blocks='vector-registers=32 byte-matrices=true pair-matrices=true' --canonicalize | FileCheck %s
// RUN: halcyon-opt %s --halcyon-cpu-register-blocks='vector-registers=32' --canonicalize | FileCheck %s --check-prefix=NONE

#a = affine_map<(m, n, k) -> (m, k)>
#panels = affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>
#c = affine_map<(m, n, k) -> (m, n)>

// Five rows are three pairs, by eight pairs of columns; the depth's last word is alone: a zero is beside it. Panels have a word of
// four columns: two of them become two words of two columns each.
// CHECK-LABEL: func.func @bytes(
// CHECK-SAME: %[[X:[^:]+]]: memref<5x23xi32>, %[[W:[^:]+]]: memref<2x23x16xi32>, %[[OUT:[^:]+]]: memref<5x32xi32>)
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 1, 4, 5] : vector<4xi32>, vector<4xi32>
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [2, 3, 6, 7] : vector<4xi32>, vector<4xi32>
// CHECK: scf.for %[[K:.+]] = %c0 to %c22 step %c2 iter_args
// CHECK: %[[UPPER:.+]] = vector.load %[[X]][%c0, %[[K]]] : memref<5x23xi32>, vector<2xi32>
// CHECK: vector.load %[[X]][%c1, %[[K]]] : memref<5x23xi32>, vector<2xi32>
// CHECK: vector.shuffle %[[UPPER]], %{{.*}} [0, 1, 2, 3] : vector<2xi32>, vector<2xi32>
// CHECK: %[[FIRST:.+]] = vector.load %[[W]][%{{.*}}, %[[K]], %c0] : memref<2x23x16xi32>, vector<4xi32>
// CHECK: %[[NEXT:.+]] = arith.addi %[[K]], %c1
// CHECK: %[[SECOND:.+]] = vector.load %[[W]][%{{.*}}, %[[NEXT]], %c0] : memref<2x23x16xi32>, vector<4xi32>
// CHECK: vector.shuffle %[[FIRST]], %[[SECOND]] [0, 4, 1, 5]
// CHECK: vector.shuffle %[[FIRST]], %[[SECOND]] [2, 6, 3, 7]
// CHECK-COUNT-24: llvm.call_intrinsic "llvm.aarch64.neon.usmmla.v4i32.v16i8"
// CHECK: scf.yield
// CHECK: memref.load %[[X]][%c0, %c22]
// CHECK: vector.insert %{{.*}}, %{{.*}} [0] : i32 into vector<4xi32>
// CHECK: vector.insert %{{.*}}, %{{.*}} [2] : i32 into vector<4xi32>
// CHECK-COUNT-24: llvm.call_intrinsic "llvm.aarch64.neon.usmmla.v4i32.v16i8"
// CHECK-NOT: llvm.call_intrinsic
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 1, 4, 5]
// CHECK: vector.store
// NONE-NOT: llvm.call_intrinsic
func.func @bytes(%x: memref<5x23xi32>, %w: memref<2x23x16xi32>, %out: memref<5x32xi32>) {
  linalg.generic {indexing_maps = [#a, #panels, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<5x23xi32>, memref<2x23x16xi32>) outs(%out : memref<5x32xi32>) {
  ^bb1(%p: i32, %q: i32, %o: i32):
    %d = nn.dot_bytes %p, %q : i32
    %s = arith.addi %o, %d : i32
    linalg.yield %s : i32
  }
  return
}

// Sums of bf16 are f32.
// CHECK-LABEL: func.func @pairs(
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 1, 4, 5] : vector<4xf32>, vector<4xf32>
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.bfmmla"(%{{.*}}) : (vector<4xf32>, vector<8xbf16>, vector<8xbf16>) -> vector<4xf32>
// CHECK-NOT: nn.dot_pairs
// CHECK: return
func.func @pairs(%x: memref<16x64xi32>, %w: memref<1x64x16xi32>, %out: memref<16x16xf32>) {
  linalg.generic {indexing_maps = [#a, #panels, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<16x64xi32>, memref<1x64x16xi32>) outs(%out : memref<16x16xf32>) {
  ^bb1(%p: i32, %q: i32, %o: f32):
    %d = nn.dot_pairs %p, %q : i32 to f32
    %s = arith.addf %o, %d : f32
    linalg.yield %s : f32
  }
  return
}

// One row would be multiplied twice; a left side whose depth is not contiguous, and one word, have no pairs.
// CHECK-LABEL: func.func @one_row(
// CHECK-NOT: llvm.call_intrinsic
// CHECK-LABEL: func.func @turned(
// CHECK-NOT: llvm.call_intrinsic
// CHECK-LABEL: func.func @one_word(
// CHECK-NOT: llvm.call_intrinsic
// CHECK: return
func.func @one_row(%x: memref<1x64xi32>, %w: memref<1x64x16xi32>, %out: memref<1x16xi32>) {
  linalg.generic {indexing_maps = [#a, #panels, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<1x64xi32>, memref<1x64x16xi32>) outs(%out : memref<1x16xi32>) {
  ^bb1(%p: i32, %q: i32, %o: i32):
    %d = nn.dot_bytes %p, %q : i32
    %s = arith.addi %o, %d : i32
    linalg.yield %s : i32
  }
  return
}
func.func @turned(%x: memref<64x8xi32>, %w: memref<1x64x16xi32>, %out: memref<8x16xi32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (k, m)>, #panels, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x8xi32>, memref<1x64x16xi32>) outs(%out : memref<8x16xi32>) {
  ^bb1(%p: i32, %q: i32, %o: i32):
    %d = nn.dot_bytes %p, %q : i32
    %s = arith.addi %o, %d : i32
    linalg.yield %s : i32
  }
  return
}
func.func @one_word(%x: memref<8x1xi32>, %w: memref<1x1x16xi32>, %out: memref<8x16xi32>) {
  linalg.generic {indexing_maps = [#a, #panels, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x1xi32>, memref<1x1x16xi32>) outs(%out : memref<8x16xi32>) {
  ^bb1(%p: i32, %q: i32, %o: i32):
    %d = nn.dot_bytes %p, %q : i32
    %s = arith.addi %o, %d : i32
    linalg.yield %s : i32
  }
  return
}
