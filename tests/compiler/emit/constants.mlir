// Constants of every kind of element come back as they were; equal ones are stored once.
// RUN: halcyonc %s -o %t.hcm --target=cpu:x86_64-linux-gnu
// RUN: halcyon verify %t.hcm
// RUN: halcyon run %t.hcm --device=null --function=bools | FileCheck %s --check-prefix=BOOLS
// RUN: halcyon run %t.hcm --device=null --function=integers | FileCheck %s --check-prefix=INTEGERS
// RUN: halcyon run %t.hcm --device=null --function=small | FileCheck %s --check-prefix=SMALL
// RUN: halcyon run %t.hcm --device=null --function=floats | FileCheck %s --check-prefix=FLOATS
// RUN: halcyon inspect %t.hcm | FileCheck %s --check-prefix=SIZE

// BOOLS: result0: 5xi1 = 1, 0, 1, 1, 0
func.func @bools() -> tensor<5xi1> {
  %0 = arith.constant dense<[true, false, true, true, false]> : tensor<5xi1>
  return %0 : tensor<5xi1>
}
// INTEGERS: result0: 3xi8 = 1, -2, 127
// INTEGERS: result1: 2xi64 = -9, 9
// INTEGERS: result2: 3xi16 = 7, 7, 7
func.func @integers() -> (tensor<3xi8>, tensor<2xi64>, tensor<3xi16>) {
  %0 = arith.constant dense<[1, -2, 127]> : tensor<3xi8>
  %1 = arith.constant dense<[-9, 9]> : tensor<2xi64>
  %2 = arith.constant dense<7> : tensor<3xi16>
  return %0, %1, %2 : tensor<3xi8>, tensor<2xi64>, tensor<3xi16>
}
// SMALL: result0: 3xi4 = 1, -2, 7
func.func @small() -> tensor<3xi4> {
  %0 = arith.constant dense<[1, -2, 7]> : tensor<3xi4>
  return %0 : tensor<3xi4>
}
// FLOATS: result0: 2xf32 = 1.5, -2
// FLOATS: result1: 2xf64 = 0.25, 4
// FLOATS: result2: 2xf16 = 0.5, 1
// FLOATS: result3: 2xbf16 = 0.5, 3
// FLOATS: result4: 2x1xf32 = 1.5, -2
func.func @floats() -> (tensor<2xf32>, tensor<2xf64>, tensor<2xf16>, tensor<2xbf16>, tensor<2x1xf32>) {
  %0 = arith.constant dense<[1.5, -2.0]> : tensor<2xf32>
  %1 = arith.constant dense<[0.25, 4.0]> : tensor<2xf64>
  %2 = arith.constant dense<[0.5, 1.0]> : tensor<2xf16>
  %3 = arith.constant dense<[0.5, 3.0]> : tensor<2xbf16>
  %4 = arith.constant dense<[[1.5], [-2.0]]> : tensor<2x1xf32>
  return %0, %1, %2, %3, %4 : tensor<2xf32>, tensor<2xf64>, tensor<2xf16>, tensor<2xbf16>, tensor<2x1xf32>
}
// Nine values start at multiples of 64, the last of 4 bytes; the 2x1xf32 shares the bytes of the 2xf32.
// SIZE: constants 516,
