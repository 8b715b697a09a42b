// Functions of the application between kernels, compiled ones and its own (tests/e2e/custom_work.cpp).
func.func private @scale_rows(tensor<?x4xf32>, tensor<4xf32>, f32) -> tensor<?x4xf32> attributes {
    halcyon.kernel = {result_dims = [["arg0.0"]], workload = ["arg0.0", 4], tile = [2, 4], local_memory = 32}}
// The largest of each column, and how many rows there are.
func.func private @observe(tensor<?x4xf32>) -> (tensor<4xf32>, tensor<1xi64>) attributes {halcyon.host_call}
// As many of the first rows as the number says.
func.func private @head(tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x4xf32> attributes {halcyon.host_call = {result_dims = [["arg0.0"]]}}
func.func private @note(tensor<4xf32>) attributes {halcyon.host_call}
// Adds one to each element where it lies.
func.func private @touch(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.host_call = {in_place = [0]}}

// x, `steps` times scaled by the largest of its columns and 0.5, noted each time before.
func.func @observed(%x: tensor<?x4xf32> {halcyon.name = "x", halcyon.dims = ["rows", 4]}, %steps: tensor<i64> {halcyon.name = "steps"})
    -> (tensor<?x4xf32> {halcyon.name = "y", halcyon.dims = ["rows", 4]}, tensor<i64> {halcyon.name = "rows"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %half = arith.constant 0.5 : f32
  %none = arith.constant 0 : i64
  %count = tensor.extract %steps[] : tensor<i64>
  %end = arith.index_cast %count : i64 to index
  %rows = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%rows) : tensor<?x4xf32>
  %start = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
    ^bb0(%a: f32, %o: f32):
      %m = arith.addf %a, %one : f32
      linalg.yield %m : f32
  } -> tensor<?x4xf32>
  %y, %seen = scf.for %i = %c0 to %end step %c1 iter_args(%v = %start, %n = %none) -> (tensor<?x4xf32>, i64) {
    %most, %found = func.call @observe(%v) : (tensor<?x4xf32>) -> (tensor<4xf32>, tensor<1xi64>)
    func.call @note(%most) : (tensor<4xf32>) -> ()
    %next = func.call @scale_rows(%v, %most, %half) : (tensor<?x4xf32>, tensor<4xf32>, f32) -> tensor<?x4xf32>
    %k = tensor.extract %found[%c0] : tensor<1xi64>
    %sum = arith.addi %n, %k : i64
    scf.yield %next, %sum : tensor<?x4xf32>, i64
  }
  %total = tensor.from_elements %seen : tensor<i64>
  return %y, %total : tensor<?x4xf32>, tensor<i64>
}

// The arena's middle: what the call reads and writes begins at an offset of the call's memory. Nothing uses @note's work.
func.func @middle(%x: tensor<4xf32> {halcyon.name = "x"}) -> (tensor<4xf32> {halcyon.name = "y"}) {
  %two = arith.constant 2.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%v: f32, %o: f32):
      %m = arith.mulf %v, %two : f32
      linalg.yield %m : f32
  } -> tensor<4xf32>
  func.call @note(%x) : (tensor<4xf32>) -> ()
  %b = func.call @touch(%a) : (tensor<4xf32>) -> tensor<4xf32>
  %c = func.call @touch(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.call @note(%b) : (tensor<4xf32>) -> ()
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%b, %c : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%v: f32, %w: f32, %o: f32):
      %m = arith.addf %v, %w : f32
      linalg.yield %m : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// One result of two is the function's; a row of the other that the host reads says how much of it.
func.func @first(%x: tensor<?x4xf32> {halcyon.name = "x", halcyon.dims = ["rows", 4]}, %n: tensor<1xi64> {halcyon.name = "n"})
    -> (tensor<?x4xf32> {halcyon.name = "y", halcyon.dims = ["rows", 4]}) {
  %y = func.call @head(%x, %n) : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
