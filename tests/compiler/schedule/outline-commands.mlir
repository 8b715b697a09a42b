// RUN: halcyon-opt %s -halcyon-outline-commands | FileCheck %s

// A run of commands is one list; what does not change between calls is a literal, the rest are slots.
// CHECK-LABEL: host.commands @run_commands_0
// CHECK:       ^bb0(%[[A:.+]]: !host.buffer, %[[X:.+]]: !host.buffer, %[[N:.+]]: i64):
// CHECK:         %[[C0:.+]] = arith.constant 0 : i64
// CHECK-NEXT:    host.copy %[[A]][%[[C0]]] from %[[X]][%[[C0]]] size %[[N]]
// CHECK-NEXT:    host.barrier
// CHECK-NEXT:    host.copy %[[X]][%[[C0]]] from %[[A]][%[[C0]]] size %[[N]]
// CHECK-NEXT:  }
// CHECK-LABEL: func.func @run(
// CHECK-SAME:    %[[X:.+]]: !host.buffer, %[[N:.+]]: i64)
// CHECK:         %[[A:.+]] = host.alloca
// CHECK:         host.submit @run_commands_0 bindings(%[[A]], %[[X]]) parameters(%[[N]])
// CHECK-NOT:     host.copy
func.func @run(%x: !host.buffer, %n: i64) {
  %c0 = arith.constant 0 : i64
  %a = host.alloca transient %n
  host.copy %a[%c0] from %x[%c0] size %n
  host.copy %x[%c0] from %a[%c0] size %n
  return
}

// Ranges that do not meet, and two reads of one range, need no barrier.
// CHECK-LABEL: host.commands @no_hazard_commands_1
// CHECK:         host.copy
// CHECK-NEXT:    host.copy
// CHECK-NEXT:  }
func.func @no_hazard(%a: !host.buffer, %b: !host.buffer) {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  host.copy %a[%c0] from %b[%c0] size %c64
  host.copy %a[%c64] from %b[%c0] size %c64
  return
}

// A read needs what was queued before it.
// CHECK-LABEL: func.func @read_between(
// CHECK:         host.submit @read_between_commands_2
// CHECK:         host.read
// CHECK:         host.submit @read_between_commands_3
func.func @read_between(%a: !host.buffer, %b: !host.buffer) {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  host.copy %a[%c0] from %b[%c0] size %c64
  %n = host.read %a[%c0] : i64
  host.copy %b[%c0] from %a[%c0] size %n
  return
}

// A block of a branch has lists of its own.
// CHECK-LABEL: func.func @branch(
// CHECK:         scf.if
// CHECK:           host.submit
// CHECK:         }
// CHECK:         host.submit
func.func @branch(%a: !host.buffer, %b: !host.buffer, %p: i1) {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  scf.if %p {
    host.copy %a[%c0] from %b[%c0] size %c64
  }
  host.copy %b[%c0] from %a[%c0] size %c64
  return
}
