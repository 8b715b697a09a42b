#include "codegen/cpu/PaddedReads.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace halcyon;

static int64_t constantOffset(const Padding::Dim &dim) {
  int64_t sum = dim.shift;
  for (OpFoldResult offset : dim.offsets)
    sum += getConstantIntValue(offset).value_or(0);
  return sum;
}

Value PaddedReads::index(int64_t value) { return b.create<arith::ConstantIndexOp>(value); }

PaddedReads::PaddedReads(const Padding &padding, linalg::GenericOp op, std::optional<unsigned> rows,
                         ImplicitLocOpBuilder &builder)
    : padding(padding), rows(rows), b(builder), extents(op.getStaticLoopRanges()) {
  SmallVector<AffineExpr> exprs;
  AffineMap map = op.getIndexingMapsArray()[padding.operand];
  for (const Padding::Dim &dim : padding.dims) {
    AffineExpr expr = b.getAffineConstantExpr(constantOffset(dim));
    if (dim.result)
      expr = expr + map.getResult(*dim.result);
    Value moving;
    for (OpFoldResult offset : dim.offsets)
      if (!getConstantIntValue(offset))
        moving = moving ? b.create<arith::AddIOp>(moving, cast<Value>(offset)).getResult() : cast<Value>(offset);
    if (moving)
      expr = expr + b.getAffineDimExpr(op.getNumLoops() + sourceOffsets.size());
    sourceOffsets.push_back(moving ? moving : index(0));
    exprs.push_back(expr);
  }
  sourceMap = AffineMap::get(op.getNumLoops() + sourceOffsets.size(), 0, exprs, b.getContext());
}

const Padding::Dim *PaddedReads::windowOn(unsigned reduction) const {
  for (const Padding::Dim &dim : padding.dims)
    if (dim.window && dim.window->reduction == reduction)
      return &dim;
  return nullptr;
}

const Padding::Dim *PaddedReads::dimOfRows() const {
  for (const Padding::Dim &dim : padding.dims)
    if (alongRows(dim))
      return &dim;
  return nullptr;
}

bool PaddedReads::rowsAreUnknown() const {
  const Padding::Dim *dim = dimOfRows();
  return dim && (!getConstantIntValue(dim->size) || ShapedType::isDynamic(extents[*rows]));
}

llvm::SmallBitVector PaddedReads::outside(const Padding::Dim &dim, int64_t start, unsigned height,
                                          int64_t position) const {
  llvm::SmallBitVector skipped(height);
  for (unsigned row = 0; row < height; ++row) {
    const int64_t at = (start + row) * dim.window->stride + position * dim.window->dilation + constantOffset(dim);
    skipped[row] = at < 0 || at >= *getConstantIntValue(dim.size);
  }
  return skipped;
}

bool PaddedReads::crossesBorder(int64_t start, unsigned height) const {
  const Padding::Dim *dim = dimOfRows();
  for (int64_t i = 0; dim && i < extents[dim->window->reduction]; ++i)
    if (outside(*dim, start, height, i).any())
      return true;
  return false;
}

Value PaddedReads::firstOf(const Padding::Dim &dim) {
  Value first = index(constantOffset(dim));
  for (OpFoldResult offset : dim.offsets)
    if (!getConstantIntValue(offset))
      first = b.create<arith::AddIOp>(first, cast<Value>(offset));
  return first;
}

// Steps to get as far, at least none.
static Value stepsTo(Value distance, int64_t step, ImplicitLocOpBuilder &b) {
  Value positive = b.create<arith::MaxSIOp>(distance, b.create<arith::ConstantIndexOp>(0));
  if (step == 1)
    return positive;
  return b.create<arith::DivUIOp>(b.create<arith::AddIOp>(positive, b.create<arith::ConstantIndexOp>(step - 1)),
                                  b.create<arith::ConstantIndexOp>(step));
}

std::pair<Value, Value> PaddedReads::innerRows() {
  const Padding::Dim &dim = *dimOfRows();
  const Window &window = *dim.window;
  Value first = firstOf(dim), last = b.create<arith::AddIOp>(first, index((extents[window.reduction] - 1) * window.dilation));
  Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), dim.size);
  return {stepsTo(b.create<arith::SubIOp>(index(0), first), window.stride, b),
          stepsTo(b.create<arith::SubIOp>(size, last), window.stride, b)};
}

Value PaddedReads::hasPositions() {
  Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), dimOfRows()->size);
  return b.create<arith::CmpIOp>(arith::CmpIPredicate::sgt, size, index(0));
}

TileEmitter::Tile PaddedReads::load(TileShape shape, const TilePosition &position) {
  const Padding::Dim &dim = *dimOfRows();
  const unsigned axis = &dim - padding.dims.begin();
  Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), dim.size);
  // One row at a time, from a position that is given.
  SmallVector<AffineExpr> exprs(sourceMap.getResults());
  AffineExpr along = exprs[axis];
  exprs[axis] = b.getAffineDimExpr(sourceMap.getNumDims());
  AffineMap map = AffineMap::get(sourceMap.getNumDims() + 1, 0, exprs, b.getContext());
  TileEmitter emitter(b, {1, shape.columns, shape.lanes});
  Value outside = emitter.splat(padding.value)[0];
  TileEmitter::Tile tile;
  for (unsigned row = 0; row < shape.rows; ++row) {
    TilePosition at = position;
    at.u.reset();
    at.loops[*rows] = b.create<arith::AddIOp>(position.loops[*rows], index(row));
    llvm::append_range(at.loops, sourceOffsets);
    Value wanted = affine::expandAffineExpr(b, b.getLoc(), along, at.loops, {});
    Value isInside = b.create<arith::CmpIOp>(arith::CmpIPredicate::ult, wanted, size);
    at.loops.push_back(b.create<arith::SelectOp>(isInside, wanted, index(0)));
    for (Value value : emitter.load(padding.source, map, at))
      tile.push_back(b.create<arith::SelectOp>(isInside, value, outside));
  }
  return tile;
}

std::pair<Value, Value> PaddedReads::insideOf(const Padding::Dim &dim, ArrayRef<Value> loops, Value extent) {
  const Window &window = *dim.window;
  Value first = firstOf(dim);
  if (window.parallel)
    first = b.create<arith::AddIOp>(first, b.create<arith::MulIOp>(loops[*window.parallel], index(window.stride)));
  Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), dim.size);
  return {stepsTo(b.create<arith::SubIOp>(index(0), first), window.dilation, b),
          b.create<arith::MinSIOp>(stepsTo(b.create<arith::SubIOp>(size, first), window.dilation, b), extent)};
}
