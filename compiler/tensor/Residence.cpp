#include "tensor/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_RESIDENCE
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

constexpr int64_t maxHostElements = 64;

// The extract's place in the row-major order of its source, where it is known.
std::optional<int64_t> position(tensor::ExtractOp op) {
  auto type = cast<RankedTensorType>(op.getTensor().getType());
  if (!type.hasStaticShape())
    return std::nullopt;
  int64_t linear = 0;
  for (auto [index, extent] : llvm::zip(op.getIndices(), type.getShape())) {
    APInt value;
    if (!matchPattern(index, m_ConstantInt(&value)) || value.uge(extent))
      return std::nullopt;
    linear = linear * extent + value.getSExtValue();
  }
  return linear;
}

// extract(view(x)) -> extract(x)
struct ExtractFromView : OpRewritePattern<tensor::ExtractOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExtractOp op, PatternRewriter &rewriter) const override {
    Operation *view = op.getTensor().getDefiningOp();
    if (!isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(view))
      return rewriter.notifyMatchFailure(op, "not of a view");
    std::optional<int64_t> linear = position(op);
    auto source = cast<RankedTensorType>(view->getOperand(0).getType());
    if (!linear || !source.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "indices or shape are not known");
    SmallVector<Value> indices(source.getRank());
    for (int64_t axis = source.getRank() - 1; axis >= 0; --axis) {
      int64_t extent = source.getDimSize(axis);
      indices[axis] = rewriter.create<arith::ConstantIndexOp>(op.getLoc(), *linear % extent);
      *linear /= extent;
    }
    rewriter.replaceOpWithNewOp<tensor::ExtractOp>(op, view->getOperand(0), indices);
    return success();
  }
};

bool isHostSized(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getNumElements() <= maxHostElements &&
         tensor.getElementType().isSignlessInteger();
}

struct Residence : halcyon::impl::ResidenceBase<Residence> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExtractFromView>(&getContext());
    tensor::ExtractOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();

    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || !function.isPublic())
        continue;
      for (BlockArgument argument : function.getArguments()) {
        if (!isHostSized(argument.getType()))
          continue;
        bool host = false, device = false;
        for (Operation *user : argument.getUsers()) {
          auto extract = dyn_cast<tensor::ExtractOp>(user);
          // Inside a generic's body the element is read on the device.
          bool scalar = extract && position(extract) && !extract->getParentOfType<DestinationStyleOpInterface>();
          (scalar ? host : device) = true;
        }
        if (host)
          function.setArgAttr(argument.getArgNumber(), "halcyon.residence",
                              StringAttr::get(&getContext(), device ? "both" : "host"));
      }
    }
  }
};

} // namespace
