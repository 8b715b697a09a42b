// Products of integers in sums are operations, as those of floats are: 4 x 16 x 8 multiply-adds in each function.
// RUN: halcyonc %s -o %t.hcm --target=cpu:x86_64-unknown-linux-gnu --stats=%t.json && FileCheck %s --input-file=%t.json
// CHECK: "flops": 2048

#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>

func.func @four_bytes_at_once(%x: tensor<4x2xi32>, %w: tensor<2x16xi32>, %sums: tensor<4x16xi32>) -> tensor<4x16xi32> {
  %y = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x2xi32>, tensor<2x16xi32>) outs(%sums : tensor<4x16xi32>) {
  ^bb0(%p: i32, %q: i32, %sum: i32):
    %four = nn.dot_bytes %p, %q : i32
    %a = arith.addi %sum, %four : i32
    linalg.yield %a : i32
  } -> tensor<4x16xi32>
  return %y : tensor<4x16xi32>
}

func.func @integers(%x: tensor<4x8xi32>, %w: tensor<8x16xi32>, %sums: tensor<4x16xi32>) -> tensor<4x16xi32> {
  %y = linalg.matmul ins(%x, %w : tensor<4x8xi32>, tensor<8x16xi32>) outs(%sums : tensor<4x16xi32>) -> tensor<4x16xi32>
  return %y : tensor<4x16xi32>
}
