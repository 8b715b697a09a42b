// dispatch/Attention.h -- softmax(q k) v and the like: two contractions, and rows that are reduced between them.
#pragma once
#include "dispatch/Grouping.h"

namespace halcyon::dispatch {

// The group that starts with the contraction `scores` and what belongs to it: a row group that alone uses these, then the
// contraction that alone uses the rows, with what belongs to that. The leading loops of the last operation are the rows.
// Empty where there is none.
Group attentionGroup(mlir::linalg::LinalgOp scores, const llvm::DenseSet<mlir::Operation *> &taken);

// (p / s) v -> (p v) / s, of rows inside of such groups: fewer elements are divided.
void deferDivisions(mlir::Block &block);

} // namespace halcyon::dispatch
