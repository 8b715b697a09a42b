#include "codegen/cpu/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUREDUCEEARLY
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {
struct CpuReduceEarly : halcyon::impl::CpuReduceEarlyBase<CpuReduceEarly> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.hasPureTensorSemantics() && op.getNumReductionLoops() == 1 && op.getNumDpsInputs() == 1)
        reductions.push_back(op);
    });
    for (linalg::GenericOp op : reductions)
      if (auto maker = op.getDpsInputs()[0].getDefiningOp<linalg::GenericOp>();
          maker && maker->getBlock() == op->getBlock() && maker.getNumReductionLoops() == 0)
        moveBehind(maker, op);
  }

  // With what the op starts from.
  static void moveBehind(Operation *maker, Operation *op) {
    SetVector<Operation *> moved;
    BackwardSliceOptions options;
    options.filter = [&](Operation *each) { return each->getBlock() == op->getBlock() && maker->isBeforeInBlock(each); };
    getBackwardSlice(op, &moved, options);
    moved.insert(op);
    const bool isPure = llvm::all_of(moved, [](Operation *each) {
      auto style = dyn_cast<DestinationStyleOpInterface>(each);
      return style ? style.hasPureTensorSemantics() : isMemoryEffectFree(each);
    });
    for (Operation *after = maker; isPure && !moved.empty(); moved.erase(moved.begin())) {
      moved.front()->moveAfter(after);
      after = moved.front();
    }
  }
};
} // namespace
