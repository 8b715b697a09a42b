#include "tensor/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace halcyon {
#define GEN_PASS_DEF_SPLITSTRIDES
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

// Fewer taps do not pay for the copy.
static constexpr int64_t fewestTaps = 32, largestStride = 8;

namespace {
// Sums of x[.., i * stride + k] * w[k]: one result for all that a window moves over.
struct StridedWindow {
  linalg::GenericOp op;
  OpOperand *moved = nullptr, *taps = nullptr;
  unsigned position = 0, tap = 0; // loops
  int64_t stride = 1;
};
} // namespace

// i * stride + k, of two loops.
static bool matchWindow(AffineExpr expr, StridedWindow &window) {
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return false;
  for (auto [moved, other] : {std::pair(sum.getLHS(), sum.getRHS()), std::pair(sum.getRHS(), sum.getLHS())}) {
    auto scaled = dyn_cast<AffineBinaryOpExpr>(moved);
    auto tap = dyn_cast<AffineDimExpr>(other);
    if (!tap || !scaled || scaled.getKind() != AffineExprKind::Mul)
      continue;
    auto position = dyn_cast<AffineDimExpr>(scaled.getLHS());
    auto stride = dyn_cast<AffineConstantExpr>(scaled.getRHS());
    if (!position || !stride)
      continue;
    window.position = position.getPosition(), window.tap = tap.getPosition(), window.stride = stride.getValue();
    return true;
  }
  return false;
}

static bool isPlainDim(AffineExpr expr, unsigned loop) {
  auto dim = dyn_cast<AffineDimExpr>(expr);
  return dim && dim.getPosition() == loop;
}

static std::optional<StridedWindow> match(linalg::GenericOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1 || op.getNumDpsInputs() != 2 || op.getNumReductionLoops() != 1 ||
      op.hasIndexSemantics())
    return {};
  StridedWindow window{op};
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (unsigned i = 0; i < 2; ++i) {
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInputOperand(i));
    if (map.getNumResults() && matchWindow(map.getResults().back(), window))
      window.moved = op.getDpsInputOperand(i), window.taps = op.getDpsInputOperand(1 - i);
  }
  if (!window.moved || window.stride < 2 || window.stride > largestStride || out.getNumResults() == 0 ||
      !isPlainDim(out.getResults().back(), window.position))
    return {};
  AffineMap taps = op.getMatchingIndexingMap(window.taps);
  if (taps.getNumResults() != 1 || !isPlainDim(taps.getResult(0), window.tap))
    return {};
  llvm::SmallBitVector seen(op.getNumLoops());
  for (AffineExpr expr : op.getMatchingIndexingMap(window.moved).getResults().drop_back()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (isa<AffineConstantExpr>(expr))
      continue;
    if (!dim || dim.getPosition() == window.position || dim.getPosition() == window.tap || seen.test(dim.getPosition()))
      return {};
    seen.set(dim.getPosition());
  }
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  const int64_t count = extents[window.tap];
  if (ShapedType::isDynamic(count) || ShapedType::isDynamic(extents[window.position]) || count < fewestTaps ||
      count % window.stride || extents[window.position] == 0)
    return {};
  return window;
}

// The moved operand's elements at each of a stride's offsets, side by side: as many as windows reach.
static Value copyApart(const StridedWindow &window, IRRewriter &rewriter) {
  linalg::GenericOp op = window.op;
  Location loc = op.getLoc();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  AffineMap map = op.getMatchingIndexingMap(window.moved);
  SmallVector<OpFoldResult> sizes;
  SmallVector<AffineExpr> reads;
  for (auto [i, expr] : llvm::enumerate(map.getResults().drop_back())) {
    reads.push_back(isa<AffineConstantExpr>(expr) ? expr : rewriter.getAffineDimExpr(sizes.size()));
    if (!isa<AffineConstantExpr>(expr))
      sizes.push_back(tensor::getMixedSize(rewriter, loc, window.moved->get(), i));
  }
  const unsigned offset = sizes.size();
  reads.push_back(rewriter.getAffineDimExpr(offset + 1) * window.stride + rewriter.getAffineDimExpr(offset));
  sizes.push_back(rewriter.getIndexAttr(window.stride));
  sizes.push_back(rewriter.getIndexAttr(extents[window.position] + extents[window.tap] / window.stride - 1));
  Type element = getElementTypeOrSelf(window.moved->get().getType());
  Value empty = rewriter.create<tensor::EmptyOp>(loc, sizes, element);
  const unsigned loops = sizes.size();
  auto copy = rewriter.create<linalg::GenericOp>(
      loc, empty.getType(), window.moved->get(), empty,
      ArrayRef<AffineMap>{AffineMap::get(loops, 0, reads, rewriter.getContext()), rewriter.getMultiDimIdentityMap(loops)},
      SmallVector<utils::IteratorType>(loops, utils::IteratorType::parallel),
      [](OpBuilder &builder, Location at, ValueRange values) { builder.create<linalg::YieldOp>(at, values[0]); });
  return copy.getResult(0);
}

static void split(const StridedWindow &window, IRRewriter &rewriter) {
  linalg::GenericOp op = window.op;
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  MLIRContext *context = op.getContext();
  const int64_t count = op.getStaticLoopRanges()[window.tap];
  Value moved = copyApart(window, rewriter);
  auto type = cast<RankedTensorType>(window.taps->get().getType());
  Value taps = rewriter.create<tensor::ExpandShapeOp>(loc, type.clone({count / window.stride, window.stride}), window.taps->get(),
                                                      SmallVector<ReassociationIndices>{{0, 1}});
  const unsigned loops = op.getNumLoops();
  const AffineExpr offset = rewriter.getAffineDimExpr(loops), tap = rewriter.getAffineDimExpr(window.tap);
  SmallVector<AffineExpr> reads;
  for (AffineExpr expr : op.getMatchingIndexingMap(window.moved).getResults().drop_back())
    if (!isa<AffineConstantExpr>(expr))
      reads.push_back(expr);
  reads.append({offset, rewriter.getAffineDimExpr(window.position) + tap});
  SmallVector<Value> inputs(2);
  SmallVector<AffineMap> maps(3);
  const unsigned movedAt = window.moved->getOperandNumber();
  inputs[movedAt] = moved, inputs[1 - movedAt] = taps;
  maps[movedAt] = AffineMap::get(loops + 1, 0, reads, context);
  maps[1 - movedAt] = AffineMap::get(loops + 1, 0, {tap, offset}, context);
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  maps[2] = AffineMap::get(loops + 1, 0, out.getResults(), context);
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  iterators.push_back(utils::IteratorType::reduction);
  auto made = rewriter.create<linalg::GenericOp>(loc, op.getResultTypes(), inputs, op.getDpsInits(), maps, iterators);
  rewriter.inlineRegionBefore(op.getRegion(), made.getRegion(), made.getRegion().begin());
  rewriter.replaceOp(op, made.getResults());
}

namespace {
struct SplitStrides : halcyon::impl::SplitStridesBase<SplitStrides> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<StridedWindow> windows;
    getOperation().walk([&](linalg::GenericOp op) {
      if (std::optional<StridedWindow> window = match(op))
        windows.push_back(*window);
    });
    for (const StridedWindow &window : windows)
      split(window, rewriter);
  }
};
} // namespace
