// RUN: halcyon-opt %s --halcyon-phase-tensor --halcyon-form-dispatches --split-input-file | FileCheck %s

// Scores, softmax and what it weighs are one kernel, whose workgroups take rows of every head. What softmax divides by
// divides the result, which is smaller.
// CHECK: dispatch.executable @attention{{.*}} inputs 4 workload_rank 2
// CHECK: linalg.batch_matmul
// CHECK: arith.mulf
// CHECK: arith.maximumf
// CHECK-NOT: arith.divf
// CHECK: linalg.batch_matmul
// CHECK: arith.divf
// CHECK-NOT: dispatch.executable
// CHECK-LABEL: func @attention
// CHECK: dispatch.launch @{{.*}} workload[%c2, %c16]
// CHECK-NOT: dispatch.launch
// CHECK: return
#whole = affine_map<(h, r, c) -> (h, r, c)>
#mask = affine_map<(h, r, c) -> (r, c)>
#turned = affine_map<(h, r, c) -> (r, h, c)>
func.func @attention(%q: tensor<2x16x8xf32>, %k: tensor<2x8x24xf32>, %v: tensor<2x24x8xf32>, %mask: tensor<16x24xf32>) -> tensor<16x2x8xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  %e = tensor.empty() : tensor<2x16x24xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2x16x24xf32>) -> tensor<2x16x24xf32>
  %s = linalg.batch_matmul ins(%q, %k : tensor<2x16x8xf32>, tensor<2x8x24xf32>) outs(%f : tensor<2x16x24xf32>) -> tensor<2x16x24xf32>
  %m = linalg.generic {indexing_maps = [#whole, #mask, #whole], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%s, %mask : tensor<2x16x24xf32>, tensor<16x24xf32>) outs(%e : tensor<2x16x24xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %scale : f32
    %1 = arith.addf %0, %b : f32
    linalg.yield %1 : f32
  } -> tensor<2x16x24xf32>
  %p = nn.softmax ins(%m : tensor<2x16x24xf32>) outs(%e : tensor<2x16x24xf32>) {axis = 2 : i64}
  %e2 = tensor.empty() : tensor<2x16x8xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x16x24xf32>, tensor<2x24x8xf32>) outs(%f2 : tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
  %e3 = tensor.empty() : tensor<16x2x8xf32>
  %t = linalg.generic {indexing_maps = [#whole, #turned], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%o : tensor<2x16x8xf32>) outs(%e3 : tensor<16x2x8xf32>) {
  ^bb0(%a: f32, %x: f32):
    linalg.yield %a : f32
  } -> tensor<16x2x8xf32>
  return %t : tensor<16x2x8xf32>
}

// -----

// Rows of a number that is not known are cut like others.
// CHECK: dispatch.executable @rows{{.*}} inputs 3 workload_rank 1
// CHECK-NOT: dispatch.executable
// CHECK-LABEL: func @rows
func.func @rows(%q: tensor<?x8xf32>, %k: tensor<8x24xf32>, %v: tensor<24x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %q, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x24xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x24xf32>) -> tensor<?x24xf32>
  %s = linalg.matmul ins(%q, %k : tensor<?x8xf32>, tensor<8x24xf32>) outs(%f : tensor<?x24xf32>) -> tensor<?x24xf32>
  %p = nn.softmax ins(%s : tensor<?x24xf32>) outs(%e : tensor<?x24xf32>) {axis = 1 : i64}
  %e2 = tensor.empty(%n) : tensor<?x8xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x8xf32>) -> tensor<?x8xf32>
  %o = linalg.matmul ins(%p, %v : tensor<?x24xf32>, tensor<24x8xf32>) outs(%f2 : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

// A row of an unknown number of keys has no place in local memory: three kernels.
// CHECK-LABEL: func @keys
// CHECK-COUNT-3: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK: return
func.func @keys(%q: tensor<16x8xf32>, %k: tensor<8x?xf32>, %v: tensor<?x8xf32>) -> tensor<16x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %v, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<16x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<16x?xf32>) -> tensor<16x?xf32>
  %s = linalg.matmul ins(%q, %k : tensor<16x8xf32>, tensor<8x?xf32>) outs(%f : tensor<16x?xf32>) -> tensor<16x?xf32>
  %p = nn.softmax ins(%s : tensor<16x?xf32>) outs(%e : tensor<16x?xf32>) {axis = 1 : i64}
  %e2 = tensor.empty() : tensor<16x8xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<16x8xf32>) -> tensor<16x8xf32>
  %o = linalg.matmul ins(%p, %v : tensor<16x?xf32>, tensor<?x8xf32>) outs(%f2 : tensor<16x8xf32>) -> tensor<16x8xf32>
  return %o : tensor<16x8xf32>
}

