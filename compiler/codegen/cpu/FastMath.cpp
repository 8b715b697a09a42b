#include "codegen/cpu/FastMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace halcyon;

static void allow(Operation *op, arith::FastMathFlags flags) {
  if (auto interface = dyn_cast<arith::ArithFastMathInterface>(op))
    op->setAttr(interface.getFastMathAttrName(),
                arith::FastMathFlagsAttr::get(op->getContext(), interface.getFastMathFlagsAttr().getValue() | flags));
}

void halcyon::allowContraction(linalg::GenericOp op) {
  for (Operation &inner : op.getBody()->without_terminator())
    if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(inner))
      allow(&inner, arith::FastMathFlags::contract);
}

void halcyon::allowEitherZero(linalg::GenericOp op) {
  for (auto [value, accumulator] : llvm::zip(op.getBody()->getTerminator()->getOperands(), op.getRegionOutputArgs())) {
    Operation *maker = value.getDefiningOp();
    if (isa_and_nonnull<arith::MaximumFOp, arith::MinimumFOp>(maker) && llvm::is_contained(maker->getOperands(), accumulator))
      allow(maker, arith::FastMathFlags::nsz);
  }
}

void halcyon::allowReordering(linalg::GenericOp op) {
  allowContraction(op);
  allowEitherZero(op);
  if (op.getNumReductionLoops() == 0)
    return;
  for (auto [value, accumulator] : llvm::zip(op.getBody()->getTerminator()->getOperands(), op.getRegionOutputArgs())) {
    auto add = value.getDefiningOp<arith::AddFOp>();
    if (add && llvm::is_contained(add->getOperands(), accumulator))
      allow(add, arith::FastMathFlags::reassoc);
  }
}
