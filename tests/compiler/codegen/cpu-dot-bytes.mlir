// RUN: halcyon-opt %s --halcyon-cpu-dot-bytes=instruction=vnni | FileCheck %s --check-prefix=VNNI
// RUN: halcyon-opt %s --halcyon-cpu-dot-bytes=instruction=madd | FileCheck %s --check-prefix=MADD
// RUN: halcyon-opt %s --halcyon-cpu-dot-bytes=instruction=sdot | FileCheck %s --check-prefix=SDOT
// RUN: halcyon-opt %s --halcyon-cpu-dot-bytes=instruction=usdot | FileCheck %s --check-prefix=USDOT
// RUN: halcyon-opt %s --halcyon-cpu-dot-bytes | FileCheck %s --check-prefix=NONE

// The addition that uses it is part of the instruction.
// VNNI-LABEL: func @wide
// VNNI: %[[S:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%arg2, %arg0, %arg1)
// VNNI-NEXT: return %[[S]]
// Even bytes and odd ones, with their own signs.
// MADD-LABEL: func @wide
// MADD-DAG: %[[A:.*]] = vector.bitcast %arg0 : vector<16xi32> to vector<32xi16>
// MADD-DAG: %[[W:.*]] = vector.bitcast %arg1
// MADD-DAG: arith.andi %[[A]]
// MADD-DAG: arith.shrui %[[A]]
// MADD-DAG: arith.shrsi %[[W]]
// MADD-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// SDOT-LABEL: func @wide
// SDOT-COUNT-4: arith.muli
// NONE-LABEL: func @wide
// NONE-COUNT-4: arith.muli
// NONE-NOT: nn.dot_bytes
func.func @wide(%a: vector<16xi32>, %w: vector<16xi32>, %s: vector<16xi32>) -> vector<16xi32> {
  %0 = nn.dot_bytes %a, %w : vector<16xi32>
  %1 = arith.addi %s, %0 : vector<16xi32>
  return %1 : vector<16xi32>
}

// VNNI-LABEL: func @narrow
// VNNI: "llvm.x86.avx512.vpdpbusd.128"
// MADD-LABEL: func @narrow
// MADD-COUNT-2: "llvm.x86.sse2.pmadd.wd"
// 128 is taken from each unsigned byte, and its products given back.
// SDOT-LABEL: func @narrow
// SDOT: %[[LESS:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// SDOT: arith.xori %arg0
// SDOT: %[[MADE:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%arg2,
// SDOT: arith.subi %[[MADE]], %[[LESS]]
// USDOT-LABEL: func @narrow
// USDOT: llvm.call_intrinsic "llvm.aarch64.neon.usdot.v4i32.v16i8"(%arg2,
func.func @narrow(%a: vector<4xi32>, %w: vector<4xi32>, %s: vector<4xi32>) -> vector<4xi32> {
  %0 = nn.dot_bytes %a, %w : vector<4xi32>
  %1 = arith.addi %0, %s : vector<4xi32>
  return %1 : vector<4xi32>
}

// Numbers have no instruction; without an addition the sum begins at 0.
// VNNI-LABEL: func @number
// VNNI-DAG: arith.shrui %arg0, %{{.*}} : i32
// VNNI: arith.muli
// VNNI-NOT: nn.dot_bytes
func.func @number(%a: i32, %w: i32) -> i32 {
  %0 = nn.dot_bytes %a, %w : i32
  return %0 : i32
}
