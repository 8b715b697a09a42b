// RUN: halcyon-opt %s --halcyon-form-dispatches --cse --split-input-file --verify-diagnostics | FileCheck %s
// RUN: halcyon-opt %s --halcyon-form-dispatches=fuse=false --cse --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=ALONE

// A contraction takes its fill and its epilogue; the batch is a parameter.
// CHECK: dispatch.executable @gemm_matmul inputs 3 workload_rank 2 dims {{\[\[0\], \[\], \[\], \[0\]\]}}
// CHECK: ^bb0(%[[X:.+]]: tensor<?x8xf32>, %[[W:.+]]: tensor<8x16xf32>, %[[B:.+]]: tensor<16xf32>, %[[OUT:.+]]: tensor<?x16xf32>, %[[N:.+]]: index)
// CHECK: %[[FILL:.+]] = linalg.fill
// CHECK: %[[M:.+]] = linalg.matmul ins(%[[X]], %[[W]] : {{.*}}) outs(%[[FILL]] :
// CHECK: %[[R:.+]] = linalg.generic {{.*}} ins(%[[M]], %[[B]] : {{.*}}) outs(%[[OUT]] :
// CHECK: dispatch.return %[[R]]
// CHECK-LABEL: func @gemm
// CHECK: %[[DIM:.+]] = tensor.dim
// CHECK: dispatch.launch @gemm_matmul workload[%[[DIM]], %{{.+}}] parameters(%[[DIM]] : index) ins(%{{.+}}, %{{.+}}, %{{.+}} :
// CHECK-NOT: dispatch.launch
// CHECK: return
// ALONE-LABEL: func @gemm
// ALONE: dispatch.launch @gemm_matmul
// ALONE: dispatch.launch @gemm_generic
func.func @gemm(%x: tensor<?x8xf32>, %w: tensor<8x16xf32>, %b: tensor<16xf32>) -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x16xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %m = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x16xf32>) outs(%f : tensor<?x16xf32>) -> tensor<?x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%m, %b : tensor<?x16xf32>, tensor<16xf32>) outs(%e : tensor<?x16xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<?x16xf32>
  return %r : tensor<?x16xf32>
}

// -----

// A result that something else needs too is not hidden in a kernel.
// CHECK-LABEL: func @shared
// CHECK: %[[M:.+]] = dispatch.launch @shared_matmul
// CHECK: %[[E:.+]] = dispatch.launch @shared_generic {{.*}} ins(%[[M]]
// CHECK: return %[[M]], %[[E]]
func.func @shared(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %i: tensor<4x16xf32>) -> (tensor<4x16xf32>, tensor<4x16xf32>) {
  %m = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%i : tensor<4x16xf32>) -> tensor<4x16xf32>
  %e = tensor.empty() : tensor<4x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%m : tensor<4x16xf32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.exp %a : f32
    linalg.yield %s : f32
  } -> tensor<4x16xf32>
  return %m, %r : tensor<4x16xf32>, tensor<4x16xf32>
}

// -----

// Equal bodies are one executable; what is updated in place is an operand of outs.
// CHECK: dispatch.executable @twice_matmul
// CHECK-NOT: dispatch.executable
// CHECK-LABEL: func @twice
// CHECK: %[[A:.+]] = dispatch.launch @twice_matmul {{.*}} outs(%[[I:.+]] :
// CHECK: dispatch.launch @twice_matmul {{.*}} outs(%[[A]] :
func.func @twice(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %i: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %a = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%i : tensor<4x16xf32>) -> tensor<4x16xf32>
  %b = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%a : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %b : tensor<4x16xf32>
}

// -----

