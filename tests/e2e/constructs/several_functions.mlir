// Two functions in one artifact that share a constant.
// function: scale
// input: 3xf32=1,2,3
// expect: 3xf32=2,6,12
// case:
// function: shift
// input: 3xf32=1,2,3
// expect: 3xf32=3,5,7
// case:
// function: nothing
// input: 3xf32=1,2,3
// fails: has no function 'nothing'; it has:
func.func @scale(%x: tensor<3xf32> {halcyon.name = "x"}) -> (tensor<3xf32> {halcyon.name = "y"}) {
  %w = arith.constant dense<[2.0, 3.0, 4.0]> : tensor<3xf32>
  %empty = tensor.empty() : tensor<3xf32>
  %y = linalg.mul ins(%x, %w : tensor<3xf32>, tensor<3xf32>) outs(%empty : tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
func.func @shift(%x: tensor<3xf32> {halcyon.name = "x"}) -> (tensor<3xf32> {halcyon.name = "y"}) {
  %w = arith.constant dense<[2.0, 3.0, 4.0]> : tensor<3xf32>
  %empty = tensor.empty() : tensor<3xf32>
  %y = linalg.add ins(%x, %w : tensor<3xf32>, tensor<3xf32>) outs(%empty : tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
