#include "dispatch/Slices.h"
#include "codegen/cpu/Placement.h"
#include "dispatch/Grouping.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace halcyon::dispatch;

namespace {

// One view of the whole: its dimensions in groups, of which it expands or collapses each.
struct View {
  SmallVector<ReassociationIndices> groups;
  SmallVector<OpFoldResult> extents; // afterwards
  bool expands;
};

// A part of `source` after `views`; all by dimension of the last of them.
struct Slice {
  Value source;
  SmallVector<View> views;
  SmallVector<OpFoldResult> extents, offsets, sizes;
  SmallVector<bool> dropped; // of size 1, and no dimension of the slice
};

} // namespace

static RankedTensorType typeOf(ArrayRef<OpFoldResult> sizes, Type element) {
  return RankedTensorType::get(llvm::map_to_vector(sizes, [](OpFoldResult size) {
    return getConstantIntValue(size).value_or(ShapedType::kDynamic);
  }), element);
}

// Units that the slice drops join a dimension beside them: which ones are dropped is plain then, whatever views follow.
static Slice withoutUnits(Slice slice) {
  Slice made{slice.source, slice.views, {}, {}, {}, {}};
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices units;
  for (unsigned axis = 0; axis < slice.extents.size(); ++axis) {
    units.push_back(axis);
    if (slice.dropped[axis] && isConstantIntValue(slice.extents[axis], 1))
      continue;
    groups.push_back(std::exchange(units, {}));
    made.extents.push_back(slice.extents[axis]), made.offsets.push_back(slice.offsets[axis]);
    made.sizes.push_back(slice.sizes[axis]), made.dropped.push_back(slice.dropped[axis]);
  }
  if (groups.empty() || groups.size() == slice.extents.size())
    return slice;
  llvm::append_range(groups.back(), units);
  made.views.push_back({groups, made.extents, /*expands=*/false});
  return made;
}