// A scalar of another type travels in an i64; a loop that only moves elements is one workgroup.
// CHECK: dispatch.executable @loop_for inputs 1 workload_rank 0
// CHECK: ^bb0(%[[X:.+]]: tensor<8xf32>, %[[OUT:.+]]: tensor<8xf32>, %[[BITS:.+]]: i64)
// CHECK: %[[LOW:.+]] = arith.trunci %[[BITS]] : i64 to i32
// CHECK: arith.bitcast %[[LOW]] : i32 to f32
// CHECK: scf.for {{.*}} iter_args(%{{.+}} = %[[OUT]])
// CHECK-LABEL: func @loop
// CHECK: %[[I:.+]] = arith.bitcast %{{.+}} : f32 to i32
// CHECK: %[[W:.+]] = arith.extui %[[I]] : i32 to i64
// CHECK: dispatch.launch @loop_for workload[] parameters(%[[W]] : i64)
func.func @loop(%x: tensor<8xf32>, %s: f32) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %e = tensor.empty() : tensor<8xf32>
  %r = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %e) -> tensor<8xf32> {
    %a = tensor.extract %x[%i] : tensor<8xf32>
    %b = arith.addf %a, %s : f32
    %u = tensor.insert %b into %t[%i] : tensor<8xf32>
    scf.yield %u : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// -----

// Control flow with launches inside stays on the host.
// CHECK-LABEL: func @branch
// CHECK: scf.if
// CHECK: dispatch.launch
// CHECK: else
// CHECK: dispatch.launch
func.func @branch(%c: i1, %x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %i: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %r = scf.if %c -> tensor<4x16xf32> {
    %a = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%i : tensor<4x16xf32>) -> tensor<4x16xf32>
    scf.yield %a : tensor<4x16xf32>
  } else {
    %z = arith.constant 0.0 : f32
    %f = linalg.fill ins(%z : f32) outs(%i : tensor<4x16xf32>) -> tensor<4x16xf32>
    scf.yield %f : tensor<4x16xf32>
  }
  return %r : tensor<4x16xf32>
}

// -----

// A fill that starts a loop's state and a product inside the loop is one there too: the product's kernel holds it.
// CHECK: dispatch.executable @looped_matmul
// CHECK: linalg.fill
// CHECK: linalg.matmul
// CHECK-LABEL: func @looped
// CHECK: scf.for
// CHECK: dispatch.launch @looped_matmul
// CHECK: scf.yield
func.func @looped(%n: index, %x: tensor<4x8xf32>, %w: tensor<8x16xf32>) -> tensor<4x16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x16xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%state = %f) -> tensor<4x16xf32> {
    %m = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%f : tensor<4x16xf32>) -> tensor<4x16xf32>
    %a = linalg.add ins(%state, %m : tensor<4x16xf32>, tensor<4x16xf32>) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
    scf.yield %a : tensor<4x16xf32>
  }
  return %r : tensor<4x16xf32>
}

// -----

// What is neither a kernel nor the host's is refused.
func.func @refused(%x: tensor<4xf32>, %s: tensor<2xindex>) -> tensor<?x?xf32> {
  // expected-error @+1 {{cannot compile operation 'tensor.reshape' here}}
  %r = tensor.reshape %x(%s) : (tensor<4xf32>, tensor<2xindex>) -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}

// -----

// The copy that puts a border around a window's operand joins it.
// CHECK-LABEL: func @bordered
// CHECK: dispatch.launch @bordered_generic
// CHECK-NOT: dispatch.launch
// CHECK: return
// ALONE-LABEL: func @bordered
// ALONE: dispatch.launch
// ALONE: dispatch.launch
func.func @bordered(%x: tensor<8xf32>, %w: tensor<3xf32>) -> tensor<8xf32> {
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<10xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%e : tensor<10xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = arith.subi %i, %c1 : index
    %inside = arith.cmpi ult, %j, %c8 : index
    %v = scf.if %inside -> (f32) {
      %element = tensor.extract %x[%j] : tensor<8xf32>
      scf.yield %element : f32
    } else {
      scf.yield %z : f32
    }
    linalg.yield %v : f32
  } -> tensor<10xf32>
  %e2 = tensor.empty() : tensor<8xf32>
  %f = linalg.fill ins(%z : f32) outs(%e2 : tensor<8xf32>) -> tensor<8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, k) -> (i + k)>, affine_map<(i, k) -> (k)>, affine_map<(i, k) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%p, %w : tensor<10xf32>, tensor<3xf32>) outs(%f : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// -----

// A consumer that turns the rows into columns would store each element alone, one of another element type has no place
// in its result where the size is unknown: both stay apart.
// CHECK-LABEL: func @apart
// CHECK: dispatch.launch
// CHECK: dispatch.launch
// CHECK: dispatch.launch
// CHECK: dispatch.launch
// CHECK: return
func.func @apart(%x: tensor<?x8xf32>, %w: tensor<8x16xf32>, %v: tensor<8x16xf32>) -> (tensor<16x?xf32>, tensor<?x16xf16>) {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x16xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %m = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x16xf32>) outs(%f : tensor<?x16xf32>) -> tensor<?x16xf32>
  %t = tensor.empty(%n) : tensor<16x?xf32>
  %turned = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%m : tensor<?x16xf32>) outs(%t : tensor<16x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<16x?xf32>
  %m2 = linalg.matmul ins(%x, %v : tensor<?x8xf32>, tensor<8x16xf32>) outs(%f : tensor<?x16xf32>) -> tensor<?x16xf32>
  %h = tensor.empty(%n) : tensor<?x16xf16>
  %half = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%m2 : tensor<?x16xf32>) outs(%h : tensor<?x16xf16>) {
  ^bb0(%a: f32, %o: f16):
    %r = arith.truncf %a : f32 to f16
    linalg.yield %r : f16
  } -> tensor<?x16xf16>
  return %turned, %half : tensor<16x?xf32>, tensor<?x16xf16>
}

