// RUN: halcyon-opt %s --halcyon-drop-empty-loops --split-input-file | FileCheck %s

// A sum over nothing is what it starts from.
// CHECK-LABEL: func @product
// CHECK-SAME: %[[X:.+]]: tensor<4x0xf32>, %[[W:.+]]: tensor<0x8xf32>, %[[ZEROS:.+]]: tensor<4x8xf32>
// CHECK-NEXT: return %[[ZEROS]]
func.func @product(%x: tensor<4x0xf32>, %w: tensor<0x8xf32>, %zeros: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x0xf32>, tensor<0x8xf32>) outs(%zeros : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// A result without elements is computed by nothing.
// CHECK-LABEL: func @elementwise
// CHECK: %[[E:.+]] = tensor.empty() : tensor<2x0xf32>
// CHECK-NEXT: return %[[E]]
func.func @elementwise(%x: tensor<2x0xf32>) -> tensor<2x0xf32> {
  %e = tensor.empty() : tensor<2x0xf32>
  %0 = linalg.exp ins(%x : tensor<2x0xf32>) outs(%e : tensor<2x0xf32>) -> tensor<2x0xf32>
  return %0 : tensor<2x0xf32>
}

// -----

// An extent that may be zero stays.
// CHECK-LABEL: func @unknown
// CHECK: linalg.exp
func.func @unknown(%x: tensor<?xf32>, %e: tensor<?xf32>) -> tensor<?xf32> {
  %0 = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
