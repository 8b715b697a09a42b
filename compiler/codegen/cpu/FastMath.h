// codegen/cpu/FastMath.h -- what design section 10 allows, as flags on a linalg body.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace halcyon {

// Sums and products of floats may be contracted to one rounding.
void allowContraction(mlir::linalg::GenericOp op);
// The largest or least of several floats may be either zero, where it is one: the instructions for it order none, and telling
// them apart takes three more.
void allowEitherZero(mlir::linalg::GenericOp op);
// Both, and additions that fold a reduction may change their order.
void allowReordering(mlir::linalg::GenericOp op);

} // namespace halcyon
