// Kernels for AVX-512 only; on other processors, or with --device=cpu,features=baseline, loading names what is missing.
// compile: --target=cpu:x86_64-unknown-linux-gnu:x86-64-v4
func.func @main(%x: tensor<4xf32> {halcyon.name = "x"}) -> (tensor<4xf32> {halcyon.name = "y"}) {
  %empty = tensor.empty() : tensor<4xf32>
  %y = linalg.mul ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
