// dispatch/Dimensions.h -- the sizes of tensors as values, one value for equal sizes where that is cheap to know.
#pragma once
#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace halcyon::dispatch {

// Every affine.apply below `root` becomes arith.
void expandAffine(mlir::Operation *root);

class Dimensions {
public:
  // Dimension `axis` of `tensor`: an attribute where static, else an index value that dominates all uses of
  // `tensor`.
  mlir::OpFoldResult of(mlir::Value tensor, int64_t axis);

  // The dynamic dimensions of `tensor`, in order.
  llvm::SmallVector<mlir::Value> dynamic(mlir::Value tensor);

  // To be called before the operation that defines `tensor` is erased.
  void forget(mlir::Value tensor) { known.erase(tensor); }

private:
  mlir::OpFoldResult compute(mlir::Value tensor, int64_t axis);

  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::OpFoldResult>> known;
};

} // namespace halcyon::dispatch
