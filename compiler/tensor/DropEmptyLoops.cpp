#include "tensor/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_DROPEMPTYLOOPS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

// linalg.op outs(x), with a loop of no iteration -> x
struct DropEmptyLoop : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::LinalgOp op, PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "not on tensors");
    if (!llvm::is_contained(op.getStaticLoopRanges(), 0))
      return rewriter.notifyMatchFailure(op, "no loop is known to be empty");
    SmallVector<Value> inits(op.getDpsInits());
    if (llvm::any_of(llvm::zip(inits, op->getResultTypes()),
                     [](auto pair) { return std::get<0>(pair).getType() != std::get<1>(pair); }))
      return rewriter.notifyMatchFailure(op, "a result has another type than its destination");
    rewriter.replaceOp(op, inits);
    return success();
  }
};

struct DropEmptyLoops : halcyon::impl::DropEmptyLoopsBase<DropEmptyLoops> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropEmptyLoop>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
