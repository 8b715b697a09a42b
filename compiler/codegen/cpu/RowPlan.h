// codegen/cpu/RowPlan.h -- ops that work on the same rows, one after the other: softmax, layer norm, sums of rows.
#pragma once
#include "codegen/cpu/TileEmitter.h"

namespace halcyon {

// Loops: the rows', then the column's, if it has one.
struct RowOp {
  enum Kind { row, column, reduction } kind; // reduction: of the columns, to one value a row
  mlir::linalg::GenericOp op;

  mlir::Operation *operation() const { return mlir::linalg::GenericOp(op); }
  mlir::Value output() const { return mlir::linalg::GenericOp(op).getDpsInits()[0]; }
  // What folds the columns, two at a time.
  mlir::Operation *combiner() const {
    return mlir::linalg::GenericOp(op).getBody()->getTerminator()->getOperand(0).getDefiningOp();
  }
};

struct RowPlan {
  unsigned rows = 0;               // row loops
  llvm::SmallVector<RowOp> ops;    // in order; `seed` has all loops
  unsigned seed = 0;

  bool contains(mlir::Operation *op) const {
    return llvm::any_of(ops, [&](const RowOp &each) { return each.operation() == op; });
  }
};

// The group around a reduction of rows; null where `seed` is none.
std::optional<RowPlan> planRows(mlir::linalg::GenericOp seed);

} // namespace halcyon
