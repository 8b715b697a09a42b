// RUN: halcyon-opt %s -pass-pipeline='builtin.module(func.func(halcyon-plan-arena),canonicalize,cse)' | FileCheck %s

// What outlives a layer lies below the layer's large buffers and above them in turns, for each layer that follows: the
// arena is no larger than what lives at once. Sizes are of two values' products, so only the call knows which is larger.
// CHECK-LABEL: func.func @layers(
// CHECK-SAME:    halcyon.arena_bytes = 2359296 : i64, halcyon.live_floor_bytes = 2359296 : i64
// CHECK:         host.alloca transient
// CHECK-NOT:     host.alloca
func.func @layers(%x: !host.buffer, %n: i64) {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  %c4096 = arith.constant 4096 : i64
  %c16384 = arith.constant 16384 : i64
  %row = host.size_mul %n, %c4096
  %rows = host.size_mul %n, %c16384
  %many = host.size_mul %n, %n
  %squares = host.size_mul %many, %c64
  %r0 = host.alloca transient %row
  host.copy %r0[%c0] from %x[%c0] size %row
  %s0 = host.alloca transient %squares
  host.copy %s0[%c0] from %r0[%c0] size %squares
  %r1 = host.alloca transient %row
  host.copy %r1[%c0] from %r0[%c0] size %row
  host.copy %r1[%c0] from %s0[%c0] size %row
  %a0 = host.alloca transient %rows
  host.copy %a0[%c0] from %r1[%c0] size %row
  %b0 = host.alloca transient %rows
  host.copy %b0[%c0] from %a0[%c0] size %rows
  host.copy %r1[%c0] from %b0[%c0] size %row
  %s1 = host.alloca transient %squares
  host.copy %s1[%c0] from %r1[%c0] size %squares
  %r2 = host.alloca transient %row
  host.copy %r2[%c0] from %r1[%c0] size %row
  host.copy %r2[%c0] from %s1[%c0] size %row
  %a1 = host.alloca transient %rows
  host.copy %a1[%c0] from %r2[%c0] size %row
  %b1 = host.alloca transient %rows
  host.copy %b1[%c0] from %a1[%c0] size %rows
  host.copy %r2[%c0] from %b1[%c0] size %row
  %s2 = host.alloca transient %squares
  host.copy %s2[%c0] from %r2[%c0] size %squares
  %r3 = host.alloca transient %row
  host.copy %r3[%c0] from %r2[%c0] size %row
  host.copy %r3[%c0] from %s2[%c0] size %row
  %a2 = host.alloca transient %rows
  host.copy %a2[%c0] from %r3[%c0] size %row
  %b2 = host.alloca transient %rows
  host.copy %b2[%c0] from %a2[%c0] size %rows
  host.copy %r3[%c0] from %b2[%c0] size %row
  %s3 = host.alloca transient %squares
  host.copy %s3[%c0] from %r3[%c0] size %squares
  %r4 = host.alloca transient %row
  host.copy %r4[%c0] from %r3[%c0] size %row
  host.copy %r4[%c0] from %s3[%c0] size %row
  %a3 = host.alloca transient %rows
  host.copy %a3[%c0] from %r4[%c0] size %row
  %b3 = host.alloca transient %rows
  host.copy %b3[%c0] from %a3[%c0] size %rows
  host.copy %r4[%c0] from %b3[%c0] size %row
  %s4 = host.alloca transient %squares
  host.copy %s4[%c0] from %r4[%c0] size %squares
  %r5 = host.alloca transient %row
  host.copy %r5[%c0] from %r4[%c0] size %row
  host.copy %r5[%c0] from %s4[%c0] size %row
  %a4 = host.alloca transient %rows
  host.copy %a4[%c0] from %r5[%c0] size %row
  %b4 = host.alloca transient %rows
  host.copy %b4[%c0] from %a4[%c0] size %rows
  host.copy %r5[%c0] from %b4[%c0] size %row
  %s5 = host.alloca transient %squares
  host.copy %s5[%c0] from %r5[%c0] size %squares
  %r6 = host.alloca transient %row
  host.copy %r6[%c0] from %r5[%c0] size %row
  host.copy %r6[%c0] from %s5[%c0] size %row
  %a5 = host.alloca transient %rows
  host.copy %a5[%c0] from %r6[%c0] size %row
  %b5 = host.alloca transient %rows
  host.copy %b5[%c0] from %a5[%c0] size %rows
  host.copy %r6[%c0] from %b5[%c0] size %row
  %s6 = host.alloca transient %squares
  host.copy %s6[%c0] from %r6[%c0] size %squares
  %r7 = host.alloca transient %row
  host.copy %r7[%c0] from %r6[%c0] size %row
  host.copy %r7[%c0] from %s6[%c0] size %row
  %a6 = host.alloca transient %rows
  host.copy %a6[%c0] from %r7[%c0] size %row
  %b6 = host.alloca transient %rows
  host.copy %b6[%c0] from %a6[%c0] size %rows
  host.copy %r7[%c0] from %b6[%c0] size %row
  %s7 = host.alloca transient %squares
  host.copy %s7[%c0] from %r7[%c0] size %squares
  %r8 = host.alloca transient %row
  host.copy %r8[%c0] from %r7[%c0] size %row
  host.copy %r8[%c0] from %s7[%c0] size %row
  %a7 = host.alloca transient %rows
  host.copy %a7[%c0] from %r8[%c0] size %row
  %b7 = host.alloca transient %rows
  host.copy %b7[%c0] from %a7[%c0] size %rows
  host.copy %r8[%c0] from %b7[%c0] size %row
  host.copy %x[%c0] from %r8[%c0] size %row
  return
}
