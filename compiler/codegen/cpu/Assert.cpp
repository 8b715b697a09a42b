#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUASSERT
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
struct CpuAssert : halcyon::impl::CpuAssertBase<CpuAssert> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || function.getResultTypes() != ArrayRef<Type>(IntegerType::get(&getContext(), 32)))
      return;
    SmallVector<cf::AssertOp> asserts;
    function.walk([&](cf::AssertOp op) { asserts.push_back(op); });
    if (asserts.empty())
      return;
    Location loc = function.getLoc();
    OpBuilder builder(&getContext());
    Block *failed = builder.createBlock(&function.getBody(), function.getBody().end());
    builder.create<func::ReturnOp>(loc, builder.create<arith::ConstantIntOp>(loc, 1, 32).getResult());
    for (cf::AssertOp op : asserts) {
      if (op->getParentOp() != function) {
        op.emitError("is inside of a region that cannot return");
        return signalPassFailure();
      }
      Block *block = op->getBlock();
      Block *rest = block->splitBlock(op->getNextNode());
      builder.setInsertionPoint(op);
      builder.create<cf::CondBranchOp>(op.getLoc(), op.getArg(), rest, failed);
      op.erase();
    }
  }
};
} // namespace
