// RUN: halcyon-opt %s -pass-pipeline='builtin.module(func.func(halcyon-plan-arena),canonicalize,cse)' | FileCheck %s

// Three in a chain need the memory of two; each starts at a multiple of 64.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME:    halcyon.arena_bytes = 256 : i64, halcyon.live_floor_bytes = 256 : i64
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : i64
// CHECK-DAG:     %[[C128:.+]] = arith.constant 128 : i64
// CHECK-DAG:     %[[C256:.+]] = arith.constant 256 : i64
// CHECK:         %[[A:.+]] = host.alloca transient %[[C256]]
// CHECK-NOT:     host.alloca
// CHECK:         host.copy %[[A]][%[[C0]]] from %{{.+}}[%[[C0]]]
// CHECK:         host.copy %[[A]][%[[C128]]] from %[[A]][%[[C0]]]
// CHECK:         host.copy %[[A]][%[[C0]]] from %[[A]][%[[C128]]]
// CHECK:         host.copy %{{.+}}[%[[C0]]] from %[[A]][%[[C0]]]
func.func @chain(%x: !host.buffer, %y: !host.buffer) {
  %c0 = arith.constant 0 : i64
  %n = arith.constant 100 : i64
  %a = host.alloca transient %n
  host.copy %a[%c0] from %x[%c0] size %n
  %b = host.alloca transient %n
  host.copy %b[%c0] from %a[%c0] size %n
  %c = host.alloca transient %n
  host.copy %c[%c0] from %b[%c0] size %n
  host.copy %y[%c0] from %c[%c0] size %n
  return
}

// External and staging memory is not the arena's, nor is what leaves its region as a value.
// CHECK-LABEL: func.func @not_planned(
// CHECK:         %[[E:.+]] = host.alloca external
// CHECK:         host.alloca staging
// CHECK:         scf.if {{.*}} -> (!host.buffer)
// CHECK:           %[[T:.+]] = host.alloca transient
// CHECK:           scf.yield %[[T]]
func.func @not_planned(%p: i1, %n: i64) -> (!host.buffer, !host.buffer) {
  %e = host.alloca external %n
  %s = host.alloca staging %n
  %r = scf.if %p -> !host.buffer {
    %t = host.alloca transient %n
    scf.yield %t : !host.buffer
  } else {
    scf.yield %s : !host.buffer
  }
  return %e, %r : !host.buffer, !host.buffer
}

// Sizes that are multiples of the same value share a space in units of it.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME:    %{{.+}}: !host.buffer, %[[N:.+]]: i64)
// CHECK-SAME:    halcyon.arena_bytes = 768 : i64, halcyon.live_floor_bytes = 768 : i64
// CHECK-DAG:     %[[C64:.+]] = arith.constant 64 : i64
// CHECK-DAG:     %[[C3:.+]] = arith.constant 3 : i64
// CHECK:         %[[UNIT:.+]] = host.size_align %{{.+}}, %[[C64]]
// CHECK:         %[[ALL:.+]] = host.size_mul %[[UNIT]], %[[C3]]
// CHECK:         host.alloca transient %[[ALL]]
// CHECK-NOT:     host.alloca
func.func @dynamic(%x: !host.buffer, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c4 = arith.constant 4 : i64
  %c8 = arith.constant 8 : i64
  %small = host.size_mul %n, %c4
  %a = host.alloca transient %small
  host.copy %a[%c0] from %x[%c0] size %small
  %large = host.size_mul %n, %c8
  %b = host.alloca transient %large
  host.copy %b[%c0] from %a[%c0] size %small
  %c = host.alloca transient %small
  host.copy %c[%c0] from %b[%c0] size %small
  host.copy %x[%c0] from %c[%c0] size %small
  return
}

// Sizes of other values have a space of their own; where that would lie idle, each buffer lies behind the last of those that
// live with it. Reported is what is needed where each value is 64.
// CHECK-LABEL: func.func @in_turns(
// CHECK-SAME:    halcyon.arena_bytes = 524288 : i64, halcyon.live_floor_bytes = 524288 : i64
// CHECK:         %[[ALL:.+]] = arith.maxsi
// CHECK:         host.alloca transient %[[ALL]]
// CHECK-NOT:     host.alloca
func.func @in_turns(%x: !host.buffer, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  %c4096 = arith.constant 4096 : i64
  %rows = host.size_mul %n, %c4096
  %a = host.alloca transient %rows
  host.copy %a[%c0] from %x[%c0] size %rows
  %b = host.alloca transient %rows
  host.copy %b[%c0] from %a[%c0] size %rows
  host.copy %x[%c0] from %b[%c0] size %rows
  %many = host.size_mul %n, %n
  %squares = host.size_mul %many, %c64
  %c = host.alloca transient %squares
  host.copy %c[%c0] from %x[%c0] size %squares
  %d = host.alloca transient %squares
  host.copy %d[%c0] from %c[%c0] size %squares
  host.copy %x[%c0] from %d[%c0] size %squares
  return
}

