#include "codegen/cpu/CollapseLoops.h"
#include "codegen/cpu/FastMath.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/TileEmitter.h"
#include "tensor/Generic.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace halcyon {
#define GEN_PASS_DEF_CPULOOPS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// A higher score suits vectors better. Short loops do not fill a vector.
static int scoreAsInnermost(linalg::GenericOp op, unsigned loop) {
  int score = 0;
  for (OpOperand &operand : op->getOpOperands()) {
    const bool output = op.isDpsInit(&operand);
    switch (stepOf(op.getMatchingIndexingMap(&operand), operand.get().getType(), loop).kind) {
    case Step::contiguous:
    case Step::panel:
      score += output ? 4 : 3;
      break;
    case Step::invariant:
      score += 1;
      break;
    case Step::strided:
    case Step::irregular:
      score -= output ? 8 : 5;
      break;
    }
  }
  const int64_t extent = op.getStaticLoopRanges()[loop];
  if (!ShapedType::isDynamic(extent) && extent < 8)
    score -= 8 - static_cast<int>(extent);
  return score;
}

static SmallVector<unsigned> loopOrder(linalg::GenericOp op) {
  unsigned innermost = 0;
  int best = std::numeric_limits<int>::min();
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (int score = scoreAsInnermost(op, loop); score >= best)
      best = score, innermost = loop;
  SmallVector<unsigned> order;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (loop != innermost)
      order.push_back(loop);
  order.push_back(innermost);
  return order;
}

static LogicalResult lower(linalg::LinalgOp op, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(op);
  FailureOr<linalg::GenericOp> made = asGeneric(op, rewriter);
  if (failed(made))
    return op.emitError("has no loops");
  linalg::GenericOp generic = collapseLoops(*made, rewriter);
  allowReordering(generic);
  if (generic.getNumLoops() > 1) {
    rewriter.setInsertionPoint(generic);
    FailureOr<linalg::GenericOp> ordered = linalg::interchangeGenericOp(rewriter, generic, loopOrder(generic));
    if (succeeded(ordered))
      generic = *ordered;
  }
  rewriter.setInsertionPoint(generic);
  if (failed(linalg::linalgOpToLoops(rewriter, generic)))
    return generic.emitError("cannot become loops");
  rewriter.eraseOp(generic);
  return success();
}

namespace {
struct CpuLoops : halcyon::impl::CpuLoopsBase<CpuLoops> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp copy) { copies.push_back(copy); });
    for (memref::CopyOp copy : copies) {
      rewriter.setInsertionPoint(copy);
      linalg::makeMemRefCopyOp(rewriter, copy.getLoc(), copy.getSource(), copy.getTarget());
      rewriter.eraseOp(copy);
    }
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops)
      if (failed(lower(op, rewriter)))
        return signalPassFailure();
  }
};
} // namespace
