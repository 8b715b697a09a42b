// A module variable: state that stays with the loaded program from call to call.
// run: --calls=3
// input: 2xf32=1,2
// expect: 2xf32=13,26
ml_program.global private mutable @state(dense<[10.0, 20.0]> : tensor<2xf32>) : tensor<2xf32>
func.func @main(%x: tensor<2xf32> {halcyon.name = "x"}) -> (tensor<2xf32> {halcyon.name = "total"}) {
  %old = ml_program.global_load @state : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  %total = linalg.add ins(%old, %x : tensor<2xf32>, tensor<2xf32>) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
  ml_program.global_store @state = %total : tensor<2xf32>
  return %total : tensor<2xf32>
}
