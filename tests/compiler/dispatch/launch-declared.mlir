// RUN: halcyon-opt %s --halcyon-launch-declared --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// A call becomes a launch: parameters are the dynamic dimensions of what is read and written, then the scalars.
// CHECK: dispatch.kernel @blur (tensor<?x64xf32>, tensor<64xf32>, index, index, i64) -> tensor<?x64xf32> tile [8, 1, 1] local_memory 256
// CHECK-LABEL: func @dynamic
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>, %[[W:.+]]: tensor<64xf32>
// CHECK-DAG: %[[BITS:.+]] = arith.constant 1056964608 : i64
// CHECK: %[[N:.+]] = tensor.dim %[[X]]
// CHECK: %[[OUT:.+]] = tensor.empty(%[[N]])
// CHECK: dispatch.launch @blur workload[%[[N]], %{{.+}}] parameters(%[[N]], %[[N]], %[[BITS]] : index, index, i64) ins(%[[X]], %[[W]] : {{.*}}) outs(%[[OUT]] :
func.func private @blur(tensor<?x64xf32>, tensor<64xf32>, f32) -> tensor<?x64xf32> attributes {
    halcyon.kernel = {result_dims = [["arg0.0"]], workload = ["arg0.0", 64], tile = [8], local_memory = 256}}
