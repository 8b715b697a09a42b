// A list that a loop fills with rows of growing length; the last one is taken out, the first erased.
// input: i64=3
// input: 4xf32=1,2,3,4
// expect: 3xf32=1,2,3
// expect: i64=2
// case:
// input: i64=1
// input: 4xf32=1,2,3,4
// expect: 1xf32=1
// expect: i64=0
// case: of none there is no last one
// input: i64=0
// input: 4xf32=1,2,3,4
// fails: a position is outside a sequence
func.func @main(%trips: tensor<i64> {halcyon.name = "trips"}, %x: tensor<4xf32> {halcyon.name = "x"})
    -> (tensor<?xf32> {halcyon.name = "last", halcyon.dims = ["n"]}, tensor<i64> {halcyon.name = "left"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %count = tensor.extract %trips[] : tensor<i64>
  %end = arith.index_cast %count : i64 to index
  %empty = host.list_empty
  %list = scf.for %i = %c0 to %end step %c1 iter_args(%rows = %empty) -> !host.list {
    %n = arith.addi %i, %c1 : index
    %row = tensor.extract_slice %x[0] [%n] [1] : tensor<4xf32> to tensor<?xf32>
    %at = host.list_length %rows
    %more = host.list_insert %rows[%at], %row dims(%n) : tensor<?xf32>
    scf.yield %more : !host.list
  }
  %length = host.list_length %list
  %at = arith.subi %length, %c1 : index
  host.check_position %at, %at below %length : index, index, index
  %size = host.list_dim %list[%at] dimension 0
  %last = host.list_get %list[%at] sizes(%size) : tensor<?xf32>
  %rest = host.list_erase %list[%c0]
  %left = host.list_length %rest
  %number = arith.index_cast %left : index to i64
  %result = tensor.from_elements %number : tensor<i64>
  return %last, %result : tensor<?xf32>, tensor<i64>
}
