// RUN: halcyon-opt %s --pass-pipeline='builtin.module(halcyon-cpu-kernel,func.func(halcyon-cpu-tile),canonicalize,cse)' --split-input-file | FileCheck %s

// The workgroup's part of the root, and of the producer that it needs.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: %[[N:.+]]: index, %[[ID:.+]]: index, %{{.+}}: index, %{{.+}}: index, %{{.+}}: memref<?xi8>)
// CHECK-SAME: halcyon.tile = array<i64: [[TILE:[0-9]+]], 1, 1>
// CHECK: %[[OFFSET:.+]] = affine.apply #{{.+}}()[%[[ID]]]
// CHECK: %[[SIZE:.+]] = affine.min
// CHECK: tensor.extract_slice %{{.+}}[%[[OFFSET]]] [%[[SIZE]]] [1]
// CHECK: math.exp
// CHECK: arith.negf
// CHECK: tensor.insert_slice %{{.+}} into %{{.+}}[%[[OFFSET]]] [%[[SIZE]]] [1]
#id = affine_map<(i) -> (i)>
dispatch.executable @chain inputs 1 workload_rank 1 dims [[0], [0]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index):
  %e = tensor.empty(%n) : tensor<?xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<?xf32>) outs(%out : tensor<?xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = arith.negf %v : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  dispatch.return %y : tensor<?xf32>
}

// -----

// A loop of length one keeps its place among the workgroup's ids: the second id tiles the second loop.
// CHECK-LABEL: func.func @one_row(
// CHECK-SAME: %{{[^:]+}}: memref<1x50000xf32>, %{{[^:]+}}: memref<1x50000xf32>, %[[ID0:[^:]+]]: index, %[[ID1:[^:]+]]: index,
// CHECK: affine.apply #{{.+}}()[%[[ID1]]]
// CHECK-NOT: affine.apply #{{.+}}()[%[[ID0]]]
#row = affine_map<(i, j) -> (i, j)>
dispatch.executable @one_row inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<1x50000xf32>, %out: tensor<1x50000xf32>):
  %y = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<1x50000xf32>) outs(%out : tensor<1x50000xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s0 = math.exp %v : f32
    %s = math.exp %s0 : f32
    linalg.yield %s : f32
  } -> tensor<1x50000xf32>
  dispatch.return %y : tensor<1x50000xf32>
}

// -----

