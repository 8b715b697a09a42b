// RUN: halcyon-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(halcyon-cpu-scratch))' --split-input-file --verify-diagnostics | FileCheck %s

// Small goes to the stack, large to the worker's memory; a minimum bounds a dynamic size.
// CHECK-LABEL: func.func @sizes(
// CHECK-SAME: %[[LOCAL:[^:]+]]: memref<?xi8>)
// CHECK-SAME: halcyon.local_memory = 40000 : i64
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<256xi8>
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<128xi8>
// CHECK: memref.view %[[LOCAL]]
// CHECK-NOT: memref.alloc(
func.func @sizes(%n: index, %local: memref<?xi8>) attributes {halcyon.bindings = []} {
  %m = affine.min affine_map<()[s] -> (s, 30)>()[%n]
  %a = memref.alloc() : memref<64xf32>
  %b = memref.alloc(%m) : memref<?xf32>
  %c = memref.alloc() : memref<10000xf32>
  "test.use"(%a, %b, %c) : (memref<64xf32>, memref<?xf32>, memref<10000xf32>) -> ()
  return
}

// -----

func.func @unbounded(%n: index, %local: memref<?xi8>) attributes {halcyon.bindings = []} {
  // expected-error@+1 {{needs scratch memory of unbounded size in a kernel}}
  %a = memref.alloc(%n) : memref<?xf32>
  "test.use"(%a) : (memref<?xf32>) -> ()
  return
}
