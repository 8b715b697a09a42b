// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-winograd{vector-bytes=64 vector-registers=32}),canonicalize,cse)' --split-input-file --verify-diagnostics | FileCheck %s

#in = affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (0, o floordiv 16, i, o mod 16)>
#window = affine_map<(h, w, o, y, x, i) -> (y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>
#id = affine_map<(h, w, o) -> (h, w, o)>
#bias = affine_map<(h, w, o) -> (o)>

// Inputs and sums of 4 tiles, 36 elements each; the bias and what follows happen where the results are.
// CHECK-LABEL: func.func @tiles(
// CHECK-SAME: %[[B:[^:]+]]: memref<32xf32>
// CHECK-SAME: halcyon.specialised
// CHECK-DAG: %[[V:.+]] = memref.alloc() : memref<36x5x16xf32>
// CHECK-DAG: %[[M:.+]] = memref.alloc() : memref<36x5x32xf32>
// CHECK-COUNT-36: vector.load %{{.+}} : memref<10x10x16xf32>, vector<16xf32>
// CHECK-COUNT-36: vector.store %{{.+}}, %[[V]]
// CHECK: scf.for {{.+}} iter_args({{.+}}) -> (vector<16xf32>,
// CHECK: memref.load %[[V]]
// CHECK: vector.broadcast
// CHECK-COUNT-8: vector.store %{{.+}}, %[[M]]
// CHECK-COUNT-36: vector.load %[[M]]
// CHECK: vector.load %[[B]]
// CHECK: arith.maximumf
// CHECK: vector.store
// CHECK-NOT: linalg
// CHECK-NOT: nn.winograd
func.func @tiles(%x: memref<10x10x16xf32>, %u: memref<36x2x16x16xf32>, %b: memref<32xf32>, %y: memref<8x8x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %k = memref.alloc() : memref<3x3xf32>
  linalg.generic {indexing_maps = [#bias, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%b : memref<32xf32>) outs(%y : memref<8x8x32xf32>) {
  ^bb0(%p: f32, %o: f32):
    linalg.yield %p : f32
  }
  linalg.generic {indexing_maps = [#in, #filter, #window, #out],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %u, %k : memref<10x10x16xf32>, memref<36x2x16x16xf32>, memref<3x3xf32>) outs(%y : memref<8x8x32xf32>) {
  ^bb0(%a: f32, %f: f32, %w: f32, %o: f32):
    %s = nn.winograd %a, %f into %o {tile = 4}
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%y : memref<8x8x32xf32>) {
  ^bb0(%o: f32):
    %m = arith.maximumf %o, %zero : f32
    linalg.yield %m : f32
  }
  return
}

// -----

#in = affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (0, o floordiv 16, i, o mod 16)>
#window = affine_map<(h, w, o, y, x, i) -> (y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

// Tiles that reach outside load and store what is inside, under masks; so are the last 4 channels. What is masked is not
// looked for outside, either.
// CHECK-LABEL: func.func @ragged(
// CHECK: %[[ROW:.+]] = arith.select %[[INSIDE:.+]], %c0, %{{.+}} : index
// CHECK: scf.if
// CHECK: arith.select %[[INSIDE]], %c16, %c0
// CHECK: %[[AT:.+]] = arith.addi %{{.+}}, %[[ROW]] : index
// CHECK: vector.maskedload %{{.+}}[%[[AT]],
// CHECK: scf.if
// CHECK: vector.maskedstore
func.func @ragged(%x: memref<9x7x16xf32>, %u: memref<16x2x16x16xf32>, %y: memref<7x5x20xf32>) {
  %k = memref.alloc() : memref<3x3xf32>
  linalg.generic {indexing_maps = [#in, #filter, #window, #out],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %u, %k : memref<9x7x16xf32>, memref<16x2x16x16xf32>, memref<3x3xf32>) outs(%y : memref<7x5x20xf32>) {
  ^bb0(%a: f32, %f: f32, %w: f32, %o: f32):
    %s = nn.winograd %a, %f into %o {tile = 2}
    linalg.yield %s : f32
  }
  return
}

// -----

#in = affine_map<(h, w, o, y, x, i) -> (h * 2 + y, w + x, i)>
#filter = affine_map<(h, w, o, y, x, i) -> (0, o floordiv 16, i, o mod 16)>
#window = affine_map<(h, w, o, y, x, i) -> (y, x)>
#out = affine_map<(h, w, o, y, x, i) -> (h, w, o)>

func.func @stride(%x: memref<17x10x16xf32>, %u: memref<16x2x16x16xf32>, %y: memref<8x8x32xf32>) {
  %k = memref.alloc() : memref<3x3xf32>
  // expected-error @below {{is no convolution with a transformed filter any more}}
  linalg.generic {indexing_maps = [#in, #filter, #window, #out],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %u, %k : memref<17x10x16xf32>, memref<16x2x16x16xf32>, memref<3x3xf32>) outs(%y : memref<8x8x32xf32>) {
  ^bb0(%a: f32, %f: f32, %w: f32, %o: f32):
    %s = nn.winograd %a, %f into %o {tile = 2}
    linalg.yield %s : f32
  }
  return
}
