// RUN: halcyon-opt %s --halcyon-hide-indices | FileCheck %s
// RUN: halcyon-opt %s --halcyon-hide-indices --canonicalize | FileCheck %s --check-prefix=READ

// Without the pass, MLIR 19 aborts in the fold of each of these.
// CHECK-LABEL: func @known
// CHECK: %[[I:.+]] = nn.hidden_index %c1
// CHECK: tensor.extract %{{.+}}[%[[I]], %c1] : tensor<2x2xf32>
// READ-LABEL: func @known
// READ-NEXT: %[[X:.+]] = arith.constant 4.000000e+00 : f32
// READ-NEXT: return %[[X]]
func.func @known() -> f32 {
  %table = arith.constant dense_resource<table> : tensor<2x2xf32>
  %c1 = arith.constant 1 : index
  %x = tensor.extract %table[%c1, %c1] : tensor<2x2xf32>
  return %x : f32
}

// READ-LABEL: func @behind_a_cast
// READ-NEXT: %[[X:.+]] = arith.constant 2.000000e+00 : f32
// READ-NEXT: return %[[X]]
func.func @behind_a_cast() -> f32 {
  %table = arith.constant dense_resource<table> : tensor<2x2xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %any = tensor.cast %table : tensor<2x2xf32> to tensor<?x?xf32>
  %x = tensor.extract %any[%c0, %c1] : tensor<?x?xf32>
  return %x : f32
}

// READ-LABEL: func @scalars
// READ-DAG: %[[X:.+]] = arith.constant 5 : i16
// READ-DAG: %[[TRUE:.+]] = arith.constant true
// READ: return %[[X]], %[[TRUE]]
func.func @scalars() -> (i16, i1) {
  %scalar = arith.constant dense_resource<scalar> : tensor<i16>
  %flags = arith.constant dense_resource<flags> : tensor<2xi1>
  %c1 = arith.constant 1 : index
  %x = tensor.extract %scalar[] : tensor<i16>
  %y = tensor.extract %flags[%c1] : tensor<2xi1>
  return %x, %y : i16, i1
}

// The last one is outside, and stays as it is.
// READ-LABEL: func @unknown
// READ: %[[TABLE:.+]] = arith.constant dense_resource<table>
// READ: tensor.extract %[[TABLE]][%arg0, %arg0]
// READ: nn.hidden_index
// READ: tensor.extract %[[TABLE]][%{{.+}}, %{{.+}}]
func.func @unknown(%i: index) -> (f32, f32) {
  %table = arith.constant dense_resource<table> : tensor<2x2xf32>
  %c2 = arith.constant 2 : index
  %x = tensor.extract %table[%i, %i] : tensor<2x2xf32>
  %y = tensor.extract %table[%c2, %c2] : tensor<2x2xf32>
  return %x, %y : f32, f32
}

// A tensor that folds can read, or that is no constant, has no hidden index.
// READ-LABEL: func @shown
// READ-NOT: nn.hidden_index
// READ: return
func.func @shown(%x: tensor<4xf32>, %i: index) -> f32 {
  %0 = nn.hidden_index %i
  %1 = tensor.extract %x[%0] : tensor<4xf32>
  return %1 : f32
}

// Loops of one iteration become constants, others do not.
// CHECK-LABEL: func @loops
// CHECK: linalg.generic
// CHECK: %[[ONE:.+]] = linalg.index 0
// CHECK: %[[MANY:.+]] = linalg.index 1
// CHECK: %[[HIDDEN:.+]] = nn.hidden_index %[[ONE]]
// CHECK: tensor.extract %{{.+}}[%[[HIDDEN]], %[[ONE]]]
// CHECK: tensor.extract %{{.+}}[%[[ONE]], %[[MANY]]]
func.func @loops(%out: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %table = arith.constant dense_resource<table> : tensor<2x2xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%out : tensor<1x2xf32>) {
  ^bb0(%o: f32):
    %one = linalg.index 0 : index
    %many = linalg.index 1 : index
    %x = tensor.extract %table[%one, %one] : tensor<2x2xf32>
    %y = tensor.extract %table[%one, %many] : tensor<2x2xf32>
    %sum = arith.addf %x, %y : f32
    linalg.yield %sum : f32
  } -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      table: "0x040000000000803F000000400000404000008040",
      scalar: "0x020000000500",
      flags: "0x010000000001"
    }
  }
#-}
