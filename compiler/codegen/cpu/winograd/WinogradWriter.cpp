#include "codegen/cpu/winograd/WinogradWriter.h"
#include "codegen/cpu/PaddedReads.h"
#include "codegen/cpu/winograd/WinogradTransforms.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace halcyon;

static constexpr int64_t unboundedExtent = 32;         // stands for one of which nothing is known
static constexpr int64_t filterInCache = 512 << 10; // bytes: larger ones are fetched ahead

namespace {
class WinogradWriter {
public:
  WinogradWriter(const RegisterPlan &plan, const WinogradLoops &dims, const Fusion &fusion,
                 const std::optional<Padding> &padding, Registers registers, ImplicitLocOpBuilder &builder)
      : plan(plan), dims(dims), fusion(fusion), registers(registers), b(builder), op(plan.op) {
    zero = index(0), one = index(1);
    tile = winogradOf(op).getTile(), side = tile + 2;
    extents = op.getStaticLoopRanges();
    for (Range range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, b.getLoc()))
      sizes.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), range.size));
    loops.assign(op.getNumLoops(), zero);
    input = op.getInputs()[0], inputMap = op.getIndexingMapsArray()[0];
    if (padding) {
      PaddedReads reads(*padding, op, std::nullopt, b);
      input = padding->source, inputMap = reads.map();
      llvm::append_range(offsets, reads.offsets());
    }
    isPadded = padding.has_value();
    fetchesAhead = side * side * extents[dims.in] * cast<MemRefType>(op.getInputs()[1].getType()).getDimSize(1) * 64 >
                   filterInCache;
  }

  void write() {
    const int64_t channels = llvm::alignTo(extents[dims.in], 16);
    const int64_t out = extents[dims.out];
    columns = registers.columns * registers.lanes;
    if (ShapedType::isDynamic(out))
      columns = std::min<int64_t>(columns, 16);
    for (unsigned i = 0; i < 2; ++i) {
      Value extent = dims.positions[i] ? sizes[*dims.positions[i]] : one;
      counts[i] = getValueOrCreateConstantIndexOp(b, b.getLoc(), affine::makeComposedFoldedAffineApply(
          b, b.getLoc(), b.getAffineDimExpr(0).ceilDiv(tile), {OpFoldResult(extent)}));
    }
    Value tiles = b.create<arith::MulIOp>(counts[0], counts[1]);
    block = winogradBlock(mostTiles(), tile, extents[dims.in], ShapedType::isDynamic(out) ? 64 : out, columns);
    // Positions lie an odd number of cache lines apart: they are written together.
    const int64_t lines = channels / 16 | 1;
    inputs = b.create<memref::AllocOp>(MemRefType::get({side * side, block | 1, lines * 16}, b.getF32Type()));
    sums = b.create<memref::AllocOp>(MemRefType::get({side * side, block | 1, columns}, b.getF32Type()));
    auto over = [&](Value to, int64_t step, auto body) { loop(zero, to, step, body); };
    std::function<void(unsigned)> nest = [&](unsigned at) {
      while (at < plan.outer.size() && isPosition(plan.outer[at]))
        ++at;
      if (at < plan.outer.size())
        return over(sizes[plan.outer[at]], 1, [&](Value position) {
          loops[plan.outer[at]] = position;
          nest(at + 1);
        });
      over(tiles, block, [&](Value first) {
        firstTile = first;
        Value left = b.create<arith::SubIOp>(tiles, first);
        tilesNow = b.create<arith::MinSIOp>(left, index(block));
        over(tilesNow, 1, [&](Value each) { readTile(each); });
        writeColumns();
      });
    };
    nest(0);
  }

