// One step of a decoder: the cache is donated, a row of it written where `at` says, and attended to up to there (tests/e2e/state.cpp).
func.func @decode(%x: tensor<1x8xf32> {halcyon.name = "x"}, %wq: tensor<8x8xf32> {halcyon.name = "wq"},
                  %wk: tensor<8x8xf32> {halcyon.name = "wk"}, %wv: tensor<8x8xf32> {halcyon.name = "wv"},
                  %keys: tensor<1000x8xf32> {halcyon.name = "keys"}, %values: tensor<1000x8xf32> {halcyon.name = "values"},
                  %at: tensor<i64> {halcyon.name = "at"})
    -> (tensor<8xf32> {halcyon.name = "y"}, tensor<1000x8xf32> {halcyon.name = "next_keys"}, tensor<1000x8xf32> {halcyon.name = "next_values"}) {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %position = tensor.extract %at[] : tensor<i64>
  %row = arith.index_cast %position : i64 to index
  %e = tensor.empty() : tensor<1x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
  %q = linalg.matmul ins(%x, %wq : tensor<1x8xf32>, tensor<8x8xf32>) outs(%z : tensor<1x8xf32>) -> tensor<1x8xf32>
  %k = linalg.matmul ins(%x, %wk : tensor<1x8xf32>, tensor<8x8xf32>) outs(%z : tensor<1x8xf32>) -> tensor<1x8xf32>
  %v = linalg.matmul ins(%x, %wv : tensor<1x8xf32>, tensor<8x8xf32>) outs(%z : tensor<1x8xf32>) -> tensor<1x8xf32>
  %next_keys = tensor.insert_slice %k into %keys[%row, 0] [1, 8] [1, 1] : tensor<1x8xf32> into tensor<1000x8xf32>
  %next_values = tensor.insert_slice %v into %values[%row, 0] [1, 8] [1, 1] : tensor<1x8xf32> into tensor<1000x8xf32>

  %es = tensor.empty() : tensor<1000xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<1000xf32>) -> tensor<1000xf32>
  %scores = linalg.generic {indexing_maps = [affine_map<(j, d) -> (0, d)>, affine_map<(j, d) -> (j, d)>, affine_map<(j, d) -> (j)>],
                            iterator_types = ["parallel", "reduction"]}
      ins(%q, %next_keys : tensor<1x8xf32>, tensor<1000x8xf32>) outs(%zs : tensor<1000xf32>) {
    ^bb0(%a: f32, %b: f32, %sum: f32):
      %m = arith.mulf %a, %b : f32
      %s = arith.addf %sum, %m : f32
      linalg.yield %s : f32
  } -> tensor<1000xf32>
  %masked = linalg.generic {indexing_maps = [affine_map<(j) -> (j)>, affine_map<(j) -> (j)>], iterator_types = ["parallel"]}
      ins(%scores : tensor<1000xf32>) outs(%es : tensor<1000xf32>) {
    ^bb0(%a: f32, %o: f32):
      %j = linalg.index 0 : index
      %seen = arith.cmpi ule, %j, %row : index
      %s = arith.select %seen, %a, %lowest : f32
      linalg.yield %s : f32
  } -> tensor<1000xf32>
  %em = tensor.empty() : tensor<f32>
  %zm = linalg.fill ins(%lowest : f32) outs(%em : tensor<f32>) -> tensor<f32>
  %most = linalg.generic {indexing_maps = [affine_map<(j) -> (j)>, affine_map<(j) -> ()>], iterator_types = ["reduction"]}
      ins(%masked : tensor<1000xf32>) outs(%zm : tensor<f32>) {
    ^bb0(%a: f32, %o: f32):
      %s = arith.maximumf %a, %o : f32
      linalg.yield %s : f32
  } -> tensor<f32>
  %weights = linalg.generic {indexing_maps = [affine_map<(j) -> (j)>, affine_map<(j) -> ()>, affine_map<(j) -> (j)>], iterator_types = ["parallel"]}
      ins(%masked, %most : tensor<1000xf32>, tensor<f32>) outs(%es : tensor<1000xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %d = arith.subf %a, %b : f32
      %s = math.exp %d : f32
      linalg.yield %s : f32
  } -> tensor<1000xf32>
  %ze = linalg.fill ins(%zero : f32) outs(%em : tensor<f32>) -> tensor<f32>
  %total = linalg.generic {indexing_maps = [affine_map<(j) -> (j)>, affine_map<(j) -> ()>], iterator_types = ["reduction"]}
      ins(%weights : tensor<1000xf32>) outs(%ze : tensor<f32>) {
    ^bb0(%a: f32, %o: f32):
      %s = arith.addf %a, %o : f32
      linalg.yield %s : f32
  } -> tensor<f32>
  %ey = tensor.empty() : tensor<8xf32>
  %zy = linalg.fill ins(%zero : f32) outs(%ey : tensor<8xf32>) -> tensor<8xf32>
  %sum = linalg.generic {indexing_maps = [affine_map<(d, j) -> (j)>, affine_map<(d, j) -> (j, d)>, affine_map<(d, j) -> (d)>],
                         iterator_types = ["parallel", "reduction"]}
      ins(%weights, %next_values : tensor<1000xf32>, tensor<1000x8xf32>) outs(%zy : tensor<8xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %m = arith.mulf %a, %b : f32
      %s = arith.addf %o, %m : f32
      linalg.yield %s : f32
  } -> tensor<8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> ()>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%sum, %total : tensor<8xf32>, tensor<f32>) outs(%ey : tensor<8xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %s = arith.divf %a, %b : f32
      linalg.yield %s : f32
  } -> tensor<8xf32>
  return %y, %next_keys, %next_values : tensor<8xf32>, tensor<1000x8xf32>, tensor<1000x8xf32>
}
