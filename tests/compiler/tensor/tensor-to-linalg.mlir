// RUN: halcyon-opt %s --halcyon-tensor-to-linalg --canonicalize --split-input-file | FileCheck %s

// A slice becomes a generic that reads its source at computed indices.
// CHECK-LABEL: func @slice
// CHECK-SAME: %[[X:.+]]: tensor<8x6xf32>
// CHECK-NOT: extract_slice
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]
// CHECK: %[[I:.+]] = linalg.index 0
// CHECK: %[[J:.+]] = arith.muli %[[I]], %{{.+}}
// CHECK: tensor.extract %[[X]][%{{.+}}, %{{.+}}]
func.func @slice(%x: tensor<8x6xf32>) -> tensor<4xf32> {
  %y = tensor.extract_slice %x[1, 2] [4, 1] [2, 1] : tensor<8x6xf32> to tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// Only padded axes are tested.
// CHECK-LABEL: func @pad
// CHECK: linalg.generic
// CHECK: %[[INSIDE:.+]] = arith.cmpi ult
// CHECK-NOT: arith.cmpi
// CHECK: scf.if %[[INSIDE]]
func.func @pad(%x: tensor<?x6xf32>, %z: f32) -> tensor<?x9xf32> {
  %y = tensor.pad %x low[0, 1] high[0, 2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %z : f32
  } : tensor<?x6xf32> to tensor<?x9xf32>
  return %y : tensor<?x9xf32>
}

// -----

// A concatenation becomes one insertion for each operand.
// CHECK-LABEL: func @concat
// CHECK: tensor.insert_slice
// CHECK: tensor.insert_slice
// CHECK-NOT: tensor.concat
func.func @concat(%x: tensor<2x3xf32>, %y: tensor<2x5xf32>) -> tensor<2x8xf32> {
  %z = tensor.concat dim(1) %x, %y : (tensor<2x3xf32>, tensor<2x5xf32>) -> tensor<2x8xf32>
  return %z : tensor<2x8xf32>
}

// -----

// Contractions and fills keep their names, elementwise operations do not.
// CHECK-LABEL: func @named
// CHECK: linalg.fill
// CHECK: linalg.matmul
// CHECK: linalg.generic
// CHECK: math.exp
func.func @named(%x: tensor<2x3xf32>, %w: tensor<3x4xf32>, %e: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %z = arith.constant 0.0 : f32
  %0 = linalg.fill ins(%z : f32) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = linalg.matmul ins(%x, %w : tensor<2x3xf32>, tensor<3x4xf32>) outs(%0 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = linalg.exp ins(%1 : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}
