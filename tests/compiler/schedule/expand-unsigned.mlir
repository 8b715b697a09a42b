// RUN: halcyon-opt %s --halcyon-expand-unsigned | FileCheck %s

// A divisor that is known not to be negative needs no second case.
// CHECK-LABEL: func @by_constant
// CHECK-SAME: %[[A:.*]]: i64
// CHECK-DAG: %[[B:.*]] = arith.constant 68 : i64
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK: %[[HALF:.*]] = arith.shrui %[[A]], %[[ONE]]
// CHECK: %[[Q:.*]] = arith.divsi %[[HALF]], %[[B]]
// CHECK: %[[CLOSE:.*]] = arith.shli %[[Q]], %[[ONE]]
// CHECK: %[[PART:.*]] = arith.muli %[[CLOSE]], %[[B]]
// CHECK: %[[REST:.*]] = arith.subi %[[A]], %[[PART]]
// CHECK: %[[MORE:.*]] = arith.cmpi uge, %[[REST]], %[[B]]
// CHECK: %[[BIT:.*]] = arith.extui %[[MORE]]
// CHECK: %[[R:.*]] = arith.addi %[[CLOSE]], %[[BIT]]
// CHECK: return %[[R]]
func.func @by_constant(%a: i64) -> i64 {
  %b = arith.constant 68 : i64
  %q = arith.divui %a, %b : i64
  return %q : i64
}

// CHECK-LABEL: func @by_value
// CHECK-NOT: arith.divui
// CHECK: arith.select
// CHECK: return
func.func @by_value(%a: i64, %b: i64) -> i64 {
  %q = arith.divui %a, %b : i64
  return %q : i64
}

// Fewer bits are extended. Rest and rounding up follow from the quotient.
// CHECK-LABEL: func @narrow
// CHECK: arith.extui %{{.*}} : i32 to i64
// CHECK: arith.divsi {{.*}} : i64
// CHECK: arith.subi
// CHECK: arith.trunci {{.*}} : i64 to i32
// CHECK: arith.divsi {{.*}} : i64
// CHECK: arith.cmpi ne
// CHECK: return
func.func @narrow(%a: i32, %b: i32) -> (i32, i32) {
  %r = arith.remui %a, %b : i32
  %c = arith.ceildivui %a, %b : i32
  return %r, %c : i32, i32
}

// What is signed stays.
// CHECK-LABEL: func @signed
// CHECK-NEXT: arith.divsi
// CHECK-NEXT: return
func.func @signed(%a: i64, %b: i64) -> i64 {
  %q = arith.divsi %a, %b : i64
  return %q : i64
}
