// Integer arguments that only feed a shape are host values: the result's size is rows * columns.
// input: 2xi64=2,3
// input: f32=7
// expect: 2x3xf32=7
// case:
// input: 2xi64=1,1
// input: f32=-1
// expect: 1x1xf32=-1
func.func @main(%shape: tensor<2xi64> {halcyon.name = "shape"}, %value: tensor<f32> {halcyon.name = "value"})
    -> (tensor<?x?xf32> {halcyon.name = "filled", halcyon.dims = ["rows", "columns"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows64 = tensor.extract %shape[%c0] : tensor<2xi64>
  %columns64 = tensor.extract %shape[%c1] : tensor<2xi64>
  %rows = arith.index_cast %rows64 : i64 to index
  %columns = arith.index_cast %columns64 : i64 to index
  %empty = tensor.empty(%rows, %columns) : tensor<?x?xf32>
  %filled = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> ()>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%value : tensor<f32>) outs(%empty : tensor<?x?xf32>) {
    ^bb0(%v: f32, %out: f32):
      linalg.yield %v : f32
  } -> tensor<?x?xf32>
  return %filled : tensor<?x?xf32>
}
