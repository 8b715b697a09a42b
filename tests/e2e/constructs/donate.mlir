// A donated argument: the result is written into its buffer.
// compile: --donate=0:0
// input: 4xf32=1,2,3,4
// expect: 4xf32=2,3,4,5
// case:
// run: --calls=3
// input: 4xf32=1,2,3,4
// expect: 4xf32=4,5,6,7
func.func @main(%state: tensor<4xf32> {halcyon.name = "state"}) -> (tensor<4xf32> {halcyon.name = "next"}) {
  %one = arith.constant 1.0 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %next = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%state : tensor<4xf32>) outs(%empty : tensor<4xf32>) {
    ^bb0(%v: f32, %out: f32):
      %sum = arith.addf %v, %one : f32
      linalg.yield %sum : f32
  } -> tensor<4xf32>
  return %next : tensor<4xf32>
}
