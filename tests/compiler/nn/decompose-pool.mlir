// RUN: halcyon-opt %s --halcyon-decompose-nn --canonicalize | FileCheck %s

// A maximum ignores the padding, which is the least value.
// CHECK-LABEL: func @max
func.func @max(%x: tensor<1x4x9xf32>, %i: tensor<1x4x5xf32>) -> tensor<1x4x5xf32> {
  // CHECK: %[[LEAST:.*]] = arith.constant 0xFF800000 : f32
  // CHECK: scf.yield %[[LEAST]]
  // CHECK: linalg.fill ins(%[[LEAST]] : f32)
  // CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "reduction"]
  // CHECK: arith.maximumf
  %y = nn.pool ins(%x : tensor<1x4x9xf32>) outs(%i : tensor<1x4x5xf32>)
    {kind = #nn.pool_kind<max>, kernel = array<i64: 3>, strides = array<i64: 2>, dilations = array<i64: 1>,
     pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return %y : tensor<1x4x5xf32>
}

// Without padding every window has the kernel's size.
// CHECK-LABEL: func @average
func.func @average(%x: tensor<1x4x8xf32>, %i: tensor<1x4x4xf32>) -> tensor<1x4x4xf32> {
  // CHECK: %[[SIZE:.*]] = arith.constant 2.000000e+00 : f32
  // CHECK-NOT: scf.if
  // CHECK: arith.addf
  // CHECK-NOT: linalg.index
  // CHECK: arith.divf %{{.*}}, %[[SIZE]]
  %y = nn.pool ins(%x : tensor<1x4x8xf32>) outs(%i : tensor<1x4x4xf32>)
    {kind = #nn.pool_kind<average>, kernel = array<i64: 2>, strides = array<i64: 2>, dilations = array<i64: 1>,
     pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return %y : tensor<1x4x4xf32>
}

// With padding the count depends on the position.
// CHECK-LABEL: func @counted
func.func @counted(%x: tensor<1x4x9xf32>, %i: tensor<1x4x5xf32>) -> tensor<1x4x5xf32> {
  // CHECK: arith.addf
  // CHECK: linalg.index 2
  // CHECK: %[[COUNT:.*]] = arith.sitofp
  // CHECK: arith.divf %{{.*}}, %[[COUNT]]
  %y = nn.pool ins(%x : tensor<1x4x9xf32>) outs(%i : tensor<1x4x5xf32>)
    {kind = #nn.pool_kind<average>, kernel = array<i64: 3>, strides = array<i64: 2>, dilations = array<i64: 1>,
     pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return %y : tensor<1x4x5xf32>
}
