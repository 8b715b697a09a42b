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

// So are those in a wide matrix; where rows are at most 256 bytes apart, they are read in place.
// CHECK-LABEL: func.func @wide(
// CHECK: %[[WIDE:.+]] = memref.alloc() : memref<32x16xf32>
// CHECK: vector.store %{{.+}}, %[[WIDE]]
// CHECK-LABEL: func.func @near(
// CHECK-SAME: %{{[^:]+}}: memref<64x32xf32>, %[[W:[^:]+]]: memref<32x64xf32>
// CHECK-NOT: memref.alloc
// CHECK: vector.load %[[W]]
// CHECK: return
func.func @wide(%x: memref<64x32xf32>, %w: memref<32x80xf32>, %out: memref<64x80xf32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x80xf32>) outs(%out : memref<64x80xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}
func.func @near(%x: memref<64x32xf32>, %w: memref<32x64xf32>, %out: memref<64x64xf32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<64x32xf32>, memref<32x64xf32>) outs(%out : memref<64x64xf32>) {
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

// Panels are read in place, two vectors of 8 from one; partial vectors of the last one too.
// CHECK-LABEL: func.func @panels(
// CHECK-SAME: halcyon.specialised
// CHECK-NOT: memref.alloc
// CHECK: %[[PANEL:.+]] = arith.divui
// CHECK: vector.load %{{.+}}[%[[PANEL]], %{{.+}}, %c0] : memref<3x100x16xf32>, vector<8xf32>
// CHECK: vector.load %{{.+}}[%[[PANEL]], %{{.+}}, %c8] : memref<3x100x16xf32>, vector<8xf32>
// CHECK-NOT: vector.maskedload
// CHECK-NOT: memref.prefetch
// CHECK: vector.maskedstore
// CHECK-NOT: linalg
func.func @panels(%x: memref<4x100xf32>, %w: memref<3x100x16xf32>, %out: memref<4x35xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<4x35xf32>)
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<4x100xf32>, memref<3x100x16xf32>) outs(%out : memref<4x35xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// While 24 rows read a block's panel they ask for the next one: 16 columns of 100 steps are 67 elements for each row, and 4
// for each of the 100 steps of its 6 rows.
// CHECK-LABEL: func.func @read_ahead(
// CHECK-SAME: %[[W:[^:]+]]: memref<5x100x16xf32>
// CHECK: scf.for %[[N:[^ ]+]] =
// CHECK: scf.for %[[M:[^ ]+]] =
// CHECK: scf.for %[[K:[^ ]+]] =
// CHECK: %[[NEXT:.+]] = arith.addi %[[N]], %c16
// CHECK: %[[PANEL:.+]] = arith.divui %[[NEXT]], %c16
// CHECK-DAG: %[[ROWS:.+]] = arith.muli %[[M]], %c67
// CHECK-DAG: %[[STEPS:.+]] = arith.muli %[[K]], %c4
// CHECK: %[[AT:.+]] = arith.addi %[[ROWS]], %[[STEPS]]
// CHECK: memref.prefetch %[[W]][%[[PANEL]], %c0, %[[AT]]], read, locality<3>, data
// CHECK-NOT: linalg
func.func @read_ahead(%x: memref<24x100xf32>, %w: memref<5x100x16xf32>, %out: memref<24x80xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<24x100xf32>, memref<5x100x16xf32>) outs(%out : memref<24x80xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Panels that lie apart are not asked for.
// CHECK-LABEL: func.func @panels_apart(
// CHECK-NOT: memref.prefetch
func.func @panels_apart(%x: memref<24x100xf32>, %w: memref<5x100x16xf32, strided<[3200, 16, 1]>>, %out: memref<24x80xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<24x100xf32>, memref<5x100x16xf32, strided<[3200, 16, 1]>>) outs(%out : memref<24x80xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Panels that no whole number of vectors fills stay with the loops.
// CHECK-LABEL: func.func @narrow_panels(
// CHECK: linalg.generic
func.func @narrow_panels(%x: memref<4x100xf32>, %w: memref<3x100x12xf32>, %out: memref<4x35xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 12, k, n mod 12)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<4x100xf32>, memref<3x100x12xf32>) outs(%out : memref<4x35xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

#window = affine_map<(h, w, c, kh, kw) -> (h + kh, w + kw, c)>
#taps = affine_map<(h, w, c, kh, kw) -> (kh, kw, c)>
#sums = affine_map<(h, w, c, kh, kw) -> (h, w, c)>

// The padded copy vanishes: the loop of kernel rows ends at the border, the first and last column skip a tap.
// CHECK-LABEL: func.func @padded(
// CHECK-SAME: %[[X:[^:]+]]: memref<14x6x8xf32>
// CHECK-NOT: memref.alloc
// CHECK: scf.for %[[H:.+]] =
// CHECK: %[[BELOW:.+]] = arith.subi %c1, %[[H]]
// CHECK: %[[FROM:.+]] = arith.maxsi %[[BELOW]], %c0
// CHECK: scf.for %{{.+}} = %[[FROM]] to
// CHECK-COUNT-6: vector.load %[[X]]
// CHECK-NOT: vector.load %[[X]]
// CHECK-NOT: linalg
func.func @padded(%x: memref<14x6x8xf32>, %w: memref<3x3x8xf32>, %out: memref<14x6x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %p = memref.alloc() : memref<16x8x8xf32>
  linalg.fill ins(%zero : f32) outs(%p : memref<16x8x8xf32>)
  %inside = memref.subview %p[1, 1, 0] [14, 6, 8] [1, 1, 1]
      : memref<16x8x8xf32> to memref<14x6x8xf32, strided<[64, 8, 1], offset: 72>>
  memref.copy %x, %inside : memref<14x6x8xf32> to memref<14x6x8xf32, strided<[64, 8, 1], offset: 72>>
  linalg.generic {indexing_maps = [#window, #taps, #sums],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : memref<16x8x8xf32>, memref<3x3x8xf32>) outs(%out : memref<14x6x8xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

#image = affine_map<(h, w, c, ci, kh, kw) -> (ci, h + kh, w + kw)>
#filter = affine_map<(h, w, c, ci, kh, kw) -> (ci, kh, kw, c)>
#pixels = affine_map<(h, w, c, ci, kh, kw) -> (h, w, c)>

// The loop that the border moves is outside of the three channels: they unroll with the columns where no border is near.
// CHECK-LABEL: func.func @padded_channels(
// CHECK: %[[BELOW:.+]] = arith.subi %c1, %{{.+}}
// CHECK: %[[FROM:.+]] = arith.maxsi %[[BELOW]], %c0
// CHECK-NOT: to %c3
// CHECK: scf.for %{{.+}} = %[[FROM]] to
// CHECK: scf.for %{{.+}} = %c0 to %c3
// CHECK-NOT: linalg
// CHECK: return
func.func @padded_channels(%x: memref<3x14x6xf32>, %w: memref<3x3x3x8xf32>, %out: memref<14x6x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %p = memref.alloc() : memref<3x16x8xf32>
  linalg.fill ins(%zero : f32) outs(%p : memref<3x16x8xf32>)
  %inside = memref.subview %p[0, 1, 1] [3, 14, 6] [1, 1, 1]
      : memref<3x16x8xf32> to memref<3x14x6xf32, strided<[128, 8, 1], offset: 9>>
  memref.copy %x, %inside : memref<3x14x6xf32> to memref<3x14x6xf32, strided<[128, 8, 1], offset: 9>>
  linalg.generic {indexing_maps = [#image, #filter, #pixels],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%p, %w : memref<3x16x8xf32>, memref<3x3x3x8xf32>) outs(%out : memref<14x6x8xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Where only the call knows the rows, a block asks whether all of its window is inside; else each row that is outside has the
// padding's value, from an address that is inside, if the source has one.
// CHECK-LABEL: func.func @padded_unknown(
// CHECK-SAME: %[[X:[^:]+]]: memref<?x?x8xf32>
// CHECK-NOT: memref.alloc
// CHECK: %[[INNER:.+]] = arith.andi
// CHECK: scf.if %[[INNER]]
// CHECK-NOT: arith.select
// CHECK: } else {
// CHECK: %[[ANY:.+]] = arith.cmpi sgt, %{{.+}}, %c0
// CHECK: scf.if %[[ANY]]
// CHECK: %[[IN:.+]] = arith.cmpi ult
// CHECK: %[[AT:.+]] = arith.select %[[IN]], %{{.+}}, %c0 : index
// CHECK: %[[V:.+]] = vector.load %[[X]][%{{.+}}, %[[AT]], %{{.+}}]
// CHECK: arith.select %[[IN]], %[[V]], %{{.+}} : vector<8xf32>
// CHECK-NOT: linalg
// CHECK: return
func.func @padded_unknown(%x: memref<?x?x8xf32>, %w: memref<3x3x8xf32>, %out: memref<?x?x8xf32>, %h: index, %v: index) {
  %zero = arith.constant 0.0 : f32
  %c2 = arith.constant 2 : index
  %ph = arith.addi %h, %c2 : index
  %pv = arith.addi %v, %c2 : index
  %p = memref.alloc(%ph, %pv) : memref<?x?x8xf32>
  linalg.fill ins(%zero : f32) outs(%p : memref<?x?x8xf32>)
  %inside = memref.subview %p[1, 1, 0] [%h, %v, 8] [1, 1, 1]
      : memref<?x?x8xf32> to memref<?x?x8xf32, strided<[?, 8, 1], offset: ?>>
  memref.copy %x, %inside : memref<?x?x8xf32> to memref<?x?x8xf32, strided<[?, 8, 1], offset: ?>>
  linalg.generic {indexing_maps = [#window, #taps, #sums],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : memref<?x?x8xf32>, memref<3x3x8xf32>) outs(%out : memref<?x?x8xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Somebody else reads the padded copy: it stays.
// CHECK-LABEL: func.func @padded_twice(
// CHECK: memref.alloc
// CHECK: memref.copy
func.func @padded_twice(%x: memref<14x6x8xf32>, %w: memref<3x3x8xf32>, %out: memref<14x6x8xf32>, %copy: memref<16x8x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %p = memref.alloc() : memref<16x8x8xf32>
  linalg.fill ins(%zero : f32) outs(%p : memref<16x8x8xf32>)
  %inside = memref.subview %p[1, 1, 0] [14, 6, 8] [1, 1, 1]
      : memref<16x8x8xf32> to memref<14x6x8xf32, strided<[64, 8, 1], offset: 72>>
  memref.copy %x, %inside : memref<14x6x8xf32> to memref<14x6x8xf32, strided<[64, 8, 1], offset: 72>>
  linalg.generic {indexing_maps = [#window, #taps, #sums],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : memref<16x8x8xf32>, memref<3x3x8xf32>) outs(%out : memref<14x6x8xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  memref.copy %p, %copy : memref<16x8x8xf32> to memref<16x8x8xf32>
  return
}

// Two vectors share a row's scalar, even where the second one is partial: the store alone is masked.
// CHECK-LABEL: func.func @partial_second(
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-2: vector.load
// CHECK: vector.store
// CHECK: vector.maskedstore
// CHECK-NOT: linalg
func.func @partial_second(%x: memref<3x100xf32>, %w: memref<1x100x16xf32>, %out: memref<3x13xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<3x100xf32>, memref<1x100x16xf32>) outs(%out : memref<3x13xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Few rows, known or found when it runs: four vectors of each, for sums enough that none waits for the one before it.
// CHECK-LABEL: func.func @few_rows(
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-NOT: linalg
func.func @few_rows(%x: memref<2x100xf32>, %w: memref<4x100x16xf32>, %out: memref<2x64xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<2x100xf32>, memref<4x100x16xf32>) outs(%out : memref<2x64xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Three rows ask for each panel's line 32 lines ahead, where no L2 holds all panels.
// CHECK-LABEL: func.func @few_rows_of_many(
// CHECK-SAME: %[[W:[^:]+]]: memref<20x1000x16xf32>
// CHECK: scf.for %[[N:[^ ]+]] =
// CHECK: scf.for %[[K:[^ ]+]] =
// CHECK: %[[FIRST:.+]] = arith.divui %[[N]], %c16
// CHECK: memref.prefetch %[[W]][%[[FIRST]], %[[K]], %c512], read, locality<3>, data
// CHECK: %[[SECOND:.+]] = arith.addi %[[FIRST]], %c1
// CHECK: memref.prefetch %[[W]][%[[SECOND]], %[[K]], %c512], read, locality<3>, data
// CHECK-NOT: memref.prefetch
// CHECK-LABEL: func.func @two_rows_of_many(
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @few_rows_of_many(%x: memref<3x1000xf32>, %w: memref<20x1000x16xf32>, %out: memref<3x320xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<3x1000xf32>, memref<20x1000x16xf32>) outs(%out : memref<3x320xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}
func.func @two_rows_of_many(%x: memref<2x1000xf32>, %w: memref<20x1000x16xf32>, %out: memref<2x320xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<2x1000xf32>, memref<20x1000x16xf32>) outs(%out : memref<2x320xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// CHECK-LABEL: func.func @maybe_few_rows(
// CHECK: %[[ROWS:.+]] = memref.dim %{{.+}}, %c0
// CHECK: %[[FEW:.+]] = arith.cmpi ule, %[[ROWS]], %c3
// CHECK: scf.if %[[FEW]]
// CHECK: scf.for {{.*}} step %c32
// CHECK: } else {
// CHECK: scf.for {{.*}} step %c16
// CHECK-NOT: linalg
func.func @maybe_few_rows(%x: memref<?x100xf32>, %w: memref<4x100x16xf32>, %out: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x100xf32>, memref<4x100x16xf32>) outs(%out : memref<?x64xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// A sum of a row's squares around the row's mean is not the sum of columns: the mean lies along the rows, but is read once.
// CHECK-LABEL: func.func @around_the_mean(
// CHECK-NOT: vector.gather
// CHECK: linalg.generic
func.func @around_the_mean(%x: memref<32x768xf32>, %mean: memref<32xf32>, %out: memref<32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m)>, affine_map<(m, k) -> (m)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x, %mean : memref<32x768xf32>, memref<32xf32>) outs(%out : memref<32xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %d = arith.subf %p, %q : f32
    %m = arith.mulf %d, %d : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Sums of another type than the result have scratch memory that nothing writes: they stay in registers.
// CHECK-LABEL: func.func @other_type(
// CHECK-SAME: %[[OUT:[^:]+]]: memref<4x16xi8>)
// CHECK-NOT: memref.alloc
// CHECK: nn.dot_bytes
// CHECK: arith.trunci %{{.*}} : vector<8xi32> to vector<8xi8>
// CHECK: vector.store %{{.*}}, %[[OUT]]
// CHECK-NOT: vector<8xi32>
// CHECK: return
func.func @other_type(%x: memref<4x100xi32>, %w: memref<100x16xi32>, %out: memref<4x16xi8>) {
  %zero = arith.constant 0 : i32
  %sums = memref.alloc() : memref<4x16xi32>
  linalg.fill ins(%zero : i32) outs(%sums : memref<4x16xi32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<4x100xi32>, memref<100x16xi32>) outs(%sums : memref<4x16xi32>) {
  ^bb1(%p: i32, %q: i32, %o: i32):
    %d = nn.dot_bytes %p, %q : i32
    %s = arith.addi %o, %d : i32
    linalg.yield %s : i32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<4x16xi32>) outs(%out : memref<4x16xi8>) {
  ^bb1(%p: i32, %o: i8):
    %r = arith.trunci %p : i32 to i8
    linalg.yield %r : i8
  }
  return
}

// Of rows whose number is not known, what is left of whole blocks is one block, and each step asks for two lines of the next
// columns: so few rows may share them.
// CHECK-LABEL: func.func @unknown_rows(
// CHECK-SAME: %[[W:[^:]+]]: memref<5x100x16xf32>
// CHECK: } else {
// CHECK: scf.for {{.*}} step %c6
// CHECK: memref.prefetch %[[W]][%[[NEXT:.+]], %c0, %[[AT:.+]]], read, locality<3>, data
// CHECK: %[[LINE:.+]] = arith.addi %[[AT]], %c16
// CHECK: memref.prefetch %[[W]][%[[NEXT]], %c0, %[[LINE]]], read, locality<3>, data
// CHECK: %[[LEFT:.+]] = arith.subi
// CHECK: scf.index_switch %[[LEFT]]
// CHECK: case 1 {
// CHECK: scf.for %{{.+}} = %c0 to %c100 {{.*}} -> (vector<8xf32>, vector<8xf32>) {
// CHECK: case 5 {
// CHECK: scf.for %{{.+}} = %c0 to %c100 {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK: default {
// CHECK-NOT: linalg
func.func @unknown_rows(%x: memref<?x100xf32>, %w: memref<5x100x16xf32>, %out: memref<?x80xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x100xf32>, memref<5x100x16xf32>) outs(%out : memref<?x80xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// Sums that begin in the block can be computed twice: what is left of whole blocks of 6 rows is one more where it is 3 rows or
// more, which begins before. So only 3, 1 and 2 rows have bodies of their own.
// CHECK-LABEL: func.func @overlapping_rows(
// CHECK: %[[ROWS:.+]] = memref.dim
// CHECK: %[[LAST:.+]] = arith.subi %[[ROWS]], %c6
// CHECK: scf.for %[[AT:[^ ]+]] = %c0 to %{{.+}} step %c6
// CHECK: arith.minsi %[[AT]], %[[LAST]]
// CHECK: scf.if
// CHECK: } else {
// CHECK: scf.for {{.*}} step %c3
// CHECK: scf.index_switch
// CHECK: case 1
// CHECK: case 2
// CHECK-NOT: case 3
// Not where a block adds to what memory holds, or reads what it wrote.
// CHECK-LABEL: func.func @rows_in_place(
// CHECK-NOT: arith.minsi
// CHECK: case 5
func.func @overlapping_rows(%x: memref<?x100xf32>, %w: memref<5x100x16xf32>, %out: memref<?x80xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<?x80xf32>)
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x100xf32>, memref<5x100x16xf32>) outs(%out : memref<?x80xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}
func.func @rows_in_place(%x: memref<?x100xf32>, %w: memref<5x100x16xf32>, %sums: memref<?x80xf32>, %out: memref<?x80xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%sums : memref<?x80xf32>)
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x100xf32>, memref<5x100x16xf32>) outs(%sums : memref<?x80xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<?x80xf32>) outs(%out : memref<?x80xf32>) {
  ^bb1(%p: f32, %o: f32):
    %s = arith.addf %p, %o : f32
    linalg.yield %s : f32
  }
  return
}

// What an epilogue adds to a long sum, element by element, is asked for before the sum; what all rows share, or a short sum's, is not.
// CHECK-LABEL: func.func @residual(
// CHECK-SAME: %[[BIAS:[^:]+]]: memref<16xf32>, %[[RESIDUAL:[^:]+]]: memref<24x16xf32>
// CHECK-NOT: memref.prefetch %[[BIAS]]
// CHECK-COUNT-12: memref.prefetch %[[RESIDUAL]]
// CHECK-NOT: memref.prefetch %[[RESIDUAL]]
// CHECK: scf.for
// CHECK: vector.load %[[RESIDUAL]]
// CHECK-LABEL: func.func @short_residual(
// CHECK-SAME: %[[SHORT:[^:]+]]: memref<24x16xf32>, %{{[^:]+}}: memref<24x16xf32>)
// CHECK-NOT: memref.prefetch %[[SHORT]]
// CHECK: return
func.func @residual(%x: memref<24x100xf32>, %w: memref<1x100x16xf32>, %bias: memref<16xf32>, %residual: memref<24x16xf32>, %out: memref<24x16xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<24x100xf32>, memref<1x100x16xf32>) outs(%out : memref<24x16xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#row, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%bias, %residual : memref<16xf32>, memref<24x16xf32>) outs(%out : memref<24x16xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %o, %p : f32
    %t = arith.addf %s, %q : f32
    linalg.yield %t : f32
  }
  return
}
func.func @short_residual(%x: memref<24x10xf32>, %w: memref<1x10x16xf32>, %residual: memref<24x16xf32>, %out: memref<24x16xf32>) {
  linalg.generic {indexing_maps = [#a, affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>, #c],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<24x10xf32>, memref<1x10x16xf32>) outs(%out : memref<24x16xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%residual : memref<24x16xf32>) outs(%out : memref<24x16xf32>) {
  ^bb1(%q: f32, %o: f32):
    %t = arith.addf %o, %q : f32
    linalg.yield %t : f32
  }
  return
}

// -----

// Of a largest value either zero will do, as vectors take it.
// CHECK-LABEL: func.func @largest(
// CHECK: arith.maximumf {{.*}} fastmath<nsz> : vector
#in = affine_map<(w, c, k) -> (w * 2 + k, c)>
#shape = affine_map<(w, c, k) -> (k)>
#out = affine_map<(w, c, k) -> (w, c)>
func.func @largest(%x: memref<32x16xf32>, %window: memref<2xf32>, %y: memref<16x16xf32>) {
  linalg.generic {indexing_maps = [#in, #shape, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %window : memref<32x16xf32>, memref<2xf32>) outs(%y : memref<16x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.maximumf %o, %a : f32
    linalg.yield %m : f32
  }
  return
}

// -----

// One image of unknown many, whose rows share but a tap: it is mostly alone, so four of its vectors have sums at once.
// CHECK-LABEL: func.func @alone(
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK-NOT: vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
// CHECK: return
func.func @alone(%x: memref<?x131xf32>, %w: memref<100xf32>, %y: memref<?x32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(n, i, k) -> (n, i + k)>, affine_map<(n, i, k) -> (k)>, affine_map<(n, i, k) -> (n, i)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x131xf32>, memref<100xf32>) outs(%y : memref<?x32xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  }
  return
}
