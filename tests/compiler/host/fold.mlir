// RUN: halcyon-opt %s -canonicalize | FileCheck %s

// Sizes of constants fold.
// CHECK-LABEL: func.func @constants
// CHECK:         %[[C:.+]] = arith.constant 128 : i64
// CHECK:         return %[[C]]
func.func @constants() -> i64 {
  %c5 = arith.constant 5 : i64
  %c13 = arith.constant 13 : i64
  %c64 = arith.constant 64 : i64
  %0 = host.size_mul %c5, %c13
  %1 = host.size_add %0, %c5
  %2 = host.size_align %1, %c64
  return %2 : i64
}

// Neutral operands go.
// CHECK-LABEL: func.func @neutral
// CHECK-SAME:    %[[N:.+]]: i64
// CHECK:         return %[[N]]
func.func @neutral(%n: i64) -> i64 {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %0 = host.size_mul %c1, %n
  %1 = host.size_add %c0, %0
  return %1 : i64
}

// What traps at run time is not folded.
// CHECK-LABEL: func.func @traps
// CHECK:         host.size_mul
// CHECK:         host.size_sub
func.func @traps() -> (i64, i64) {
  %big = arith.constant 4611686018427387904 : i64
  %c4 = arith.constant 4 : i64
  %0 = host.size_mul %big, %c4
  %1 = host.size_sub %c4, %big
  return %0, %1 : i64, i64
}
