// dispatch/Grouping.h -- which operations become one kernel.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Block.h"
#include "llvm/ADT/SmallVector.h"

namespace halcyon::dispatch {

// In block order; the last operation's first result is the kernel's.
using Group = llvm::SmallVector<mlir::Operation *>;

// Whether `op` runs on the device, whole, with its regions.
bool isDeviceOp(mlir::Operation *op);

// Whether `op` may be copied into a kernel that updates its result: nothing but memory or an initial value.
bool isInitialiser(mlir::Operation *op);

// Whether `op` is another view of a tensor, which costs nothing.
bool isView(mlir::Operation *op);

// Whether the operand is what a device operation updates.
bool isInitialUse(mlir::OpOperand &use);

// A contraction, reduction or window with what makes its padding and initial values and what alone follows it; nothing
// that is `taken`.
Group rootGroup(mlir::linalg::LinalgOp root, const llvm::DenseSet<mlir::Operation *> &taken);

// The groups of one block, in the order of their last operations. Without `fuse` each is one operation.
llvm::SmallVector<Group> groupBlock(mlir::Block &block, bool fuse);

} // namespace halcyon::dispatch
