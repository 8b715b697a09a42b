// codegen/cpu/FastMath.h -- what design section 10 allows, as flags on a linalg body.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace halcyon {

// Sums and products of floats may be contracted to one rounding.
void allowContraction(mlir::linalg::GenericOp op);
// Contraction, and additions that fold a reduction may change their order.
void allowReordering(mlir::linalg::GenericOp op);

} // namespace halcyon
