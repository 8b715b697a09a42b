#include "codegen/cpu/BlockWriter.h"
#include "codegen/cpu/CollapseLoops.h"
#include "codegen/cpu/FastMath.h"
#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUELEMENTWISE
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
struct CpuElementwise : halcyon::impl::CpuElementwiseBase<CpuElementwise> {
  using CpuElementwiseBase::CpuElementwiseBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    function.walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics() && op.getNumLoops() && !op.getNumReductionLoops())
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops) {
      op = collapseLoops(op, rewriter);
      std::optional<RegisterPlan> plan = planElementwise(op);
      if (!plan)
        continue;
      allowContraction(op);
      rewriter.setInsertionPoint(op);
      ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
      writeBlocks(*plan, {}, {}, registersFor(op), builder);
      rewriter.eraseOp(op);
      function->setAttr("halcyon.specialised", rewriter.getUnitAttr());
    }
  }

  // Lanes of the widest element: conversions keep whole vectors on one side.
  Registers registersFor(linalg::GenericOp op) const {
    unsigned widest = 8, narrowest = 64;
    for (Type type : op->getOperandTypes()) {
      const unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
      widest = std::max(widest, bits);
      narrowest = std::min(narrowest, bits);
    }
    Registers registers;
    registers.lanes = vectorBytes * 8 / widest;
    registers.rows = 1;
    registers.columns = vectorRegisters >= 32 ? 4 : 2;
    registers.masks = vectorBytes >= 64 || (vectorBytes >= 32 && narrowest >= 32);
    return registers;
  }
};
} // namespace
