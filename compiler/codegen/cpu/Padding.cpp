#include "codegen/cpu/Padding.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace halcyon;

std::optional<Window> halcyon::windowOf(linalg::LinalgOp op, AffineExpr expr) {
  SmallVector<int64_t> coefficients;
  if (failed(getFlattenedAffineExpr(expr, op.getNumLoops(), 0, &coefficients)) ||
      coefficients.size() != op.getNumLoops() + 1 || coefficients.back() != 0)
    return {};
  Window window;
  for (auto [loop, coefficient] : llvm::enumerate(ArrayRef(coefficients).drop_back())) {
    if (coefficient == 0)
      continue;
    const bool parallel = op.getIteratorTypesArray()[loop] == utils::IteratorType::parallel;
    int64_t &mine = parallel ? window.stride : window.dilation;
    if (coefficient < 0 || mine)
      return {};
    mine = coefficient;
    if (parallel)
      window.parallel = loop;
    else
      window.reduction = loop;
  }
  if (!window.dilation)
    return {};
  return window;
}

namespace {
// A position in a memory as one in a view of it.
struct ViewDim {
  std::optional<unsigned> result; // dimension of the view
  SmallVector<OpFoldResult> offsets;
};
} // namespace

// The allocation that `memory` is a part of, and where.
static memref::AllocOp traceViews(Value memory, SmallVectorImpl<ViewDim> &dims) {
  for (int64_t i = 0; i < cast<MemRefType>(memory.getType()).getRank(); ++i)
    dims.push_back({static_cast<unsigned>(i), {}});
  while (auto view = memory.getDefiningOp<memref::SubViewOp>()) {
    if (!llvm::all_of(view.getMixedStrides(), [](OpFoldResult stride) { return isConstantIntValue(stride, 1); }))
      return {};
    llvm::SmallBitVector dropped = view.getDroppedDims();
    SmallVector<ViewDim> outer;
    auto inner = dims.begin();
    for (auto [i, offset] : llvm::enumerate(view.getMixedOffsets())) {
      outer.push_back(dropped.test(i) ? ViewDim() : *inner++);
      outer.back().offsets.push_back(offset);
    }
    dims = std::move(outer);
    memory = view.getSource();
  }
  return memory.getDefiningOp<memref::AllocOp>();
}

// The op that fills the memory and the copy into it, if nobody but `reader` sees it otherwise.
static memref::CopyOp fillAndCopy(Value memory, Operation *reader, linalg::LinalgOp &fill) {
  memref::CopyOp copy;
  SmallVector<Value> views = {memory};
  while (!views.empty()) {
    Value view = views.pop_back_val();
    for (OpOperand &use : view.getUses()) {
      Operation *user = use.getOwner();
      auto linalgOp = dyn_cast<linalg::LinalgOp>(user);
      auto copied = dyn_cast<memref::CopyOp>(user);
      if (user == reader && linalgOp.isDpsInput(&use))
        continue;
      if (isa<memref::SubViewOp>(user))
        views.push_back(user->getResult(0));
      else if (linalgOp && linalgOp.isDpsInit(&use) && view == memory && !fill)
        fill = linalgOp;
      else if (copied && use.get() == copied.getTarget() && view != memory && !copy)
        copy = copied;
      else if (!isa<memref::DeallocOp>(user))
        return {};
    }
  }
  return fill ? copy : memref::CopyOp();
}

// What it writes everywhere; null where that is not one value from outside of it.
static Value filledWith(linalg::LinalgOp fill) {
  Value value = fill.getBlock()->getTerminator()->getOperand(0);
  if (auto argument = dyn_cast<BlockArgument>(value); argument && argument.getOwner() == fill.getBlock())
    value = fill->getOperand(argument.getArgNumber());
  return isa<ShapedType>(value.getType()) || fill->isAncestor(value.getParentBlock()->getParentOp()) ? Value() : value;
}

static std::optional<Padding> paddingOf(const RegisterPlan &plan, OpOperand &operand) {
  auto op = linalg::GenericOp(plan.op);
  if (!isa<MemRefType>(operand.get().getType()))
    return {};
  SmallVector<ViewDim> views;
  memref::AllocOp alloc = traceViews(operand.get(), views);
  linalg::LinalgOp fill;
  memref::CopyOp copy = alloc ? fillAndCopy(alloc, op, fill) : memref::CopyOp();
  auto inside = copy ? copy.getTarget().getDefiningOp<memref::SubViewOp>() : memref::SubViewOp();
  if (!inside || inside.getSource() != alloc.getResult() || inside.getDroppedDims().any())
    return {};
  SmallVector<OpFoldResult> outer = alloc.getMixedSizes();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  Padding padding{operand.getOperandNumber(), copy.getSource(), filledWith(fill), {}, alloc, {fill, copy}};
  llvm::SmallBitVector reductions(op.getNumLoops());
  for (auto [i, view] : llvm::enumerate(views)) {
    std::optional<int64_t> low = getConstantIntValue(inside.getMixedOffsets()[i]);
    if (!low)
      return {};
    OpFoldResult size = inside.getMixedSizes()[i];
    Padding::Dim dim{view.result, std::move(view.offsets), -*low, size, {}};
    if (*low != 0 || !isEqualConstantIntOrValue(outer[i], size)) {
      if (!dim.result)
        return {};
      dim.window = windowOf(op, op.getMatchingIndexingMap(&operand).getResult(*dim.result));
      if (!dim.window || dim.window->parallel == plan.v || reductions.test(dim.window->reduction) ||
          ShapedType::isDynamic(extents[dim.window->reduction]))
        return {};
      reductions.set(dim.window->reduction);
      const bool isKnown = getConstantIntValue(size) && plan.u && !ShapedType::isDynamic(extents[*plan.u]);
      if (plan.u && dim.window->parallel == plan.u &&
          !(isKnown ? llvm::all_of(dim.offsets, [](OpFoldResult offset) { return getConstantIntValue(offset); }) : !!padding.value))
        return {};
    }
    padding.dims.push_back(std::move(dim));
  }
  return padding;
}

std::optional<Padding> halcyon::findPadding(const RegisterPlan &plan) {
  for (OpOperand *in : linalg::GenericOp(plan.op).getDpsInputOperands())
    if (std::optional<Padding> padding = paddingOf(plan, *in))
      return padding;
  return {};
}

void halcyon::eraseWithViews(Value memory, RewriterBase &rewriter) {
  for (Operation *user : llvm::make_early_inc_range(memory.getUsers())) {
    if (user->getNumResults() == 1)
      eraseWithViews(user->getResult(0), rewriter);
    else
      rewriter.eraseOp(user);
  }
  rewriter.eraseOp(memory.getDefiningOp());
}
