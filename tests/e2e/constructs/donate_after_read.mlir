// A donated argument whose every read is in an earlier dispatch than the write of its result.
// compile: --donate=0:0
// input: 4xf32=1,2,3,4
// expect: 4xf32=10
// case:
// run: --calls=3
// input: 4xf32=1,2,3,4
// expect: 4xf32=160
func.func @main(%state: tensor<4xf32> {halcyon.name = "state"}) -> (tensor<4xf32> {halcyon.name = "next"}) {
  %zero = arith.constant 0.0 : f32
  %scalar = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%scalar : tensor<f32>) -> tensor<f32>
  %sum = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%state : tensor<4xf32>) outs(%start : tensor<f32>) {
    ^bb0(%v: f32, %total: f32):
      %next = arith.addf %v, %total : f32
      linalg.yield %next : f32
  } -> tensor<f32>
  %empty = tensor.empty() : tensor<4xf32>
  %all = linalg.generic {indexing_maps = [affine_map<(i) -> ()>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%sum : tensor<f32>) outs(%empty : tensor<4xf32>) {
    ^bb0(%v: f32, %out: f32):
      linalg.yield %v : f32
  } -> tensor<4xf32>
  return %all : tensor<4xf32>
}