// The part that the copy reads; nothing where it does anything else than to copy one.
static std::optional<Slice> sliceOf(linalg::GenericOp op, Dimensions &dimensions) {
  if (op.getNumDpsInputs() || op.getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return {};
  auto empty = op.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>();
  auto extract = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<tensor::ExtractOp>();
  if (!empty || !extract || extract->getBlock() != op.getBody())
    return {};
  auto isOutside = [&](Value value) { return !op->isAncestor(value.getParentBlock()->getParentOp()); };
  Slice slice{extract.getTensor(), {}, {}, {}, {}, {}};
  unsigned next = 0;
  for (auto [axis, value] : llvm::enumerate(extract.getIndices())) {
    Value index = value, offset;
    if (auto add = index.getDefiningOp<arith::AddIOp>(); add && !isOutside(index)) {
      const bool isFirst = isOutside(add.getLhs());
      index = isFirst ? add.getRhs() : add.getLhs(), offset = isFirst ? add.getLhs() : add.getRhs();
      if (!isOutside(offset))
        return {};
    }
    auto loop = index.getDefiningOp<linalg::IndexOp>();
    if (loop ? loop.getDim() != next : offset || !isOutside(index))
      return {};
    OpBuilder builder(op);
    slice.extents.push_back(dimensions.of(slice.source, axis));
    slice.offsets.push_back(!loop ? getAsOpFoldResult(index) : offset ? getAsOpFoldResult(offset) : builder.getIndexAttr(0));
    slice.sizes.push_back(loop ? empty.getMixedSizes()[next] : builder.getIndexAttr(1));
    slice.dropped.push_back(!loop);
    next += !!loop;
  }
  return next == op.getNumLoops() ? std::optional(withoutUnits(std::move(slice))) : std::nullopt;
}

// x * n / n -> x, for sizes: none of them overflows.
static OpFoldResult simple(OpFoldResult size) {
  auto value = dyn_cast<Value>(size);
  auto quotient = value ? value.getDefiningOp<arith::DivUIOp>() : arith::DivUIOp();
  auto product = quotient ? quotient.getLhs().getDefiningOp<arith::MulIOp>() : arith::MulIOp();
  const bool isUndone = product && isEqualConstantIntOrValue(getAsOpFoldResult(product.getRhs()), getAsOpFoldResult(quotient.getRhs()));
  return isUndone ? getAsOpFoldResult(product.getLhs()) : size;
}

static bool isWhole(const Slice &slice, unsigned axis) {
  return isConstantIntValue(slice.offsets[axis], 0) && isEqualConstantIntOrValue(simple(slice.sizes[axis]), simple(slice.extents[axis]));
}

// Where a dimension is not whole, what it has inside has to be static, and the slice to begin at a border of that.
static std::optional<Slice> expanded(const Slice &slice, tensor::ExpandShapeOp view) {
  Slice made{slice.source, slice.views, {}, {}, {}, {}};
  SmallVector<ReassociationIndices> from = view.getReassociationIndices(), groups;
  Builder builder(view.getContext());
  SmallVector<OpFoldResult> shape = getMixedValues(view.getStaticOutputShape(), view.getOutputShape(), builder);
  auto add = [&](OpFoldResult extent, OpFoldResult offset, OpFoldResult size, bool dropped) {
    groups.back().push_back(made.extents.size());
    made.extents.push_back(extent), made.offsets.push_back(offset), made.sizes.push_back(size), made.dropped.push_back(dropped);
  };
  unsigned dim = 0;
  for (unsigned axis = 0; axis < slice.extents.size(); ++axis) {
    groups.emplace_back();
    if (slice.dropped[axis] || from[dim].size() == 1) {
      add(slice.extents[axis], slice.offsets[axis], slice.sizes[axis], slice.dropped[axis]);
      dim += !slice.dropped[axis];
      continue;
    }
    if (isWhole(slice, axis)) {
      for (int64_t out : from[dim++])
        add(shape[out], builder.getIndexAttr(0), shape[out], false);
      continue;
    }
    int64_t inner = 1;
    for (int64_t out : ArrayRef(from[dim]).drop_front()) {
      std::optional<int64_t> size = getConstantIntValue(shape[out]);
      if (!size || *size == 0)
        return {};
      inner *= *size;
    }
    std::optional<int64_t> extent = getConstantIntValue(slice.extents[axis]), offset = getConstantIntValue(slice.offsets[axis]);
    if (!extent || !offset || *extent % inner || *offset % inner)
      return {};
    add(builder.getIndexAttr(*extent / inner), builder.getIndexAttr(*offset / inner), shape[from[dim].front()], false);
    for (int64_t out : ArrayRef(from[dim]).drop_front())
      add(shape[out], builder.getIndexAttr(0), shape[out], false);
    ++dim;
  }
  made.views.push_back({groups, made.extents, /*expands=*/true});
  return made;
}

// Inside of the first of joined dimensions that is not 1 the slice has to be whole, so that it is one part of their product.
static std::optional<Slice> collapsed(const Slice &slice, tensor::CollapseShapeOp view, Dimensions &dimensions) {
  Slice made{slice.source, slice.views, {}, {}, {}, {}};
  SmallVector<ReassociationIndices> groups;
  Builder builder(view.getContext());
  unsigned axis = 0;
  auto add = [&](unsigned end, OpFoldResult extent, OpFoldResult offset, OpFoldResult size, bool dropped) {
    groups.emplace_back(llvm::to_vector(llvm::seq<int64_t>(axis, end)));
    made.extents.push_back(extent), made.offsets.push_back(offset), made.sizes.push_back(size), made.dropped.push_back(dropped);
    axis = end;
  };
  auto addDropped = [&] {
    while (axis < slice.extents.size() && slice.dropped[axis])
      add(axis + 1, slice.extents[axis], slice.offsets[axis], slice.sizes[axis], true);
  };
  for (auto [result, dims] : llvm::enumerate(view.getReassociationIndices())) {
    addDropped();
    if (dims.size() == 1) {
      add(axis + 1, slice.extents[axis], slice.offsets[axis], slice.sizes[axis], false);
      continue;
    }
    unsigned end = axis, cut = axis;
    int64_t inner = 1;
    bool isInside = false;
    for (size_t left = dims.size(); left > 0; ++end) {
      std::optional<int64_t> extent = getConstantIntValue(slice.extents[end]);
      if ((slice.dropped[end] && extent != 1) || (isInside && (!extent || !isWhole(slice, end))))
        return {};
      inner *= isInside ? *extent : 1;
      if (!isInside && extent != 1)
        cut = end, isInside = true;
      left -= !slice.dropped[end];
    }
    OpFoldResult size = dimensions.of(view.getResult(), result);
    std::optional<int64_t> extent = getConstantIntValue(slice.extents[cut]), offset = getConstantIntValue(slice.offsets[cut]);
    if (isWhole(slice, cut))
      add(end, size, builder.getIndexAttr(0), size, false);
    else if (extent && offset)
      add(end, builder.getIndexAttr(*extent * inner), builder.getIndexAttr(*offset * inner), size, false);
    else
      return {};
  }
  addDropped();
  made.views.push_back({groups, made.extents, /*expands=*/false});
  return made;
}

static std::optional<Slice> viewed(const Slice &slice, Operation *view, Dimensions &dimensions) {
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(view))
    return expanded(slice, expand);
  auto collapse = dyn_cast<tensor::CollapseShapeOp>(view);
  return collapse ? collapsed(slice, collapse, dimensions) : std::nullopt;
}

