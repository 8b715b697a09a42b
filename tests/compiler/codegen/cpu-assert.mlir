// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-assert))' --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @check(
// CHECK-SAME: %[[OK:.+]]: i1
// CHECK: cf.cond_br %[[OK]], ^bb1, ^bb2
// CHECK: ^bb1:
// CHECK: return %c0_i32
// CHECK: ^bb2:
// CHECK: %[[CODE:.+]] = arith.constant 1 : i32
// CHECK: return %[[CODE]]
func.func @check(%ok: i1) -> i32 {
  %c0_i32 = arith.constant 0 : i32
  cf.assert %ok, "index out of range"
  return %c0_i32 : i32
}

// -----

func.func @nested(%ok: i1, %n: index) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0_i32 = arith.constant 0 : i32
  scf.for %i = %c0 to %n step %c1 {
    // expected-error@+1 {{is inside of a region that cannot return}}
    cf.assert %ok, "index out of range"
  }
  return %c0_i32 : i32
}
