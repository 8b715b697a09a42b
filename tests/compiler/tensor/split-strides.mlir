// RUN: halcyon-opt %s --halcyon-split-strides --canonicalize | FileCheck %s

// A filter that moves by two: elements of even and of odd places lie side by side, as many as windows reach. An image may be
// one of unknown many; dimensions of one element are dropped on the way.
// CHECK-DAG: #[[FROM:.+]] = affine_map<(d0, d1, d2) -> (d0, 0, d2 * 2 + d1)>
// CHECK-DAG: #[[TO:.+]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[MOVED:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1 + d2)>
// CHECK-DAG: #[[TAPS:.+]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-DAG: #[[OUT:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1)>
// CHECK-LABEL: func.func @halved(
// CHECK-SAME: %[[X:[^:]+]]: tensor<?x1x939xf32>, %[[W:[^:]+]]: tensor<256xf32>
// CHECK: %[[E:.+]] = tensor.empty(%{{.+}}) : tensor<?x2x469xf32>
// CHECK: %[[APART:.+]] = linalg.generic {indexing_maps = [#[[FROM]], #[[TO]]]{{.*}} ins(%[[X]] : {{.*}}) outs(%[[E]]
// CHECK: %[[V:.+]] = tensor.expand_shape %[[W]] {{\[\[}}0, 1]] output_shape [128, 2]
// CHECK: linalg.generic {indexing_maps = [#[[MOVED]], #[[TAPS]], #[[OUT]]], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%[[APART]], %[[V]]
#taps = affine_map<(n, i, k) -> (k)>
#result = affine_map<(n, i, k) -> (n, i)>
func.func @halved(%x: tensor<?x1x939xf32>, %w: tensor<256xf32>, %y: tensor<?x342xf32>) -> tensor<?x342xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(n, i, k) -> (n, 0, i * 2 + k)>, #taps, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x1x939xf32>, tensor<256xf32>) outs(%y : tensor<?x342xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x342xf32>
  return %r : tensor<?x342xf32>
}

// Taps and channels the other way round, three offsets.
// CHECK-LABEL: func.func @third(
// CHECK: linalg.generic {{.*}} ins(%{{.+}} : tensor<600xf32>) outs(%{{.+}} : tensor<3x111xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} : tensor<12x3xf32>, tensor<3x111xf32>) outs(%{{.+}} : tensor<100xf32>)
func.func @third(%x: tensor<600xf32>, %w: tensor<36xf32>, %y: tensor<100xf32>) -> tensor<100xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(i, k) -> (k)>, affine_map<(i, k) -> (k + i * 3)>, affine_map<(i, k) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%w, %x : tensor<36xf32>, tensor<600xf32>) outs(%y : tensor<100xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<100xf32>
  return %r : tensor<100xf32>
}

// Several channels have vectors of their own, a stride of one is side by side already, few taps do not pay for a copy, taps that
// are no multiple of the stride have no place: nothing changes.
// CHECK-LABEL: func.func @others(
// CHECK-COUNT-4: linalg.generic
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @others(%x: tensor<2x600xf32>, %w: tensor<64x8xf32>, %v: tensor<64xf32>, %u: tensor<16xf32>, %o: tensor<65xf32>, %y: tensor<2x8x100xf32>, %z: tensor<2x100xf32>)
    -> (tensor<2x8x100xf32>, tensor<2x100xf32>, tensor<2x100xf32>, tensor<2x100xf32>) {
  %a = linalg.generic {indexing_maps = [affine_map<(n, c, i, k) -> (n, i * 2 + k)>, affine_map<(n, c, i, k) -> (k, c)>, affine_map<(n, c, i, k) -> (n, c, i)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x600xf32>, tensor<64x8xf32>) outs(%y : tensor<2x8x100xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<2x8x100xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(n, i, k) -> (n, i + k)>, #taps, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<2x600xf32>, tensor<64xf32>) outs(%z : tensor<2x100xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<2x100xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(n, i, k) -> (n, i * 2 + k)>, #taps, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %u : tensor<2x600xf32>, tensor<16xf32>) outs(%z : tensor<2x100xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<2x100xf32>
  %d = linalg.generic {indexing_maps = [affine_map<(n, i, k) -> (n, i * 2 + k)>, #taps, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %o : tensor<2x600xf32>, tensor<65xf32>) outs(%z : tensor<2x100xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<2x100xf32>
  return %a, %b, %c, %d : tensor<2x8x100xf32>, tensor<2x100xf32>, tensor<2x100xf32>, tensor<2x100xf32>
}