// -----

// The workload of a concatenation's copy goes over its source; a single element has none.
// CHECK: dispatch.executable @concatenate_insert_slice inputs 1 workload_rank 3
// CHECK: dispatch.executable @concatenate_insert_slice_1 inputs 1 workload_rank 0
// CHECK-LABEL: func @concatenate
// CHECK: %[[N:.+]] = tensor.dim %arg0, %c0
// CHECK: %[[A:.+]] = dispatch.launch @concatenate_insert_slice workload[%[[N]], %c8, %c16]
// CHECK: dispatch.launch @concatenate_insert_slice_1 workload[]{{.*}} outs(%[[A]] :
func.func @concatenate(%x: tensor<?x8x16x4xf32>, %s: tensor<f32>, %i: tensor<?x9x16x4xf32>) -> tensor<?x9x16x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8x16x4xf32>
  %a = tensor.insert_slice %x into %i[0, 0, 0, 0] [%n, 8, 16, 4] [1, 1, 1, 1]
      : tensor<?x8x16x4xf32> into tensor<?x9x16x4xf32>
  %b = tensor.insert_slice %s into %a[0, 8, 0, 0] [1, 1, 1, 1] [1, 1, 1, 1] : tensor<f32> into tensor<?x9x16x4xf32>
  return %b : tensor<?x9x16x4xf32>
}

// -----

// A loop whose iterations write different rows is a workload; what an inner loop carries beside the tensor stays inside.
// The result is as large as what the loop starts with.
// CHECK: dispatch.executable @rows_for inputs 1 workload_rank 1
// CHECK-LABEL: func @rows(
// CHECK-SAME: %[[N:[a-z0-9]+]]: index)
// CHECK: %[[E:.+]] = tensor.empty(%[[N]]) : tensor<?xf32>
// CHECK: dispatch.launch @rows_for workload[%[[N]]]
// CHECK-SAME: outs(%[[E]] : tensor<?xf32>)
// CHECK-NOT: tensor.dim
// CHECK: return
func.func @rows(%x: tensor<?x8xf32>, %n: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %z = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%t = %e) -> tensor<?xf32> {
    %u:2 = scf.for %j = %c0 to %c8 step %c1 iter_args(%v = %t, %sum = %z) -> (tensor<?xf32>, f32) {
      %a = tensor.extract %x[%i, %j] : tensor<?x8xf32>
      %s = arith.addf %sum, %a : f32
      %w = tensor.insert %s into %v[%i] : tensor<?xf32>
      scf.yield %w, %s : tensor<?xf32>, f32
    }
    scf.yield %u#0 : tensor<?xf32>
  } {halcyon.rows}
  return %r : tensor<?xf32>
}

// -----

// So is one alone whose scalars nobody uses.
// CHECK: dispatch.executable @carried_for inputs 1 workload_rank 0
// CHECK-LABEL: func @carried
// CHECK: dispatch.launch @carried_for workload[]
func.func @carried(%x: tensor<8xf32>) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %r:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%t = %e, %sum = %z) -> (tensor<8xf32>, f32) {
    %a = tensor.extract %x[%i] : tensor<8xf32>
    %s = arith.addf %sum, %a : f32
    %w = tensor.insert %s into %t[%i] : tensor<8xf32>
    scf.yield %w, %s : tensor<8xf32>, f32
  }
  return %r#0 : tensor<8xf32>
}