func.func @dynamic(%x: tensor<?x64xf32>, %w: tensor<64xf32>) -> tensor<?x64xf32> {
  %half = arith.constant 0.5 : f32
  %y = func.call @blur(%x, %w, %half) : (tensor<?x64xf32>, tensor<64xf32>, f32) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Without a workload: the elements of result 0, 1024 to a workgroup. A result may be updated in place.
// CHECK: dispatch.kernel @append (tensor<4x8xf32>, index) -> tensor<16x8xf32> tile [1024, 1, 1] local_memory 0
// CHECK-LABEL: func @updated
// CHECK-SAME: %[[CACHE:.+]]: tensor<16x8xf32>, %[[ROWS:.+]]: tensor<4x8xf32>, %[[AT:.+]]: index
// CHECK: %[[ELEMENTS:.+]] = arith.constant 128 : index
// CHECK: dispatch.launch @append workload[%[[ELEMENTS]]] parameters(%[[AT]] : index) ins(%[[ROWS]] : {{.*}}) outs(%[[CACHE]] :
func.func private @append(tensor<16x8xf32>, tensor<4x8xf32>, index) -> tensor<16x8xf32> attributes {halcyon.kernel = {in_place = [0]}}
func.func @updated(%cache: tensor<16x8xf32>, %rows: tensor<4x8xf32>, %at: index) -> tensor<16x8xf32> {
  %y = func.call @append(%cache, %rows, %at) : (tensor<16x8xf32>, tensor<4x8xf32>, index) -> tensor<16x8xf32>
  return %y : tensor<16x8xf32>
}

// -----

// A size may be a scalar argument, a result's dimension or a number.
// CHECK-LABEL: func @sizes
// CHECK-SAME: %[[X:.+]]: tensor<?xf32>, %[[K:.+]]: i64
// CHECK-DAG: %[[N:.+]] = arith.index_cast %[[K]]
// CHECK-DAG: %[[TWO:.+]] = arith.constant 2 : index
// CHECK: dispatch.launch @top workload[%[[N]], %[[TWO]]] parameters(%{{.+}}, %[[N]], %[[TWO]], %[[K]] : index, index, index, i64)
func.func private @top(tensor<?xf32>, i64) -> (tensor<?xf32>, tensor<?xi32>) attributes {
    halcyon.kernel = {result_dims = [["arg1"], [2]], workload = ["result0.0", "result1.0"]}}
func.func @sizes(%x: tensor<?xf32>, %k: i64) -> (tensor<?xf32>, tensor<?xi32>) {
  %y:2 = func.call @top(%x, %k) : (tensor<?xf32>, i64) -> (tensor<?xf32>, tensor<?xi32>)
  return %y#0, %y#1 : tensor<?xf32>, tensor<?xi32>
}

// -----

// A host call keeps its place: nothing uses its result, and it is not dropped or merged.
// CHECK: dispatch.callback @log (tensor<4xf32>) -> tensor<4xf32>
// CHECK-LABEL: func @logged
// CHECK: dispatch.launch host @log workload[] ins
// CHECK: dispatch.launch host @log workload[] ins
func.func private @log(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.host_call}
func.func @logged(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = func.call @log(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %b = func.call @log(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{@f: halcyon.kernel: the function must be private and have no body}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel} {
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{@f: halcyon.kernel: a function is a kernel or a host call, not both}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel, halcyon.host_call}

// -----

// expected-error@below {{@f: halcyon.kernel: must be a dictionary, or nothing}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel = "blur"}

// -----

// expected-error@below {{@f: halcyon.kernel: unknown word 'tiles'}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel = {tiles = [4]}}

// -----

// expected-error@below {{@f: halcyon.host_call: unknown word 'tile'}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.host_call = {tile = [4]}}

// -----

// expected-error@below {{@f: halcyon.kernel: a kernel has at least one result}}
func.func private @f(tensor<4xf32>) attributes {halcyon.kernel}

// -----

// expected-error@below {{@f: halcyon.host_call: argument 0 must be a ranked tensor, not 'f32'}}
func.func private @f(f32) -> tensor<4xf32> attributes {halcyon.host_call}

// -----

// expected-error@below {{@f: halcyon.kernel: argument 0 must be a ranked tensor or a scalar, not 'i128'}}
func.func private @f(i128) -> tensor<4xf32> attributes {halcyon.kernel}

// -----

// expected-error@below {{@f: halcyon.kernel: result 0 must be a ranked tensor, not 'f32'}}
func.func private @f(tensor<4xf32>) -> f32 attributes {halcyon.kernel}

// -----

// expected-error@below {{@f: halcyon.kernel: result 0 has dynamic dimensions: result_dims must say where they come from}}
func.func private @f(tensor<?xf32>) -> tensor<?xf32> attributes {halcyon.kernel}

// -----

// expected-error@below {{@f: halcyon.kernel: result_dims must have an array for each of the 1 results}}
func.func private @f(tensor<?xf32>) -> tensor<?xf32> attributes {halcyon.kernel = {result_dims = ["arg0.0", "arg0.0"]}}

// -----

// expected-error@below {{@f: halcyon.kernel: result_dims of result 0 must have 1 sizes}}
func.func private @f(tensor<?xf32>) -> tensor<?xf32> attributes {halcyon.kernel = {result_dims = [[]]}}

// -----

// expected-error@below {{@f: halcyon.kernel: a size is a number, "argA.D" or "argA" of a scalar, not "result0.0"}}
func.func private @f(tensor<?xf32>) -> tensor<?xf32> attributes {halcyon.kernel = {result_dims = [["result0.0"]]}}

// -----

// expected-error@below {{@f: halcyon.kernel: there is no such dimension: "arg0.1"}}
func.func private @f(tensor<?xf32>) -> tensor<?xf32> attributes {halcyon.kernel = {result_dims = [["arg0.1"]]}}

// -----

// expected-error@below {{@f: halcyon.kernel: there is no such argument or result: "arg1.0"}}
func.func private @f(tensor<?xf32>) -> tensor<?xf32> attributes {halcyon.kernel = {result_dims = [["arg1.0"]]}}

// -----

// expected-error@below {{@f: halcyon.kernel: a scalar that is a size must be index or i64: "arg1"}}
func.func private @f(tensor<?xf32>, f32) -> tensor<?xf32> attributes {halcyon.kernel = {result_dims = [["arg1"]]}}

// -----

// expected-error@below {{@f: halcyon.kernel: a size is negative: -1 : i64}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel = {workload = [-1]}}

// -----

// expected-error@below {{@f: halcyon.kernel: workload must have 1 to 3 sizes}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel = {workload = [1, 2, 3, 4]}}

// -----

// expected-error@below {{@f: halcyon.kernel: a tile is a number from 1 to 2^32 - 1, not 0 : i64}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel = {tile = [0]}}

// -----

// expected-error@below {{@f: halcyon.kernel: local_memory is a number of bytes below 2^32, not -4 : i64}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel = {local_memory = -4}}

// -----

// expected-error@below {{@f: halcyon.kernel: in_place of result 0 must be the number of an argument, or -1, not 1 : i64}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.kernel = {in_place = [1]}}

// -----

// expected-error@below {{@f: halcyon.kernel: result 0 cannot be updated in argument 0: their types differ}}
func.func private @f(tensor<4xf32>) -> tensor<8xf32> attributes {halcyon.kernel = {in_place = [0]}}

// -----

// expected-error@below {{@f: halcyon.kernel: two results cannot be updated in argument 0}}
func.func private @f(tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {halcyon.kernel = {in_place = [0, 0]}}

// -----

// expected-error@below {{@f: halcyon.host_call: elements must be integers or floats, not 'index'}}
func.func private @f(tensor<4xindex>) attributes {halcyon.host_call}

// -----

dispatch.kernel @k (tensor<4xf32>) -> tensor<4xf32> tile [1, 1, 1] local_memory 0
func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@below {{has other operands than k: '(tensor<4xf32>) -> tensor<4xf32>'}}
  %y = dispatch.launch @k workload [] ins(%x : tensor<8xf32>) outs(%x : tensor<8xf32>) -> (tensor<8xf32>)
  return %y : tensor<8xf32>
}

// -----

dispatch.callback @c (tensor<4xf32>) -> tensor<4xf32>
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@below {{is marked host where it runs a callback, only there}}
  %y = dispatch.launch @c workload [] ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> (tensor<4xf32>)
  return %y : tensor<4xf32>
}

// -----

// expected-error@below {{tile must be three positive numbers}}
dispatch.kernel @k (tensor<4xf32>) -> tensor<4xf32> tile [1, 0, 1] local_memory 0

// -----

// expected-error@below {{input 1 must be a ranked tensor, or after these a parameter: index or i64}}
dispatch.kernel @k (tensor<4xf32>, f32) -> tensor<4xf32> tile [1, 1, 1] local_memory 0
