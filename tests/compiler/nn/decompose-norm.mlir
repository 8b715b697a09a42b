// RUN: halcyon-opt %s --halcyon-decompose-nn | FileCheck %s

// Row maximum, exponentials, row sum, division.
// CHECK-LABEL: func @softmax
func.func @softmax(%x: tensor<4x?xf32>, %i: tensor<4x?xf32>) -> tensor<4x?xf32> {
  // CHECK: %[[MAX:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
  // CHECK: arith.maximumf
  // CHECK: %[[POWERS:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[MAX]] : tensor<4x?xf32>, tensor<4xf32>)
  // CHECK: math.exp
  // CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[POWERS]]
  // CHECK: arith.addf
  // CHECK: linalg.generic {{.*}} ins(%[[POWERS]], %[[SUM]]
  // CHECK: arith.divf
  %y = nn.softmax ins(%x : tensor<4x?xf32>) outs(%i : tensor<4x?xf32>) {axis = 1 : i64}
  return %y : tensor<4x?xf32>
}

// The logarithm never leaves the logarithm's range: x - max - log(sum).
// CHECK-LABEL: func @log_softmax
func.func @log_softmax(%x: tensor<4x8xf32>, %i: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: arith.maximumf
  // CHECK: math.exp
  // CHECK: math.log
  // CHECK: arith.subf
  // CHECK-NOT: arith.divf
  // CHECK: return
  %y = nn.softmax ins(%x : tensor<4x8xf32>) outs(%i : tensor<4x8xf32>) {axis = 0 : i64, log}
  return %y : tensor<4x8xf32>
}

// Sum, squared distances, then one pass over the elements.
// CHECK-LABEL: func @layer_norm
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[S:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>
func.func @layer_norm(%x: tensor<4x8xf32>, %s: tensor<8xf32>, %b: tensor<8xf32>, %i: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[X]] :
  // CHECK: %[[SQUARES:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[SUM]] :
  // CHECK: linalg.generic {{.*}} ins(%[[X]], %[[SUM]], %[[SQUARES]], %[[S]], %[[B]] :
  // CHECK: math.sqrt
  %y = nn.layer_norm ins(%x, %s bias %b : tensor<4x8xf32>, tensor<8xf32> bias tensor<8xf32>) outs(%i : tensor<4x8xf32>)
    {axis = 1 : i64, epsilon = 1.0e-5 : f32}
  return %y : tensor<4x8xf32>
}

// Rows of f16 are summed in f32.
// CHECK-LABEL: func @half
func.func @half(%x: tensor<4x?xf16>, %i: tensor<4x?xf16>) -> tensor<4x?xf16> {
  // CHECK: arith.extf %{{.*}} : f16 to f32
  // CHECK: arith.addf %{{.*}} : f32
  // CHECK-NOT: arith.addf %{{.*}} : f16
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  // CHECK: return
  %y = nn.layer_norm ins(%x : tensor<4x?xf16>) outs(%i : tensor<4x?xf16>) {axis = 1 : i64, epsilon = 1.0e-5 : f32}
  return %y : tensor<4x?xf16>
}
