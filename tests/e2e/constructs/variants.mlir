// One executable in several variants; the device takes the best that it supports.
// compile: --target=cpu:x86_64-unknown-linux-gnu:x86-64-v4 --target=cpu:x86_64-unknown-linux-gnu:x86-64-v3 --target=cpu:x86_64-unknown-linux-gnu:x86-64
// input: 4xf32=1,2,3,4
// expect: 4xf32=1,4,9,16
func.func @main(%x: tensor<4xf32> {halcyon.name = "x"}) -> (tensor<4xf32> {halcyon.name = "y"}) {
  %empty = tensor.empty() : tensor<4xf32>
  %y = linalg.mul ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
