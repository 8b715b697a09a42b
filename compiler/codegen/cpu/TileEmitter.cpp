#include "codegen/cpu/TileEmitter.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace halcyon;

Step halcyon::stepOf(AffineMap map, Type memory, unsigned loop) {
  Step step;
  if (std::optional<Panel> panel = panelOf(map); panel && panel->loop == loop)
    return {Step::panel, panel->result, 1, 1};
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    if (step.kind != Step::invariant)
      return {Step::irregular};
    AffineExpr dim = getAffineDimExpr(loop, map.getContext());
    AffineExpr difference = simplifyAffineExpr(expr.replace(dim, dim + 1) - expr, map.getNumDims(), 0);
    auto constant = dyn_cast<AffineConstantExpr>(difference);
    SmallVector<int64_t> strides;
    int64_t offset;
    if (!constant || failed(getStridesAndOffset(cast<MemRefType>(memory), strides, offset)))
      return {Step::irregular};
    step = {Step::strided, static_cast<unsigned>(i), constant.getValue()};
    if (!ShapedType::isDynamic(strides[i]))
      step.elements = strides[i] * constant.getValue();
    if (step.elements == 1)
      step.kind = Step::contiguous;
  }
  return step;
}

bool halcyon::canEmitBody(linalg::LinalgOp op) {
  for (Operation &inner : op.getBlock()->without_terminator()) {
    // Lanes beyond the end are computed, too: they must not trap.
    if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
            arith::FloorDivSIOp>(inner))
      return false;
    if (!inner.hasTrait<OpTrait::ConstantLike>() && !OpTrait::hasElementwiseMappableTraits(&inner))
      return false;
    if (inner.getNumResults() != 1 || inner.getNumRegions() || !inner.getResult(0).getType().isIntOrFloat())
      return false;
  }
  return true;
}

Type TileEmitter::vectorOf(Type element) const {
  return shape.lanes == 1 ? element : VectorType::get({shape.lanes}, element);
}

Value TileEmitter::index(int64_t value) { return b.create<arith::ConstantIndexOp>(value); }

Value TileEmitter::vector(Value scalar) {
  if (shape.lanes == 1 || isa<VectorType>(scalar.getType()))
    return scalar;
  return b.create<vector::BroadcastOp>(vectorOf(scalar.getType()), scalar);
}

Value TileEmitter::lanesOf(const TilePosition &position, unsigned column) {
  if (!position.lanesLeft || column + 1 < shape.columns)
    return {};
  if (column == 0)
    return position.lanesLeft;
  return b.create<arith::SubIOp>(position.lanesLeft, index(column * shape.lanes));
}

Value TileEmitter::mask(Value lanes) {
  return b.create<vector::CreateMaskOp>(VectorType::get({shape.lanes}, b.getI1Type()), lanes);
}

SmallVector<Value> TileEmitter::indices(AffineMap map, const TilePosition &position, unsigned row, unsigned column) {
  SmallVector<Value> loops = position.loops;
  if (position.u && row)
    loops[*position.u] = b.create<arith::AddIOp>(loops[*position.u], index(row));
  if (column)
    loops[position.v] = b.create<arith::AddIOp>(loops[position.v], index(column * shape.lanes));
  std::optional<Panel> panel = panelOf(map);
  if (panel && panel->loop != position.v)
    panel.reset();
  SmallVector<Value> result;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    const bool special = panel && (i == panel->result || i + 1 == map.getNumResults());
    result.push_back(special ? Value() : affine::expandAffineExpr(b, b.getLoc(), expr, loops, {}));
  }
  if (panel)
    panelIndices(*panel, position, column, result);
  return result;
}

// Blocks begin at a multiple of their width: columns of one block differ by constants, which fold into addresses.
void TileEmitter::panelIndices(const Panel &panel, const TilePosition &position, unsigned column,
                               SmallVectorImpl<Value> &at) {
  const int64_t block = shape.columns * shape.lanes, offset = column * shape.lanes, width = panel.width;
  Value v = position.loops[position.v], divisor = index(width);
  at[panel.result] = b.create<arith::DivUIOp>(v, divisor);
  if (block % width == 0) {
    at[panel.result] = b.create<arith::AddIOp>(at[panel.result], index(offset / width));
    at.back() = index(offset % width);
    return;
  }
  at.back() = b.create<arith::AddIOp>(b.create<arith::RemUIOp>(v, divisor), index(offset));
}

