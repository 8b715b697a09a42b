// A size that only the device knows: as many ones as x has positive elements (host.read).
// input: 4xf32=1,-1,2,3
// expect: 3xf32=1
// case:
// input: 4xf32=-1
// expect: 0xf32=
func.func @main(%x: tensor<4xf32> {halcyon.name = "x"}) -> (tensor<?xf32> {halcyon.name = "ones", halcyon.dims = ["positive"]}) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %none = arith.constant 0 : i64
  %single = arith.constant 1 : i64
  %scalar = tensor.empty() : tensor<i64>
  %start = linalg.fill ins(%none : i64) outs(%scalar : tensor<i64>) -> tensor<i64>
  %count = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<4xf32>) outs(%start : tensor<i64>) {
    ^bb0(%v: f32, %sum: i64):
      %positive = arith.cmpf ogt, %v, %zero : f32
      %more = arith.select %positive, %single, %none : i64
      %next = arith.addi %sum, %more : i64
      linalg.yield %next : i64
  } -> tensor<i64>
  %found = tensor.extract %count[] : tensor<i64>
  %size = arith.index_cast %found : i64 to index
  %empty = tensor.empty(%size) : tensor<?xf32>
  %ones = linalg.fill ins(%one : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  return %ones : tensor<?xf32>
}
