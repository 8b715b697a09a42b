// RUN: halcyon-opt %s --halcyon-residence --split-input-file | FileCheck %s

// An argument of which only elements are taken is the host's.
// CHECK-LABEL: func @host
// CHECK-SAME: tensor<2xi64> {halcyon.residence = "host"}
func.func @host(%shape: tensor<2xi64>) -> index {
  %c1 = arith.constant 1 : index
  %0 = tensor.extract %shape[%c1] : tensor<2xi64>
  %1 = arith.index_cast %0 : i64 to index
  return %1 : index
}

// -----

// A view in between changes nothing.
// CHECK-LABEL: func @view
// CHECK-SAME: %[[S:.+]]: tensor<2x3xi64> {halcyon.residence = "host"}
// CHECK-DAG: %[[ONE:.+]] = arith.constant 1 : index
// CHECK-DAG: %[[TWO:.+]] = arith.constant 2 : index
// CHECK: tensor.extract %[[S]][%[[ONE]], %[[TWO]]]
func.func @view(%shape: tensor<2x3xi64>) -> i64 {
  %c5 = arith.constant 5 : index
  %flat = tensor.collapse_shape %shape [[0, 1]] : tensor<2x3xi64> into tensor<6xi64>
  %0 = tensor.extract %flat[%c5] : tensor<6xi64>
  return %0 : i64
}

// -----

// Used by the device too.
// CHECK-LABEL: func @both
// CHECK-SAME: tensor<2xi64> {halcyon.residence = "both"}
func.func @both(%shape: tensor<2xi64>) -> (i64, tensor<2xi64>) {
  %c0 = arith.constant 0 : index
  %0 = tensor.extract %shape[%c0] : tensor<2xi64>
  %e = tensor.empty() : tensor<2xi64>
  %1 = linalg.copy ins(%shape : tensor<2xi64>) outs(%e : tensor<2xi64>) -> tensor<2xi64>
  return %0, %1 : i64, tensor<2xi64>
}

// -----

// Floats, long tensors and elements that a kernel reads stay on the device.
// CHECK-LABEL: func @device
// CHECK-NOT: halcyon.residence
// CHECK: return
func.func @device(%f: tensor<1xf32>, %long: tensor<65xi64>, %table: tensor<4xi64>) -> (f32, i64, tensor<4xi64>) {
  %c0 = arith.constant 0 : index
  %0 = tensor.extract %f[%c0] : tensor<1xf32>
  %1 = tensor.extract %long[%c0] : tensor<65xi64>
  %e = tensor.empty() : tensor<4xi64>
  %2 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      outs(%e : tensor<4xi64>) {
  ^bb0(%o: i64):
    %i = linalg.index 0 : index
    %3 = tensor.extract %table[%i] : tensor<4xi64>
    linalg.yield %3 : i64
  } -> tensor<4xi64>
  return %0, %1, %2 : f32, i64, tensor<4xi64>
}
