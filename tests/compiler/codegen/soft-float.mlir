// Processors without a unit for floats call functions of the compiler's library: a program links them, an artifact has none.
// RUN: rm -rf %t && mkdir %t
// RUN: halcyonc %s -o %t/soft.hcm --target=cpu:thumbv6m-none-eabi --executables=static
// RUN: halcyonc %s -o %t/soft.hcm --target=cpu:riscv64 --executables=static
// RUN: not halcyonc %s -o %t/soft.hcm --target=cpu:riscv64 2>&1 | FileCheck %s
// RUN: halcyonc %s -o %t/hard.hcm --target=cpu:riscv64:generic-rv64,+m,+f,+d
// RUN: halcyonc %s -o %t/hard.hcm --target=cpu:thumbv7em-none-eabihf:cortex-m4
// CHECK: undefined symbol: __{{.+}}; a CPU or features of the target that compute this, or --executables=static, help
func.func @main(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                       iterator_types = ["parallel"]} ins(%x, %y : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.maximumf %a, %b : f32
    %2 = arith.divf %1, %b : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
