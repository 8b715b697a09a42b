// RUN: halcyon-opt %s --halcyon-cpu-dot-pairs=instruction=x86 | FileCheck %s --check-prefix=X86
// RUN: halcyon-opt %s --halcyon-cpu-dot-pairs=instruction=arm | FileCheck %s --check-prefix=ARM
// RUN: halcyon-opt %s --halcyon-cpu-dot-pairs | FileCheck %s --check-prefix=NONE

// The addition that uses it is part of the instruction.
// X86-LABEL: func @wide
// X86-DAG: %[[A:.*]] = vector.bitcast %arg0 : vector<16xi32> to vector<32xbf16>
// X86-DAG: %[[W:.*]] = vector.bitcast %arg1 : vector<16xi32> to vector<32xbf16>
// X86: %[[S:.*]] = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg2, %[[A]], %[[W]])
// X86-NEXT: return %[[S]]
// ARM-LABEL: func @wide
// ARM-COUNT-2: arith.mulf
// The upper half of an f32 is a bf16: products may be contracted with their additions, in any order.
// NONE-LABEL: func @wide
// NONE: arith.shli %arg0
// NONE: arith.shli %arg1
// NONE: %[[FIRST:.*]] = arith.mulf %{{.*}}, %{{.*}} fastmath<contract> : vector<16xf32>
// NONE: %[[SUM:.*]] = arith.addf %arg2, %[[FIRST]] fastmath<contract>
// NONE: arith.andi %arg0
// NONE: arith.andi %arg1
// NONE: %[[SECOND:.*]] = arith.mulf
// NONE: arith.addf %[[SUM]], %[[SECOND]] fastmath<contract>
// NONE-NOT: nn.dot_pairs
func.func @wide(%a: vector<16xi32>, %w: vector<16xi32>, %s: vector<16xf32>) -> vector<16xf32> {
  %0 = nn.dot_pairs %a, %w : vector<16xi32> to vector<16xf32>
  %1 = arith.addf %s, %0 : vector<16xf32>
  return %1 : vector<16xf32>
}

// X86-LABEL: func @narrow
// X86: "llvm.x86.avx512bf16.dpbf16ps.128"
// ARM-LABEL: func @narrow
// ARM: llvm.call_intrinsic "llvm.aarch64.neon.bfdot.v4f32.v8bf16"(%arg2, %{{.*}}, %{{.*}}) : (vector<4xf32>, vector<8xbf16>, vector<8xbf16>)
func.func @narrow(%a: vector<4xi32>, %w: vector<4xi32>, %s: vector<4xf32>) -> vector<4xf32> {
  %0 = nn.dot_pairs %a, %w : vector<4xi32> to vector<4xf32>
  %1 = arith.addf %0, %s : vector<4xf32>
  return %1 : vector<4xf32>
}

// A sum that is used twice stays; a number alone has no instruction.
// X86-LABEL: func @twice
// X86: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// X86-COUNT-2: arith.mulf
// X86-NOT: nn.dot_pairs
// X86: return
func.func @twice(%a: i32, %w: i32, %s: f32) -> (f32, f32) {
  %0 = nn.dot_pairs %a, %w : i32 to f32
  %1 = arith.addf %s, %0 : f32
  return %0, %1 : f32, f32
}
