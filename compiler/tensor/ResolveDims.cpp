#include "tensor/DimPatterns.h"
#include "tensor/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_RESOLVEDIMS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

// dim(expand_shape(x)) -> the size that the view was given
struct DimOfExpand : OpRewritePattern<tensor::DimOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::DimOp op, PatternRewriter &rewriter) const override {
    auto expand = op.getSource().getDefiningOp<tensor::ExpandShapeOp>();
    std::optional<int64_t> axis = op.getConstantIndex();
    if (!expand || !axis)
      return rewriter.notifyMatchFailure(op, "not of a view");
    OpFoldResult size = getMixedValues(expand.getStaticOutputShape(), expand.getOutputShape(), rewriter)[*axis];
    rewriter.replaceOp(op, getValueOrCreateConstantIndexOp(rewriter, op.getLoc(), size));
    return success();
  }
};

// dim(collapse_shape(x)) -> the product of dims of x
struct DimOfCollapse : OpRewritePattern<tensor::DimOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::DimOp op, PatternRewriter &rewriter) const override {
    auto collapse = op.getSource().getDefiningOp<tensor::CollapseShapeOp>();
    std::optional<int64_t> axis = op.getConstantIndex();
    if (!collapse || !axis)
      return rewriter.notifyMatchFailure(op, "not of a view");
    Location loc = op.getLoc();
    Value product;
    const ReassociationIndices parts = collapse.getReassociationIndices()[*axis];
    for (int64_t part : parts) {
      OpFoldResult size = tensor::getMixedSize(rewriter, loc, collapse.getSrc(), part);
      if (isConstantIntValue(size, 1))
        continue;
      Value factor = getValueOrCreateConstantIndexOp(rewriter, loc, size);
      product = product ? rewriter.create<arith::MulIOp>(loc, product, factor).getResult() : factor;
    }
    if (!product)
      product = rewriter.create<arith::ConstantIndexOp>(loc, 1);
    rewriter.replaceOp(op, product);
    return success();
  }
};

// dim(op outs(x)) -> dim(x)
struct DimOfDestination : OpRewritePattern<tensor::DimOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::DimOp op, PatternRewriter &rewriter) const override {
    auto style = op.getSource().getDefiningOp<DestinationStyleOpInterface>();
    if (!style)
      return rewriter.notifyMatchFailure(op, "not of a result with a destination");
    Value init = style.getTiedOpOperand(cast<OpResult>(op.getSource()))->get();
    rewriter.modifyOpInPlace(op, [&] { op.getSourceMutable().assign(init); });
    return success();
  }
};

struct ResolveDims : halcyon::impl::ResolveDimsBase<ResolveDims> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    halcyon::populateDimPatterns(patterns);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

void halcyon::populateDimPatterns(RewritePatternSet &patterns) {
  patterns.add<DimOfExpand, DimOfCollapse, DimOfDestination>(patterns.getContext());
}
