#include "codegen/cpu/CollapseLoops.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace halcyon;

// Whether the loops `first` and the next one walk the operand like one loop, or it does not depend on them.
static bool walksAsOne(AffineMap map, Type memory, unsigned first) {
  const int64_t pair[] = {first, first + 1};
  if (!linalg::isDimSequencePreserved(map, pair))
    return false;
  std::optional<unsigned> at = map.getResultPosition(getAffineDimExpr(first, map.getContext()));
  if (!at)
    return true;
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < map.getNumResults(); ++i) {
    if (i == *at + 1)
      groups.back().push_back(i);
    else
      groups.push_back({i});
  }
  return memref::CollapseShapeOp::isGuaranteedCollapsible(cast<MemRefType>(memory), groups);
}

void halcyon::dropUnitDims(linalg::GenericOp op, RewriterBase &rewriter) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  rewriter.setInsertionPoint(op);
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    AffineMap &map = maps[operand.getOperandNumber()];
    if (!type)
      continue;
    SmallVector<AffineExpr> kept;
    SmallVector<int64_t> shape;
    for (auto [expr, size] : llvm::zip(map.getResults(), type.getShape())) {
      auto constant = dyn_cast<AffineConstantExpr>(expr);
      if (constant && constant.getValue() == 0 && size == 1)
        continue;
      kept.push_back(expr);
      shape.push_back(size);
    }
    if (kept.size() == map.getNumResults())
      continue;
    SmallVector<OpFoldResult> offsets(type.getRank(), rewriter.getIndexAttr(0)), strides(type.getRank(), rewriter.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes = memref::getMixedSizes(rewriter, op.getLoc(), operand.get());
    auto reduced = cast<MemRefType>(memref::SubViewOp::inferRankReducedResultType(shape, type, offsets, sizes, strides));
    Value view = rewriter.create<memref::SubViewOp>(op.getLoc(), reduced, operand.get(), offsets, sizes, strides);
    map = AffineMap::get(map.getNumDims(), 0, kept, op.getContext());
    rewriter.modifyOpInPlace(op, [&] { operand.set(view); });
  }
  rewriter.modifyOpInPlace(op, [&] { op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps)); });
}

// The body uses scalar operands from outside: upstream's collapsing takes memory only.
static void captureScalars(linalg::GenericOp op, RewriterBase &rewriter) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  rewriter.modifyOpInPlace(op, [&] {
    for (int64_t i = op.getNumDpsInputs() - 1; i >= 0; --i) {
      Value scalar = op.getDpsInputs()[i];
      if (isa<MemRefType>(scalar.getType()))
        continue;
      op.getBody()->getArgument(i).replaceAllUsesWith(scalar);
      op.getBody()->eraseArgument(i);
      op.getInputsMutable().erase(i);
      maps.erase(maps.begin() + i);
    }
    op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
  });
}

// A view of its own base: an index into a collapsed shape would be taken apart by divisions again, which hide that the
// memory is contiguous.
static void viewAsBase(OpOperand &operand, RewriterBase &rewriter) {
  auto collapse = operand.get().getDefiningOp<memref::CollapseShapeOp>();
  if (!collapse)
    return;
  Location loc = collapse.getLoc();
  MemRefType type = collapse.getResultType();
  auto [strides, offset] = getStridesAndOffset(type);
  rewriter.setInsertionPoint(operand.getOwner());
  auto metadata = rewriter.create<memref::ExtractStridedMetadataOp>(loc, collapse.getSrc());
  auto mixed = [&](int64_t known, Value unknown) {
    return ShapedType::isDynamic(known) ? OpFoldResult(unknown) : OpFoldResult(rewriter.getIndexAttr(known));
  };
  SmallVector<OpFoldResult> steps;
  for (auto [group, stride] : llvm::zip(collapse.getReassociationIndices(), strides))
    steps.push_back(mixed(stride, metadata.getStrides()[group.back()]));
  rewriter.modifyOpInPlace(operand.getOwner(), [&] {
    operand.set(rewriter.create<memref::ReinterpretCastOp>(loc, type, metadata.getBaseBuffer(), mixed(offset, metadata.getOffset()),
                                                           memref::getMixedSizes(rewriter, loc, collapse.getResult()), steps));
  });
}

linalg::GenericOp halcyon::collapseLoops(linalg::GenericOp op, RewriterBase &rewriter) {
  if (op.hasPureBufferSemantics()) {
    dropUnitDims(op, rewriter);
    captureScalars(op, rewriter);
  }
  if (!op.hasPureBufferSemantics() || op.hasIndexSemantics() ||
      !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.getNumResults() && map.isProjectedPermutation(); }))
    return op;
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  SmallVector<ReassociationIndices> groups;
  for (int64_t loop = 0; loop < op.getNumLoops(); ++loop) {
    const bool joins = loop > 0 && iterators[loop] == iterators[loop - 1] &&
                       llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
                         return walksAsOne(op.getMatchingIndexingMap(&operand), operand.get().getType(), loop - 1);
                       });
    if (joins)
      groups.back().push_back(loop);
    else
      groups.push_back({loop});
  }
  if (groups.size() == op.getNumLoops())
    return op;
  rewriter.setInsertionPoint(op);
  FailureOr<linalg::CollapseResult> collapsed = linalg::collapseOpIterationDims(op, groups, rewriter);
  if (failed(collapsed))
    return op;
  rewriter.eraseOp(op);
  auto result = cast<linalg::GenericOp>(*collapsed->collapsedOp);
  for (OpOperand &operand : result->getOpOperands())
    viewAsBase(operand, rewriter);
  return result;
}
