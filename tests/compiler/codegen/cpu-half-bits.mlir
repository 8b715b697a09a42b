// RUN: halcyon-opt %s --halcyon-cpu-half-bits | FileCheck %s
// RUN: halcyon-opt %s --halcyon-cpu-half-bits=half-conversion=true | FileCheck %s --check-prefix=HALF

// CHECK-LABEL: llvm.func @moves
// CHECK: %[[C:.*]] = llvm.mlir.constant(15360 : i16) : i16
// CHECK: %[[V:.*]] = llvm.mlir.constant(dense<[15360, 16384]> : vector<2xi16>) : vector<2xi16>
// CHECK: llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, i16
// CHECK: %[[X:.*]] = llvm.load %{{.*}} : !llvm.ptr -> vector<2xi16>
// CHECK-NOT: llvm.bitcast
// CHECK: llvm.insertelement %[[C]], %[[X]]
// CHECK: llvm.store %[[V]]
// CHECK-NOT: bf16
// HALF-LABEL: llvm.func @moves
// HALF: llvm.load %{{.*}} : !llvm.ptr -> vector<2xf16>
// HALF: llvm.bitcast
// HALF-NOT: bf16
llvm.func @moves(%p: !llvm.ptr, %i: i64) -> vector<2xi16> {
  %one = llvm.mlir.constant(1.0 : f16) : f16
  %v = llvm.mlir.constant(dense<[1.0, 2.0]> : vector<2xf16>) : vector<2xf16>
  %zero = llvm.mlir.constant(0 : i64) : i64
  %q = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f16
  %x = llvm.load %q : !llvm.ptr -> vector<2xf16>
  %y = llvm.insertelement %one, %x[%zero : i64] : vector<2xf16>
  %bits = llvm.bitcast %y : vector<2xf16> to vector<2xi16>
  llvm.store %v, %q : vector<2xf16>, !llvm.ptr
  %b = llvm.load %p : !llvm.ptr -> bf16
  llvm.store %b, %q : bf16, !llvm.ptr
  llvm.return %bits : vector<2xi16>
}

// Other floats stay.
// CHECK-LABEL: llvm.func @single
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> f32
llvm.func @single(%p: !llvm.ptr) -> f32 {
  %x = llvm.load %p : !llvm.ptr -> f32
  llvm.return %x : f32
}
