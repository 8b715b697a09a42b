// RUN: halcyon-opt %s --halcyon-cpu-entry | FileCheck %s

// Binding 0 has parameter 0 as its size; the parameter, three ids and the local memory follow.
// CHECK: llvm.func internal @kernel(%{{[^,]+}}: !llvm.ptr, %{{[^,]+}}: !llvm.ptr {llvm.noalias}
// CHECK-LABEL: llvm.func @hcy_kernel(
// CHECK-SAME: %[[DISPATCH:.+]]: !llvm.ptr, %[[GROUP:.+]]: !llvm.ptr) -> i32
// CHECK: llvm.getelementptr inbounds %[[DISPATCH]][0, 0]
// CHECK: llvm.getelementptr inbounds %[[DISPATCH]][0, 2]
// CHECK: llvm.getelementptr inbounds %[[GROUP]][0, 0, 0]
// CHECK: %[[CODE:.+]] = llvm.call @kernel(
// CHECK: llvm.return %[[CODE]] : i32
llvm.func @kernel(%b0: !llvm.ptr, %b1: !llvm.ptr, %b2: i64, %b3: i64, %b4: i64, %n: i64, %id0: i64, %id1: i64, %id2: i64,
                  %l0: !llvm.ptr, %l1: !llvm.ptr, %l2: i64, %l3: i64, %l4: i64) -> i32
    attributes {halcyon.bindings = [memref<?xf32>], halcyon.dims = [[0]]} {
  %zero = llvm.mlir.constant(0 : i32) : i32
  llvm.return %zero : i32
}
