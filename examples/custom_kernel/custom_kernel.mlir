// Rows are blurred by a kernel of the application's, compared with what they were by compiled ones, and the application is told
// of each row's largest difference before the result is made of it.
func.func private @blur(tensor<?x8xf32>, f32) -> tensor<?x8xf32> attributes {
    halcyon.kernel = {result_dims = [["arg0.0"]], workload = ["arg0.0"], tile = [2]}}
func.func private @report(tensor<?xf32>) attributes {halcyon.host_call}

#row = affine_map<(i, j) -> (i, j)>
#each = affine_map<(i, j) -> (i)>

func.func @main(%x: tensor<?x8xf32> {halcyon.name = "x", halcyon.dims = ["rows", 8]})
    -> (tensor<?x8xf32> {halcyon.name = "y", halcyon.dims = ["rows", 8]}) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %weight = arith.constant 0.25 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x8xf32>
  %blurred = func.call @blur(%x, %weight) : (tensor<?x8xf32>, f32) -> tensor<?x8xf32>

  %e = tensor.empty(%rows) : tensor<?x8xf32>
  %difference = linalg.generic {indexing_maps = [#row, #row, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x, %blurred : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %d = arith.subf %a, %b : f32
      %r = math.absf %d : f32
      linalg.yield %r : f32
  } -> tensor<?x8xf32>
  %em = tensor.empty(%rows) : tensor<?xf32>
  %zm = linalg.fill ins(%zero : f32) outs(%em : tensor<?xf32>) -> tensor<?xf32>
  %most = linalg.generic {indexing_maps = [#row, #each], iterator_types = ["parallel", "reduction"]}
      ins(%difference : tensor<?x8xf32>) outs(%zm : tensor<?xf32>) {
    ^bb0(%a: f32, %o: f32):
      %m = arith.maximumf %a, %o : f32
      linalg.yield %m : f32
  } -> tensor<?xf32>
  func.call @report(%most) : (tensor<?xf32>) -> ()

  %y = linalg.generic {indexing_maps = [#row, #each, #row], iterator_types = ["parallel", "parallel"]}
      ins(%blurred, %most : tensor<?x8xf32>, tensor<?xf32>) outs(%e : tensor<?x8xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