// Work for another destination would be done by every workgroup: one does all of it.
// CHECK-LABEL: func.func @two_roots(
// CHECK-SAME: halcyon.tile = array<i64: 4294967295, 1, 1>
// CHECK-NOT: tensor.extract_slice
#vec = affine_map<(i) -> (i)>
dispatch.executable @two_roots inputs 1 workload_rank 1 dims [[], [], []] {
^bb0(%x: tensor<8xf32>, %out: tensor<8xf32>, %out2: tensor<8xf32>):
  %y = linalg.generic {indexing_maps = [#vec, #vec], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%out : tensor<8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.exp %v : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %z = linalg.generic {indexing_maps = [#vec, #vec], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%out2 : tensor<8xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = arith.negf %v : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  dispatch.return %y, %z : tensor<8xf32>, tensor<8xf32>
}

// -----

// Whole panels, also where the last tile has part of one: 40 columns left are three panels of 16.
// CHECK-LABEL: func.func @panels(
// CHECK-SAME: halcyon.tile = array<i64: {{[0-9]+}}, 64, 1>
// CHECK: %[[LEFT:.+]] = affine.min #{{.+}}()[%{{.+}}]
// CHECK: %[[PANELS:.+]] = affine.apply #{{.+}}()[%[[LEFT]]]
// CHECK: tensor.extract_slice %{{.+}}[%{{.+}}, 0, 0] [%[[PANELS]], 512, 16] [1, 1, 1] : tensor<7x512x16xf32> to tensor<?x512x16xf32>
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>
#y = affine_map<(m, n, k) -> (m, n)>
dispatch.executable @panels inputs 2 workload_rank 2 dims [[], [], []] {
^bb0(%x: tensor<128x512xf32>, %w: tensor<7x512x16xf32>, %out: tensor<128x104xf32>):
  %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<128x512xf32>, tensor<7x512x16xf32>) outs(%out : tensor<128x104xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<128x104xf32>
  dispatch.return %y : tensor<128x104xf32>
}

// -----

// What follows a contraction turns its dimensions: the tile has many of the contraction's rows, and one batch.
// CHECK-LABEL: func.func @turned(
// CHECK-SAME: halcyon.tile = array<i64: 256, 1, 64>
#left = affine_map<(b, m, n, k) -> (b, m, k)>
#right = affine_map<(b, m, n, k) -> (b, k, n)>
#product = affine_map<(b, m, n, k) -> (b, m, n)>
#turn = affine_map<(m, b, n) -> (b, m, n)>
#same = affine_map<(m, b, n) -> (m, b, n)>
dispatch.executable @turned inputs 2 workload_rank 3 dims [[], [], []] {
^bb0(%x: tensor<6x1536x512xf32>, %w: tensor<6x512x64xf32>, %out: tensor<1536x6x64xf32>):
  %e = tensor.empty() : tensor<6x1536x64xf32>
  %y = linalg.generic {indexing_maps = [#left, #right, #product],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<6x1536x512xf32>, tensor<6x512x64xf32>) outs(%e : tensor<6x1536x64xf32>) {
  ^bb1(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<6x1536x64xf32>
  %z = linalg.generic {indexing_maps = [#turn, #same], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y : tensor<6x1536x64xf32>) outs(%out : tensor<1536x6x64xf32>) {
  ^bb1(%v: f32, %o: f32):
    linalg.yield %v : f32
  } -> tensor<1536x6x64xf32>
  dispatch.return %z : tensor<1536x6x64xf32>
}

// -----

// Who only asks for the size of its result does not hide what follows a contraction: 64 columns, as many rows as share them.
// CHECK-LABEL: func.func @sized(
// CHECK-SAME: halcyon.tile = array<i64: 256, 64, 1>
#l = affine_map<(m, n, k) -> (m, k)>
#r = affine_map<(m, n, k) -> (k, n)>
#p = affine_map<(m, n, k) -> (m, n)>
#e = affine_map<(m, n) -> (m, n)>
dispatch.executable @sized inputs 2 workload_rank 2 dims [[0], [], [0]] {
^bb0(%x: tensor<?x512xf32>, %w: tensor<512x1024xf32>, %out: tensor<?x1024xf32>, %rows: index):
  %c0 = arith.constant 0 : index
  %empty = tensor.empty(%rows) : tensor<?x1024xf32>
  %y = linalg.generic {indexing_maps = [#l, #r, #p], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x512xf32>, tensor<512x1024xf32>) outs(%empty : tensor<?x1024xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<?x1024xf32>
  %n = tensor.dim %y, %c0 : tensor<?x1024xf32>
  %between = tensor.empty(%n) : tensor<?x1024xf32>
  %z = linalg.generic {indexing_maps = [#e, #e], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<?x1024xf32>) outs(%between : tensor<?x1024xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = math.absf %v : f32
    linalg.yield %s : f32
  } -> tensor<?x1024xf32>
  %q = linalg.generic {indexing_maps = [#e, #e], iterator_types = ["parallel", "parallel"]}
      ins(%z : tensor<?x1024xf32>) outs(%out : tensor<?x1024xf32>) {
  ^bb1(%v: f32, %o: f32):
    %s = arith.negf %v : f32
    linalg.yield %s : f32
  } -> tensor<?x1024xf32>
  dispatch.return %q : tensor<?x1024xf32>
}

// -----

// Sums of columns are of whole blocks, however many rows there are: four vectors' sums do not wait for one another.
// CHECK-LABEL: func.func @pool(
// CHECK-SAME: halcyon.tile = array<i64: 1, 64, 1>
#positions = affine_map<(n, c, h, w) -> (n, h, w, c)>
#columns = affine_map<(n, c, h, w) -> (n, c)>
dispatch.executable @pool inputs 1 workload_rank 2 dims [[0, 1, 2], [0]] {
^bb0(%x: tensor<?x?x?x200xf32>, %out: tensor<?x200xf32>, %n: index, %h: index, %w: index):
  %y = linalg.generic {indexing_maps = [#positions, #columns],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x : tensor<?x?x?x200xf32>) outs(%out : tensor<?x200xf32>) {
  ^bb1(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<?x200xf32>
  dispatch.return %y : tensor<?x200xf32>
}

// -----

// Padding stays outside of the tile, which has whole rows, so that borders are known.
// CHECK-LABEL: func.func @padding(
// CHECK-SAME: halcyon.tile = array<i64: {{[0-9]+}}, 300, 32>
// CHECK: %[[FILL:.+]] = linalg.fill
// CHECK: %[[PADDED:.+]] = tensor.insert_slice %{{.+}} into %[[FILL]][1, 1, 0]
// CHECK: tensor.extract_slice %[[PADDED]][%{{.+}}, 0, 0]
#in = affine_map<(h, w, c, kh, kw) -> (h + kh, w + kw, c)>
#taps = affine_map<(h, w, c, kh, kw) -> (kh, kw, c)>
#sum = affine_map<(h, w, c, kh, kw) -> (h, w, c)>
dispatch.executable @padding inputs 2 workload_rank 3 dims [[], [], []] {
^bb0(%x: tensor<300x300x32xf32>, %w: tensor<3x3x32xf32>, %out: tensor<300x300x32xf32>):
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<302x302x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<302x302x32xf32>) -> tensor<302x302x32xf32>
  %p = tensor.insert_slice %x into %f[1, 1, 0] [300, 300, 32] [1, 1, 1] : tensor<300x300x32xf32> into tensor<302x302x32xf32>
  %y = linalg.generic {indexing_maps = [#in, #taps, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : tensor<302x302x32xf32>, tensor<3x3x32xf32>) outs(%out : tensor<300x300x32xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<300x300x32xf32>
  dispatch.return %y : tensor<300x300x32xf32>
}

// -----

// A workgroup inserts its part of the source, at the place of that part; rows stay whole.
// CHECK: #[[BEGIN:.+]] = affine_map<()[s0] -> (s0 * 2)>
// CHECK: #[[PLACE:.+]] = affine_map<()[s0] -> (s0 * 2 + 32)>
// CHECK-LABEL: func.func @insert(
// CHECK-SAME: %[[ID:[^:]+]]: index, %{{[^:]+}}: index, %{{[^:]+}}: memref<?xi8>)
// CHECK-SAME: halcyon.tile = array<i64: 1, 2, 64>
// CHECK-DAG: %[[AT:.+]] = affine.apply #[[BEGIN]]()[%[[ID]]]
// CHECK-DAG: %[[TO:.+]] = affine.apply #[[PLACE]]()[%[[ID]]]
// CHECK: %[[PART:.+]] = tensor.extract_slice %{{.+}}[0, %[[AT]], 0, 0] [1, 2, 64, 100]
// CHECK: tensor.insert_slice %[[PART]] into %{{.+}}[0, %[[TO]], 0, 0] [1, 2, 64, 100]
dispatch.executable @insert inputs 1 workload_rank 3 dims [[], []] {
^bb0(%x: tensor<1x48x64x100xf32>, %out: tensor<1x80x64x100xf32>):
  %y = tensor.insert_slice %x into %out[0, 32, 0, 0] [1, 48, 64, 100] [1, 1, 1, 1]
      : tensor<1x48x64x100xf32> into tensor<1x80x64x100xf32>
  dispatch.return %y : tensor<1x80x64x100xf32>
}

// -----

// Of unknown length, at an unknown place, every second row. A dimension that the source lacks is made first.
// CHECK: #[[LEFT:.+]] = affine_map<()[s0, s1] -> (163, s0 - s1 * 163)>
// CHECK: #[[PLACE:.+]] = affine_map<()[s0, s1] -> (s0 + s1 * 326)>
// CHECK-LABEL: func.func @insert_rows(
// CHECK-SAME: halcyon.tile = array<i64: 163, 100, 1>
// CHECK: %[[WHOLE:.+]] = tensor.expand_shape %{{.+}} {{\[\[}}0, 1], [2]]
// CHECK: %[[SIZE:.+]] = affine.min #[[LEFT]]()[%{{.+}}, %[[ID:.+]]]
// CHECK: %[[TO:.+]] = affine.apply #[[PLACE]]()[%{{.+}}, %[[ID]]]
// CHECK: %[[PART:.+]] = tensor.extract_slice %[[WHOLE]][%{{.+}}, 0, 0] [%[[SIZE]], 1, 100]
// CHECK: tensor.insert_slice %[[PART]] into %{{.+}}[%[[TO]], 2, 0] [%[[SIZE]], 1, 100] [2, 1, 1]
dispatch.executable @insert_rows inputs 1 workload_rank 2 dims [[0], [1]] {
^bb0(%x: tensor<?x100xf32>, %out: tensor<?x3x100xf32>, %n: index, %m: index, %at: index):
  %y = tensor.insert_slice %x into %out[%at, 2, 0] [%n, 1, 100] [2, 1, 1]
      : tensor<?x100xf32> into tensor<?x3x100xf32>
  dispatch.return %y : tensor<?x3x100xf32>
}

// -----

// A small copy is one workgroup's.
// CHECK-LABEL: func.func @insert_little(
// CHECK-SAME: halcyon.tile = array<i64: 48, 64, 1>
// CHECK-NOT: tensor.extract_slice
dispatch.executable @insert_little inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<48x64xf32>, %out: tensor<80x64xf32>):
  %y = tensor.insert_slice %x into %out[32, 0] [48, 64] [1, 1] : tensor<48x64xf32> into tensor<80x64xf32>
  dispatch.return %y : tensor<80x64xf32>
}

// -----

// Where the kernel makes the rest of the destination too, one workgroup does all of it.
// CHECK-LABEL: func.func @insert_in_fill(
// CHECK-SAME: halcyon.tile = array<i64: 4294967295, 4294967295, 1>
// CHECK-NOT: tensor.extract_slice
dispatch.executable @insert_in_fill inputs 1 workload_rank 2 dims [[], []] {
^bb0(%x: tensor<3000x100xf32>, %out: tensor<7000x100xf32>):
  %zero = arith.constant 0.0 : f32
  %f = linalg.fill ins(%zero : f32) outs(%out : tensor<7000x100xf32>) -> tensor<7000x100xf32>
  %y = tensor.insert_slice %x into %f[2, 0] [3000, 100] [1, 1] : tensor<3000x100xf32> into tensor<7000x100xf32>
  dispatch.return %y : tensor<7000x100xf32>
}

// -----

// A loop over rows: each workgroup does the row of its id.
// CHECK-LABEL: func.func @rows(
// CHECK-SAME: %[[N:.+]]: index, %[[ID:.+]]: index, %{{.+}}: index, %{{.+}}: index, %{{.+}}: memref<?xi8>)
// CHECK-SAME: halcyon.tile = array<i64: 1, 1, 1>
// CHECK-NOT: scf.for
// CHECK: %[[X:.+]] = tensor.extract %{{.+}}[%[[ID]]]
// CHECK: tensor.insert %[[X]] into %{{.+}}[%[[ID]]]
dispatch.executable @rows inputs 1 workload_rank 1 dims [[0], [0]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index):
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%t = %out) -> tensor<?xf32> {
    %e = tensor.extract %x[%i] : tensor<?xf32>
    %u = tensor.insert %e into %t[%i] : tensor<?xf32>
    scf.yield %u : tensor<?xf32>
  } {halcyon.rows}
  dispatch.return %r : tensor<?xf32>
}

// -----

// The tile of a pool is what the convolution before it would take, by windows: both are cut to it, and the convolution's part
// is whole windows.
// CHECK-LABEL: func.func @convolution_and_pool(
// CHECK-SAME: halcyon.tile = array<i64: 1, 100, 64>
// CHECK: tensor.extract_slice %{{.+}}[%{{.+}}, 0, 0] [4, 202, 64]
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : tensor<2x200x64xf32>)
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : tensor<1x100x64xf32>)
#in = affine_map<(h, w, c, kh, kw, k) -> (h + kh, w + kw, k)>
#filter = affine_map<(h, w, c, kh, kw, k) -> (c, kh, kw, k)>
#out = affine_map<(h, w, c, kh, kw, k) -> (h, w, c)>
#pooled = affine_map<(h, w, c, kh, kw) -> (h * 2 + kh, w * 2 + kw, c)>
#window = affine_map<(h, w, c, kh, kw) -> (kh, kw)>
#pools = affine_map<(h, w, c, kh, kw) -> (h, w, c)>
dispatch.executable @convolution_and_pool inputs 2 workload_rank 3 dims [[], [], []] {
^bb0(%x: tensor<202x202x64xf32>, %w: tensor<64x3x3x64xf32>, %out: tensor<100x100x64xf32>):
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<200x200x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<200x200x64xf32>) -> tensor<200x200x64xf32>
  %c = linalg.generic {indexing_maps = [#in, #filter, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<202x202x64xf32>, tensor<64x3x3x64xf32>) outs(%f : tensor<200x200x64xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<200x200x64xf32>
  %shape = tensor.empty() : tensor<2x2xf32>
  %l = linalg.fill ins(%least : f32) outs(%out : tensor<100x100x64xf32>) -> tensor<100x100x64xf32>
  %y = linalg.generic {indexing_maps = [#pooled, #window, #pools],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%c, %shape : tensor<200x200x64xf32>, tensor<2x2xf32>) outs(%l : tensor<100x100x64xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %s = arith.maximumf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<100x100x64xf32>
  dispatch.return %y : tensor<100x100x64xf32>
}

// -----

// Rows whose vectors are their own, of one channel that is made from several: a workgroup has whole blocks of eight.
// CHECK-LABEL: func.func @one_channel(
// CHECK-SAME: halcyon.tile = array<i64: 16, 264, 1>
#window = affine_map<(h, w, c, y, z) -> (c, h + y, w + z)>
#taps = affine_map<(h, w, c, y, z) -> (c, y, z)>
#position = affine_map<(h, w, c, y, z) -> (h, w)>
dispatch.executable @one_channel inputs 2 workload_rank 2 dims [[], [], []] {
^bb0(%x: tensor<8x176x268xf32>, %k: tensor<8x5x5xf32>, %out: tensor<172x264xf32>):
  %zero = arith.constant 0.0 : f32
  %f = linalg.fill ins(%zero : f32) outs(%out : tensor<172x264xf32>) -> tensor<172x264xf32>
  %y = linalg.generic {indexing_maps = [#window, #taps, #position], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %k : tensor<8x176x268xf32>, tensor<8x5x5xf32>) outs(%f : tensor<172x264xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<172x264xf32>
  dispatch.return %y : tensor<172x264xf32>
}

// -----

// A product of one step is one, too: its columns are cut between panels, not where an elementwise operation's would be.
// CHECK-LABEL: func.func @one_step(
// CHECK-SAME: halcyon.tile = array<i64: 49, {{[0-9]+}}, 1>
#panels = affine_map<(n, m, k) -> (n floordiv 16, k, n mod 16)>
#turned = affine_map<(n, m, k) -> (m, n)>
#rows = affine_map<(n, m, k) -> (m, k)>
dispatch.executable @one_step inputs 2 workload_rank 2 dims [[0], [], [0]] {
^bb0(%x: tensor<?x1xf32>, %w: tensor<4x1x16xf32>, %out: tensor<?x49xf32>, %m: index):
  %zero = arith.constant 0.0 : f32
  %f = linalg.fill ins(%zero : f32) outs(%out : tensor<?x49xf32>) -> tensor<?x49xf32>
  %y = linalg.generic {indexing_maps = [#rows, #panels, #turned], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x1xf32>, tensor<4x1x16xf32>) outs(%f : tensor<?x49xf32>) {
  ^bb1(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x49xf32>
  dispatch.return %y : tensor<?x49xf32>
}
