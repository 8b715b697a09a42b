// Dequantised bytes by dequantised constants: taken by fours, and as matrices where the target can. Five words are an odd depth.
// input: 3x20xi8=-128,127,-123,78,-8,3,33,-55,122,-115,-57,-30,18,-24,-95,-117,-128,-116,-90,127,-80,39,64,-68,-56,-17,-61,121,-83,101,76,88,-99,-28,32,-2,42,45,41,-113,117,14,103,-59,-36,97,-81,-112,-33,45,-97,94,-41,-70,11,101,98,95,-50,-124
// expect: 3x9xf32=4814.5,-483,1945,-1972.5,49,841.5,-3432,-1527.5,-1148,-2850,1077,-2261.5,1148,2249.5,1142,-575.5,-1172.5,-1062.5,-3220.5,652,-227.5,-212.5,-1432.5,-230,1342,-533,1040.5
// case:
// input: 1x20xi8=-80,39,64,-68,-56,-17,-61,121,-83,101,76,88,-99,-28,32,-2,42,45,41,-113
// expect: 1x9xf32=-2850,1077,-2261.5,1148,2249.5,1142,-575.5,-1172.5,-1062.5
// case:
// input: 0x20xi8=
// expect: 0x9xf32=
// case:
// input: 1x19xi8=0
// fails: argument 0 'x', dimension 1: expected 20, got 19
#id = affine_map<(m, k) -> (m, k)>
func.func @main(%x: tensor<?x20xi8> {halcyon.name = "x", halcyon.dims = ["rows", 20]})
    -> (tensor<?x9xf32> {halcyon.name = "y", halcyon.dims = ["rows", 9]}) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %point = arith.constant 3 : i32
  %bytes = arith.constant dense<[[-20, 9, 11, -20, -19, 0, -7, -3, 18], [-12, 1, -7, -8, 13, -14, -8, -16, -14], [-9, 8, 3, -2, -14, 12, 12, -11, -18], [-7, -15, 12, 1, 0, -9, 0, 19, -11], [11, -20, -8, 18, 15, -17, 14, 14, -2], [-5, 20, 18, 7, -4, -12, 18, -9, 2], [7, -11, -8, 10, -12, 7, 18, 8, 6], [-1, 19, -11, -6, 6, 6, -16, -14, 8], [14, 6, 18, -5, -7, 12, -19, -13, -13], [-4, -14, 12, 14, -5, -19, 9, -16, 5], [-13, 18, 7, 20, 5, 9, -5, 13, -16], [-14, -6, 9, -1, 14, 18, -4, -3, 2], [6, -1, 4, 19, 10, -7, -3, -4, -14], [-20, 12, -3, -6, 5, 3, 18, 5, 17], [3, -7, -7, 20, 4, -13, 14, 13, -20], [-14, 8, -4, -7, -17, -13, 15, 14, 13], [3, -15, -7, 1, 20, -10, 2, 0, 0], [2, 8, -16, 20, 15, 11, -9, -2, -2], [-8, -18, 10, -20, 11, -12, 6, -6, -11], [18, -1, 16, -13, -1, -6, -2, -20, 7]]>
      : tensor<20x9xi8>
  %rows = tensor.dim %x, %c0 : tensor<?x20xi8>
  %numbers = tensor.empty(%rows) : tensor<?x20xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x20xi8>) outs(%numbers : tensor<?x20xf32>) {
  ^bb0(%in: i8, %out: f32):
    %i = arith.extsi %in : i8 to i32
    %c = arith.subi %i, %point : i32
    %f = arith.sitofp %c : i32 to f32
    %s = arith.mulf %f, %scale : f32
    linalg.yield %s : f32
  } -> tensor<?x20xf32>
  %weights = tensor.empty() : tensor<20x9xf32>
  %w = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%bytes : tensor<20x9xi8>) outs(%weights : tensor<20x9xf32>) {
  ^bb0(%in: i8, %out: f32):
    %i = arith.extsi %in : i8 to i32
    %f = arith.sitofp %i : i32 to f32
    linalg.yield %f : f32
  } -> tensor<20x9xf32>
  %empty = tensor.empty(%rows) : tensor<?x9xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x9xf32>) -> tensor<?x9xf32>
  %y = linalg.matmul ins(%a, %w : tensor<?x20xf32>, tensor<20x9xf32>) outs(%zeros : tensor<?x9xf32>) -> tensor<?x9xf32>
  return %y : tensor<?x9xf32>
}
