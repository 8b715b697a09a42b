#include "codegen/cpu/Placement.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace halcyon;

static constexpr int64_t shortestRow = 16; // elements: a vector of floats

// The operand with the tensor.empty that the result's chain of destinations starts from; null where there is none.
static OpOperand *emptyStart(linalg::LinalgOp maker) {
  OpOperand *init = maker.getDpsInitOperand(0);
  while (auto before = init->get().getDefiningOp<linalg::LinalgOp>()) {
    if (before->getNumResults() != 1)
      return nullptr;
    init = before.getDpsInitOperand(0);
  }
  const bool isEmpty = init->get().getDefiningOp<tensor::EmptyOp>() && init->get().getType() == maker->getResult(0).getType();
  return isEmpty ? init : nullptr;
}

bool halcyon::hasWholeRows(RankedTensorType part, RankedTensorType whole, const llvm::SmallBitVector &dropped) {
  if (part.getRank() == 0 || dropped.test(whole.getRank() - 1) || (dropped.any() && llvm::is_contained(part.getShape(), 1)))
    return false;
  const int64_t row = part.getShape().back();
  return row == whole.getShape().back() || ShapedType::isDynamic(row) || row >= shortestRow;
}

// For each dimension of the viewed tensor those of the destination, where they are adjacent in memory: inside of the first
// that is not 1, all of each is written.
static std::optional<SmallVector<ReassociationIndices>> groupsOf(tensor::InsertSliceOp insert, tensor::ExpandShapeOp view) {
  llvm::SmallBitVector dropped = insert.getDroppedDims();
  ArrayRef<int64_t> whole = insert.getType().getShape(), sizes = insert.getStaticSizes();
  SmallVector<ReassociationIndices> groups;
  int64_t axis = 0;
  for (const ReassociationIndices &dims : view.getReassociationIndices()) {
    ReassociationIndices group;
    bool isInside = false;
    for (size_t left = dims.size(); left > 0; ++axis) {
      if (dropped.test(axis) ? whole[axis] != 1 : isInside && (ShapedType::isDynamic(sizes[axis]) || sizes[axis] != whole[axis]))
        return {};
      group.push_back(axis);
      isInside |= whole[axis] != 1;
      left -= !dropped.test(axis);
    }
    groups.push_back(group);
  }
  return axis == insert.getType().getRank() ? std::optional(groups) : std::nullopt;
}

std::optional<Placement> halcyon::placementOf(tensor::InsertSliceOp insert) {
  auto isAlone = [&](Operation *op) {
    return op && op->getBlock() == insert->getBlock() && op->getNumResults() == 1 && op->hasOneUse();
  };
  Placement placement;
  Operation *maker = insert.getSource().getDefiningOp();
  if (auto view = dyn_cast_or_null<tensor::ExpandShapeOp>(maker); view && isAlone(view)) {
    std::optional<SmallVector<ReassociationIndices>> groups = groupsOf(insert, view);
    if (!groups)
      return {};
    placement.view = view, placement.groups = *groups;
    maker = view.getSrc().getDefiningOp();
  }
  placement.maker = dyn_cast_or_null<linalg::LinalgOp>(maker);
  if (!placement.maker || !isAlone(maker) || !insert.hasUnitStride() ||
      !hasWholeRows(insert.getSourceType(), insert.getType(), insert.getDroppedDims()))
    return {};
  placement.start = emptyStart(placement.maker);
  return placement.start ? std::optional(placement) : std::nullopt;
}

static OpFoldResult times(OpBuilder &builder, Location loc, OpFoldResult size, int64_t factor) {
  return affine::makeComposedFoldedAffineApply(builder, loc, builder.getAffineSymbolExpr(0) * factor, {size});
}

Value halcyon::viewOf(OpBuilder &builder, Location loc, Value whole, ArrayRef<int64_t> shape, ArrayRef<OpFoldResult> offsets,
                      ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> ones(sizes.size(), builder.getIndexAttr(1));
  Type part = memref::SubViewOp::inferRankReducedResultType(shape, cast<MemRefType>(whole.getType()), offsets, sizes, ones);
  return builder.create<memref::SubViewOp>(loc, cast<MemRefType>(part), whole, offsets, sizes, ones);
}

Value halcyon::placeIn(OpBuilder &builder, const Placement &placement, tensor::InsertSliceOp insert, Value whole) {
  Location loc = insert.getLoc();
  SmallVector<OpFoldResult> offsets = insert.getMixedOffsets(), sizes = insert.getMixedSizes();
  auto type = cast<RankedTensorType>(placement.maker->getResult(0).getType());
  if (placement.view) {
    SmallVector<OpFoldResult> starts, extents;
    for (const ReassociationIndices &group : placement.groups) {
      // What is inside of the first dimension that is not 1 is whole, and static.
      ArrayRef<int64_t> shape = insert.getType().getShape();
      const int64_t *first = llvm::find_if(group, [&](int64_t axis) { return shape[axis] != 1; });
      const int64_t axis = first == group.end() ? group.back() : *first;
      int64_t inside = 1;
      for (int64_t inner = axis + 1; inner <= group.back(); ++inner)
        inside *= shape[inner];
      starts.push_back(times(builder, loc, offsets[axis], inside));
      extents.push_back(times(builder, loc, sizes[axis], inside));
    }
    offsets = starts, sizes = extents;
    whole = builder.create<memref::CollapseShapeOp>(loc, whole, placement.groups);
  }
  return viewOf(builder, loc, whole, type.getShape(), offsets, sizes);
}
