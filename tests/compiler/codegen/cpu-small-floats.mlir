// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-small-floats))' | FileCheck %s
// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-small-floats{half-conversion=true}))' | FileCheck %s --check-prefix=HALF

// CHECK-LABEL: func.func @add(
// CHECK-NOT: arith.extf
// CHECK: arith.addf %{{.+}} : f32
// CHECK-NOT: arith.truncf
// HALF-LABEL: func.func @add(
// HALF: arith.extf %{{.+}} : f16 to f32
// HALF: arith.addf %{{.+}} : f32
// HALF: arith.truncf %{{.+}} : f32 to f16
func.func @add(%x: f16, %y: f16) -> f16 {
  %a = arith.addf %x, %y : f16
  return %a : f16
}

// No target here has the bf16 conversions: always integers.
// HALF-LABEL: func.func @brain(
// HALF-NOT: arith.truncf
// HALF: arith.trunci
func.func @brain(%x: f32) -> bf16 {
  %a = arith.truncf %x : f32 to bf16
  return %a : bf16
}

// f32 stays.
// CHECK-LABEL: func.func @single(
// CHECK-NEXT: arith.mulf %{{.+}} : f32
func.func @single(%x: f32) -> f32 {
  %a = arith.mulf %x, %x : f32
  return %a : f32
}

// So do vectors of f64.
// CHECK-LABEL: func.func @doubles(
// CHECK-NEXT: math.absf %{{.+}} : vector<4xf64>
func.func @doubles(%x: vector<4xf64>) -> vector<4xf64> {
  %a = math.absf %x : vector<4xf64>
  return %a : vector<4xf64>
}

// LLVM 19's maximum of halves is wrong for a zero and NaN: the comparison decides.
// HALF-LABEL: func.func @greater(
// HALF: %[[NAN:.+]] = arith.constant 0x7FC00000 : f32
// HALF: %[[UNORDERED:.+]] = arith.cmpf uno, %{{.+}} : f32
// HALF: arith.maximumf %{{.+}} : f32
// HALF: arith.select %[[UNORDERED]], %[[NAN]], %{{.+}} : f32
func.func @greater(%x: f16, %y: f16) -> f16 {
  %a = arith.maximumf %x, %y : f16
  return %a : f16
}
