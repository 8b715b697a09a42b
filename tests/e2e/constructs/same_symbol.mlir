// Two arguments share a named dimension; on entry their sizes must be equal.
// input: 3xf32=1,2,3
// input: 3xf32=1,1,1
// expect: 3xf32=2,3,4
// case:
// input: 3xf32=1,2,3
// input: 2xf32=1,1
// fails: argument 1 'b', dimension 0 'n': expected 3, got 2
func.func @main(%a: tensor<?xf32> {halcyon.name = "a", halcyon.dims = ["n"]}, %b: tensor<?xf32> {halcyon.name = "b", halcyon.dims = ["n"]})
    -> (tensor<?xf32> {halcyon.name = "sum", halcyon.dims = ["n"]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %a, %c0 : tensor<?xf32>
  %empty = tensor.empty(%n) : tensor<?xf32>
  %sum = linalg.add ins(%a, %b : tensor<?xf32>, tensor<?xf32>) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  return %sum : tensor<?xf32>
}
