// RUN: halcyon-opt %s --halcyon-check-shapes | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// Sizes that nothing says are equal are compared before they meet.
// CHECK-LABEL: func @unrelated
// CHECK: %[[N:.+]] = tensor.dim %arg0
// CHECK: %[[M:.+]] = tensor.dim %arg1
// CHECK: %[[EQUAL:.+]] = arith.cmpi eq, %[[N]], %[[M]]
// CHECK: cf.assert %[[EQUAL]], "sizes differ"
// CHECK: linalg.generic
func.func @unrelated(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<?xf32>) outs(%b : tensor<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// The same symbol was compared on entry; static sizes were by the verifier.
// CHECK-LABEL: func @related
// CHECK-NOT: cf.assert
// CHECK: return
func.func @related(%a: tensor<?x4xf32> {halcyon.dims = ["n", 4]}, %b: tensor<?x4xf32> {halcyon.dims = ["n", 4]})
    -> tensor<?x4xf32> {
  %r = linalg.add ins(%a, %b : tensor<?x4xf32>, tensor<?x4xf32>) outs(%a : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// A cast that says more than its operand's type does is a claim.
// CHECK-LABEL: func @cast
// CHECK: %[[N:.+]] = tensor.dim %arg0
// CHECK: %[[EQUAL:.+]] = arith.cmpi eq, %{{.+}}, %[[N]]
// CHECK: cf.assert %[[EQUAL]], "sizes differ"
// CHECK: tensor.cast
func.func @cast(%a: tensor<?x4xf32>) -> tensor<3x4xf32> {
  %r = tensor.cast %a : tensor<?x4xf32> to tensor<3x4xf32>
  return %r : tensor<3x4xf32>
}

// CHECK-LABEL: func @cast_forgets
// CHECK-NOT: cf.assert
// CHECK: return
func.func @cast_forgets(%a: tensor<3x4xf32>) -> tensor<?x4xf32> {
  %r = tensor.cast %a : tensor<3x4xf32> to tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}
