// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-elementwise{vector-bytes=32 vector-registers=16}),canonicalize,cse)' | FileCheck %s
// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-elementwise),canonicalize,cse)' | FileCheck %s --check-prefix=NARROW

#row = affine_map<(i, j) -> (i, j)>
#column = affine_map<(i, j) -> (j)>
#turned = affine_map<(i, j) -> (j, i)>

// Two vectors at a time, the last of them partial; the bias is read once a vector. Without masks the rest is scalar.
// CHECK-LABEL: func.func @bias
// CHECK-SAME: halcyon.specialised
// CHECK: scf.for
// CHECK: scf.for
// CHECK-COUNT-4: vector.load
// CHECK-COUNT-2: vector.store
// CHECK: vector.load
// CHECK: vector.maskedload
// CHECK: arith.maximumf %{{.*}} : vector<8xf32>
// CHECK: vector.store
// CHECK: vector.maskedstore
// CHECK-NOT: linalg.generic
// NARROW-LABEL: func.func @bias
// NARROW: vector.store %{{.*}}, vector<4xf32>
// NARROW-NOT: vector.masked
// NARROW: memref.store
func.func @bias(%x: memref<3x45xf32, strided<[64, 1]>>, %b: memref<45xf32>, %y: memref<3x45xf32, strided<[64, 1]>>) {
  %z = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [#row, #column, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x, %b : memref<3x45xf32, strided<[64, 1]>>, memref<45xf32>) outs(%y : memref<3x45xf32, strided<[64, 1]>>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    %r = arith.maximumf %s, %z : f32
    linalg.yield %r : f32
  }
  return
}

// Rows that lie side by side are one; the number of lanes is that of the widest element.
// CHECK-LABEL: func.func @widen
// CHECK: memref.reinterpret_cast
// CHECK: arith.extf %{{.*}} : vector<4xf32> to vector<4xf64>
// CHECK-NOT: linalg.generic
func.func @widen(%x: memref<4x6xf32>, %y: memref<4x6xf64>) {
  linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<4x6xf32>) outs(%y : memref<4x6xf64>) {
  ^bb0(%p: f32, %o: f64):
    %r = arith.extf %p : f32 to f64
    linalg.yield %r : f64
  }
  return
}

// An integer division would trap in lanes beyond the end; an operand along columns would be gathered; both stay.
// CHECK-LABEL: func.func @stay
// CHECK-NOT: halcyon.specialised
// CHECK: linalg.generic
// CHECK: arith.divsi
// CHECK: linalg.generic
// CHECK: return
func.func @stay(%x: memref<3x40xi32>, %y: memref<3x40xi32>, %t: memref<40x3xf32>, %u: memref<3x40xf32>) {
  linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<3x40xi32>) outs(%y : memref<3x40xi32>) {
  ^bb0(%p: i32, %o: i32):
    %r = arith.divsi %p, %p : i32
    linalg.yield %r : i32
  }
  linalg.generic {indexing_maps = [#turned, #row], iterator_types = ["parallel", "parallel"]}
      ins(%t : memref<40x3xf32>) outs(%u : memref<3x40xf32>) {
  ^bb0(%p: f32, %o: f32):
    %r = arith.negf %p : f32
    linalg.yield %r : f32
  }
  return
}

// Two results: what is shared is computed once. The first one overwrites an input, which was read by then.
// CHECK-LABEL: func.func @two(
// CHECK-SAME: %[[X:[^:]+]]: memref<16xf32>, %[[Y:[^:]+]]: memref<16xf32>, %[[Z:[^:]+]]: memref<16xf32>)
// CHECK: vector.load %[[X]]
// CHECK: vector.load %[[X]]
// CHECK: vector.load %[[Y]]
// CHECK: vector.load %[[Y]]
// CHECK-COUNT-2: math.exp
// CHECK-NOT: math.exp
// CHECK: vector.store %{{.+}}, %[[X]]
// CHECK: vector.store %{{.+}}, %[[X]]
// CHECK: vector.store %{{.+}}, %[[Z]]
// CHECK: vector.store %{{.+}}, %[[Z]]
// CHECK-NOT: linalg
func.func @two(%x: memref<16xf32>, %y: memref<16xf32>, %z: memref<16xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x, %y : memref<16xf32>, memref<16xf32>) outs(%x, %z : memref<16xf32>, memref<16xf32>) {
  ^bb0(%p: f32, %q: f32, %o0: f32, %o1: f32):
    %e = math.exp %p : f32
    %s = arith.addf %e, %q : f32
    %m = arith.mulf %e, %q : f32
    linalg.yield %s, %m : f32, f32
  }
  return
}

// Results that lie otherwise than the first are left to the loops.
// CHECK-LABEL: func.func @turned_second(
// CHECK: linalg.generic
func.func @turned_second(%x: memref<16x16xf32>, %y: memref<16x16xf32>, %z: memref<16x16xf32>) {
  linalg.generic {indexing_maps = [#row, #row, #turned], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<16x16xf32>) outs(%y, %z : memref<16x16xf32>, memref<16x16xf32>) {
  ^bb0(%p: f32, %o0: f32, %o1: f32):
    linalg.yield %p, %p : f32, f32
  }
  return
}
