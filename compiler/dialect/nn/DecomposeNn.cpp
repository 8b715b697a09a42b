#include "dialect/nn/Decompose.h"
#include "dialect/nn/Nn.h"
#include "dialect/nn/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace halcyon {

#define GEN_PASS_DEF_DECOMPOSENN
#include "dialect/nn/Passes.h.inc"

void populateDecomposeNnPatterns(RewritePatternSet &patterns) {
  nn::populateDecomposeConvPatterns(patterns);
  nn::populateDecomposePoolPatterns(patterns);
  nn::populateDecomposeNormPatterns(patterns);
}

namespace {

struct DecomposeNn : impl::DecomposeNnBase<DecomposeNn> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateDecomposeNnPatterns(patterns);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation()->walk([&](Operation *op) {
      if (isa_and_nonnull<nn::NnDialect>(op->getDialect()) && !isa<nn::ReinterpretOp, nn::DotBytesOp, nn::DotPairsOp, nn::HiddenIndexOp>(op)) {
        op->emitError("has no decomposition: '") << op->getName() << "'";
        signalPassFailure();
      }
    });
  }
};

} // namespace
} // namespace halcyon
