// scf.for with a loop-carried tensor of constant shape; the trip count is a host argument.
// input: i64=3
// input: 2xf32=1,2
// expect: 2xf32=8,16
// case:
// input: i64=0
// input: 2xf32=1,2
// expect: 2xf32=1,2
func.func @main(%trips: tensor<i64> {halcyon.name = "trips"}, %x: tensor<2xf32> {halcyon.name = "x"})
    -> (tensor<2xf32> {halcyon.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %count = tensor.extract %trips[] : tensor<i64>
  %end = arith.index_cast %count : i64 to index
  %y = scf.for %i = %c0 to %end step %c1 iter_args(%state = %x) -> tensor<2xf32> {
    %empty = tensor.empty() : tensor<2xf32>
    %twice = linalg.add ins(%state, %state : tensor<2xf32>, tensor<2xf32>) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
    scf.yield %twice : tensor<2xf32>
  }
  return %y : tensor<2xf32>
}