private:
  Value index(int64_t value) { return b.create<arith::ConstantIndexOp>(value); }
  bool isPosition(unsigned loop) const { return dims.positions[0] == loop || dims.positions[1] == loop; }

  // A position where the loop has only one.
  template <typename Body> void loop(Value from, Value to, int64_t step, Body body) {
    std::optional<int64_t> first = getConstantIntValue(from), last = getConstantIntValue(to);
    if (first && last && *last <= *first)
      return;
    if (first && last && *last <= *first + step)
      return body(from);
    auto made = b.create<scf::ForOp>(from, to, index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    body(made.getInductionVar());
  }

  // Tiles of the largest result that there can be.
  int64_t mostTiles() {
    int64_t product = 1;
    for (const std::optional<unsigned> &loop : dims.positions) {
      int64_t extent = loop ? extents[*loop] : 1;
      if (ShapedType::isDynamic(extent)) // of a workgroup whose part may be the last
        extent = ValueBoundsConstraintSet::computeConstantBound(presburger::BoundType::UB, {sizes[*loop], std::nullopt},
                                                                /*stopCondition=*/nullptr, /*closedUB=*/true)
                     .value_or(unboundedExtent);
      product *= (extent + tile - 1) / tile;
    }
    return std::max<int64_t>(1, product);
  }

  // Vectors of channels from 0 on, then what is left of one: masked, or one by one.
  template <typename Body> void channels(Value count, Body body) {
    const int64_t lanes = registers.lanes;
    std::optional<int64_t> known = getConstantIntValue(count);
    Value whole = known ? index(*known / lanes * lanes)
                        : b.create<arith::SubIOp>(count, b.create<arith::RemUIOp>(count, index(lanes))).getResult();
    vector = lanes;
    loop(zero, whole, lanes, [&](Value at) { body(at, Value()); });
    if (known && *known % lanes == 0)
      return;
    if (!registers.masks) {
      vector = 1;
      loop(whole, count, 1, [&](Value at) { body(at, Value()); });
      return;
    }
    loop(whole, count, lanes, [&](Value at) { body(at, b.create<arith::SubIOp>(count, at)); });
  }

  Type vectorType() const {
    return vector == 1 ? Type(b.getF32Type()) : VectorType::get({vector}, b.getF32Type());
  }

  Value load(Value memory, ArrayRef<Value> at) {
    if (vector == 1)
      return b.create<memref::LoadOp>(memory, at);
    return b.create<vector::LoadOp>(cast<VectorType>(vectorType()), memory, at);
  }

  void store(Value value, Value memory, ArrayRef<Value> at) {
    if (vector == 1)
      b.create<memref::StoreOp>(value, memory, at);
    else
      b.create<vector::StoreOp>(value, memory, at);
  }

  // Where the result's tile number `each` of this block begins.
  void place(Value each) {
    Value number = b.create<arith::AddIOp>(firstTile, each);
    Value at[2] = {b.create<arith::DivUIOp>(number, counts[1]), b.create<arith::RemUIOp>(number, counts[1])};
    for (unsigned i = 0; i < 2; ++i) {
      origin[i] = b.create<arith::MulIOp>(at[i], index(tile));
      if (dims.positions[i])
        loops[*dims.positions[i]] = origin[i];
    }
  }

  // Whether the first `count` positions from `first` on are between 0 and `limit`.
  Value allInside(Value first, int64_t count, Value limit) {
    Value end = b.create<arith::AddIOp>(first, index(count));
    Value above = b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, first, zero);
    Value below = b.create<arith::CmpIOp>(arith::CmpIPredicate::sle, end, limit);
    return b.create<arith::AndIOp>(above, below);
  }

  bool dividesEvenly() const {
    return llvm::all_of(dims.positions, [&](std::optional<unsigned> loop) {
      return loop && !ShapedType::isDynamic(extents[*loop]) && extents[*loop] % tile == 0;
    });
  }

  // One tile of the input, transformed.
  void readTile(Value each) {
    place(each);
    for (unsigned kernel : dims.kernel)
      loops[kernel] = zero;
    if (!isPadded && dividesEvenly())
      return readChannels(each, {});
    SmallVector<Value> inside[2];
    Value all, outside[2];
    SmallVector<Value> position = loops;
    llvm::append_range(position, offsets);
    for (unsigned i = 0; i < 2; ++i) {
      for (auto [axis, expr] : llvm::enumerate(inputMap.getResults())) {
        if (!expr.isFunctionOfDim(dims.kernel[i]))
          continue;
        Value first = affine::expandAffineExpr(b, b.getLoc(), expr, position, {});
        outside[i] = b.create<arith::SubIOp>(zero, first);
        Value limit = b.createOrFold<memref::DimOp>(input, axis);
        Value whole = allInside(first, side, limit);
        all = all ? b.create<arith::AndIOp>(all, whole).getResult() : whole;
        for (int64_t k = 0; k < side; ++k)
          inside[i].push_back(b.create<arith::CmpIOp>(arith::CmpIPredicate::ult,
                                                      b.create<arith::AddIOp>(first, index(k)), limit));
      }
    }
    SmallVector<TileInput> inputs;
    for (auto [y, row] : llvm::enumerate(inside[0]))
      for (auto [x, column] : llvm::enumerate(inside[1])) {
        TileInput each{b.create<arith::AndIOp>(row, column), {index(y), index(x)}};
        for (unsigned i = 0; i < 2; ++i)
          each.kernel[i] = b.create<arith::SelectOp>(each.allowed, each.kernel[i], outside[i]);
        inputs.push_back(each);
      }
    auto branch = b.create<scf::IfOp>(all, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    readChannels(each, {});
    b.setInsertionPointToStart(branch.elseBlock());
    readChannels(each, inputs);
  }

  // One of a tile's inputs, where it may be outside. Then the kernel's position leads to the first row and column: a masked
  // load of memory that is not mapped takes hundreds of cycles, though it reads nothing (8x8, 64 channels, at the
  // beginning of its pages: 17.6 us before, 9.4 after).
  struct TileInput {
    Value allowed, kernel[2];
  };

  // `allowed`: of each position; none: all are inside.
  void readChannels(Value each, ArrayRef<TileInput> allowed) {
    channels(sizes[dims.in], [&](Value channel, Value left) {
      WinogradGrid grid(side);
      loops[dims.in] = channel;
      for (int64_t y = 0; y < side; ++y)
        for (int64_t x = 0; x < side; ++x)
          grid[y].push_back(readInput(allowed.empty() ? TileInput{{}, {index(y), index(x)}} : allowed[y * side + x], left));
      grid = transformInputs(b, std::move(grid));
      for (int64_t y = 0; y < side; ++y)
        for (int64_t x = 0; x < side; ++x)
          store(grid[y][x], inputs, {index(y * side + x), each, channel});
    });
  }

  Value readInput(const TileInput &at, Value left) {
    TilePosition position{loops, {}, dims.in, left};
    Value allowed = at.allowed;
    position.loops[dims.kernel[0]] = at.kernel[0], position.loops[dims.kernel[1]] = at.kernel[1];
    llvm::append_range(position.loops, offsets);
    TileEmitter emitter(b, {1, 1, vector});
    if (!allowed)
      return emitter.load(input, inputMap, position)[0];
    if (registers.masks && vector > 1) {
      position.lanesLeft = b.create<arith::SelectOp>(allowed, left ? left : index(vector), zero);
      return emitter.load(input, inputMap, position)[0];
    }
    auto branch = b.create<scf::IfOp>(vectorType(), allowed, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    b.create<scf::YieldOp>(emitter.load(input, inputMap, position)[0]);
    b.setInsertionPointToStart(branch.elseBlock());
    b.create<scf::YieldOp>(b.create<arith::ConstantOp>(b.getZeroAttr(vectorType())).getResult());
    return branch.getResult(0);
  }

  // All channels of the result for the block's tiles: a register block's columns at a time.
  void writeColumns() {
    const int64_t out = extents[dims.out];
    Value end = sizes[dims.out];
    if (ShapedType::isDynamic(out)) {
      loop(zero, end, columns, [&](Value first) {
        Value left = b.create<arith::SubIOp>(end, first);
        writeBlock(first, columns / registers.lanes, b.create<arith::MinSIOp>(left, index(columns)));
      });
      return;
    }
    const int64_t whole = out / columns * columns;
    loop(zero, index(whole), columns,
         [&](Value first) { writeBlock(first, columns / registers.lanes, index(columns)); });
    if (whole != out)
      writeBlock(index(whole), llvm::divideCeil(out - whole, registers.lanes), index(out - whole));
  }

  void writeBlock(Value first, int64_t vectors, Value count) {
    loop(zero, index(side * side), 1, [&](Value which) {
      const int64_t blocks = (block + registers.rows - 1) / registers.rows;
      const int64_t height = block / blocks, taller = block % blocks * (height + 1);
      Value middle = b.create<arith::MinSIOp>(tilesNow, index(taller));
      loop(zero, middle, height + 1, [&](Value row) { multiply(which, row, height + 1, first, vectors); });
      loop(index(taller), tilesNow, height, [&](Value row) { multiply(which, row, height, first, vectors); });
    });
    loop(zero, tilesNow, 1, [&](Value each) { writeTile(each, first, count); });
  }

  // The filter's memory at one of its positions, one channel of the input, `column` of the result.
  SmallVector<Value> filterAt(Value which, Value channel, Value first, int64_t column) {
    AffineMap map = op.getIndexingMapsArray()[1];
    SmallVector<Value> at;
    Value position = b.create<arith::AddIOp>(first, index(column));
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      if (axis == 0)
        at.push_back(which);
      else if (axis + 1 == map.getNumResults())
        at.push_back(b.create<arith::RemUIOp>(position, index(16)));
      else if (expr.isFunctionOfDim(dims.out))
        at.push_back(b.create<arith::DivUIOp>(position, index(16)));
      else
        at.push_back(channel);
    }
    return at;
  }

  // sums[which] = inputs[which] * filter[which] for `height` tiles.
  void multiply(Value which, Value row, int64_t height, Value first, int64_t vectors) {
    const unsigned lanes = registers.lanes;
    auto type = VectorType::get({lanes}, b.getF32Type());
    SmallVector<Value> rows, start(height * vectors, b.create<arith::ConstantOp>(b.getZeroAttr(type)));
    for (int64_t i = 0; i < height; ++i)
      rows.push_back(b.create<arith::AddIOp>(row, index(i)));
    Value following = b.create<arith::AddIOp>(which, one);
    auto made = b.create<scf::ForOp>(zero, sizes[dims.in], one, start);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(made.getBody());
      Value channel = made.getInductionVar();
      SmallVector<Value> weights, next;
      if (fetchesAhead)
        for (int64_t column = 0; column < vectors * lanes; column += 16)
          b.create<memref::PrefetchOp>(op.getInputs()[1], filterAt(following, channel, first, column), /*isWrite=*/false,
                                       /*localityHint=*/2, /*isDataCache=*/true);
      for (int64_t column = 0; column < vectors; ++column)
        weights.push_back(b.create<vector::LoadOp>(type, op.getInputs()[1],
                                                   filterAt(which, channel, first, column * lanes)));
      for (int64_t i = 0; i < height; ++i) {
        Value scalar = b.create<memref::LoadOp>(inputs, ValueRange{which, rows[i], channel});
        Value spread = b.create<vector::BroadcastOp>(type, scalar);
        for (int64_t column = 0; column < vectors; ++column)
          next.push_back(multiplyAdd(b, spread, weights[column], made.getRegionIterArg(i * vectors + column)));
      }
      b.create<scf::YieldOp>(next);
    }
    for (int64_t i = 0; i < height; ++i)
      for (int64_t column = 0; column < vectors; ++column)
        b.create<vector::StoreOp>(made.getResult(i * vectors + column), sums,
                                  ValueRange{which, rows[i], index(column * lanes)});
  }

  // One tile of the result, `count` channels from `first` on.
  void writeTile(Value each, Value first, Value count) {
    place(each);
    if (dividesEvenly())
      return writeChannels(each, first, count, {});
    SmallVector<Value> allowed;
    Value all;
    for (unsigned i = 0; i < 2; ++i) {
      Value limit = dims.positions[i] ? sizes[*dims.positions[i]] : one;
      Value whole = allInside(origin[i], tile, limit);
      all = all ? b.create<arith::AndIOp>(all, whole).getResult() : whole;
    }
    for (int64_t y = 0; y < tile; ++y)
      for (int64_t x = 0; x < tile; ++x) {
        Value inside[2];
        for (unsigned i = 0; i < 2; ++i)
          inside[i] = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt,
                                              b.create<arith::AddIOp>(origin[i], index(i == 0 ? y : x)),
                                              dims.positions[i] ? sizes[*dims.positions[i]] : one);
        allowed.push_back(b.create<arith::AndIOp>(inside[0], inside[1]));
      }
    auto branch = b.create<scf::IfOp>(all, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    writeChannels(each, first, count, {});
    b.setInsertionPointToStart(branch.elseBlock());
    writeChannels(each, first, count, allowed);
  }

  void writeChannels(Value each, Value first, Value count, ArrayRef<Value> allowed) {
    channels(count, [&](Value channel, Value left) {
      WinogradGrid grid(side);
      for (int64_t y = 0; y < side; ++y)
        for (int64_t x = 0; x < side; ++x)
          grid[y].push_back(load(sums, {index(y * side + x), each, channel}));
      grid = transformSums(b, std::move(grid));
      loops[dims.out] = b.create<arith::AddIOp>(first, channel);
      lanesLeft = left;
      for (int64_t y = 0; y < tile; ++y)
        for (int64_t x = 0; x < tile; ++x) {
          if (allowed.empty()) {
            finish(y, x, grid[y][x]);
            continue;
          }
          auto branch = b.create<scf::IfOp>(allowed[y * tile + x]);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          finish(y, x, grid[y][x]);
        }
    });
  }

  TilePosition positionOf(const FusedOp &fused) {
    TilePosition position;
    for (auto [i, which] : llvm::enumerate(fused.loops)) {
      position.loops.push_back(loops[which]);
      if (which == plan.v)
        position.v = i;
    }
    position.lanesLeft = lanesLeft;
    return position;
  }

  // The new values of the op's destination; `held`: what the tile has of each memory.
  TileEmitter::Tile apply(TileEmitter &emitter, const FusedOp &fused, const DenseMap<Value, TileEmitter::Tile> &held) {
    linalg::LinalgOp fusedOp = fused.op;
    SmallVector<TileEmitter::Tile> arguments;
    for (OpOperand &operand : fusedOp->getOpOperands()) {
      Value memory = operand.get();
      if (auto known = held.find(memory); known != held.end())
        arguments.push_back(known->second);
      else if (!isa<MemRefType>(memory.getType()))
        arguments.push_back(emitter.splat(memory));
      else if (fusedOp.payloadUsesValueFromOperand(&operand))
        arguments.push_back(emitter.load(memory, fusedOp.getMatchingIndexingMap(&operand), positionOf(fused)));
      else // never read
        arguments.push_back(emitter.splat(
            b.create<arith::ConstantOp>(b.getZeroAttr(cast<MemRefType>(memory.getType()).getElementType()))));
    }
    return emitter.body(fusedOp, arguments)[0];
  }

  // The tile's result at (y, x): added to what the sums begin with, then what is fused behind.
  void finish(int64_t y, int64_t x, Value product) {
    const SmallVector<Value> saved = loops;
    for (unsigned i = 0; i < 2; ++i)
      if (dims.positions[i])
        loops[*dims.positions[i]] = b.create<arith::AddIOp>(origin[i], index(i == 0 ? y : x));
    TileEmitter emitter(b, {1, 1, vector});
    FusedOp self{op, llvm::to_vector(llvm::seq<unsigned>(0, op.getNumLoops()))};
    TileEmitter::Tile begin = fusion.first ? apply(emitter, *fusion.first, DenseMap<Value, TileEmitter::Tile>())
                                           : emitter.load(plan.output(), plan.outputMap(), positionOf(self));
    DenseMap<Value, TileEmitter::Tile> held;
    held[plan.output()] = {b.create<arith::AddFOp>(begin[0], product, arith::FastMathFlags::contract).getResult()};
    for (const FusedOp &fused : fusion.after)
      held[linalg::LinalgOp(fused.op).getDpsInits()[0]] = apply(emitter, fused, held);
    SmallVector<Value> stored;
    for (const FusedOp &fused : llvm::reverse(fusion.after)) {
      linalg::LinalgOp fusedOp = fused.op;
      Value memory = fusedOp.getDpsInits()[0];
      if (llvm::is_contained(stored, memory))
        continue;
      stored.push_back(memory);
      emitter.store(held[memory], memory, fusedOp.getMatchingIndexingMap(fusedOp.getDpsInitOperand(0)), positionOf(fused));
    }
    if (!llvm::is_contained(stored, plan.output()))
      emitter.store(held[plan.output()], plan.output(), plan.outputMap(), positionOf(self));
    loops = saved;
  }

  const RegisterPlan &plan;
  const WinogradLoops &dims;
  const Fusion &fusion;
  Registers registers;
  ImplicitLocOpBuilder &b;
  linalg::GenericOp op;
  Value zero, one;
  int64_t tile = 0, side = 0, columns = 0, block = 0;
  SmallVector<int64_t> extents;
  SmallVector<Value> sizes, loops; // of each loop: its extent, its position now
  Value input;                     // or the source of its padding
  AffineMap inputMap;              // on the loops, then `offsets`
  SmallVector<Value> offsets;
  bool isPadded = false, fetchesAhead = false;
  Value counts[2];                 // tiles down and across
  Value inputs, sums;              // scratch: [positions][tiles][channels], [positions][tiles][columns]
  // Now.
  Value firstTile, tilesNow, origin[2], lanesLeft;
  unsigned vector = 1; // lanes
};
} // namespace

void halcyon::writeWinograd(const RegisterPlan &plan, const WinogradLoops &loops, const Fusion &fusion,
                            const std::optional<Padding> &padding, Registers registers, ImplicitLocOpBuilder &builder) {
  WinogradWriter(plan, loops, fusion, padding, registers, builder).write();
}
