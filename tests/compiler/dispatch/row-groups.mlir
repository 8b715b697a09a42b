// RUN: halcyon-opt %s --halcyon-phase-tensor --halcyon-form-dispatches --split-input-file | FileCheck %s

// Softmax along the last axis is one kernel, whose workgroups take whole rows.
// CHECK: dispatch.executable @softmax{{.*}} inputs 1 workload_rank 1
// CHECK-NOT: dispatch.executable
// CHECK-LABEL: func @softmax
// CHECK: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK: return
func.func @softmax(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %y = nn.softmax ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {axis = 1 : i64}
  return %y : tensor<4x8xf32>
}

// -----

// So is a layer norm of a dynamic number of rows.
// CHECK: dispatch.executable @norm{{.*}} inputs 3 workload_rank 1
// CHECK-NOT: dispatch.executable
// CHECK-LABEL: func @norm
func.func @norm(%x: tensor<?x8xf32>, %s: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %y = nn.layer_norm ins(%x, %s bias %b : tensor<?x8xf32>, tensor<8xf32> bias tensor<8xf32>)
      outs(%e : tensor<?x8xf32>) {axis = 1 : i64, epsilon = 1.0e-5 : f32}
  return %y : tensor<?x8xf32>
}

// -----

// A row sum that the function returns too is a kernel of its own.
// CHECK-LABEL: func @shared
// CHECK: dispatch.launch
// CHECK: dispatch.launch
func.func @shared(%x: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4x8xf32>) {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.addf %a, %o : f32
    linalg.yield %0 : f32
  } -> tensor<4xf32>
  %g = tensor.empty() : tensor<4x8xf32>
  %d = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%g : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.divf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x8xf32>
  return %s, %d : tensor<4xf32>, tensor<4x8xf32>
}
