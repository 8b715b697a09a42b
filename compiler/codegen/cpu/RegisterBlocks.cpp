#include "codegen/cpu/BlockWriter.h"
#include "codegen/cpu/FastMath.h"
#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUREGISTERBLOCKS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;


namespace {
struct CpuRegisterBlocks : halcyon::impl::CpuRegisterBlocksBase<CpuRegisterBlocks> {
  using CpuRegisterBlocksBase::CpuRegisterBlocksBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> named;
    function.walk([&](linalg::LinalgOp op) {
      if (!isa<linalg::GenericOp, linalg::FillOp>(op) && op.getNumReductionLoops())
        named.push_back(op);
    });
    for (linalg::LinalgOp op : named) {
      rewriter.setInsertionPoint(op);
      (void)linalg::generalizeNamedOp(rewriter, op);
    }
    SmallVector<linalg::GenericOp> ops;
    function.walk([&](linalg::GenericOp op) { ops.push_back(op); });
    llvm::SmallPtrSet<Operation *, 8> erased; // a claim takes later ops with it
    for (linalg::GenericOp op : ops)
      if (!erased.contains(op) && op.getNumReductionLoops())
        claim(function, op, rewriter, erased);
  }

  // So few rows are one block of four vectors: with two vectors their sums wait for the ones before them, and weights from
  // memory come in fewer streams.
  int64_t fewRows() const { return vectorRegisters >= 32 ? 6 : 3; }

  Registers registersFor(const RegisterPlan &plan, bool hasFewRows) const {
    Registers registers;
    registers.lanes = vectorBytes / 4;
    registers.masks = vectorBytes >= 32;
    registers.byteMatrices = byteMatrices, registers.pairMatrices = pairMatrices;
    registers.columns = !plan.u || hasFewRows ? 4 : plan.sharesScalars() && !plan.slides ? 2 : 1;
    registers.rows = hasFewRows ? fewRows() : vectorRegisters >= 32 ? 8 : vectorBytes >= 32 ? 6 : 4;
    return registers;
  }

  // Vectors and blocks do not cross panels' ends.
  static bool panelsSuit(const RegisterPlan &plan, Registers registers) {
    const int64_t block = registers.columns * registers.lanes;
    return llvm::all_of(linalg::GenericOp(plan.op).getIndexingMapsArray(), [&](AffineMap map) {
      std::optional<Panel> panel = panelOf(map);
      return !panel || panel->loop != plan.v ||
             (panel->width % registers.lanes == 0 && (panel->width % block == 0 || block % panel->width == 0));
    });
  }

  // Loops whose bounds a border moves go outside of those few that unroll without them: three channels and the columns of a
  // window, inside of its rows.
  static void borderLoopsFirst(RegisterPlan &plan, const Padding &padding) {
    SmallVector<int64_t> extents = linalg::GenericOp(plan.op).getStaticLoopRanges();
    auto isMoved = [&](unsigned loop) {
      return llvm::any_of(padding.dims, [&](const Padding::Dim &dim) {
        return dim.window && dim.window->reduction == loop && dim.window->parallel != plan.u;
      });
    };
    int64_t others = 1;
    for (unsigned loop : plan.reductions)
      if (!isMoved(loop))
        others *= ShapedType::isDynamic(extents[loop]) ? unrollLimit + 1 : extents[loop];
    if (others <= unrollLimit)
      std::stable_partition(plan.reductions.begin(), plan.reductions.end(), isMoved);
  }

  // A window's loop that unrolls, where its positions are the block's rows' neighbours: one vector serves several rows. None
  // where rows share vectors already.
  static std::optional<unsigned> slidingLoop(const RegisterPlan &plan) {
    auto op = linalg::GenericOp(plan.op);
    std::optional<unsigned> found;
    for (OpOperand *in : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(in);
      if (!plan.u || !isa<MemRefType>(in->get().getType()) || !map.isFunctionOfDim(plan.v) || !op.payloadUsesValueFromOperand(in))
        continue;
      const Step row = stepOf(map, in->get().getType(), *plan.u);
      if (row.kind == Step::invariant)
        return {};
      for (unsigned loop : plan.reductions) {
        const Step step = stepOf(map, in->get().getType(), loop);
        const int64_t extent = op.getStaticLoopRanges()[loop];
        if (row.kind == Step::strided && step.kind == Step::strided && step.result == row.result && row.coefficient == 1 &&
            step.coefficient == 1 && extent > 1 && extent <= unrollLimit)
          found = loop;
      }
    }
    return found;
  }

