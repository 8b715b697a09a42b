// RUN: halcyon-opt %s --halcyon-hide-indices --verify-diagnostics

func.func @missing() -> f32 {
  %scalar = arith.constant dense_resource<missing> : tensor<f32>
  // expected-error @+1 {{'tensor.extract' op reads resource 'missing', which is not one 'f32'}}
  %x = tensor.extract %scalar[] : tensor<f32>
  return %x : f32
}
