#include "tensor/DimPatterns.h"
#include "tensor/Passes.h"
#include "tensor/ViewPatterns.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

// More operands than this cost more in addresses than a trip through the cache.
constexpr unsigned maxOperands = 12;

// Only moves elements: cheap to repeat.
bool isMovement(linalg::GenericOp op) {
  return llvm::hasSingleElement(*op.getBody()) && op.getNumDpsInputs() <= 1;
}

bool usedByOne(Operation *op) {
  Operation *user = nullptr;
  for (Operation *each : op->getUsers()) {
    if (user && each != user)
      return false;
    user = each;
  }
  return true;
}

// A contraction by a vector reads each element of `use` once: to turn them first costs more than it does. What is contiguous
// before must be summed, or lie side by side in the result.
bool isTurnedForVector(OpOperand *use, linalg::GenericOp producer, linalg::GenericOp consumer) {
  AffineMap read = consumer.getMatchingIndexingMap(use), out = consumer.getMatchingIndexingMap(consumer.getDpsInitOperand(0));
  if (!isMovement(producer) || producer.getNumDpsInputs() != 1 || !read.isPermutation() || read.getNumResults() == 0)
    return false;
  AffineMap from = producer.getMatchingIndexingMap(producer.getDpsInputOperand(0));
  AffineMap to = producer.getMatchingIndexingMap(producer.getDpsInitOperand(0));
  if (!from.isPermutation() || !to.isPermutation())
    return false;
  std::optional<unsigned> row = to.getResultPosition(from.getResults().back());
  const unsigned loop = read.getDimPosition(*row);
  return consumer.getIteratorTypesArray()[loop] == utils::IteratorType::reduction ||
         (out.getNumResults() && out.getResults().back() == getAffineDimExpr(loop, use->getOwner()->getContext()));
}

// Whether the producer of `use` may be computed where `use` is read.
bool mayFuse(OpOperand *use) {
  auto producer = use->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(use->getOwner());
  if (!producer || !consumer || producer->getBlock() != consumer->getBlock())
    return false;
  // The consumer may compute an element of it more than once.
  if (llvm::any_of(producer.getDpsInitsMutable(),
                   [&](OpOperand &init) { return producer.payloadUsesValueFromOperand(&init); }))
    return false;
  if (producer->getNumOperands() + consumer->getNumOperands() > maxOperands)
    return false;
  if (!usedByOne(producer) && !isMovement(producer))
    return false;
  if (consumer.getNumLoops() == consumer.getNumParallelLoops())
    return true;
  // A reduction of one input reads each element once; a contraction does not.
  return (consumer.getNumDpsInputs() == 1 && consumer.getMatchingIndexingMap(use).isPermutation()) ||
         isTurnedForVector(use, producer, consumer);
}

// Upstream's fusion, at the locations of both.
struct FuseAtBothLocations : OpRewritePattern<linalg::GenericOp> {
  FuseAtBothLocations(MLIRContext *context) : OpRewritePattern(context, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    for (OpOperand &use : op->getOpOperands()) {
      if (!linalg::areElementwiseOpsFusable(&use) || !mayFuse(&use))
        continue;
      Operation *producer = use.get().getDefiningOp();
      FailureOr<linalg::ElementwiseOpFusionResult> fused = linalg::fuseElementwiseOps(rewriter, &use);
      if (failed(fused))
        return rewriter.notifyMatchFailure(op, "cannot be fused");
      fused->fusedOp->setLoc(rewriter.getFusedLoc({op.getLoc(), producer->getLoc()}));
      for (auto [old, made] : fused->replacements)
        rewriter.replaceUsesWithIf(old, made,
                                   [&](OpOperand &each) { return each.get().getDefiningOp() != producer; });
      rewriter.eraseOp(op);
      return success();
    }
    return failure();
  }
};

// Views move behind their consumers only where they hide a root. Upstream's pattern infers the sizes of the moved
// view, which works where one is dynamic.
bool mayMoveView(OpOperand *use) {
  auto view = use->get().getDefiningOp<tensor::ExpandShapeOp>();
  if (!view || !view->hasOneUse() || !view.getSrc().getDefiningOp<linalg::LinalgOp>() || !view.getSrc().hasOneUse())
    return false;
  return view.getResultType().getNumDynamicDims() <= 1 &&
         llvm::all_of(use->getOwner()->getResultTypes(),
                      [](Type type) { return cast<RankedTensorType>(type).getNumDynamicDims() <= 1; });
}

struct FuseElementwise : halcyon::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<FuseAtBothLocations>(context);
    linalg::populateElementwiseOpsFusionPatterns(patterns, mayFuse); // for what comes with the fusion
    linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns, mayMoveView);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    tensor::populateFoldTensorEmptyPatterns(patterns);
    halcyon::populateDimPatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    linalg::FillOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    context->getLoadedDialect<linalg::LinalgDialect>()->getCanonicalizationPatterns(patterns);
    affine::AffineApplyOp::getCanonicalizationPatterns(patterns, context);
    halcyon::populateViewPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns), halcyon::brokenPatterns());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), frozen)))
      signalPassFailure();
  }
};

} // namespace
