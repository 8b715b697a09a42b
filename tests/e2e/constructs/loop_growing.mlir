// scf.for whose loop-carried tensor grows from a dynamic start: each trip appends two zeros.
// input: i64=2
// input: 3xf32=1,2,3
// expect: 7xf32=1,2,3,0,0,0,0
// case:
// input: i64=0
// input: 1xf32=5
// expect: 1xf32=5
func.func @main(%trips: tensor<i64> {halcyon.name = "trips"}, %x: tensor<?xf32> {halcyon.name = "x", halcyon.dims = ["n"]})
    -> (tensor<?xf32> {halcyon.name = "y", halcyon.dims = ["grown"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %count = tensor.extract %trips[] : tensor<i64>
  %end = arith.index_cast %count : i64 to index
  %y = scf.for %i = %c0 to %end step %c1 iter_args(%state = %x) -> tensor<?xf32> {
    %old = tensor.dim %state, %c0 : tensor<?xf32>
    %new = arith.addi %old, %c2 : index
    %empty = tensor.empty(%new) : tensor<?xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
    %grown = tensor.insert_slice %state into %zeros[0] [%old] [1] : tensor<?xf32> into tensor<?xf32>
    scf.yield %grown : tensor<?xf32>
  }
  return %y : tensor<?xf32>
}
