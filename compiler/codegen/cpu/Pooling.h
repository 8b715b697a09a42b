// codegen/cpu/Pooling.h -- windows that lie side by side, as most pools have: each element belongs to one of them.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace halcyon {

// Of one dimension of what is pooled: the pool's loop, and the extent of its windows; 1 where it has none.
struct PooledDim {
  unsigned loop = 0;
  int64_t window = 1;
};

// For each dimension of the operand; null where its user is no reduction of such windows, or reads anything else. Rows stay
// contiguous.
std::optional<llvm::SmallVector<PooledDim>> pooledDims(mlir::OpOperand &use);

} // namespace halcyon
