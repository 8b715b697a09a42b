#include "codegen/cpu/Pooling.h"
#include "codegen/cpu/Padding.h"

using namespace mlir;
using namespace halcyon;

std::optional<SmallVector<PooledDim>> halcyon::pooledDims(OpOperand &use) {
  auto pool = dyn_cast<linalg::LinalgOp>(use.getOwner());
  if (!pool || pool.getNumReductionLoops() == 0 || pool.getNumDpsInits() != 1 || !pool.isDpsInput(&use))
    return {};
  // Other operands give windows their shape.
  for (OpOperand *other : pool.getDpsInputOperands())
    if (other != &use && pool.payloadUsesValueFromOperand(other))
      return {};
  AffineMap in = pool.getMatchingIndexingMap(&use), out = pool.getMatchingIndexingMap(pool.getDpsInitOperand(0));
  if (in.getNumResults() == 0 || out.getNumResults() != in.getNumResults() || !out.isProjectedPermutation() ||
      in.getResults().back() != out.getResults().back())
    return {};
  SmallVector<int64_t> extents = pool.getStaticLoopRanges();
  SmallVector<PooledDim> dims;
  unsigned windows = 0;
  for (AffineExpr expr : in.getResults()) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (loop && out.isFunctionOfDim(loop.getPosition())) {
      dims.push_back({loop.getPosition(), 1});
      continue;
    }
    std::optional<Window> window = windowOf(pool, expr);
    if (!window || !window->parallel || window->dilation != 1 || window->stride != extents[window->reduction])
      return {};
    dims.push_back({*window->parallel, window->stride});
    ++windows;
  }
  return windows == pool.getNumReductionLoops() ? std::optional(dims) : std::nullopt;
}