// Buffers of both that live at once do not overlap, and where nothing is gained the spaces lie one after the other.
// CHECK-LABEL: func.func @at_once(
// CHECK-SAME:    halcyon.arena_bytes = 524288 : i64, halcyon.live_floor_bytes = 524288 : i64
// CHECK-NOT:     arith.maxsi
// CHECK:         host.alloca transient
// CHECK-NOT:     host.alloca
func.func @at_once(%x: !host.buffer, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  %c4096 = arith.constant 4096 : i64
  %rows = host.size_mul %n, %c4096
  %many = host.size_mul %n, %n
  %squares = host.size_mul %many, %c64
  %a = host.alloca transient %rows
  %b = host.alloca transient %squares
  host.copy %a[%c0] from %x[%c0] size %rows
  host.copy %b[%c0] from %x[%c0] size %squares
  host.copy %x[%c0] from %a[%c0] size %rows
  host.copy %x[%c0] from %b[%c0] size %squares
  return
}

// A size that others give is computed for the report: halves of 64 are 32.
// CHECK-LABEL: func.func @halves(
// CHECK-SAME:    halcyon.arena_bytes = 6144 : i64, halcyon.live_floor_bytes = 6144 : i64
func.func @halves(%x: !host.buffer, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c2 = arith.constant 2 : i64
  %c64 = arith.constant 64 : i64
  %more = arith.addi %n, %c1 : i64
  %half = arith.floordivsi %more, %c2 : i64
  %all = host.size_mul %n, %c64
  %part = host.size_mul %half, %c64
  %a = host.alloca transient %all
  %b = host.alloca transient %part
  host.copy %a[%c0] from %x[%c0] size %all
  host.copy %b[%c0] from %a[%c0] size %part
  host.copy %x[%c0] from %a[%c0] size %all
  host.copy %x[%c0] from %b[%c0] size %part
  return
}

// Seven buffers of unrelated sizes in turn, below two that outlive them: which is largest decides where these lie, and is
// computed once.
// CHECK-LABEL: func.func @unrelated(
// CHECK-SAME:    halcyon.arena_bytes = 16384 : i64, halcyon.live_floor_bytes = 16384 : i64
// CHECK-COUNT-6: arith.maxsi
// CHECK-NOT:     arith.maxsi
// CHECK:         host.alloca transient
// CHECK-NOT:     host.alloca
func.func @unrelated(%x: !host.buffer, %d0: i64, %d1: i64, %d2: i64, %d3: i64, %d4: i64, %d5: i64, %d6: i64, %d7: i64) {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  %c128 = arith.constant 128 : i64
  %n0 = host.size_mul %d0, %c128
  %n1 = host.size_mul %d1, %c128
  %n2 = host.size_mul %d2, %c128
  %n3 = host.size_mul %d3, %c128
  %n4 = host.size_mul %d4, %c128
  %n5 = host.size_mul %d5, %c128
  %n6 = host.size_mul %d6, %c128
  %n7 = host.size_mul %d7, %c64
  %long = host.alloca transient %n7
  %more = host.alloca transient %n7
  host.copy %long[%c0] from %x[%c0] size %n7
  host.copy %more[%c0] from %x[%c0] size %n7
  %a0 = host.alloca transient %n0
  host.copy %a0[%c0] from %long[%c0] size %c64
  %a1 = host.alloca transient %n1
  host.copy %a1[%c0] from %long[%c0] size %c64
  %a2 = host.alloca transient %n2
  host.copy %a2[%c0] from %long[%c0] size %c64
  %a3 = host.alloca transient %n3
  host.copy %a3[%c0] from %long[%c0] size %c64
  %a4 = host.alloca transient %n4
  host.copy %a4[%c0] from %long[%c0] size %c64
  %a5 = host.alloca transient %n5
  host.copy %a5[%c0] from %long[%c0] size %c64
  %a6 = host.alloca transient %n6
  host.copy %a6[%c0] from %long[%c0] size %c64
  host.copy %x[%c0] from %long[%c0] size %n7
  host.copy %x[%c0] from %more[%c0] size %n7
  return
}

// A size that is read from the device starts an arena of its own, after the read.
// CHECK-LABEL: func.func @after_read(
// CHECK:         host.alloca transient
// CHECK:         %[[N:.+]] = host.read
// CHECK:         host.alloca transient
func.func @after_read(%x: !host.buffer) {
  %c0 = arith.constant 0 : i64
  %n = arith.constant 100 : i64
  %a = host.alloca transient %n
  host.copy %a[%c0] from %x[%c0] size %n
  %m = host.read %a[%c0] : i64
  %b = host.alloca transient %m
  host.copy %b[%c0] from %a[%c0] size %m
  host.copy %x[%c0] from %b[%c0] size %m
  return
}

