// scf.for whose loop-carried tensor grows: each trip appends x.
// input: i64=3
// input: 2xf32=1,2
// expect: 8xf32=1,2,1,2,1,2,1,2
// case:
// input: i64=0
// input: 2xf32=1,2
// expect: 2xf32=1,2
func.func @main(%trips: tensor<i64> {halcyon.name = "trips"}, %x: tensor<2xf32> {halcyon.name = "x"})
    -> (tensor<?xf32> {halcyon.name = "y", halcyon.dims = ["grown"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %count = tensor.extract %trips[] : tensor<i64>
  %end = arith.index_cast %count : i64 to index
  %start = tensor.cast %x : tensor<2xf32> to tensor<?xf32>
  %y = scf.for %i = %c0 to %end step %c1 iter_args(%state = %start) -> tensor<?xf32> {
    %old = tensor.dim %state, %c0 : tensor<?xf32>
    %new = arith.addi %old, %c2 : index
    %empty = tensor.empty(%new) : tensor<?xf32>
    %kept = tensor.insert_slice %state into %empty[0] [%old] [1] : tensor<?xf32> into tensor<?xf32>
    %grown = tensor.insert_slice %x into %kept[%old] [2] [1] : tensor<2xf32> into tensor<?xf32>
    scf.yield %grown : tensor<?xf32>
  }
  return %y : tensor<?xf32>
}