  // A vector as long as a cache line lies in two of them, mostly, when a window reads it: each read less counts. With one
  // column of sums the vectors of all rows stay in registers.
  void slideRows(RegisterPlan &plan) const {
    constexpr int64_t lineBytes = 64;
    std::optional<unsigned> loop = vectorBytes >= lineBytes ? slidingLoop(plan) : std::nullopt;
    if (!loop)
      return;
    plan.slides = true;
    plan.reductions.erase(llvm::find(plan.reductions, *loop));
    plan.reductions.push_back(*loop);
  }

  void claim(func::FuncOp function, linalg::GenericOp op, IRRewriter &rewriter,
             llvm::SmallPtrSetImpl<Operation *> &erased) {
    std::optional<RegisterPlan> plan = planRegisters(op);
    if (!plan)
      return;
    slideRows(*plan);
    const int64_t rows = plan->u ? op.getStaticLoopRanges()[*plan->u] : 0;
    const bool mayBeFew = plan->u && plan->sharesScalars() && plan->inPlacePanel() &&
                          (ShapedType::isDynamic(rows) || rows <= fewRows()) &&
                          panelsSuit(*plan, registersFor(*plan, /*hasFewRows=*/true));
    const Registers registers = registersFor(*plan, mayBeFew && !ShapedType::isDynamic(rows));
    if (!panelsSuit(*plan, registers))
      return;
    std::optional<Padding> padding = findPadding(*plan);
    if (padding)
      for (Operation *made : padding->made) {
        erased.insert(made);
        rewriter.eraseOp(made);
      }
    if (padding)
      borderLoopsFirst(*plan, *padding);
    Fusion fusion = findFusion(*plan);
    allowContraction(op);
    allowEitherZero(op);
    Operation *last = op;
    if (!fusion.after.empty())
      last = fusion.after.back().op;
    for (const FusedOp &fused : fusion.after)
      if (auto generic = dyn_cast<linalg::GenericOp>(*linalg::LinalgOp(fused.op)))
        allowContraction(generic);
    rewriter.setInsertionPoint(last);
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    // Blocks over borders are written twice already.
    const bool isOverBorders = padding && llvm::any_of(padding->dims, [&](const Padding::Dim &dim) {
      return dim.window && dim.window->parallel == plan->u;
    });
    if (mayBeFew && ShapedType::isDynamic(rows) && !isOverBorders) {
      Value extent = getValueOrCreateConstantIndexOp(
          builder, op.getLoc(), cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(builder, op.getLoc())[*plan->u].size);
      Value isFew = builder.create<arith::CmpIOp>(arith::CmpIPredicate::ule, extent,
                                                  builder.create<arith::ConstantIndexOp>(fewRows()));
      auto branch = builder.create<scf::IfOp>(isFew, /*withElseRegion=*/true);
      builder.setInsertionPointToStart(branch.thenBlock());
      writeBlocks(*plan, fusion, padding, registersFor(*plan, /*hasFewRows=*/true), builder);
      builder.setInsertionPointToStart(branch.elseBlock());
    }
    writeBlocks(*plan, fusion, padding, registers, builder);
    SmallVector<Operation *> claimed;
    for (const FusedOp &fused : llvm::reverse(fusion.after))
      claimed.push_back(fused.op);
    claimed.push_back(op);
    if (fusion.first)
      claimed.push_back(fusion.first->op);
    for (Operation *dead : claimed) {
      erased.insert(dead);
      rewriter.eraseOp(dead);
    }
    if (padding)
      eraseWithViews(padding->copy, rewriter);
    function->setAttr("halcyon.specialised", rewriter.getUnitAttr());
  }
};
} // namespace
