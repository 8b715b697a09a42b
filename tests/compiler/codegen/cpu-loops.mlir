// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-loops),canonicalize)' | FileCheck %s

// The loop over adjacent columns is innermost; sums may change their order.
// CHECK-LABEL: func.func @matmul(
// CHECK-SAME: %[[X:[^:]+]]: memref<16x32xf32>, %[[W:[^:]+]]: memref<32x64xf32>, %[[OUT:[^:]+]]: memref<16x64xf32>
// CHECK: scf.for %[[M:.+]] =
// CHECK: scf.for %[[K:.+]] =
// CHECK: scf.for %[[N:.+]] =
// CHECK: memref.load %[[X]][%[[M]], %[[K]]]
// CHECK: memref.load %[[W]][%[[K]], %[[N]]]
// CHECK: arith.addf {{.*}} fastmath<reassoc,contract>
// CHECK: memref.store %{{.+}}, %[[OUT]][%[[M]], %[[N]]]
func.func @matmul(%x: memref<16x32xf32>, %w: memref<32x64xf32>, %out: memref<16x64xf32>) {
  linalg.matmul ins(%x, %w : memref<16x32xf32>, memref<32x64xf32>) outs(%out : memref<16x64xf32>)
  return
}

// A copy is a loop, not a call.
// CHECK-LABEL: func.func @copy(
// CHECK-NOT: memref.copy
// CHECK: scf.for
func.func @copy(%x: memref<16xf32>, %out: memref<16xf32>) {
  memref.copy %x, %out : memref<16xf32> to memref<16xf32>
  return
}

// Two channels for each of many positions are one long row.
// CHECK-LABEL: func.func @collapse(
// CHECK: memref.reinterpret_cast {{.*}} to memref<70xf32>
// CHECK: scf.for
// CHECK-NOT: scf.for
// CHECK: return
func.func @collapse(%x: memref<5x7x2xf32>, %out: memref<5x7x2xf32>) {
  linalg.exp ins(%x : memref<5x7x2xf32>) outs(%out : memref<5x7x2xf32>)
  return
}
