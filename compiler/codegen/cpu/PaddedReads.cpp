#include "codegen/cpu/PaddedReads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
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

llvm::SmallBitVector PaddedReads::outside(const Padding::Dim &dim, int64_t start, unsigned height,
                                          int64_t position) const {
  llvm::SmallBitVector skipped(height);
  for (unsigned row = 0; row < height; ++row) {
    const int64_t at = (start + row) * dim.window->stride + position * dim.window->dilation + constantOffset(dim);
    skipped[row] = at < 0 || at >= dim.size;
  }
  return skipped;
}

bool PaddedReads::crossesBorder(int64_t start, unsigned height) const {
  for (const Padding::Dim &dim : padding.dims)
    if (alongRows(dim))
      for (int64_t i = 0; i < extents[dim.window->reduction]; ++i)
        if (outside(dim, start, height, i).any())
          return true;
  return false;
}

std::pair<Value, Value> PaddedReads::insideOf(const Padding::Dim &dim, ArrayRef<Value> loops, Value extent) {
  const Window &window = *dim.window;
  Value zero = index(0), first = index(constantOffset(dim));
  for (OpFoldResult offset : dim.offsets)
    if (!getConstantIntValue(offset))
      first = b.create<arith::AddIOp>(first, cast<Value>(offset));
  if (window.parallel)
    first = b.create<arith::AddIOp>(first, b.create<arith::MulIOp>(loops[*window.parallel], index(window.stride)));
  auto steps = [&](Value distance) -> Value { // to get as far, at least none
    Value positive = b.create<arith::MaxSIOp>(distance, zero);
    if (window.dilation == 1)
      return positive;
    return b.create<arith::DivUIOp>(b.create<arith::AddIOp>(positive, index(window.dilation - 1)),
                                    index(window.dilation));
  };
  Value from = steps(b.create<arith::SubIOp>(zero, first));
  Value to = steps(b.create<arith::SubIOp>(index(dim.size), first));
  return {from, b.create<arith::MinSIOp>(to, extent)};
}
