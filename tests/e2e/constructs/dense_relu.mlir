// relu(x * W + b) with a named dynamic batch.
// input: 1x3xf32=1,2,3
// expect: 1x2xf32=2.5,1
// case:
// input: 2x3xf32=1,2,3,4,5,6
// expect: 2x2xf32=2.5,1,8.5,8.5
// case:
// input: 0x3xf32=
// expect: 0x2xf32=
// case:
// input: 2x4xf32=0
// fails: argument 0 'x', dimension 1: expected 3, got 4
func.func @main(%x: tensor<?x3xf32> {halcyon.name = "x", halcyon.dims = ["batch", 3]})
    -> (tensor<?x2xf32> {halcyon.name = "y", halcyon.dims = ["batch", 2]}) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<[[1.0, -1.0], [2.0, 0.5], [-1.0, 3.0]]> : tensor<3x2xf32>
  %b = arith.constant dense<[0.5, -8.0]> : tensor<2xf32>
  %rows = tensor.dim %x, %c0 : tensor<?x3xf32>
  %empty = tensor.empty(%rows) : tensor<?x2xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x2xf32>) -> tensor<?x2xf32>
  %product = linalg.matmul ins(%x, %w : tensor<?x3xf32>, tensor<3x2xf32>) outs(%zeros : tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%product, %b : tensor<?x2xf32>, tensor<2xf32>) outs(%empty : tensor<?x2xf32>) {
    ^bb0(%p: f32, %bias: f32, %out: f32):
      %sum = arith.addf %p, %bias : f32
      %relu = arith.maximumf %sum, %zero : f32
      linalg.yield %relu : f32
  } -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
