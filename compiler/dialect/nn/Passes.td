#ifndef HALCYON_DIALECT_NN_PASSES
#define HALCYON_DIALECT_NN_PASSES

include "mlir/Pass/PassBase.td"

def DecomposeNn : Pass<"halcyon-decompose-nn"> {
  let summary = "nn ops become linalg";
  let description = [{
    The reference meaning of every nn op, used by the fallback and by tests.

    ```mlir
    %y = nn.softmax ins(%x : tensor<4x8xf32>) outs(%init : tensor<4x8xf32>) {axis = 1 : i64}
    // becomes linalg.generic ops: max of a row, exp(x - max), sum of a row, divide
    ```

    Padding becomes a generic that copies with a bounds test; a convolution is
    one generic over the padded input, parallel loops first.

    Requires: nn ops on tensors.
    Leaves: no nn op; linalg, tensor, arith, math and scf ops.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
                           "mlir::math::MathDialect", "mlir::scf::SCFDialect",
                           "mlir::tensor::TensorDialect"];
}

#endif // HALCYON_DIALECT_NN_PASSES