// The static arena of a loop's body is a part of the function's.
// CHECK-LABEL: func.func @nested(
// CHECK-SAME:    halcyon.arena_bytes = 256 : i64
// CHECK:         %[[A:.+]] = host.alloca transient
// CHECK:         scf.for
// CHECK-NOT:       host.alloca
// CHECK:           host.copy %[[A]]
func.func @nested(%x: !host.buffer, %k: i64) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %n = arith.constant 128 : i64
  %a = host.alloca transient %n
  host.copy %a[%c0] from %x[%c0] size %n
  scf.for %i = %c0 to %k step %c1 : i64 {
    %b = host.alloca transient %n
    host.copy %b[%c0] from %a[%c0] size %n
    host.copy %x[%c0] from %b[%c0] size %n
  }
  host.copy %x[%c0] from %a[%c0] size %n
  return
}

// What a model computes from a size (a cast to i32 and back, a clamp) shares its space.
// CHECK-LABEL: func.func @bounded(
// CHECK-SAME:    %{{.+}}: !host.buffer, %[[N:.+]]: i64)
// CHECK:         %[[UNIT:.+]] = host.size_align
// CHECK:         %[[ALL:.+]] = host.size_mul %[[UNIT]], %{{.+}}
// CHECK:         host.alloca transient %[[ALL]]
func.func @bounded(%x: !host.buffer, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c4 = arith.constant 4 : i64
  %limit = arith.constant 1000000000 : i64
  %size = host.size_mul %n, %c4
  %cut = arith.trunci %n : i64 to i32
  %wide = arith.extsi %cut : i32 to i64
  %low = arith.minsi %wide, %limit : i64
  %clamped = arith.maxsi %low, %c0 : i64
  %same = host.size_mul %clamped, %c4
  %a = host.alloca transient %size
  host.copy %a[%c0] from %x[%c0] size %size
  %b = host.alloca transient %same
  host.copy %b[%c0] from %a[%c0] size %same
  host.copy %x[%c0] from %b[%c0] size %same
  return
}

// A difference that may be negative is no size: its clamp is.
// CHECK-LABEL: func.func @difference(
// CHECK:         %[[CLAMPED:.+]] = arith.maxsi
// CHECK:         host.size_mul %[[CLAMPED]]
func.func @difference(%x: !host.buffer, %n: i64, %m: i64) {
  %c0 = arith.constant 0 : i64
  %c4 = arith.constant 4 : i64
  %less = arith.subi %n, %m : i64
  %clamped = arith.maxsi %less, %c0 : i64
  %size = host.size_mul %clamped, %c4
  %a = host.alloca transient %size
  host.copy %a[%c0] from %x[%c0] size %size
  host.copy %x[%c0] from %a[%c0] size %size
  return
}

// So is a loop's arena of a size that is known outside of it; one that only an iteration knows is made in each. A size
// whose operand nothing outside takes for one stays, too: it would trap where the loop does not run.
// CHECK-LABEL: func.func @nested_dynamic(
// CHECK-SAME:    %[[X:[^:]+]]: !host.buffer, %[[K:[^:]+]]: i64, %[[N:[^:]+]]: i64)
// CHECK:         host.alloca transient
// CHECK:         scf.for
// CHECK-NOT:       host.
// CHECK:           host.copy
// CHECK-NEXT:      host.copy
// CHECK-NEXT:    }
// CHECK-LABEL: func.func @nested_unknown(
// CHECK:         scf.for
// CHECK:           host.size_mul
// CHECK:           host.alloca transient
// CHECK:           host.dealloca
func.func @nested_dynamic(%x: !host.buffer, %k: i64, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c128 = arith.constant 128 : i64
  %c256 = arith.constant 256 : i64
  %s = host.size_mul %n, %c128
  %a = host.alloca transient %s
  host.copy %a[%c0] from %x[%c0] size %s
  scf.for %i = %c0 to %k step %c1 : i64 {
    %t = host.size_mul %n, %c256
    %b = host.alloca transient %t
    host.copy %b[%c0] from %a[%c0] size %s
    host.copy %x[%c0] from %b[%c0] size %s
  }
  host.copy %x[%c0] from %a[%c0] size %s
  return
}
func.func @nested_unknown(%x: !host.buffer, %k: i64, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c256 = arith.constant 256 : i64
  %m = arith.subi %k, %c1 : i64
  scf.for %i = %c0 to %k step %c1 : i64 {
    %t = host.size_mul %m, %c256
    %b = host.alloca transient %t
    host.copy %b[%c0] from %x[%c0] size %t
    host.copy %x[%c0] from %b[%c0] size %t
  }
  return
}
