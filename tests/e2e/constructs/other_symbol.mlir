// Two sizes with different names meet in one operation: compared by the host program, before any kernel reads.
// input: 3xf32=1,2,3
// input: 3xf32=1,1,1
// expect: 3xf32=2,3,4
// case:
// input: 3xf32=1,2,3
// input: 2xf32=1,1
// fails: sizes do not match
func.func @main(%a: tensor<?xf32> {halcyon.name = "a", halcyon.dims = ["n"]}, %b: tensor<?xf32> {halcyon.name = "b", halcyon.dims = ["m"]})
    -> (tensor<?xf32> {halcyon.name = "sum", halcyon.dims = ["n"]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %a, %c0 : tensor<?xf32>
  %empty = tensor.empty(%n) : tensor<?xf32>
  %sum = linalg.add ins(%a, %b : tensor<?xf32>, tensor<?xf32>) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  return %sum : tensor<?xf32>
}
