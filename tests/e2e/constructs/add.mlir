// Static shapes, two arguments.
// input: 4xf32=1,2,3,4
// input: 4xf32=10,20,30,40
// expect: 4xf32=11,22,33,44
// case:
// input: 3xf32=1,2,3
// input: 4xf32=0
// fails: argument 0 'a', dimension 0: expected 4, got 3
// case:
// input: 4xi32=0
// input: 4xf32=0
// fails: argument 0 'a'
func.func @main(%a: tensor<4xf32> {halcyon.name = "a"}, %b: tensor<4xf32> {halcyon.name = "b"})
    -> (tensor<4xf32> {halcyon.name = "sum"}) {
  %empty = tensor.empty() : tensor<4xf32>
  %sum = linalg.add ins(%a, %b : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  return %sum : tensor<4xf32>
}