Value TileEmitter::loadOne(Value memory, AffineMap map, const TilePosition &position, unsigned row, unsigned column,
                           const Step &step) {
  SmallVector<Value> at = indices(map, position, row, column);
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  if (shape.lanes == 1)
    return b.create<memref::LoadOp>(memory, at);
  auto type = cast<VectorType>(vectorOf(element));
  if (step.kind == Step::invariant)
    return vector(b.create<memref::LoadOp>(memory, at));
  Value lanes = lanesOf(position, column);
  if (step.kind == Step::contiguous || step.kind == Step::panel) {
    if (!lanes || step.kind == Step::panel)
      return b.create<vector::LoadOp>(type, memory, at);
    Value zero = b.create<arith::ConstantOp>(b.getZeroAttr(type));
    return b.create<vector::MaskedLoadOp>(type, memory, at, mask(lanes), zero);
  }
  if (step.elements == 2)
    return loadEven(memory, at, type, lanes);
  // A gather's offsets count elements from the address of `at`.
  auto metadata = b.create<memref::ExtractStridedMetadataOp>(memory);
  Value stride = getValueOrCreateConstantIndexOp(b, b.getLoc(), metadata.getConstifiedMixedStrides()[step.result]);
  stride = b.create<arith::MulIOp>(stride, index(step.coefficient));
  SmallVector<int64_t> numbers(shape.lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto offsetType = VectorType::get({shape.lanes}, b.getIndexType());
  Value lane = b.create<arith::ConstantOp>(DenseElementsAttr::get(
      offsetType, ArrayRef<Attribute>(llvm::map_to_vector(numbers, [&](int64_t i) -> Attribute { return b.getIndexAttr(i); }))));
  Value offsets = b.create<arith::MulIOp>(lane, b.create<vector::BroadcastOp>(offsetType, stride));
  auto maskType = VectorType::get({shape.lanes}, b.getI1Type());
  Value which = lanes ? mask(lanes)
                      : b.create<arith::ConstantOp>(DenseElementsAttr::get(maskType, true)).getResult();
  Value zero = b.create<arith::ConstantOp>(b.getZeroAttr(type));
  return b.create<vector::GatherOp>(type, memory, at, offsets, which, zero);
}

// Every second element from `at`, `left` of them or all: two loads, the second of which ends at the last that is needed.
Value TileEmitter::loadEven(Value memory, ArrayRef<Value> at, VectorType type, Value left) {
  const int64_t lanes = shape.lanes;
  SmallVector<Value> second(at);
  second.back() = b.create<arith::AddIOp>(second.back(), index(lanes - 1));
  auto part = [&](ArrayRef<Value> from, int64_t skipped) -> Value {
    if (!left)
      return b.create<vector::LoadOp>(type, memory, from);
    Value needed = b.create<arith::MulIOp>(left, index(2));
    needed = b.create<arith::SubIOp>(needed, index(1 + skipped));
    return b.create<vector::MaskedLoadOp>(type, memory, from, mask(needed),
                                          b.create<arith::ConstantOp>(b.getZeroAttr(type)));
  };
  SmallVector<int64_t> even;
  for (int64_t i = 0; i < lanes; ++i)
    even.push_back(2 * i < lanes ? 2 * i : 2 * i + 1);
  return b.create<vector::ShuffleOp>(part(at, 0), part(second, lanes - 1), even);
}

TileEmitter::Tile TileEmitter::load(Value memory, AffineMap map, const TilePosition &position) {
  const Step v = stepOf(map, memory.getType(), position.v);
  const bool rows = position.u && map.isFunctionOfDim(*position.u), columns = v.kind != Step::invariant;
  unsigned first = 0; // row
  while (skips(first))
    ++first;
  Tile tile;
  for (unsigned row = 0; row < shape.rows; ++row)
    for (unsigned column = 0; column < shape.columns; ++column) {
      if (skips(row))
        tile.push_back({});
      else if (column && !columns)
        tile.push_back(tile.back());
      else if (row > first && !rows)
        tile.push_back(tile[first * shape.columns + column]);
      else
        tile.push_back(loadOne(memory, map, position, row, column, v));
    }
  return tile;
}

void TileEmitter::prefetch(Value memory, AffineMap map, const TilePosition &position) {
  for (unsigned row = 0; row < shape.rows; ++row)
    for (unsigned column = 0; column < shape.columns; ++column)
      b.create<memref::PrefetchOp>(memory, indices(map, position, row, column), /*isWrite=*/false, /*localityHint=*/3,
                                   /*isDataCache=*/true);
}

void TileEmitter::store(const Tile &tile, Value memory, AffineMap map, const TilePosition &position) {
  for (unsigned row = 0; row < shape.rows; ++row)
    for (unsigned column = 0; column < shape.columns; ++column) {
      SmallVector<Value> at = indices(map, position, row, column);
      Value value = tile[row * shape.columns + column];
      if (shape.lanes == 1)
        b.create<memref::StoreOp>(value, memory, at);
      else if (Value lanes = lanesOf(position, column))
        b.create<vector::MaskedStoreOp>(memory, at, mask(lanes), value);
      else
        b.create<vector::StoreOp>(value, memory, at);
    }
}

TileEmitter::Tile TileEmitter::splat(Value scalar) { return Tile(shape.rows * shape.columns, vector(scalar)); }

SmallVector<TileEmitter::Tile> TileEmitter::body(linalg::LinalgOp op, ArrayRef<Tile> arguments) {
  Block *block = op.getBlock();
  SmallVector<Tile> results(block->getTerminator()->getNumOperands());
  for (unsigned i = 0; i < shape.rows * shape.columns; ++i) {
    if (skips(i / shape.columns)) {
      for (Tile &tile : results)
        tile.push_back({});
      continue;
    }
    IRMapping map;
    for (auto [argument, tile] : llvm::zip(block->getArguments(), arguments))
      map.map(argument, tile[i]);
    auto value = [&](Value scalar) { return vector(map.lookupOrDefault(scalar)); };
    for (Operation &inner : block->without_terminator()) {
      if (inner.hasTrait<OpTrait::ConstantLike>()) {
        b.clone(inner, map);
        continue;
      }
      OperationState state(inner.getLoc(), inner.getName());
      for (Value operand : inner.getOperands())
        state.addOperands(value(operand));
      state.addTypes(vectorOf(inner.getResult(0).getType()));
      state.addAttributes(inner.getAttrs());
      map.map(inner.getResult(0), b.create(state)->getResult(0));
    }
    for (auto [tile, yielded] : llvm::zip(results, block->getTerminator()->getOperands()))
      tile.push_back(value(yielded));
  }
  return results;
}
