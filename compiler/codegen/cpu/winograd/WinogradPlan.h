// codegen/cpu/winograd/WinogradPlan.h -- convolutions with transformed filters (nn.winograd): their loops and how they are cut.
#pragma once
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace halcyon {

// The op's body; null where it is another op.
nn::WinogradOp winogradOf(mlir::linalg::LinalgOp op);

struct WinogradLoops {
  std::optional<unsigned> positions[2]; // rows and columns of the result; of one position, there is no loop
  unsigned kernel[2] = {};              // of the window
  unsigned in = 0, out = 0;             // channels
};
// Null where the op's maps are not those that halcyon-winograd makes.
std::optional<WinogradLoops> winogradLoops(mlir::linalg::LinalgOp op);

// Of `tiles` tiles, how many are transformed at once: their sums and inputs stay in L2.
int64_t winogradBlock(int64_t tiles, int64_t tile, int64_t in, int64_t out, int64_t columns);

// How much of a workload's leading loops one workgroup does; `places`: the loop for each dimension of the result.
llvm::SmallVector<int64_t> chooseWinogradTile(mlir::linalg::LinalgOp op, llvm::ArrayRef<unsigned> places,
                                              llvm::ArrayRef<int64_t> workload);

} // namespace halcyon
