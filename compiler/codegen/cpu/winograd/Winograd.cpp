#include "codegen/cpu/FastMath.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/winograd/WinogradWriter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUWINOGRAD
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
struct CpuWinograd : halcyon::impl::CpuWinogradBase<CpuWinograd> {
  using CpuWinogradBase::CpuWinogradBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    function.walk([&](nn::WinogradOp op) { ops.push_back(cast<linalg::GenericOp>(op->getParentOp())); });
    for (linalg::GenericOp op : ops)
      if (failed(lower(op, rewriter)))
        return signalPassFailure();
    if (!ops.empty())
      function->setAttr("halcyon.specialised", rewriter.getUnitAttr());
  }

  LogicalResult lower(linalg::GenericOp op, IRRewriter &rewriter) {
    std::optional<WinogradLoops> loops = op.hasPureBufferSemantics() ? winogradLoops(op) : std::nullopt;
    if (!loops)
      return op.emitError("is no convolution with a transformed filter any more");
    RegisterPlan plan;
    plan.op = op, plan.v = loops->out;
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (op.getIteratorTypesArray()[loop] != utils::IteratorType::parallel)
        plan.reductions.push_back(loop);
      else if (loop != plan.v)
        plan.outer.push_back(loop);
    Registers registers;
    registers.lanes = vectorBytes / 4;
    registers.masks = vectorBytes >= 32;
    registers.columns = 2;
    registers.rows = vectorRegisters >= 32 ? 8 : vectorBytes >= 32 ? 6 : 4;
    std::optional<Padding> padding = findPadding(plan);
    if (padding)
      for (Operation *made : padding->made)
        rewriter.eraseOp(made);
    Fusion fusion = findFusion(plan);
    for (const FusedOp &fused : fusion.after)
      if (auto generic = dyn_cast<linalg::GenericOp>(*linalg::LinalgOp(fused.op)))
        allowContraction(generic);
    rewriter.setInsertionPoint(fusion.after.empty() ? op.getOperation() : fusion.after.back().op.getOperation());
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    writeWinograd(plan, *loops, fusion, padding, registers, builder);
    for (const FusedOp &fused : llvm::reverse(fusion.after))
      rewriter.eraseOp(fused.op);
    rewriter.eraseOp(op);
    if (fusion.first)
      rewriter.eraseOp(fusion.first->op);
    if (padding)
      eraseWithViews(padding->copy, rewriter);
    return success();
  }
};
} // namespace
