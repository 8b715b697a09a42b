#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUINPLACE
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// The tensor.empty that begins a chain of destinations, with the ops of the chain in between.
static tensor::EmptyOp emptyOf(Value value, SmallVectorImpl<OpOperand *> &path) {
  while (auto op = value.getDefiningOp<linalg::LinalgOp>()) {
    auto result = cast<OpResult>(value);
    OpOperand *init = op.getDpsInitOperand(result.getResultNumber());
    path.push_back(init);
    value = init->get();
  }
  return value.getDefiningOp<tensor::EmptyOp>();
}

// Each intermediate is used as a destination only along its own chain, so that nobody else needs its old value.
static bool ownsChain(ArrayRef<OpOperand *> path) {
  return llvm::all_of(path, [](OpOperand *init) {
    return init->get().hasOneUse() || init->get().getDefiningOp<tensor::EmptyOp>();
  });
}

static bool shareDestination(linalg::GenericOp op, DominanceInfo &dominance, RewriterBase &rewriter) {
  if (op.getNumDpsInits() != 1 || op.getNumParallelLoops() != op.getNumLoops())
    return false;
  OpOperand *out = op.getDpsInitOperand(0);
  AffineMap map = op.getMatchingIndexingMap(out);
  if (op.payloadUsesValueFromOperand(out) || !map.isPermutation())
    return false;
  for (OpOperand *in : op.getDpsInputOperands()) {
    if (in->get().getType() != out->get().getType() || op.getMatchingIndexingMap(in) != map)
      continue;
    SmallVector<OpOperand *> path;
    tensor::EmptyOp empty = emptyOf(in->get(), path);
    if (!empty || path.empty() || !ownsChain(path) || empty->getBlock() != op->getBlock())
      continue;
    // The destination has to exist where the chain begins.
    Operation *first = path.back()->getOwner();
    Operation *source = out->get().getDefiningOp();
    if (source && !dominance.dominates(source, first)) {
      if (!isa<tensor::EmptyOp, tensor::ExtractSliceOp>(source) ||
          !llvm::all_of(source->getOperands(), [&](Value v) { return dominance.properlyDominates(v, first); }))
        continue;
      rewriter.moveOpBefore(source, first);
    }
    rewriter.modifyOpInPlace(first, [&] { path.back()->set(out->get()); });
    Block *body = op.getBlock();
    const unsigned number = in->getOperandNumber();
    rewriter.replaceAllUsesWith(body->getArgument(number), body->getArgument(out->getOperandNumber()));
    Value intermediate = in->get();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    rewriter.modifyOpInPlace(op, [&] {
      out->set(intermediate);
      body->eraseArgument(number);
      maps.erase(maps.begin() + number);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      op.getInputsMutable().erase(number);
    });
    return true;
  }
  return false;
}

namespace {
struct CpuInPlace : halcyon::impl::CpuInPlaceBase<CpuInPlace> {
  void runOnOperation() override {
    // A slice of an empty tensor is an empty tensor.
    RewritePatternSet patterns(&getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    DominanceInfo dominance(getOperation());
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) { ops.push_back(op); });
    // Last first: a destination reaches the whole chain before it.
    for (linalg::GenericOp op : llvm::reverse(ops))
      shareDestination(op, dominance, rewriter);
  }
};
} // namespace
