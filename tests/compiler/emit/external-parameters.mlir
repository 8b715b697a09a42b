// Constants whose bytes are in the application's file are named, not stored.
// RUN: %python %S/Inputs/make_parameters.py %t.safetensors
// RUN: halcyonc %s -o %t.hcm --target=cpu:x86_64-linux-gnu --external-parameters=model=%t.safetensors
// RUN: halcyon inspect %t.hcm | FileCheck %s --check-prefix=INSPECT
// RUN: halcyon run %t.hcm --device=null --parameters=model=%t.safetensors | FileCheck %s --check-prefix=VALUES
// RUN: not halcyonc %s -o %t.hcm --external-parameters=model=%s 2>&1 | FileCheck %s --check-prefix=ERROR

// INSPECT: constants 8,
// INSPECT: external parameter model:weight: 16 bytes
// VALUES: result0: 4xf32 = 1, 2, 3, 4
// VALUES: result1: 2xf32 = 5, 6
// ERROR: not a safetensors file
func.func @main() -> (tensor<4xf32>, tensor<2xf32>) {
  %0 = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %1 = arith.constant dense<[5.0, 6.0]> : tensor<2xf32>
  return %0, %1 : tensor<4xf32>, tensor<2xf32>
}
