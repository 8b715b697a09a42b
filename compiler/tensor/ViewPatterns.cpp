#include "tensor/ViewPatterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
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
    RankedTensorType result = op.getResultType();
    const bool dividesByZero = result.getRank() > expand.getSrcType().getRank() && llvm::is_contained(result.getShape(), 0);
    if (result.getNumDynamicDims() > expand.getSrcType().getNumDynamicDims() || (result.getNumDynamicDims() && dividesByZero))
      return rewriter.notifyMatchFailure(op, "sizes cannot be inferred");
    return Compose::matchAndRewrite(op, rewriter);
  }
};

using ComposeExpand = ComposeExpandOfCollapseOp<tensor::ExpandShapeOp, tensor::CollapseShapeOp>;

// expand(collapse(x)) -> a view of x, where types say which dimension became which: one dynamic in each group
struct ExpandOfCollapse : ComposeExpand {
  using ComposeExpand::ComposeExpand;

  static bool isClear(ArrayRef<ReassociationIndices> groups, ArrayRef<int64_t> shape) {
    return llvm::all_of(groups, [&](const ReassociationIndices &group) {
      ArrayRef<int64_t> part = shape.slice(group.front(), group.size());
      const auto dynamic = llvm::count_if(part, ShapedType::isDynamic);
      return dynamic == 0 || (dynamic == 1 && !llvm::is_contained(part, 0));
    });
  }

  LogicalResult matchAndRewrite(tensor::ExpandShapeOp op, PatternRewriter &rewriter) const override {
    auto collapse = op.getSrc().getDefiningOp<tensor::CollapseShapeOp>();
    if (!collapse)
      return rewriter.notifyMatchFailure(op, "not of a collapse_shape");
    if (!isClear(op.getReassociationIndices(), op.getResultType().getShape()) ||
        !isClear(collapse.getReassociationIndices(), collapse.getSrcType().getShape()))
      return rewriter.notifyMatchFailure(op, "which dimension became which is not known");
    return ComposeExpand::matchAndRewrite(op, rewriter);
  }
};

// expand(empty) -> empty of the sizes that the view was given; upstream divides by those of the other dimensions
struct ExpandOfEmpty : OpRewritePattern<tensor::ExpandShapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExpandShapeOp op, PatternRewriter &rewriter) const override {
    if (!op.getSrc().getDefiningOp<tensor::EmptyOp>())
      return rewriter.notifyMatchFailure(op, "not of an empty tensor");
    rewriter.replaceOpWithNewOp<tensor::EmptyOp>(
        op, getMixedValues(op.getStaticOutputShape(), op.getOutputShape(), rewriter),
        op.getResultType().getElementType());
    return success();
  }
};

// A loop of no iteration -> what it starts with, and of one -> its body. One that writes elements stays a loop: it
// becomes a kernel, and its body alone would be the host program's.
struct SimplifyLoop : OpRewritePattern<scf::ForOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(scf::ForOp op, PatternRewriter &rewriter) const override {
    std::optional<int64_t> trips = constantTripCount(op.getLowerBound(), op.getUpperBound(), op.getStep());
    if (trips == 0) {
      rewriter.replaceOp(op, op.getInits());
      return success();
    }
    if (trips != 1 || op->walk([](tensor::InsertOp) { return WalkResult::interrupt(); }).wasInterrupted())
      return rewriter.notifyMatchFailure(op, "iterates, or writes elements");
    return op.promoteIfSingleIteration(rewriter);
  }
};

} // namespace

SmallVector<std::string> halcyon::brokenPatterns() {
  return {
      // Divides by the wrong number.
      "(anonymous namespace)::FoldDimOfExpandShape",
      // Gives a loop's tensor the static shape that it starts with, whatever the loop yields.
      "(anonymous namespace)::ForOpTensorCastFolder",
      // Leaves a kernel's loop of one iteration to the host program.
      "(anonymous namespace)::SimplifyTrivialLoops",
      // Infers sizes that it could take over.
      "mlir::ComposeCollapseOfExpandOp<mlir::tensor::CollapseShapeOp, mlir::tensor::ExpandShapeOp, "
      "mlir::tensor::CastOp, mlir::tensor::DimOp, mlir::RankedTensorType>",
      // Takes dynamic dimensions to be the same ones in their order.
      "mlir::ComposeExpandOfCollapseOp<mlir::tensor::ExpandShapeOp, mlir::tensor::CollapseShapeOp>",
  };
}

void halcyon::populateViewPatterns(RewritePatternSet &patterns) {
  patterns.add<CollapseOfExpand, ExpandOfCollapse, SimplifyLoop>(patterns.getContext());
  patterns.add<ExpandOfEmpty>(patterns.getContext(), /*benefit=*/2); // before upstream's
}
