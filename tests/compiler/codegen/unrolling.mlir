// RUN: halcyonc %s -o %t.hcm --target=cpu:x86_64-unknown-linux-gnu:x86-64-v4 --dump=%t
// RUN: FileCheck %s --check-prefix=MANY < %t/main_generic.x86_64.ll
// RUN: FileCheck %s --check-prefix=FEW < %t/main_generic_1.x86_64.ll

// Five vectors of sums: LLVM makes no copies of the loop.
// MANY-COUNT-5: fmul contract <16 x float>
// MANY-NOT: fmul contract <16 x float>

// Four vectors: it does.
// FEW-COUNT-8: fmul contract <16 x float>
func.func @main(%x: tensor<5x384xf32>, %y: tensor<1x384xf32>) -> (tensor<5x16xf32>, tensor<1x64xf32>) {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<0.5> : tensor<384x16xf32>
  %empty = tensor.empty() : tensor<5x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<5x16xf32>) -> tensor<5x16xf32>
  %many = linalg.matmul ins(%x, %w : tensor<5x384xf32>, tensor<384x16xf32>) outs(%init : tensor<5x16xf32>) -> tensor<5x16xf32>
  %v = arith.constant dense<0.25> : tensor<384x64xf32>
  %empty_0 = tensor.empty() : tensor<1x64xf32>
  %init_0 = linalg.fill ins(%zero : f32) outs(%empty_0 : tensor<1x64xf32>) -> tensor<1x64xf32>
  %few = linalg.matmul ins(%y, %v : tensor<1x384xf32>, tensor<384x64xf32>) outs(%init_0 : tensor<1x64xf32>) -> tensor<1x64xf32>
  return %many, %few : tensor<5x16xf32>, tensor<1x64xf32>
}
