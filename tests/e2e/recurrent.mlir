// A recurrent cell whose state is a module variable: h = tanh(x * wx + h * wh); y = h * wo (tests/e2e/state.cpp).
ml_program.global private mutable @h(dense<0.0> : tensor<1x16xf32>) : tensor<1x16xf32>

func.func @step(%x: tensor<1x8xf32> {halcyon.name = "x"}, %wx: tensor<8x16xf32> {halcyon.name = "wx"},
                %wh: tensor<16x16xf32> {halcyon.name = "wh"}, %wo: tensor<16x4xf32> {halcyon.name = "wo"})
    -> (tensor<1x4xf32> {halcyon.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %h = ml_program.global_load @h : tensor<1x16xf32>
  %e = tensor.empty() : tensor<1x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<1x16xf32>) -> tensor<1x16xf32>
  %a = linalg.matmul ins(%x, %wx : tensor<1x8xf32>, tensor<8x16xf32>) outs(%z : tensor<1x16xf32>) -> tensor<1x16xf32>
  %b = linalg.matmul ins(%h, %wh : tensor<1x16xf32>, tensor<16x16xf32>) outs(%a : tensor<1x16xf32>) -> tensor<1x16xf32>
  %next = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<1x16xf32>) outs(%e : tensor<1x16xf32>) {
    ^bb0(%v: f32, %o: f32):
      %t = math.tanh %v : f32
      linalg.yield %t : f32
  } -> tensor<1x16xf32>
  ml_program.global_store @h = %next : tensor<1x16xf32>
  %ey = tensor.empty() : tensor<1x4xf32>
  %zy = linalg.fill ins(%zero : f32) outs(%ey : tensor<1x4xf32>) -> tensor<1x4xf32>
  %y = linalg.matmul ins(%next, %wo : tensor<1x16xf32>, tensor<16x4xf32>) outs(%zy : tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

func.func @reset() {
  %zero = arith.constant dense<0.0> : tensor<1x16xf32>
  ml_program.global_store @h = %zero : tensor<1x16xf32>
  return
}
