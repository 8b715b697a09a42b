#include "codegen/cpu/Panels.h"
#include "codegen/cpu/winograd/WinogradPlan.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace halcyon;

// The loop and divisor of `n KIND constant`.
static std::optional<std::pair<unsigned, int64_t>> divided(AffineExpr expr, AffineExprKind kind) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() != kind)
    return {};
  auto dim = dyn_cast<AffineDimExpr>(binary.getLHS());
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!dim || !constant)
    return {};
  return std::pair(dim.getPosition(), constant.getValue());
}

std::optional<Panel> halcyon::panelOf(AffineMap map) {
  const unsigned last = map.getNumResults() - 1;
  if (map.getNumResults() < 2)
    return {};
  auto inside = divided(map.getResult(last), AffineExprKind::Mod);
  if (!inside)
    return {};
  std::optional<Panel> panel;
  for (unsigned i = 0; i < last; ++i) {
    if (!map.getResult(i).isFunctionOfDim(inside->first))
      continue;
    if (panel || divided(map.getResult(i), AffineExprKind::FloorDiv) != inside)
      return {};
    panel = Panel{inside->first, i, inside->second};
  }
  return panel;
}

void halcyon::takeWholePanels(func::FuncOp function) {
  IRRewriter rewriter(function.getContext());
  function.walk([&](linalg::LinalgOp op) {
    for (OpOperand &operand : op->getOpOperands()) {
      auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>();
      if (!slice || !panelOf(op.getMatchingIndexingMap(&operand)))
        continue;
      const int64_t last = slice.getSourceType().getRank() - 1;
      SmallVector<OpFoldResult> offsets = slice.getMixedOffsets(), sizes = slice.getMixedSizes();
      if (winogradOf(op)) { // all positions of the transformed filter
        offsets[0] = rewriter.getIndexAttr(0);
        sizes[0] = rewriter.getIndexAttr(slice.getSourceType().getDimSize(0));
      }
      offsets[last] = rewriter.getIndexAttr(0);
      sizes[last] = rewriter.getIndexAttr(slice.getSourceType().getDimSize(last));
      rewriter.setInsertionPoint(op);
      operand.set(rewriter.create<tensor::ExtractSliceOp>(slice.getLoc(), slice.getSource(), offsets, sizes,
                                                          slice.getMixedStrides()));
    }
  });
}
