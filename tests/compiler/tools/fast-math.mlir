// RUN: halcyonc %s -o %t.hcm --target=cpu --dump=%t.exact && FileCheck %s --check-prefix=EXACT < %t.exact/1-tensor.mlir
// RUN: halcyonc %s -o %t.hcm --target=cpu --dump=%t.fast --fast-math && FileCheck %s --check-prefix=FAST < %t.fast/1-tensor.mlir
// RUN: halcyonc %s -o %t.hcm --target=cpu --dump=%t.two --fast-math --winograd=2 && FileCheck %s --check-prefix=EXACT < %t.two/1-tensor.mlir
// RUN: halcyonc %s -o %t.hcm --target=cpu --dump=%t.off --fast-math --winograd=off && FileCheck %s --check-prefix=OFF < %t.off/1-tensor.mlir
// RUN: grep -a -o -e '-O2[ -~]*' %t.hcm | FileCheck %s --check-prefix=FLAGS

// Tiles of 4x4, which are less exact, are there for --fast-math where they win; --winograd says otherwise.
// EXACT: nn.winograd {{.*}} {tile = 2 : i64}
// FAST: nn.winograd {{.*}} {tile = 4 : i64}
// OFF-NOT: nn.winograd
// FLAGS: -O2 --target=cpu --fast-math --winograd=off
func.func @main(%x: tensor<34x34x32xf32>) -> tensor<32x32x48xf32> {
  %w = arith.constant dense<0.5> : tensor<48x32x3x3xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<32x32x48xf32>
  %y = linalg.fill ins(%zero : f32) outs(%empty : tensor<32x32x48xf32>) -> tensor<32x32x48xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(h, w, o, y, x, i) -> (h + y, w + x, i)>, affine_map<(h, w, o, y, x, i) -> (o, i, y, x)>,
                                        affine_map<(h, w, o, y, x, i) -> (h, w, o)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<34x34x32xf32>, tensor<48x32x3x3xf32>) outs(%y : tensor<32x32x48xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<32x32x48xf32>
  return %r : tensor<32x32x48xf32>
}
