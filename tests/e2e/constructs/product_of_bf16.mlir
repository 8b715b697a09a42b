// Both sides are bf16, sums f32: taken by twos where the target can. Three pairs are an odd depth.
// input: 5x6xbf16=-3,6,-5,-3,-8,5,1,-2,7,2,8,4,1,0,-5,3,5,3,-1,-8,4,-8,5,-6,-3,-5,1,-5,-4,-8
// expect: 5x7xf32=-25,-14,33,6,12,-19,-58,5,44,-50,21,-17,22,32,35,-9,-27,-28,11,21,-10,-14,58,7,25,-26,15,53,-28,9,50,3,1,-19,10
// case:
// input: 1x6xbf16=1,0,-5,3,5,3
// expect: 1x7xf32=35,-9,-27,-28,11,21,-10
// case:
// input: 2x6xbf16=inf,0,0,0,0,0,nan,0,0,0,0,0
// expect: 2x7xf32=inf,-inf,-inf,inf,-inf,inf,inf,nan,nan,nan,nan,nan,nan,nan
// case:
// input: 0x6xbf16=
// expect: 0x7xf32=
// case:
// input: 1x5xbf16=0
// fails: argument 0 'x', dimension 1: expected 6, got 5
func.func @main(%x: tensor<?x6xbf16> {halcyon.name = "x", halcyon.dims = ["rows", 6]})
    -> (tensor<?x7xf32> {halcyon.name = "y", halcyon.dims = ["rows", 7]}) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<[[4.0, -3.0, -3.0, 1.0, -3.0, 3.0, 3.0], [-1.0, -1.0, -1.0, 2.0, -1.0, -2.0, 2.0], [-3.0, 3.0, -1.0, 4.0, -2.0, -1.0, 3.0], [2.0, -4.0, -1.0, -4.0, 3.0, -1.0, -2.0], [2.0, 3.0, -4.0, 0.0, -1.0, 2.0, 4.0], [0.0, 2.0, -2.0, 1.0, 0.0, 2.0, -4.0]]>
      : tensor<6x7xbf16>
  %rows = tensor.dim %x, %c0 : tensor<?x6xbf16>
  %empty = tensor.empty(%rows) : tensor<?x7xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x7xf32>) -> tensor<?x7xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x6xbf16>, tensor<6x7xbf16>) outs(%zeros : tensor<?x7xf32>) -> tensor<?x7xf32>
  return %y : tensor<?x7xf32>
}
