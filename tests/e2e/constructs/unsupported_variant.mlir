// Kernels for another machine only: loading says which variant was passed over and why.
// compile: --target=cpu:aarch64-unknown-linux-gnu:generic
// input: 4xf32=1,2,3,4
// fails: aarch64
func.func @main(%x: tensor<4xf32> {halcyon.name = "x"}) -> (tensor<4xf32> {halcyon.name = "y"}) {
  %empty = tensor.empty() : tensor<4xf32>
  %y = linalg.mul ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
