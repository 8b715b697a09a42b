// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-register-blocks{vector-bytes=32 vector-registers=16}),canonicalize,cse)' | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#bt = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (n)>

// The sums stay in registers from the fill to the epilogue; nothing else stores them.
// CHECK-LABEL: func.func @gemm(
// CHECK-SAME: %[[OUT:[^:]+]]: memref<4x16xf32>)
// CHECK-SAME: halcyon.specialised
// CHECK: %[[SUM:.+]]:8 = scf.for {{.*}} -> (vector<8xf32>,
// CHECK: vector.broadcast
// CHECK: vector.load %{{.+}} : memref<100x16xf32>, vector<8xf32>
// CHECK: arith.addf {{.*}} fastmath<contract>
// CHECK: scf.yield
// CHECK: arith.maximumf
// CHECK-COUNT-8: vector.store
// CHECK-NOT: linalg
func.func @gemm(%x: memref<4x100xf32>, %w: memref<100x16xf32>, %bias: memref<16xf32>, %out: memref<4x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<4x16xf32>)
  linalg.matmul ins(%x, %w : memref<4x100xf32>, memref<100x16xf32>) outs(%out : memref<4x16xf32>)
  linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%bias : memref<16xf32>) outs(%out : memref<4x16xf32>) {
  ^bb1(%p: f32, %o: f32):
    %s = arith.addf %o, %p : f32
    %r = arith.maximumf %s, %zero : f32
    linalg.yield %r : f32
  }
  return
}

// Columns that are rows in memory are packed to a panel where many rows share them.
// CHECK-LABEL: func.func @transposed(
// CHECK: %[[PANEL:.+]] = memref.alloc() : memref<32x16xf32>
// CHECK: vector.gather
// CHECK: vector.store %{{.+}}, %[[PANEL]]
// CHECK: vector.load %[[PANEL]]
func.func @transposed(%x: memref<64x32xf32>, %w: memref<16x32xf32>, %out: memref<64x16xf32>) {
  linalg.generic {indexing_maps = [#a, #bt, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<16x32xf32>) outs(%out : memref<64x16xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// A sum along rows is contiguous itself: loops and LLVM's vectors do it.
// CHECK-LABEL: func.func @row_sum(
// CHECK: linalg.generic
func.func @row_sum(%x: memref<64x32xf32>, %out: memref<64xf32>) {
  linalg.generic {indexing_maps = [#id, affine_map<(m, n) -> (m)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<64x32xf32>) outs(%out : memref<64xf32>) {
  ^bb1(%p: f32, %o: f32):
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}

// The consumer reads other elements than its own of the sums: it stays outside.
// CHECK-LABEL: func.func @other_elements(
// CHECK: vector.store
// CHECK: linalg.generic
func.func @other_elements(%x: memref<8x32xf32>, %w: memref<32x8xf32>, %t: memref<8x8xf32>, %out: memref<8x8xf32>) {
  linalg.matmul ins(%x, %w : memref<8x32xf32>, memref<32x8xf32>) outs(%t : memref<8x8xf32>)
  linalg.generic {indexing_maps = [#id, affine_map<(m, n) -> (n, m)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%t, %t : memref<8x8xf32>, memref<8x8xf32>) outs(%out : memref<8x8xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %q, %p : f32
    linalg.yield %s : f32
  }
  return
}

// Booleans are bytes in memory, vectors of i1 are not: loops.
// CHECK-LABEL: func.func @any(
// CHECK: linalg.generic
func.func @any(%x: memref<16x32xi1>, %out: memref<32xi1>) {
  linalg.generic {indexing_maps = [affine_map<(n, k) -> (k, n)>, affine_map<(n, k) -> (n)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<16x32xi1>) outs(%out : memref<32xi1>) {
  ^bb1(%p: i1, %o: i1):
    %s = arith.ori %o, %p : i1
    linalg.yield %s : i1
  }
  return
}
