// tensor/Generic.h -- any op of linalg as a generic.
#pragma once
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

namespace halcyon {

// The op itself, or the generic that replaces it; a failure where linalg has none for it.
inline mlir::FailureOr<mlir::linalg::GenericOp> asGeneric(mlir::linalg::LinalgOp op, mlir::RewriterBase &rewriter) {
  if (auto generic = mlir::dyn_cast<mlir::linalg::GenericOp>(op.getOperation()))
    return generic;
  rewriter.setInsertionPoint(op);
  return mlir::linalg::generalizeNamedOp(rewriter, op);
}

} // namespace halcyon
