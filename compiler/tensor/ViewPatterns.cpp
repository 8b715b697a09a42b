#include "tensor/ViewPatterns.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace {

using Compose = ComposeCollapseOfExpandOp<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp,
                                          tensor::DimOp, RankedTensorType>;

// collapse(expand(x)) -> a view of x, where upstream can infer its sizes: one dynamic in each group
struct CollapseOfExpand : Compose {
  using Compose::Compose;
  LogicalResult matchAndRewrite(tensor::CollapseShapeOp op, PatternRewriter &rewriter) const override {
    auto expand = op.getSrc().getDefiningOp<tensor::ExpandShapeOp>();
    if (!expand)
      return rewriter.notifyMatchFailure(op, "not of an expand_shape");
    if (op.getResultType().getNumDynamicDims() > expand.getSrcType().getNumDynamicDims())
      return rewriter.notifyMatchFailure(op, "sizes cannot be inferred");
    return Compose::matchAndRewrite(op, rewriter);
  }
};

} // namespace

SmallVector<std::string> halcyon::brokenPatterns() {
  return {
      // Divides by the wrong number.
      "(anonymous namespace)::FoldDimOfExpandShape",
      // Gives a loop's tensor the static shape that it starts with, whatever the loop yields.
      "(anonymous namespace)::ForOpTensorCastFolder",
      // Infers sizes that it could take over.
      "mlir::ComposeCollapseOfExpandOp<mlir::tensor::CollapseShapeOp, mlir::tensor::ExpandShapeOp, "
      "mlir::tensor::CastOp, mlir::tensor::DimOp, mlir::RankedTensorType>",
  };
}

void halcyon::populateViewPatterns(RewritePatternSet &patterns) {
  patterns.add<CollapseOfExpand>(patterns.getContext());
}
