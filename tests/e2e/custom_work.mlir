// Kernels that the application gives (tests/e2e/custom_work.cpp), between compiled ones, in a loop and on one side of an if.
func.func private @scale_rows(tensor<?x4xf32>, tensor<4xf32>, f32) -> tensor<?x4xf32> attributes {
    halcyon.kernel = {result_dims = [["arg0.0"]], workload = ["arg0.0", 4], tile = [2, 4], local_memory = 32}}
func.func private @append(tensor<8x4xf32>, tensor<?x4xf32>, index) -> tensor<8x4xf32> attributes {halcyon.kernel = {in_place = [0]}}
func.func private @positive(tensor<?x4xf32>) -> (tensor<?x4xi32>, tensor<1xi64>) attributes {
    halcyon.kernel = {result_dims = [["arg0.0"], []], workload = [1]}}

// 3 * x scaled `steps` times by s and 0.5, once more where there were any, + 1
func.func @scaled(%x: tensor<?x4xf32> {halcyon.name = "x", halcyon.dims = ["rows", 4]}, %s: tensor<4xf32> {halcyon.name = "s"},
                  %steps: tensor<i64> {halcyon.name = "steps"}) -> (tensor<?x4xf32> {halcyon.name = "y", halcyon.dims = ["rows", 4]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %three = arith.constant 3.0 : f32
  %half = arith.constant 0.5 : f32
  %count = tensor.extract %steps[] : tensor<i64>
  %end = arith.index_cast %count : i64 to index
  %rows = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%rows) : tensor<?x4xf32>
  %tripled = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
    ^bb0(%a: f32, %o: f32):
      %m = arith.mulf %a, %three : f32
      linalg.yield %m : f32
  } -> tensor<?x4xf32>
  %scaled = scf.for %i = %c0 to %end step %c1 iter_args(%v = %tripled) -> (tensor<?x4xf32>) {
    %n = func.call @scale_rows(%v, %s, %half) : (tensor<?x4xf32>, tensor<4xf32>, f32) -> tensor<?x4xf32>
    scf.yield %n : tensor<?x4xf32>
  }
  %any = arith.cmpi sgt, %end, %c0 : index
  %more = scf.if %any -> (tensor<?x4xf32>) {
    %n = func.call @scale_rows(%scaled, %s, %half) : (tensor<?x4xf32>, tensor<4xf32>, f32) -> tensor<?x4xf32>
    scf.yield %n : tensor<?x4xf32>
  } else {
    scf.yield %scaled : tensor<?x4xf32>
  }
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%more : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
    ^bb0(%a: f32, %o: f32):
      %m = arith.addf %a, %one : f32
      linalg.yield %m : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Rows written into a donated cache where `at` says.
func.func @cached(%cache: tensor<8x4xf32> {halcyon.name = "cache"}, %x: tensor<?x4xf32> {halcyon.name = "x", halcyon.dims = ["rows", 4]},
                  %at: tensor<i64> {halcyon.name = "at"}) -> (tensor<8x4xf32> {halcyon.name = "next"}) {
  %where = tensor.extract %at[] : tensor<i64>
  %row = arith.index_cast %where : i64 to index
  %next = func.call @append(%cache, %x, %row) : (tensor<8x4xf32>, tensor<?x4xf32>, index) -> tensor<8x4xf32>
  return %next : tensor<8x4xf32>
}

// Two results, one of which the host reads: nothing here is compiled but these.
func.func @counted(%x: tensor<?x4xf32> {halcyon.name = "x", halcyon.dims = ["rows", 4]})
    -> (tensor<?x4xi32> {halcyon.name = "mask", halcyon.dims = ["rows", 4]}, tensor<?x4xf32> {halcyon.name = "part", halcyon.dims = ["found", 4]}) {
  %c0 = arith.constant 0 : index
  %mask, %count = func.call @positive(%x) : (tensor<?x4xf32>) -> (tensor<?x4xi32>, tensor<1xi64>)
  %found = tensor.extract %count[%c0] : tensor<1xi64>
  %n = arith.index_cast %found : i64 to index
  %zero = arith.constant 0.25 : f32
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %part = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %mask, %part : tensor<?x4xi32>, tensor<?x4xf32>
}
