// codegen/cpu/CollapseLoops.h -- adjacent loops over adjacent memory become one.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace halcyon {

// Longer inner loops make better vectors: two channels for each of many positions are one long row. Returns the op
// that replaces `op`, or `op`.
mlir::linalg::GenericOp collapseLoops(mlir::linalg::GenericOp op, mlir::RewriterBase &rewriter);

// Dimensions of one position leave the operands: every operand becomes a view with a dimension for each loop of its.
void dropUnitDims(mlir::linalg::GenericOp op, mlir::RewriterBase &rewriter);

} // namespace halcyon
