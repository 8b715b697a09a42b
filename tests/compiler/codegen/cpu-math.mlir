// RUN: halcyon-opt %s --halcyon-cpu-math | FileCheck %s
// RUN: halcyon-opt %s --halcyon-cpu-math=round-instruction=true | FileCheck %s --check-prefix=ROUND
// RUN: halcyon-opt %s --halcyon-cpu-math='round-instruction=true scale-instruction=true' | FileCheck %s --check-prefix=SCALE
// RUN: halcyon-opt %s --halcyon-cpu-math=extremum-instruction=true | FileCheck %s --check-prefix=EXTREMUM

// CHECK: func.func private @hcy_fmod(f64, f64) -> f64

// A polynomial in f32; the sine in f64.
// CHECK-LABEL: func.func @functions(
// CHECK-NOT: math.exp
// CHECK-NOT: math.sin
// CHECK: arith.extf %{{.+}} : f32 to f64
// CHECK: arith.truncf %{{.+}} : f64 to f32
func.func @functions(%x: f32) -> (f32, f32) {
  %a = math.exp %x : f32
  %b = math.sin %x : f32
  return %a, %b : f32, f32
}

// Vectors have the same forms.
// CHECK-LABEL: func.func @vectors(
// CHECK-NOT: math.tanh
// CHECK: vector<8xf32>
func.func @vectors(%x: vector<8xf32>) -> vector<8xf32> {
  %a = math.tanh %x : vector<8xf32>
  return %a : vector<8xf32>
}

// CHECK-LABEL: func.func @round(
// CHECK-NOT: math.floor
// ROUND-LABEL: func.func @round(
// ROUND: math.floor
func.func @round(%x: f32) -> f32 {
  %a = math.floor %x : f32
  return %a : f32
}

// Instructions everywhere.
// CHECK-LABEL: func.func @instructions(
// CHECK: math.sqrt
func.func @instructions(%x: f32) -> f32 {
  %a = math.sqrt %x : f32
  return %a : f32
}

// CHECK-LABEL: func.func @remainder(
// CHECK: call @hcy_fmod
func.func @remainder(%x: f32, %y: f32) -> f32 {
  %a = arith.remf %x, %y : f32
  return %a : f32
}

// Vectors of 512 bits are scaled by one instruction, others in two steps.
// SCALE-LABEL: func.func @scaled(
// SCALE: math.roundeven {{.*}} : vector<16xf32>
// SCALE: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// SCALE: math.roundeven {{.*}} : vector<8xf64>
// SCALE: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.pd.512"
// SCALE-NOT: llvm.call_intrinsic
// SCALE: arith.shrsi {{.*}} : vector<8xi32>
// SCALE-NOT: llvm.call_intrinsic
// SCALE: return
// ROUND-LABEL: func.func @scaled(
// ROUND-NOT: llvm.call_intrinsic
// ROUND: return
func.func @scaled(%x: vector<16xf32>, %y: vector<8xf64>, %z: vector<8xf32>) -> (vector<16xf32>, vector<8xf64>, vector<8xf32>) {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.exp %y : vector<8xf64>
  %2 = math.exp2 %z : vector<8xf32>
  return %0, %1, %2 : vector<16xf32>, vector<8xf64>, vector<8xf32>
}

// LLVM 19 has no code for it where floats are computed by calls.
// CHECK-LABEL: func.func @maximum(
// CHECK-SAME: %[[X:.+]]: f32, %[[Y:.+]]: f32)
// CHECK: %[[BOTH:.+]] = arith.andi
// CHECK: %[[MORE:.+]] = arith.cmpf olt, %[[Y]], %[[X]]
// CHECK: %[[LARGER:.+]] = arith.select %[[MORE]], %[[X]], %[[Y]]
// CHECK: %[[ZERO:.+]] = arith.bitcast %[[BOTH]]
// CHECK: %[[ORDERED:.+]] = arith.select %{{.+}}, %[[ZERO]], %[[LARGER]]
// CHECK: %[[NAN:.+]] = arith.addf %[[X]], %[[Y]]
// CHECK: arith.select %{{.+}}, %[[NAN]], %[[ORDERED]]
// EXTREMUM-LABEL: func.func @maximum(
// EXTREMUM-NEXT: arith.maximumf
func.func @maximum(%x: f32, %y: f32) -> f32 {
  %a = arith.maximumf %x, %y : f32
  return %a : f32
}

// Where either zero will do, none is told from the other.
// CHECK-LABEL: func.func @maximum_of_either_zero(
// CHECK: arith.cmpf olt
// CHECK-NOT: arith.andi
// CHECK: arith.cmpf uno
// CHECK: return
func.func @maximum_of_either_zero(%x: f32, %y: f32) -> f32 {
  %a = arith.maximumf %x, %y fastmath<nsz> : f32
  return %a : f32
}

// CHECK-LABEL: func.func @minimum(
// CHECK: arith.ori
// CHECK-NOT: arith.minimumf
// CHECK: return
func.func @minimum(%x: vector<4xf32>, %y: vector<4xf32>) -> vector<4xf32> {
  %a = arith.minimumf %x, %y : vector<4xf32>
  return %a : vector<4xf32>
}

// A vector is rounded as it is converted, a scalar is not: loops of those are made vectors of later.
// ROUND-LABEL: func.func @to_integer(
// ROUND-NEXT: %[[V:.*]] = llvm.call_intrinsic "llvm.lrint"(%arg0) : (vector<16xf32>) -> vector<16xi32>
// ROUND-NEXT: math.roundeven
// ROUND-NEXT: %[[S:.*]] = arith.fptosi
// ROUND-NEXT: return %[[V]], %[[S]]
// CHECK-LABEL: func.func @to_integer(
// CHECK-NOT: lrint
// CHECK: return
func.func @to_integer(%x: vector<16xf32>, %y: f32) -> (vector<16xi32>, i32) {
  %0 = math.roundeven %x : vector<16xf32>
  %1 = arith.fptosi %0 : vector<16xf32> to vector<16xi32>
  %2 = math.roundeven %y : f32
  %3 = arith.fptosi %2 : f32 to i32
  return %1, %3 : vector<16xi32>, i32
}
