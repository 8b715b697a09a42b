// RUN: halcyon-opt %s --halcyon-check-input --split-input-file --verify-diagnostics

// What functions may hold passes without a word.
func.func @accepted(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// An operation that no later pass compiles is named.
func.func @operation(%x: tensor<4xf32>, %i: index) -> f32 {
  // expected-error @+2 {{unsupported operation 'vector.transfer_read'}}
  %z = arith.constant 0.0 : f32
  %v = vector.transfer_read %x[%i], %z : tensor<4xf32>, vector<4xf32>
  %r = arith.constant 1.0 : f32
  return %r : f32
}

// -----

// A type that no device has is named.
// expected-error @+1 {{unsupported type 'memref<4xf32>' of an argument of @argument}}
func.func @argument(%x: memref<4xf32>) {
  return
}

// -----

// Lists are values inside a function, not what it takes; and not the lists of a host program.
// expected-error @+1 {{unsupported type '!host.list' of an argument of @list}}
func.func @list(%l: !host.list) -> index {
  %n = host.list_length %l
  // expected-error @+1 {{unsupported operation 'host.list_create'}}
  %made = host.list_create
  return %n : index
}
