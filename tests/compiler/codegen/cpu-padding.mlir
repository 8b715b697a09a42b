// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-padding),canonicalize,cse)' --split-input-file | FileCheck %s

// Zeros add nothing to a sum of products; the unit dimension goes.
// CHECK-LABEL: func.func @zeros(
// CHECK-DAG: %[[FILL:.+]] = linalg.fill
// CHECK-DAG: %[[X:.+]] = tensor.extract_slice %{{.+}}[0, 0, 0, 0] [1, 14, 14, 8]
// CHECK: tensor.insert_slice %[[X]] into %[[FILL]][1, 1, 0] [14, 14, 8]
// CHECK-NOT: scf.if
// CHECK: return
#id = affine_map<(h, w, c) -> (h, w, c)>
#in = affine_map<(h, w, c, kh, kw) -> (h + kh, w + kw, c)>
#taps = affine_map<(h, w, c, kh, kw) -> (kh, kw, c)>
#sum = affine_map<(h, w, c, kh, kw) -> (h, w, c)>
func.func @zeros(%x: tensor<1x14x14x8xf32>, %w: tensor<3x3x8xf32>, %out: tensor<14x14x8xf32>) -> tensor<14x14x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c14 = arith.constant 14 : index
  %outside = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x16x8xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%e : tensor<16x16x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %v = linalg.index 1 : index
    %c = linalg.index 2 : index
    %i = arith.subi %h, %c1 : index
    %j = arith.subi %v, %c1 : index
    %a = arith.cmpi ult, %i, %c14 : index
    %b = arith.cmpi ult, %j, %c14 : index
    %inside = arith.andi %a, %b : i1
    %r = scf.if %inside -> (f32) {
      %l = tensor.extract %x[%c0, %i, %j, %c] : tensor<1x14x14x8xf32>
      scf.yield %l : f32
    } else {
      scf.yield %outside : f32
    }
    linalg.yield %r : f32
  } -> tensor<16x16x8xf32>
  %y = linalg.generic {indexing_maps = [#in, #taps, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : tensor<16x16x8xf32>, tensor<3x3x8xf32>) outs(%out : tensor<14x14x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<14x14x8xf32>
  return %y : tensor<14x14x8xf32>
}

// -----

// Nothing is less than minus infinity.
// CHECK-LABEL: func.func @maximum(
// CHECK: tensor.insert_slice
// CHECK-NOT: scf.if
// CHECK: return
#id = affine_map<(h, w, c) -> (h, w, c)>
#in = affine_map<(h, w, c, kh, kw) -> (h + kh, w + kw, c)>
#taps = affine_map<(h, w, c, kh, kw) -> (kh, kw, c)>
#sum = affine_map<(h, w, c, kh, kw) -> (h, w, c)>
func.func @maximum(%x: tensor<1x14x14x8xf32>, %w: tensor<3x3x8xf32>, %out: tensor<14x14x8xf32>) -> tensor<14x14x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c14 = arith.constant 14 : index
  %outside = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<16x16x8xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%e : tensor<16x16x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %v = linalg.index 1 : index
    %c = linalg.index 2 : index
    %i = arith.subi %h, %c1 : index
    %j = arith.subi %v, %c1 : index
    %a = arith.cmpi ult, %i, %c14 : index
    %b = arith.cmpi ult, %j, %c14 : index
    %inside = arith.andi %a, %b : i1
    %r = scf.if %inside -> (f32) {
      %l = tensor.extract %x[%c0, %i, %j, %c] : tensor<1x14x14x8xf32>
      scf.yield %l : f32
    } else {
      scf.yield %outside : f32
    }
    linalg.yield %r : f32
  } -> tensor<16x16x8xf32>
  %y = linalg.generic {indexing_maps = [#in, #taps, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : tensor<16x16x8xf32>, tensor<3x3x8xf32>) outs(%out : tensor<14x14x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.maximumf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<14x14x8xf32>
  return %y : tensor<14x14x8xf32>
}

// -----

// Ones count.
// CHECK-LABEL: func.func @ones(
// CHECK-NOT: tensor.insert_slice
// CHECK: scf.if
// CHECK: return
#id = affine_map<(h, w, c) -> (h, w, c)>
#in = affine_map<(h, w, c, kh, kw) -> (h + kh, w + kw, c)>
#taps = affine_map<(h, w, c, kh, kw) -> (kh, kw, c)>
#sum = affine_map<(h, w, c, kh, kw) -> (h, w, c)>
func.func @ones(%x: tensor<1x14x14x8xf32>, %w: tensor<3x3x8xf32>, %out: tensor<14x14x8xf32>) -> tensor<14x14x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c14 = arith.constant 14 : index
  %outside = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<16x16x8xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%e : tensor<16x16x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %v = linalg.index 1 : index
    %c = linalg.index 2 : index
    %i = arith.subi %h, %c1 : index
    %j = arith.subi %v, %c1 : index
    %a = arith.cmpi ult, %i, %c14 : index
    %b = arith.cmpi ult, %j, %c14 : index
    %inside = arith.andi %a, %b : i1
    %r = scf.if %inside -> (f32) {
      %l = tensor.extract %x[%c0, %i, %j, %c] : tensor<1x14x14x8xf32>
      scf.yield %l : f32
    } else {
      scf.yield %outside : f32
    }
    linalg.yield %r : f32
  } -> tensor<16x16x8xf32>
  %y = linalg.generic {indexing_maps = [#in, #taps, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : tensor<16x16x8xf32>, tensor<3x3x8xf32>) outs(%out : tensor<14x14x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<14x14x8xf32>
  return %y : tensor<14x14x8xf32>
}

// -----

// Zero is more than a negative element.
// CHECK-LABEL: func.func @zero_maximum(
// CHECK-NOT: tensor.insert_slice
// CHECK: scf.if
// CHECK: return
#id = affine_map<(h, w, c) -> (h, w, c)>
#in = affine_map<(h, w, c, kh, kw) -> (h + kh, w + kw, c)>
#taps = affine_map<(h, w, c, kh, kw) -> (kh, kw, c)>
#sum = affine_map<(h, w, c, kh, kw) -> (h, w, c)>
func.func @zero_maximum(%x: tensor<1x14x14x8xf32>, %w: tensor<3x3x8xf32>, %out: tensor<14x14x8xf32>) -> tensor<14x14x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c14 = arith.constant 14 : index
  %outside = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x16x8xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%e : tensor<16x16x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %v = linalg.index 1 : index
    %c = linalg.index 2 : index
    %i = arith.subi %h, %c1 : index
    %j = arith.subi %v, %c1 : index
    %a = arith.cmpi ult, %i, %c14 : index
    %b = arith.cmpi ult, %j, %c14 : index
    %inside = arith.andi %a, %b : i1
    %r = scf.if %inside -> (f32) {
      %l = tensor.extract %x[%c0, %i, %j, %c] : tensor<1x14x14x8xf32>
      scf.yield %l : f32
    } else {
      scf.yield %outside : f32
    }
    linalg.yield %r : f32
  } -> tensor<16x16x8xf32>
  %y = linalg.generic {indexing_maps = [#in, #taps, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : tensor<16x16x8xf32>, tensor<3x3x8xf32>) outs(%out : tensor<14x14x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.maximumf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<14x14x8xf32>
  return %y : tensor<14x14x8xf32>
}

// -----

// Bytes that stand for zero add nothing either; of others each is read.
// CHECK-LABEL: func.func @bytes(
// CHECK: tensor.insert_slice
// CHECK-NOT: scf.if
// CHECK: return
// CHECK-LABEL: func.func @other_bytes(
// CHECK: scf.if
// CHECK: return
#id = affine_map<(h, w, c) -> (h, w, c)>
#in = affine_map<(h, w, c, kh, kw) -> (h + kh, w + kw, c)>
#taps = affine_map<(h, w, c, kh, kw) -> (kh, kw, c)>
#sum = affine_map<(h, w, c, kh, kw) -> (h, w, c)>
func.func @bytes(%x: tensor<1x14x14x8xi8>, %w: tensor<3x3x8xf32>, %out: tensor<14x14x8xf32>) -> tensor<14x14x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c14 = arith.constant 14 : index
  %outside = arith.constant 7 : i8
  %zero = arith.constant 7.0 : f32
  %e = tensor.empty() : tensor<16x16x8xi8>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%e : tensor<16x16x8xi8>) {
  ^bb0(%o: i8):
    %h = linalg.index 0 : index
    %v = linalg.index 1 : index
    %c = linalg.index 2 : index
    %i = arith.subi %h, %c1 : index
    %j = arith.subi %v, %c1 : index
    %a = arith.cmpi ult, %i, %c14 : index
    %b = arith.cmpi ult, %j, %c14 : index
    %inside = arith.andi %a, %b : i1
    %r = scf.if %inside -> (i8) {
      %l = tensor.extract %x[%c0, %i, %j, %c] : tensor<1x14x14x8xi8>
      scf.yield %l : i8
    } else {
      scf.yield %outside : i8
    }
    linalg.yield %r : i8
  } -> tensor<16x16x8xi8>
  %y = linalg.generic {indexing_maps = [#in, #taps, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : tensor<16x16x8xi8>, tensor<3x3x8xf32>) outs(%out : tensor<14x14x8xf32>) {
  ^bb0(%q: i8, %b: f32, %o: f32):
    %n = arith.uitofp %q : i8 to f32
    %a = arith.subf %n, %zero : f32
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<14x14x8xf32>
  return %y : tensor<14x14x8xf32>
}

func.func @other_bytes(%x: tensor<1x14x14x8xi8>, %w: tensor<3x3x8xf32>, %out: tensor<14x14x8xf32>) -> tensor<14x14x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c14 = arith.constant 14 : index
  %outside = arith.constant 6 : i8
  %zero = arith.constant 7.0 : f32
  %e = tensor.empty() : tensor<16x16x8xi8>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%e : tensor<16x16x8xi8>) {
  ^bb0(%o: i8):
    %h = linalg.index 0 : index
    %v = linalg.index 1 : index
    %c = linalg.index 2 : index
    %i = arith.subi %h, %c1 : index
    %j = arith.subi %v, %c1 : index
    %a = arith.cmpi ult, %i, %c14 : index
    %b = arith.cmpi ult, %j, %c14 : index
    %inside = arith.andi %a, %b : i1
    %r = scf.if %inside -> (i8) {
      %l = tensor.extract %x[%c0, %i, %j, %c] : tensor<1x14x14x8xi8>
      scf.yield %l : i8
    } else {
      scf.yield %outside : i8
    }
    linalg.yield %r : i8
  } -> tensor<16x16x8xi8>
  %y = linalg.generic {indexing_maps = [#in, #taps, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%p, %w : tensor<16x16x8xi8>, tensor<3x3x8xf32>) outs(%out : tensor<14x14x8xf32>) {
  ^bb0(%q: i8, %b: f32, %o: f32):
    %n = arith.uitofp %q : i8 to f32
    %a = arith.subf %n, %zero : f32
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<14x14x8xf32>
  return %y : tensor<14x14x8xf32>
}

// -----

// A batch that only the call knows is copied whole: its size is the source's. Where the call gives the size that guards, so
// much is copied. A size that is not the same for all elements is none.
// CHECK-LABEL: func.func @batch(
// CHECK-SAME: %[[X:.+]]: tensor<?x14x16xf32>, %{{.+}}: tensor<?x14x16xf32>, %[[N:.+]]: index)
// CHECK-DAG: %[[EMPTY:.+]] = tensor.empty(%[[N]]) : tensor<?x16x16xf32>
// CHECK-DAG: %[[FILL:.+]] = linalg.fill {{.*}} outs(%[[EMPTY]]
// CHECK-DAG: %[[IN:.+]] = tensor.extract_slice %[[X]][0, 0, 0] [%[[N]], 14, 16] [1, 1, 1]
// CHECK: tensor.insert_slice %[[IN]] into %[[FILL]][0, 1, 0] [%[[N]], 14, 16] [1, 1, 1]
// CHECK-NOT: scf.if
// CHECK-LABEL: func.func @guarded_by_call(
// CHECK-SAME: %[[X:.+]]: tensor<4x?x16xf32>, %{{.+}}: tensor<4x?x16xf32>, %[[SIZE:.+]]: index, %{{.+}}: index)
// CHECK: %[[IN:.+]] = tensor.extract_slice %[[X]][0, 0, 0] [4, %[[SIZE]], 16] [1, 1, 1]
// CHECK: tensor.insert_slice %[[IN]] into %{{.+}}[0, 1, 0] [4, %[[SIZE]], 16] [1, 1, 1]
// CHECK-NOT: scf.if
// CHECK-LABEL: func.func @guarded_by_element(
// CHECK: scf.if
// CHECK-NOT: tensor.insert_slice
// CHECK: return
#id = affine_map<(n, w, c) -> (n, w, c)>
#in = affine_map<(n, w, c, k) -> (n, w + k, c)>
#panels = affine_map<(n, w, c, k) -> (c floordiv 16, k, c mod 16)>
#rows = affine_map<(n, w, c, k) -> (k, c)>
#out = affine_map<(n, w, c, k) -> (n, w, c)>
func.func @batch(%x: tensor<?x14x16xf32>, %y: tensor<?x14x16xf32>, %n: index) -> tensor<?x14x16xf32> {
  %w = arith.constant dense<2.0> : tensor<1x3x16xf32>
  %c1 = arith.constant 1 : index
  %c14 = arith.constant 14 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x16x16xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<?x16x16xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %at = arith.subi %i, %c1 : index
    %inside = arith.cmpi ult, %at, %c14 : index
    %r = scf.if %inside -> (f32) {
      %v = tensor.extract %x[%b, %at, %c] : tensor<?x14x16xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %r : f32
  } -> tensor<?x16x16xf32>
  %s = linalg.generic {indexing_maps = [#in, #panels, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %w : tensor<?x16x16xf32>, tensor<1x3x16xf32>) outs(%y : tensor<?x14x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x14x16xf32>
  return %s : tensor<?x14x16xf32>
}

func.func @guarded_by_call(%x: tensor<4x?x16xf32>, %y: tensor<4x?x16xf32>, %size: index, %wide: index) -> tensor<4x?x16xf32> {
  %w = arith.constant dense<2.0> : tensor<1x3x16xf32>
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%wide) : tensor<4x?x16xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<4x?x16xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %at = arith.subi %i, %c1 : index
    %inside = arith.cmpi ult, %at, %size : index
    %r = scf.if %inside -> (f32) {
      %v = tensor.extract %x[%b, %at, %c] : tensor<4x?x16xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %r : f32
  } -> tensor<4x?x16xf32>
  %s = linalg.generic {indexing_maps = [#in, #panels, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %w : tensor<4x?x16xf32>, tensor<1x3x16xf32>) outs(%y : tensor<4x?x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<4x?x16xf32>
  return %s : tensor<4x?x16xf32>
}

func.func @guarded_by_element(%x: tensor<4x?x16xf32>, %y: tensor<4x?x16xf32>, %size: index, %wide: index) -> tensor<4x?x16xf32> {
  %w = arith.constant dense<2.0> : tensor<1x3x16xf32>
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%wide) : tensor<4x?x16xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<4x?x16xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %at = arith.subi %i, %c1 : index
    %mine = arith.minui %size, %c : index
    %inside = arith.cmpi ult, %at, %mine : index
    %r = scf.if %inside -> (f32) {
      %v = tensor.extract %x[%b, %at, %c] : tensor<4x?x16xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %r : f32
  } -> tensor<4x?x16xf32>
  %s = linalg.generic {indexing_maps = [#in, #panels, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %w : tensor<4x?x16xf32>, tensor<1x3x16xf32>) outs(%y : tensor<4x?x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<4x?x16xf32>
  return %s : tensor<4x?x16xf32>
}
