#include "tensor/Passes.h"

#include "dialect/nn/Nn.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

namespace halcyon {
#define GEN_PASS_DEF_SPLITREDUCTIONS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

constexpr int64_t fewestSteps = 512 << 10;  // of the whole op, to be worth a second one: some 30 us
constexpr int64_t stepsOfPart = 64 << 10;   // at least
constexpr int64_t wantedParts = 16;         // for as many threads, or to share out evenly to fewer
constexpr int64_t columnsOfWorkgroup = 64;

// Partial results keep the accuracy of sums.
bool isWide(Type type) { return type.isF32() || type.isF64() || type.isSignlessInteger(32) || type.isSignlessInteger(64); }

// Rows that are reduced and then used again are one kernel with that (dispatch/RowGroups.h).
bool isReadAgain(linalg::LinalgOp op) {
  return llvm::any_of(op.getDpsInputs(), [&](Value input) {
    return isa<RankedTensorType>(input.getType()) && !input.getDefiningOp<arith::ConstantOp>() &&
           llvm::any_of(input.getUsers(), [&](Operation *user) { return user != op && isa<linalg::LinalgOp>(user); });
  });
}

// Into how many parts; 1: none. The largest divisor, so that all parts are of one known size.
int64_t partsOf(linalg::LinalgOp op) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (op.getNumReductionLoops() != 1 || op.getNumDpsInits() != 1 || !op.hasPureTensorSemantics() || op.hasIndexSemantics() ||
      llvm::any_of(extents, ShapedType::isDynamic) || !isWide(getElementTypeOrSelf(op.getDpsInits()[0])) ||
      !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isProjectedPermutation(); }) || isReadAgain(op))
    return 1;
  SmallVector<Operation *, 4> combiners;
  if (!matchReduction(op.getRegionOutputArgs(), 0, combiners) || combiners.size() != 1 ||
      !arith::getNeutralElement(combiners[0]))
    return 1;
  int64_t steps = 1, results = 1;
  unsigned reduction = 0;
  for (auto [loop, extent] : llvm::enumerate(extents)) {
    steps *= extent;
    if (op.getIteratorTypesArray()[loop] == utils::IteratorType::reduction)
      reduction = loop;
    else
      results *= extent;
  }
  // A workgroup has whole rows that are summed, or many columns.
  AffineMap first = op.getIndexingMapsArray()[0];
  const bool isRow = op.getNumDpsInputs() == 1 && first.getNumResults() &&
                     first.getDimPosition(first.getNumResults() - 1) == reduction;
  const int64_t workgroups = isRow ? results : static_cast<int64_t>(llvm::divideCeil(results, columnsOfWorkgroup));
  if (steps < fewestSteps || workgroups > wantedParts / 2)
    return 1;
  for (int64_t parts = std::min<int64_t>(llvm::divideCeil(wantedParts, workgroups), steps / stepsOfPart); parts > 1; --parts)
    if (extents[reduction] % parts == 0)
      return parts;
  return 1;
}

struct SplitReductions : halcyon::impl::SplitReductionsBase<SplitReductions> {
  void runOnOperation() override {
    SmallVector<std::pair<linalg::LinalgOp, int64_t>> found;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (const int64_t parts = partsOf(op); parts > 1)
        found.push_back({op, parts});
    });
    IRRewriter rewriter(&getContext());
    for (auto [op, parts] : found) {
      rewriter.setInsertionPoint(op);
      (void)linalg::splitReduction(rewriter, op, [&](linalg::LinalgOp) {
        return linalg::SplitReductionOptions{parts, /*index=*/0, /*innerParallel=*/false};
      });
    }
  }
};

} // namespace
