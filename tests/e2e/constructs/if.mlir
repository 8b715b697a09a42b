// scf.if on a host argument: two branches of device work.
// input: i1=1
// input: 4xf32=1,2,3,4
// expect: 4xf32=2,4,6,8
// case:
// input: i1=0
// input: 4xf32=1,2,3,4
// expect: 4xf32=1,4,9,16
func.func @main(%condition: tensor<i1> {halcyon.name = "condition"}, %x: tensor<4xf32> {halcyon.name = "x"})
    -> (tensor<4xf32> {halcyon.name = "y"}) {
  %flag = tensor.extract %condition[] : tensor<i1>
  %empty = tensor.empty() : tensor<4xf32>
  %y = scf.if %flag -> tensor<4xf32> {
    %twice = linalg.add ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %twice : tensor<4xf32>
  } else {
    %square = linalg.mul ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %square : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}