// -----

// What a step of a loop computes goes into its row in the same kernel, large or small where nothing else uses it; what is
// needed before does not.
// CHECK-LABEL: dispatch.executable @steps_
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0
// CHECK: tensor.insert_slice
// CHECK: dispatch.return
// CHECK-LABEL: func.func @steps(
// CHECK: scf.for
// CHECK: %[[N:.+]]:2 = dispatch.launch
// CHECK-NEXT: %[[V:.+]] = tensor.expand_shape %[[N]]#1
// CHECK-NEXT: scf.yield %[[V]], %[[N]]#0
// CHECK-LABEL: func.func @large(
// CHECK-COUNT-1: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK-LABEL: func.func @used_twice(
// CHECK-COUNT-2: dispatch.launch
// CHECK-LABEL: func.func @between(
// CHECK-COUNT-3: dispatch.launch
// ALONE-LABEL: func.func @steps(
// ALONE-COUNT-2: dispatch.launch
#id = affine_map<(i) -> (i)>
func.func @steps(%x: tensor<1x64xf32>) -> (tensor<1x64xf32>, tensor<9x64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %rows = tensor.empty() : tensor<9x64xf32>
  %r:2 = scf.for %t = %c0 to %c9 step %c1 iter_args(%h = %x, %all = %rows) -> (tensor<1x64xf32>, tensor<9x64xf32>) {
    %e = tensor.empty() : tensor<64xf32>
    %flat = tensor.collapse_shape %h [[0, 1]] : tensor<1x64xf32> into tensor<64xf32>
    %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%flat : tensor<64xf32>) outs(%e : tensor<64xf32>) {
    ^bb0(%a: f32, %b: f32):
      %c = math.tanh %a : f32
      linalg.yield %c : f32
    } -> tensor<64xf32>
    %view = tensor.expand_shape %n [[0, 1]] output_shape [1, 64] : tensor<64xf32> into tensor<1x64xf32>
    %s = tensor.insert_slice %n into %all[%t, 0] [1, 64] [1, 1] : tensor<64xf32> into tensor<9x64xf32>
    scf.yield %view, %s : tensor<1x64xf32>, tensor<9x64xf32>
  }
  return %r#0, %r#1 : tensor<1x64xf32>, tensor<9x64xf32>
}

func.func @large(%x: tensor<9000xf32>, %all: tensor<9x9000xf32>) -> tensor<9x9000xf32> {
  %e = tensor.empty() : tensor<9000xf32>
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<9000xf32>) outs(%e : tensor<9000xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<9000xf32>
  %s = tensor.insert_slice %n into %all[3, 0] [1, 9000] [1, 1] : tensor<9000xf32> into tensor<9x9000xf32>
  return %s : tensor<9x9000xf32>
}

func.func @used_twice(%x: tensor<9000xf32>, %all: tensor<9x9000xf32>) -> (tensor<9x9000xf32>, tensor<9000xf32>) {
  %e = tensor.empty() : tensor<9000xf32>
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<9000xf32>) outs(%e : tensor<9000xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<9000xf32>
  %s = tensor.insert_slice %n into %all[3, 0] [1, 9000] [1, 1] : tensor<9000xf32> into tensor<9x9000xf32>
  return %s, %n : tensor<9x9000xf32>, tensor<9000xf32>
}

func.func @between(%x: tensor<64xf32>, %y: tensor<9x64xf32>) -> tensor<9x64xf32> {
  %e = tensor.empty() : tensor<64xf32>
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%e : tensor<64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<64xf32>
  %f = tensor.empty() : tensor<9x64xf32>
  %all = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%n, %y : tensor<64xf32>, tensor<9x64xf32>) outs(%f : tensor<9x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %c = arith.addf %a, %b : f32
    linalg.yield %c : f32
  } -> tensor<9x64xf32>
  %s = tensor.insert_slice %n into %all[3, 0] [1, 64] [1, 1] : tensor<64xf32> into tensor<9x64xf32>
  return %s : tensor<9x64xf32>
}

// -----

