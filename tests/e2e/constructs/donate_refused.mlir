// The donated argument is read after its result would be written: the compiler says why it cannot.
// compile: --donate=0:0
// refused: donat
func.func @main(%state: tensor<4xf32> {halcyon.name = "state"})
    -> (tensor<4xf32> {halcyon.name = "next"}, tensor<4xf32> {halcyon.name = "again"}) {
  %empty = tensor.empty() : tensor<4xf32>
  %reversed = linalg.generic {indexing_maps = [affine_map<(i) -> (3 - i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%state : tensor<4xf32>) outs(%empty : tensor<4xf32>) {
    ^bb0(%v: f32, %out: f32):
      linalg.yield %v : f32
  } -> tensor<4xf32>
  %again = linalg.add ins(%reversed, %state : tensor<4xf32>, tensor<4xf32>) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  return %reversed, %again : tensor<4xf32>, tensor<4xf32>
}