// -----

// Nor have sums of an unknown number of columns.
// CHECK-LABEL: func @columns
// CHECK-COUNT-3: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK: return
func.func @columns(%q: tensor<16x8xf32>, %k: tensor<8x24xf32>, %v: tensor<24x?xf32>) -> tensor<16x?xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %v, %c1 : tensor<24x?xf32>
  %e = tensor.empty() : tensor<16x24xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<16x24xf32>) -> tensor<16x24xf32>
  %s = linalg.matmul ins(%q, %k : tensor<16x8xf32>, tensor<8x24xf32>) outs(%f : tensor<16x24xf32>) -> tensor<16x24xf32>
  %p = nn.softmax ins(%s : tensor<16x24xf32>) outs(%e : tensor<16x24xf32>) {axis = 1 : i64}
  %e2 = tensor.empty(%n) : tensor<16x?xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<16x?xf32>) -> tensor<16x?xf32>
  %o = linalg.matmul ins(%p, %v : tensor<16x24xf32>, tensor<24x?xf32>) outs(%f2 : tensor<16x?xf32>) -> tensor<16x?xf32>
  return %o : tensor<16x?xf32>
}

// -----

// Neither do scores join that somebody else needs, nor weights that are summed along their rows' dimension.
// CHECK-LABEL: func @shared
// CHECK-COUNT-3: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK: return
func.func @shared(%q: tensor<16x8xf32>, %k: tensor<8x24xf32>, %v: tensor<24x8xf32>) -> (tensor<16x24xf32>, tensor<16x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x24xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<16x24xf32>) -> tensor<16x24xf32>
  %s = linalg.matmul ins(%q, %k : tensor<16x8xf32>, tensor<8x24xf32>) outs(%f : tensor<16x24xf32>) -> tensor<16x24xf32>
  %p = nn.softmax ins(%s : tensor<16x24xf32>) outs(%e : tensor<16x24xf32>) {axis = 1 : i64}
  %e2 = tensor.empty() : tensor<16x8xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<16x8xf32>) -> tensor<16x8xf32>
  %o = linalg.matmul ins(%p, %v : tensor<16x24xf32>, tensor<24x8xf32>) outs(%f2 : tensor<16x8xf32>) -> tensor<16x8xf32>
  return %s, %o : tensor<16x24xf32>, tensor<16x8xf32>
}

// CHECK-LABEL: func @otherwise
// CHECK-COUNT-3: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK: return
func.func @otherwise(%q: tensor<16x8xf32>, %k: tensor<8x24xf32>, %v: tensor<16x8xf32>) -> tensor<24x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x24xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<16x24xf32>) -> tensor<16x24xf32>
  %s = linalg.matmul ins(%q, %k : tensor<16x8xf32>, tensor<8x24xf32>) outs(%f : tensor<16x24xf32>) -> tensor<16x24xf32>
  %p = nn.softmax ins(%s : tensor<16x24xf32>) outs(%e : tensor<16x24xf32>) {axis = 1 : i64}
  %e2 = tensor.empty() : tensor<24x8xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<24x8xf32>) -> tensor<24x8xf32>
  %o = linalg.matmul_transpose_a ins(%p, %v : tensor<16x24xf32>, tensor<16x8xf32>) outs(%f2 : tensor<24x8xf32>) -> tensor<24x8xf32>
  return %o : tensor<24x8xf32>
}
