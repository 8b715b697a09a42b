#include "tensor/Passes.h"

#include "dialect/host/Host.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace halcyon {
#define GEN_PASS_DEF_CHECKSHAPES
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

// A dimension of an operand.
struct Size {
  Value tensor;
  int64_t axis;
  int64_t known() const { return cast<RankedTensorType>(tensor.getType()).getDimSize(axis); }
};

// The name that the signature gives an argument's dimension: equal names are equal sizes, checked on entry.
StringAttr symbolOf(const Size &size) {
  auto argument = dyn_cast<BlockArgument>(size.tensor);
  auto function = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  auto dims = function ? function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "halcyon.dims") : ArrayAttr();
  return dims && size.axis < static_cast<int64_t>(dims.size()) ? dyn_cast<StringAttr>(dims[size.axis]) : StringAttr();
}

bool sameSize(const Size &a, const Size &b) {
  if (a.tensor == b.tensor && a.axis == b.axis)
    return true;
  if (!ShapedType::isDynamic(a.known()) && a.known() == b.known())
    return true;
  StringAttr symbol = symbolOf(a);
  return symbol && symbol == symbolOf(b);
}

bool holdsLists(Operation *op) {
  return op->walk([](Operation *inner) {
             return isa<halcyon::host::HostDialect>(inner->getDialect()) ? WalkResult::interrupt() : WalkResult::advance();
           }).wasInterrupted();
}

struct CheckShapes : halcyon::impl::CheckShapesBase<CheckShapes> {
  void check(linalg::LinalgOp op) {
    OpBuilder builder(op);
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
      std::optional<Size> first;
      for (OpOperand &operand : op->getOpOperands()) {
        if (!isa<RankedTensorType>(operand.get().getType()))
          continue;
        std::optional<unsigned> axis = op.getMatchingIndexingMap(&operand).getResultPosition(
            getAffineDimExpr(loop, op.getContext()));
        if (!axis)
          continue;
        Size size{operand.get(), *axis};
        if (!first) {
          first = size;
          continue;
        }
        if (sameSize(*first, size))
          continue;
        auto value = [&](const Size &of) {
          return getValueOrCreateConstantIndexOp(
              builder, op.getLoc(), tensor::getMixedSize(builder, op.getLoc(), of.tensor, of.axis));
        };
        Value expected = value(*first), actual = value(size);
        Value equal = builder.create<arith::CmpIOp>(op.getLoc(), arith::CmpIPredicate::eq, expected, actual);
        builder.create<cf::AssertOp>(op.getLoc(), equal, "sizes differ");
      }
    }
  }

  // A cast may say more of a size than its operand's type does.
  void check(tensor::CastOp op) {
    auto from = dyn_cast<RankedTensorType>(op.getSource().getType()), to = dyn_cast<RankedTensorType>(op.getType());
    if (!from || !to)
      return;
    OpBuilder builder(op);
    for (int64_t axis = 0; axis < to.getRank(); ++axis) {
      if (!from.isDynamicDim(axis) || to.isDynamicDim(axis))
        continue;
      Value expected = builder.create<arith::ConstantIndexOp>(op.getLoc(), to.getDimSize(axis));
      Value actual = getValueOrCreateConstantIndexOp(
          builder, op.getLoc(), tensor::getMixedSize(builder, op.getLoc(), op.getSource(), axis));
      Value equal = builder.create<arith::CmpIOp>(op.getLoc(), arith::CmpIPredicate::eq, expected, actual);
      builder.create<cf::AssertOp>(op.getLoc(), equal, "sizes differ");
    }
  }

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    SmallVector<tensor::CastOp> casts;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto cast = dyn_cast<tensor::CastOp>(op))
        casts.push_back(cast);
      if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
        ops.push_back(linalgOp);
        return WalkResult::skip();
      }
      return isa<scf::ForOp>(op) && !holdsLists(op) ? WalkResult::skip() : WalkResult::advance(); // it may become one kernel
    });
    for (linalg::LinalgOp op : ops)
      check(op);
    for (tensor::CastOp op : casts)
      check(op);
  }
};

} // namespace