// Padding of an unknown batch, or that a size guards that only the call knows, is read through where blocks certainly can:
// beside panels, which constants are, and by a window of several positions. Else it is a kernel of its own, whose result has
// memory.
// CHECK: dispatch.executable @read_through_{{[a-z0-9_]*}} inputs 2
// CHECK-NOT: dispatch.executable @read_through
// CHECK: dispatch.executable @beside_rows_
// CHECK: dispatch.executable @beside_rows_
// CHECK: dispatch.executable @unknown_guard_{{[a-z0-9_]*}} inputs 2
// CHECK-NOT: dispatch.executable @unknown_guard
// CHECK: dispatch.executable @no_window_
// CHECK: dispatch.executable @no_window_
// CHECK-LABEL: func.func @read_through(
// CHECK: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK: return
// CHECK-LABEL: func.func @beside_rows(
// CHECK: dispatch.launch
// CHECK: dispatch.launch
// CHECK: return
// CHECK-LABEL: func.func @unknown_guard(
// CHECK: dispatch.launch
// CHECK-NOT: dispatch.launch
// CHECK: return
// CHECK-LABEL: func.func @no_window(
// CHECK: dispatch.launch
// CHECK: dispatch.launch
// CHECK: return
#id = affine_map<(n, w, c) -> (n, w, c)>
#in = affine_map<(n, w, c, k) -> (n, w + k, c)>
#panels = affine_map<(n, w, c, k) -> (c floordiv 16, k, c mod 16)>
#rows = affine_map<(n, w, c, k) -> (k, c)>
#out = affine_map<(n, w, c, k) -> (n, w, c)>
func.func @read_through(%x: tensor<?x14x16xf32>) -> tensor<?x14x16xf32> {
  %w = arith.constant dense<2.0> : tensor<1x3x16xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c14 = arith.constant 14 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x14x16xf32>
  %e = tensor.empty(%n) : tensor<?x16x16xf32>
  %f = tensor.empty(%n) : tensor<?x14x16xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<?x16x16xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %at = arith.subi %i, %c1 : index
    %inside = arith.cmpi ult, %at, %c14 : index
    %r = scf.if %inside -> (f32) {
      %v = tensor.extract %x[%b, %at, %c] : tensor<?x14x16xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %r : f32
  } -> tensor<?x16x16xf32>
  %i = linalg.fill ins(%zero : f32) outs(%f : tensor<?x14x16xf32>) -> tensor<?x14x16xf32>
  %s = linalg.generic {indexing_maps = [#in, #panels, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %w : tensor<?x16x16xf32>, tensor<1x3x16xf32>) outs(%i : tensor<?x14x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x14x16xf32>
  return %s : tensor<?x14x16xf32>
}

func.func @beside_rows(%x: tensor<?x14x16xf32>, %w: tensor<3x16xf32>) -> tensor<?x14x16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c14 = arith.constant 14 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x14x16xf32>
  %e = tensor.empty(%n) : tensor<?x16x16xf32>
  %f = tensor.empty(%n) : tensor<?x14x16xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<?x16x16xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %at = arith.subi %i, %c1 : index
    %inside = arith.cmpi ult, %at, %c14 : index
    %r = scf.if %inside -> (f32) {
      %v = tensor.extract %x[%b, %at, %c] : tensor<?x14x16xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %r : f32
  } -> tensor<?x16x16xf32>
  %i = linalg.fill ins(%zero : f32) outs(%f : tensor<?x14x16xf32>) -> tensor<?x14x16xf32>
  %s = linalg.generic {indexing_maps = [#in, #rows, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %w : tensor<?x16x16xf32>, tensor<3x16xf32>) outs(%i : tensor<?x14x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x14x16xf32>
  return %s : tensor<?x14x16xf32>
}

func.func @unknown_guard(%x: tensor<4x?x16xf32>) -> tensor<4x?x16xf32> {
  %w = arith.constant dense<2.0> : tensor<1x3x16xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c14 = arith.constant 14 : index
  %zero = arith.constant 0.0 : f32
  %size = tensor.dim %x, %c1 : tensor<4x?x16xf32>
  %wide = arith.addi %size, %c2 : index
  %e = tensor.empty(%wide) : tensor<4x?x16xf32>
  %f = tensor.empty(%size) : tensor<4x?x16xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<4x?x16xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %at = arith.subi %i, %c1 : index
    %inside = arith.cmpi ult, %at, %size : index
    %r = scf.if %inside -> (f32) {
      %v = tensor.extract %x[%b, %at, %c] : tensor<4x?x16xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %r : f32
  } -> tensor<4x?x16xf32>
  %i = linalg.fill ins(%zero : f32) outs(%f : tensor<4x?x16xf32>) -> tensor<4x?x16xf32>
  %s = linalg.generic {indexing_maps = [#in, #panels, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %w : tensor<4x?x16xf32>, tensor<1x3x16xf32>) outs(%i : tensor<4x?x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<4x?x16xf32>
  return %s : tensor<4x?x16xf32>
}

func.func @no_window(%x: tensor<4x?x16xf32>) -> tensor<4x?x16xf32> {
  %w = arith.constant dense<2.0> : tensor<1x1x16xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c14 = arith.constant 14 : index
  %zero = arith.constant 0.0 : f32
  %size = tensor.dim %x, %c1 : tensor<4x?x16xf32>
  %wide = arith.addi %size, %c2 : index
  %e = tensor.empty(%wide) : tensor<4x?x16xf32>
  %f = tensor.empty(%wide) : tensor<4x?x16xf32>
  %p = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<4x?x16xf32>) {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c = linalg.index 2 : index
    %at = arith.subi %i, %c1 : index
    %inside = arith.cmpi ult, %at, %size : index
    %r = scf.if %inside -> (f32) {
      %v = tensor.extract %x[%b, %at, %c] : tensor<4x?x16xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    linalg.yield %r : f32
  } -> tensor<4x?x16xf32>
  %i = linalg.fill ins(%zero : f32) outs(%f : tensor<4x?x16xf32>) -> tensor<4x?x16xf32>
  %s = linalg.generic {indexing_maps = [#in, #panels, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %w : tensor<4x?x16xf32>, tensor<1x1x16xf32>) outs(%i : tensor<4x?x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<4x?x16xf32>
  return %s : tensor<4x?x16xf32>
}

// -----

// A concatenation of what two products make: each writes its columns, and no copy is left, though one has its rows in one
// dimension. The workload is the product's.
// CHECK-LABEL: dispatch.executable @joined_
// CHECK-SAME: workload_rank 2
// CHECK: %[[P:.+]] = linalg.matmul
// CHECK-NEXT: %[[V:.+]] = tensor.expand_shape %[[P]]
// CHECK-NEXT: %[[I:.+]] = tensor.insert_slice %[[V]] into %{{.+}}[0, 0, 0]
// CHECK-NEXT: dispatch.return %[[I]]
// CHECK-LABEL: func.func @joined(
// CHECK: %[[E:.+]] = tensor.empty() : tensor<4x8x48xf32>
// CHECK: %[[A:.+]] = dispatch.launch {{.*}} workload[%c32, %c32] {{.*}} outs(%[[E]] :
// CHECK: %[[B:.+]] = dispatch.launch {{.*}} outs(%[[A]] :
// CHECK-NEXT: return %[[B]]
// ALONE-LABEL: func.func @joined(
// ALONE-COUNT-6: dispatch.launch
func.func @joined(%x: tensor<32x64xf32>, %w: tensor<64x32xf32>, %y: tensor<4x8x16xf32>) -> tensor<4x8x48xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<32x32xf32>) -> tensor<32x32xf32>
  %p = linalg.matmul ins(%x, %w : tensor<32x64xf32>, tensor<64x32xf32>) outs(%f : tensor<32x32xf32>) -> tensor<32x32xf32>
  %v = tensor.expand_shape %p [[0, 1], [2]] output_shape [4, 8, 32] : tensor<32x32xf32> into tensor<4x8x32xf32>
  %g = tensor.empty() : tensor<4x8x16xf32>
  %n = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%y : tensor<4x8x16xf32>) outs(%g : tensor<4x8x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<4x8x16xf32>
  %whole = tensor.empty() : tensor<4x8x48xf32>
  %i = tensor.insert_slice %v into %whole[0, 0, 0] [4, 8, 32] [1, 1, 1] : tensor<4x8x32xf32> into tensor<4x8x48xf32>
  %j = tensor.insert_slice %n into %i[0, 0, 32] [4, 8, 16] [1, 1, 1] : tensor<4x8x16xf32> into tensor<4x8x48xf32>
  return %j : tensor<4x8x48xf32>
}

// -----

// Short rows, rows with gaps, and views whose rows do not lie one after the other in the whole are copied.
// CHECK-LABEL: func.func @apart(
// CHECK-COUNT-6: dispatch.launch
#one = affine_map<(i, j) -> (i, j)>
func.func @apart(%x: tensor<3000x4xf32>, %y: tensor<600x16xf32>) -> (tensor<3000x2x12xf32>, tensor<3000x8xf32>, tensor<600x32xf32>) {
  %e = tensor.empty() : tensor<3000x4xf32>
  %p = linalg.generic {indexing_maps = [#one, #one], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<3000x4xf32>) outs(%e : tensor<3000x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<3000x4xf32>
  %v = tensor.expand_shape %p [[0], [1, 2]] output_shape [3000, 2, 2] : tensor<3000x4xf32> into tensor<3000x2x2xf32>
  %a = tensor.empty() : tensor<3000x2x12xf32>
  %i = tensor.insert_slice %v into %a[0, 0, 4] [3000, 2, 2] [1, 1, 1] : tensor<3000x2x2xf32> into tensor<3000x2x12xf32>
  %q = linalg.generic {indexing_maps = [#one, #one], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<3000x4xf32>) outs(%e : tensor<3000x4xf32>) {
  ^bb0(%a1: f32, %b: f32):
    %c = math.exp %a1 : f32
    linalg.yield %c : f32
  } -> tensor<3000x4xf32>
  %b = tensor.empty() : tensor<3000x8xf32>
  %j = tensor.insert_slice %q into %b[0, 4] [3000, 4] [1, 1] : tensor<3000x4xf32> into tensor<3000x8xf32>
  %g = tensor.empty() : tensor<600x16xf32>
  %r = linalg.generic {indexing_maps = [#one, #one], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<600x16xf32>) outs(%g : tensor<600x16xf32>) {
  ^bb0(%a2: f32, %b2: f32):
    %c = math.exp %a2 : f32
    linalg.yield %c : f32
  } -> tensor<600x16xf32>
  %h = tensor.empty() : tensor<600x32xf32>
  %k = tensor.insert_slice %r into %h[0, 0] [600, 16] [1, 2] : tensor<600x16xf32> into tensor<600x32xf32>
  return %i, %j, %k : tensor<3000x2x12xf32>, tensor<3000x8xf32>, tensor<600x32xf32>
}

// -----

// A convolution, what follows it, and a pool of windows side by side with what follows that: one kernel, of the pool's
// workload. Windows that overlap, and rows of unknown length, are pooled by another one.
// CHECK-LABEL: dispatch.executable @pooled_
// CHECK: linalg.conv_2d_nhwc_hwcf
// CHECK-NOT: dispatch.return
// CHECK: linalg.pooling_nhwc_max
// CHECK-NOT: dispatch.return
// CHECK: math.exp
// CHECK-LABEL: func.func @pooled(
// CHECK-NOT: dispatch.launch
// CHECK: dispatch.launch {{.*}} workload[%c1, %c15, %c15]
// CHECK-NOT: dispatch.launch
// CHECK: return
// CHECK-LABEL: func.func @overlapping(
// CHECK-COUNT-2: dispatch.launch
// CHECK: return
// CHECK-LABEL: func.func @unknown_rows(
// CHECK-COUNT-2: dispatch.launch
// CHECK: return
// ALONE-LABEL: func.func @pooled(
// ALONE-COUNT-4: dispatch.launch
#each = affine_map<(n, h, w, c) -> (n, h, w, c)>
func.func @pooled(%x: tensor<1x33x32x8xf32>, %w: tensor<3x3x8x16xf32>) -> tensor<1x15x15x16xf32> {
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<1x31x30x16xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x31x30x16xf32>) -> tensor<1x31x30x16xf32>
  %c = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x33x32x8xf32>, tensor<3x3x8x16xf32>) outs(%f : tensor<1x31x30x16xf32>) -> tensor<1x31x30x16xf32>
  %r = linalg.generic {indexing_maps = [#each, #each], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%c : tensor<1x31x30x16xf32>) outs(%e : tensor<1x31x30x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x31x30x16xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %pe = tensor.empty() : tensor<1x15x15x16xf32>
  %pf = linalg.fill ins(%least : f32) outs(%pe : tensor<1x15x15x16xf32>) -> tensor<1x15x15x16xf32>
  %p = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%r, %window : tensor<1x31x30x16xf32>, tensor<2x2xf32>) outs(%pf : tensor<1x15x15x16xf32>) -> tensor<1x15x15x16xf32>
  %y = linalg.generic {indexing_maps = [#each, #each], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%p : tensor<1x15x15x16xf32>) outs(%pe : tensor<1x15x15x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = math.exp %a : f32
    linalg.yield %m : f32
  } -> tensor<1x15x15x16xf32>
  return %y : tensor<1x15x15x16xf32>
}
func.func @overlapping(%x: tensor<1x33x32x8xf32>, %w: tensor<3x3x8x16xf32>) -> tensor<1x15x14x16xf32> {
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<1x31x30x16xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x31x30x16xf32>) -> tensor<1x31x30x16xf32>
  %c = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x33x32x8xf32>, tensor<3x3x8x16xf32>) outs(%f : tensor<1x31x30x16xf32>) -> tensor<1x31x30x16xf32>
  %window = tensor.empty() : tensor<3x3xf32>
  %pe = tensor.empty() : tensor<1x15x14x16xf32>
  %pf = linalg.fill ins(%least : f32) outs(%pe : tensor<1x15x14x16xf32>) -> tensor<1x15x14x16xf32>
  %p = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%c, %window : tensor<1x31x30x16xf32>, tensor<3x3xf32>) outs(%pf : tensor<1x15x14x16xf32>) -> tensor<1x15x14x16xf32>
  return %p : tensor<1x15x14x16xf32>
}
func.func @unknown_rows(%x: tensor<1x33x?x8xf32>, %w: tensor<3x3x8x16xf32>, %many: index, %half: index) -> tensor<1x15x?x16xf32> {
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %e = tensor.empty(%many) : tensor<1x31x?x16xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x31x?x16xf32>) -> tensor<1x31x?x16xf32>
  %c = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x33x?x8xf32>, tensor<3x3x8x16xf32>) outs(%f : tensor<1x31x?x16xf32>) -> tensor<1x31x?x16xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %pe = tensor.empty(%half) : tensor<1x15x?x16xf32>
  %pf = linalg.fill ins(%least : f32) outs(%pe : tensor<1x15x?x16xf32>) -> tensor<1x15x?x16xf32>
  %p = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%c, %window : tensor<1x31x?x16xf32>, tensor<2x2xf32>) outs(%pf : tensor<1x15x?x16xf32>) -> tensor<1x15x?x16xf32>
  return %p : tensor<1x15x?x16xf32>
}

// -----

// What is inserted into zeros is made first, then one kernel fills and copies: it has no place before the zeros are there.
// CHECK-LABEL: dispatch.executable @among_zeros_
// CHECK-SAME: dims
// CHECK-NOT: tensor.insert_slice
// CHECK: dispatch.return
// CHECK: dispatch.executable @among_zeros_
// CHECK: linalg.fill
// CHECK-NEXT: tensor.insert_slice
// CHECK-LABEL: func.func @among_zeros(
// CHECK-COUNT-2: dispatch.launch
#spread = affine_map<(i, j, k) -> (i, j, k)>
func.func @among_zeros(%x: tensor<?x4x16xf32>) -> tensor<?x4x3x16xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x4x16xf32>
  %e = tensor.empty(%n) : tensor<?x4x16xf32>
  %p = linalg.generic {indexing_maps = [#spread, #spread], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<?x4x16xf32>) outs(%e : tensor<?x4x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = math.tanh %a : f32
    linalg.yield %c : f32
  } -> tensor<?x4x16xf32>
  %w = tensor.empty(%n) : tensor<?x4x3x16xf32>
  %f = linalg.fill ins(%zero : f32) outs(%w : tensor<?x4x3x16xf32>) -> tensor<?x4x3x16xf32>
  %i = tensor.insert_slice %p into %f[0, 0, 0, 0] [%n, 4, 1, 16] [1, 1, 1, 1] : tensor<?x4x16xf32> into tensor<?x4x3x16xf32>
  return %i : tensor<?x4x3x16xf32>
}
