// With --external-resources-mappable results map on every device: reading one is no copy.
// compile: --external-resources-mappable
// run: --transfers
// input: 4xf32=1,2,3,4
// expect: 4xf32=1,4,9,16
// prints: , 0 from it
func.func @main(%x: tensor<4xf32> {halcyon.name = "x"}) -> (tensor<4xf32> {halcyon.name = "y"}) {
  %empty = tensor.empty() : tensor<4xf32>
  %y = linalg.mul ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
