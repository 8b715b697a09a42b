#include "tensor/Passes.h"

#include "dialect/nn/HiddenIndex.h"
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace halcyon {
#define GEN_PASS_DEF_HIDEINDICES
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

// Whether no fold can make a constant of it.
bool staysUnknown(Value index) {
  if (auto argument = dyn_cast<BlockArgument>(index))
    return isa<func::FuncOp>(argument.getOwner()->getParentOp());
  auto loop = index.getDefiningOp<linalg::IndexOp>();
  auto op = loop ? dyn_cast<linalg::LinalgOp>(loop->getParentOp()) : nullptr;
  const int64_t size = op ? op.getStaticLoopRanges()[loop.getDim()] : 1;
  return size > 1 && !ShapedType::isDynamic(size);
}

struct HideIndices : halcyon::impl::HideIndicesBase<HideIndices> {
  void runOnOperation() override {
    getOperation().walk([&](tensor::ExtractOp op) {
      DenseResourceElementsAttr resource = nn::resourceOf(op.getTensor());
      if (!resource)
        return;
      if (op.getIndices().empty()) {
        if (failed(showElement(op, resource)))
          signalPassFailure();
        return;
      }
      if (op.getIndices()[0].getDefiningOp<nn::HiddenIndexOp>() || llvm::any_of(op.getIndices(), staysUnknown))
        return;
      OpBuilder builder(op);
      op.getIndicesMutable()[0].set(builder.create<nn::HiddenIndexOp>(op.getLoc(), builder.getIndexType(), op.getIndices()[0]));
    });
  }

private:
  // A scalar has no index to hide: its constant becomes one that folds can read.
  static LogicalResult showElement(tensor::ExtractOp op, DenseResourceElementsAttr resource) {
    auto type = cast<RankedTensorType>(resource.getType());
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat = false;
    if (!blob || !DenseElementsAttr::isValidRawBuffer(type, blob->getData(), isSplat))
      return op.emitOpError("reads resource '") << resource.getRawHandle().getKey() << "', which is not one " << type.getElementType();
    OpBuilder builder(op);
    op.getTensorMutable().set(
        builder.create<arith::ConstantOp>(op.getLoc(), DenseElementsAttr::getFromRawBuffer(type, blob->getData())));
    return success();
  }
};

} // namespace
