// RUN: halcyon-opt %s --halcyon-resolve-dims --split-input-file | FileCheck %s

// A view's sizes are those that it was given, however many are dynamic.
// CHECK-LABEL: func @expand
// CHECK-SAME: %[[A:.+]]: index, %[[B:.+]]: index
// CHECK: return %[[B]]
func.func @expand(%x: tensor<?xf32>, %a: index, %b: index) -> index {
  %c1 = arith.constant 1 : index
  %0 = tensor.expand_shape %x [[0, 1]] output_shape [%a, %b] : tensor<?xf32> into tensor<?x?xf32>
  %1 = tensor.dim %0, %c1 : tensor<?x?xf32>
  return %1 : index
}

// -----

// A collapsed dimension is the product of its parts.
// CHECK-LABEL: func @collapse
// CHECK-SAME: %[[X:.+]]: tensor<?x1x?xf32>
// CHECK: %[[P:.+]] = arith.muli %{{.+}}, %{{.+}} : index
// CHECK: return %[[P]]
func.func @collapse(%x: tensor<?x1x?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %0 = tensor.collapse_shape %x [[0, 1, 2]] : tensor<?x1x?xf32> into tensor<?xf32>
  %1 = tensor.dim %0, %c0 : tensor<?xf32>
  return %1 : index
}

// -----

// An argument's dimension stays.
// CHECK-LABEL: func @argument
// CHECK: tensor.dim
func.func @argument(%x: tensor<?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %0 = tensor.dim %x, %c0 : tensor<?xf32>
  return %0 : index
}