// Whether kernels can read it in its place: its rows are whole, or long.
static bool isReadable(const Slice &slice, Type element) {
  SmallVector<OpFoldResult> kept;
  llvm::SmallBitVector dropped(slice.dropped.size());
  for (auto [axis, isDropped] : llvm::enumerate(slice.dropped)) {
    dropped[axis] = isDropped;
    if (!isDropped)
      kept.push_back(slice.sizes[axis]);
  }
  return halcyon::hasWholeRows(typeOf(kept, element), typeOf(slice.extents, element), dropped);
}

// Whether all that uses `value`, which is `slice`, becomes kernels of its block, and a computation is among it.
static bool onlyKernelsRead(Value value, const Slice &slice, Dimensions &dimensions, bool &isComputedFrom) {
  Block *block = value.getParentBlock();
  if (!isReadable(slice, getElementTypeOrSelf(value)))
    return false;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner(), *beside = block->findAncestorOpInBlock(*user);
    if (user == beside && isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user)) {
      std::optional<Slice> view = viewed(slice, user, dimensions);
      if (!view || !onlyKernelsRead(user->getResult(0), *view, dimensions, isComputedFrom))
        return false;
      continue;
    }
    auto reader = dyn_cast_or_null<linalg::LinalgOp>(beside);
    auto insert = dyn_cast<tensor::InsertSliceOp>(user);
    if (reader ? user == reader && !reader.isDpsInput(&use) : !insert || user != beside || &use != &insert.getSourceMutable())
      return false;
    isComputedFrom |= !!reader;
  }
  return true;
}

static Value build(OpBuilder &builder, Location loc, const Slice &slice, RankedTensorType type) {
  Value whole = slice.source;
  for (const View &view : slice.views) {
    RankedTensorType shape = typeOf(view.extents, type.getElementType());
    whole = view.expands ? builder.create<tensor::ExpandShapeOp>(loc, shape, whole, view.groups, view.extents).getResult()
                         : builder.create<tensor::CollapseShapeOp>(loc, shape, whole, view.groups).getResult();
  }
  SmallVector<OpFoldResult> ones(slice.sizes.size(), builder.getIndexAttr(1));
  return builder.create<tensor::ExtractSliceOp>(loc, type, whole, slice.offsets, slice.sizes, ones);
}

// `value` and its views become slices in their places.
static void replace(Value value, const Slice &slice, Dimensions &dimensions) {
  for (Operation *user : llvm::make_early_inc_range(value.getUsers()))
    if (user->getBlock() == value.getParentBlock() && isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user))
      replace(user->getResult(0), *viewed(slice, user, dimensions), dimensions);
  Operation *op = value.getDefiningOp();
  if (!value.use_empty()) {
    OpBuilder builder(op);
    value.replaceAllUsesWith(build(builder, op->getLoc(), slice, cast<RankedTensorType>(value.getType())));
  }
  dimensions.forget(value);
  op->erase();
}

void halcyon::dispatch::readSlices(Block &block, Dimensions &dimensions) {
  for (auto op : llvm::make_early_inc_range(block.getOps<linalg::GenericOp>())) {
    std::optional<Slice> slice = sliceOf(op, dimensions);
    bool isComputedFrom = false;
    if (slice && onlyKernelsRead(op.getResult(0), *slice, dimensions, isComputedFrom) && isComputedFrom)
      replace(op.getResult(0), *slice, dimensions);
  }
}
