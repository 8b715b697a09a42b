#include "codegen/cpu/BlockWriter.h"
#include "codegen/cpu/MatrixSteps.h"
#include "codegen/cpu/PaddedReads.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace halcyon;

// Rows of one workgroup, and of all, for the next panels to be read ahead: fewer have four panels' streams, which the processor
// reads ahead itself; of more the first workgroup alone finds them in no cache.
static constexpr int64_t fewestAhead = 8, mostAhead = 512;
static constexpr int64_t deepReduction = 64; // iterations: long enough for what is asked for at its begin to arrive
static constexpr int64_t lineBits = 512; // of the cache
static constexpr int64_t streamAhead = 32, streamedBytes = 1 << 20; // lines; of weights that no L2 holds
static constexpr unsigned aheadLocality = 3; // into L1: T1 and T2 lose up to 3 % for panels that fit it

namespace {
class BlockWriter {
public:
  BlockWriter(const RegisterPlan &plan, const Fusion &fusion, const std::optional<Padding> &padding,
              Registers registers, ImplicitLocOpBuilder &builder)
      : plan(plan), fusion(fusion), padding(padding), registers(registers), b(builder) {}

  void write() {
    op = plan.op;
    extents = op.getStaticLoopRanges();
    for (Range range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, b.getLoc()))
      sizes.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), range.size));
    zero = index(0), one = index(1);
    loops.assign(op.getNumLoops(), zero);
    if (padding)
      padded.emplace(*padding, op, plan.u, b);
    if (padded && padded->rowsAreUnknown())
      innerRows = padded->innerRows();
    orderLoops();
    if (std::optional<unsigned> panels = plan.inPlacePanel()) {
      readAhead(*panels);
      if (streamsPanels(*panels))
        streamed = panels;
    }
    matrices = planMatrixSteps(plan, registers.byteMatrices, registers.pairMatrices);
    if (matrices && padded && (padding->operand != matrices->left || padded->windowOn(matrices->depth) || innerRows))
      matrices.reset();
    nest(0);
  }

private:
  Value index(int64_t value) { return b.create<arith::ConstantIndexOp>(value); }

  // Calls `body` inside a loop; not a loop where it has one iteration.
  template <typename Body> void loop(Value from, Value to, unsigned step, int64_t iterations, Body body) {
    if (iterations == 0)
      return;
    if (iterations == 1)
      return body(from);
    auto made = b.create<scf::ForOp>(from, to, index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    body(made.getInductionVar());
  }

  bool moves(unsigned loop, unsigned with) const {
    auto generic = linalg::GenericOp(plan.op);
    return llvm::any_of(generic.getDpsInputOperands(), [&](OpOperand *in) {
      AffineMap map = generic.getMatchingIndexingMap(in);
      return map.isFunctionOfDim(loop) && map.isFunctionOfDim(with);
    });
  }

  // Outermost first. What a block's rows read (weights of a convolution) is used again by loops inside of u; a panel
  // by loops inside of v.
  void orderLoops() {
    std::optional<unsigned> shared = plan.inPlacePanel();
    if (!shared && (shared = packed = plan.panelOperand(registers.rows)))
      allocatePanel();
    SmallVector<unsigned> inside;
    for (unsigned which : plan.outer) {
      const bool fixed = shared ? op.getIndexingMapsArray()[*shared].isFunctionOfDim(which)
                                : !plan.u || moves(*plan.u, which);
      (fixed ? order : inside).push_back(which);
    }
    if (shared && plan.u && plan.columnsCollide()) {
      order.append(inside);
      order.push_back(*plan.u);
      order.push_back(plan.v);
      return;
    }
    if (shared) {
      order.push_back(plan.v);
      order.append(inside);
      if (plan.u)
        order.push_back(*plan.u);
      return;
    }
    if (plan.u)
      order.push_back(*plan.u);
    order.append(inside);
    order.push_back(plan.v);
  }

  static Value wholeMemory(Value memory) {
    while (auto view = memory.getDefiningOp<ViewLikeOpInterface>())
      memory = view.getViewSource();
    return memory;
  }

  static MemRefType wholeOf(Value memory) { return cast<MemRefType>(wholeMemory(memory).getType()); }

  static int64_t bytesInAll(Value memory) {
    MemRefType type = wholeOf(memory);
    return type.hasStaticShape() ? type.getNumElements() * type.getElementTypeBitWidth() / 8 : 0;
  }

  // Of all workgroups; 0 where that is not known.
  int64_t rowsInAll() const {
    auto type = wholeOf(plan.output());
    return type.hasStaticShape() && type.getRank() ? type.getNumElements() / std::max<int64_t>(1, type.getShape().back()) : 0;
  }

  // Panels are read once by many rows, from memory that no cache holds: while one block of columns is computed, its
  // rows ask for the next one, each for a part with each step of the reduction.
  void readAhead(unsigned operand) {
    Value memory = op.getDpsInputs()[operand];
    AffineMap map = op.getIndexingMapsArray()[operand];
    const Panel panel = *panelOf(map);
    SmallVector<int64_t> strides;
    int64_t offset, depth = 1, rows = 1;
    for (unsigned which : plan.reductions)
      depth *= extents[which];
    ArrayRef<unsigned> inside = ArrayRef(order).drop_front(llvm::find(order, plan.v) - order.begin() + 1);
    for (unsigned which : inside)
      rows = ShapedType::isDynamic(rows) || ShapedType::isDynamic(extents[which]) ? ShapedType::kDynamic : rows * extents[which];
    auto type = cast<MemRefType>(memory.getType());
    if (llvm::any_of(plan.reductions, [&](unsigned which) { return ShapedType::isDynamic(extents[which]); }) || registers.columns != 2 ||
        failed(getStridesAndOffset(type, strides, offset)) || strides[panel.result] != depth * panel.width ||
        (!ShapedType::isDynamic(rows) && rows < fewestAhead) || rowsInAll() > mostAhead)
      return;
    Value all = one;
    for (unsigned which : inside)
      all = b.create<arith::MulIOp>(all, sizes[which]);
    auto share = [&](int64_t elements) -> Value {
      if (!ShapedType::isDynamic(rows))
        return index(llvm::divideCeil(elements, rows));
      return b.create<arith::CeilDivUIOp>(index(elements), b.create<arith::MaxUIOp>(all, one));
    };
    const int64_t columns = registers.columns * registers.lanes, step = registers.rows * columns;
    const int64_t bits = type.getElementTypeBitWidth(), lines = ShapedType::isDynamic(rows) ? 2 : llvm::divideCeil(llvm::divideCeil(step, rows) * bits, lineBits);
    ahead = Ahead{memory, map, llvm::to_vector(inside), share(depth * columns), share(step), lines, lineBits / bits};
  }

  // A few rows read panels once and in order, side by side, but wait for each line at every sum: they ask for each panel's
  // line some way ahead. One or two rows do not: processors see that far.
  bool streamsPanels(unsigned operand) {
    Value memory = op.getDpsInputs()[operand];
    const unsigned bits = getElementTypeOrSelf(memory).getIntOrFloatBitWidth();
    return registers.columns == 4 && panelOf(op.getIndexingMapsArray()[operand])->width * bits == lineBits &&
           bytesInAll(memory) > streamedBytes;
  }

  void askStreams() {
    Value memory = op.getDpsInputs()[*streamed];
    AffineMap map = op.getIndexingMapsArray()[*streamed];
    const Panel panel = *panelOf(map);
    SmallVector<Value> at(map.getNumResults(), zero);
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        at[i] = loops[dim.getPosition()];
    Value first = b.create<arith::DivUIOp>(loops[plan.v], index(panel.width));
    at.back() = index(streamAhead * panel.width);
    for (int64_t next = 0; next * panel.width < shape.columns * shape.lanes; ++next) {
      at[panel.result] = b.create<arith::AddIOp>(first, index(next));
      b.create<memref::PrefetchOp>(memory, at, /*isWrite=*/false, aheadLocality, /*isDataCache=*/true);
    }
  }

  void askAhead() {
    const Panel panel = *panelOf(ahead->map);
    Value next = b.create<arith::DivUIOp>(
        b.create<arith::AddIOp>(loops[plan.v], index(registers.columns * registers.lanes)), index(panel.width));
    SmallVector<Value> at(ahead->map.getNumResults(), zero);
    for (auto [i, expr] : llvm::enumerate(ahead->map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && !llvm::is_contained(plan.reductions, dim.getPosition()))
        at[i] = loops[dim.getPosition()];
    at[panel.result] = next;
    auto position = [&](ArrayRef<unsigned> nested) {
      Value nestedAt = zero;
      for (unsigned which : nested)
        nestedAt = b.create<arith::AddIOp>(b.create<arith::MulIOp>(nestedAt, sizes[which]), loops[which]);
      return nestedAt;
    };
    Value first = b.create<arith::AddIOp>(b.create<arith::MulIOp>(position(ahead->rows), ahead->eachRow),
                                          b.create<arith::MulIOp>(position(plan.reductions), ahead->eachStep));
    for (int64_t line = 0; line < ahead->lines; ++line) {
      at.back() = b.create<arith::AddIOp>(first, index(line * ahead->lineElements));
      b.create<memref::PrefetchOp>(ahead->memory, at, /*isWrite=*/false, aheadLocality, /*isDataCache=*/true);
    }
  }

  void nest(unsigned at) {
    if (at == order.size())
      return block();
    const unsigned which = order[at];
    if (which == plan.v)
      return columns([&] { nest(at + 1); });
    if (plan.u && which == *plan.u)
      return rows([&] { nest(at + 1); });
    loop(zero, sizes[which], 1, extents[which], [&](Value position) {
      loops[which] = position;
      nest(at + 1);
    });
  }

  // The reduction loops of the packed operand, then the columns of one block.
  void allocatePanel() {
    SmallVector<int64_t> shape;
    SmallVector<AffineExpr> exprs;
    for (unsigned which : plan.reductions) {
      if (!op.getIndexingMapsArray()[*packed].isFunctionOfDim(which))
        continue;
      shape.push_back(extents[which]);
      exprs.push_back(b.getAffineDimExpr(which));
    }
    shape.push_back(registers.columns * registers.lanes);
    exprs.push_back(b.getAffineDimExpr(plan.v));
    Type element = cast<MemRefType>(op.getDpsInputs()[*packed].getType()).getElementType();
    panel = b.create<memref::AllocOp>(MemRefType::get(shape, element));
    panelMap = AffineMap::get(op.getNumLoops(), 0, exprs, b.getContext());
  }

  TilePosition panelPosition() {
    TilePosition position{loops, plan.u, plan.v, {}};
    position.loops[plan.v] = zero;
    return position;
  }

  void fillPanel() {
    OpBuilder::InsertionGuard guard(b);
    SmallVector<Value> saved = loops;
    for (AffineExpr expr : panelMap.getResults().drop_back()) {
      const unsigned which = cast<AffineDimExpr>(expr).getPosition();
      auto made = b.create<scf::ForOp>(zero, sizes[which], one);
      b.setInsertionPointToStart(made.getBody());
      loops[which] = made.getInductionVar();
    }
    TileEmitter emitter(b, {1, shape.columns, shape.lanes});
    TilePosition position{loops, plan.u, plan.v, lanesLeft};
    emitter.store(emitter.load(op.getDpsInputs()[*packed], op.getIndexingMapsArray()[*packed], position), panel,
                  panelMap, panelPosition());
    loops = saved;
  }

  // Whole blocks, then single vectors, then what is left of a vector.
  void columns(function_ref<void()> body) {
    inColumn = body;
    const int64_t extent = extents[plan.v];
    const unsigned lanes = registers.lanes;
    unsigned wide = registers.columns;
    if (!ShapedType::isDynamic(extent) && extent <= lanes)
      wide = 1;
    Value from = zero;
    SmallVector<unsigned> counts = {wide, 1};
    if (wide == 4 && plan.u) // of few rows
      counts.insert(counts.begin() + 1, 2);
    for (unsigned count : counts) {
      // Of an unknown extent, the partial vectors' loop does single ones too.
      if (count == 1 && wide > 1 && ShapedType::isDynamic(extent) && registers.masks)
        break;
      from = wholeColumns(from, count * lanes, count);
      if (count == 1)
        break;
      // Two vectors share their rows' scalars, even where the second is partial.
      const int64_t left = ShapedType::isDynamic(extent) ? 0 : extent % (count * lanes);
      if (registers.masks && count == 2 && left > lanes && left % lanes)
        return columnLoop(from, sizes[plan.v], count * lanes, 1, {count, lanes, true});
    }
    const int64_t left = ShapedType::isDynamic(extent) ? ShapedType::kDynamic : extent % lanes;
    if (left == 0)
      return;
    if (registers.masks)
      columnLoop(from, sizes[plan.v], lanes, ShapedType::isDynamic(left) ? left : 1, {1, lanes, true});
    else
      columnLoop(from, sizes[plan.v], 1, left, {1, 1, false});
  }

  struct ColumnShape {
    unsigned columns, lanes;
    bool partial;
  };

  Value wholeColumns(Value from, unsigned size, unsigned count) {
    const int64_t extent = extents[plan.v];
    if (ShapedType::isDynamic(extent)) {
      Value left = b.create<arith::SubIOp>(sizes[plan.v], from);
      Value whole = b.create<arith::DivUIOp>(left, index(size));
      Value to = b.create<arith::AddIOp>(from, b.create<arith::MulIOp>(whole, index(size)));
      columnLoop(from, to, size, ShapedType::kDynamic, {count, registers.lanes, false});
      return to;
    }
    const int64_t start = *getConstantIntValue(from);
    const int64_t blocks = (extent - start) / size;
    Value to = index(start + blocks * size);
    columnLoop(from, to, size, blocks, {count, registers.lanes, false});
    return to;
  }

  void columnLoop(Value from, Value to, unsigned step, int64_t iterations, ColumnShape made) {
    loop(from, to, step, iterations, [&](Value position) {
      loops[plan.v] = position;
      shape.columns = made.columns, shape.lanes = made.lanes;
      lanesLeft = made.partial ? b.create<arith::SubIOp>(sizes[plan.v], position).getResult() : Value();
      if (packed)
        fillPanel();
      inColumn();
    });
  }

  // Blocks of nearly equal height where the extent is known, else whole blocks and one of what is left.
  void rows(function_ref<void()> body) {
    inRow = body;
    unsigned most = registers.rows;
    const int64_t width = extents[plan.v];
    if (!ShapedType::isDynamic(width) && width <= registers.lanes)
      most = registers.rows * 3 / 2; // one column only
    const int64_t extent = extents[*plan.u];
    if (innerRows)
      return rowsOverBorders(most);
    if (!ShapedType::isDynamic(extent)) {
      const int64_t blocks = std::max<int64_t>(1, (extent + most - 1) / most);
      const int64_t height = extent / blocks, taller = extent % blocks;
      equalRows(0, height + 1, taller);
      equalRows(taller * (height + 1), height, blocks - taller);
      return;
    }
    Value from = zero;
    const bool isExact = tailsAreExact();
    if (isExact && most % 2 == 0 && repeats())
      return overlappingRows(most);
    for (unsigned height = most; height > 0; height = height == most ? llvm::PowerOf2Ceil(most) / 2 : height / 2) {
      Value whole = b.create<arith::DivUIOp>(b.create<arith::SubIOp>(sizes[*plan.u], from), index(height));
      Value to = b.create<arith::AddIOp>(from, b.create<arith::MulIOp>(whole, index(height)));
      rowLoop(from, to, height, ShapedType::kDynamic);
      from = to;
      if (isExact)
        return lastRows(from, most);
    }
  }

  // Which blocks reach over a border, only the call knows: each whole one is written twice. Of what they leave, all do.
  void rowsOverBorders(unsigned most) {
    auto overBorder = [&](function_ref<void()> body) {
      mayReachOutside = true;
      body();
      mayReachOutside = false;
    };
    Value from = zero;
    for (unsigned height = most; height > 0; height = height == most ? llvm::PowerOf2Ceil(most) / 2 : height / 2) {
      Value whole = b.create<arith::DivUIOp>(b.create<arith::SubIOp>(sizes[*plan.u], from), index(height));
      Value to = b.create<arith::AddIOp>(from, b.create<arith::MulIOp>(whole, index(height)));
      if (height < most) {
        overBorder([&] { rowLoop(from, to, height, ShapedType::kDynamic); });
        from = to;
        continue;
      }
      auto made = b.create<scf::ForOp>(from, to, index(height));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(made.getBody());
      Value start = loops[*plan.u] = made.getInductionVar(), end = b.create<arith::AddIOp>(start, index(height));
      shape.rows = height;
      Value isInner = b.create<arith::AndIOp>(b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, start, innerRows->first),
                                              b.create<arith::CmpIOp>(arith::CmpIPredicate::sle, end, innerRows->second));
      auto branch = b.create<scf::IfOp>(isInner, /*withElseRegion=*/true);
      inRegion(branch.getThenRegion(), inRow);
      inRegion(branch.getElseRegion(), [&] { overBorder(inRow); });
      from = to;
    }
  }

  // Halves of blocks would read the columns once each, and have too few sums to hide how long an addition takes. Unrolled
  // windows would be too much code.
  bool tailsAreExact() const {
    return !padded && plan.inPlacePanel() && !plan.reductions.empty() && !unrolls(plan.reductions.size() - 1);
  }

  // `body` in a region of its own.
  void inRegion(Region &region, function_ref<void()> body) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(region.empty() ? &region.emplaceBlock() : &region.front());
    if (region.front().empty())
      b.create<scf::YieldOp>();
    b.setInsertionPoint(region.front().getTerminator());
    body();
  }

  // A body for each height below `most`.
  void lastRows(Value from, unsigned most) {
    SmallVector<int64_t> heights = llvm::to_vector(llvm::seq<int64_t>(1, most));
    auto made = b.create<scf::IndexSwitchOp>(TypeRange(), b.create<arith::SubIOp>(sizes[*plan.u], from), heights, heights.size());
    inRegion(made.getDefaultRegion(), [] {});
    for (auto [height, region] : llvm::zip(heights, made.getCaseRegions()))
      inRegion(region, [&] { rowLoop(from, sizes[*plan.u], height, 1); });
  }

  // What whole blocks leave is one block more where that is half of one or more: it begins before, and computes rows again.
  // So fewer heights need a body.
  void overlappingRows(unsigned most) {
    Value extent = sizes[*plan.u], height = index(most), half = index(most / 2);
    Value whole = b.create<arith::DivUIOp>(extent, height), start = b.create<arith::MulIOp>(whole, height);
    Value left = b.create<arith::SubIOp>(extent, start);
    Value isMore = b.create<arith::AndIOp>(b.create<arith::CmpIOp>(arith::CmpIPredicate::uge, left, half),
                                           b.create<arith::CmpIOp>(arith::CmpIPredicate::ne, whole, zero));
    Value to = b.create<arith::SelectOp>(isMore, extent, start), last = b.create<arith::SubIOp>(extent, height);
    loop(zero, to, most, ShapedType::kDynamic, [&](Value position) {
      loops[*plan.u] = b.create<arith::MinSIOp>(position, last);
      shape.rows = most;
      inRow();
    });
    auto branch = b.create<scf::IfOp>(isMore, /*withElseRegion=*/true);
    inRegion(branch.getElseRegion(), [&] {
      Value from = b.create<arith::AddIOp>(start, b.create<arith::MulIOp>(b.create<arith::DivUIOp>(left, half), half));
      rowLoop(start, from, most / 2, ShapedType::kDynamic);
      lastRows(from, most / 2);
    });
  }

  // Whether a block can be computed twice: it reads nothing that it writes but what it has in registers.
  bool repeats() const {
    if (!fusion.first)
      return false;
    SmallVector<Value> written{wholeMemory(plan.output())}, held{plan.output()};
    for (const FusedOp &fused : fusion.after)
      for (Value init : linalg::LinalgOp(fused.op).getDpsInits())
        written.push_back(wholeMemory(init));
    auto isOld = [&](Value memory) {
      return isa<MemRefType>(memory.getType()) && llvm::is_contained(written, wholeMemory(memory)) && !llvm::is_contained(held, memory);
    };
    if (llvm::any_of(linalg::GenericOp(plan.op).getDpsInputs(), isOld) || llvm::any_of(linalg::LinalgOp(fusion.first->op).getDpsInputs(), isOld) ||
        linalg::LinalgOp(fusion.first->op).payloadUsesValueFromOperand(linalg::LinalgOp(fusion.first->op).getDpsInitOperand(0)))
      return false;
    for (const FusedOp &fused : fusion.after) {
      linalg::LinalgOp after = fused.op;
      if (llvm::any_of(after.getDpsInputs(), isOld) || llvm::any_of(after.getDpsInitsMutable(), [&](OpOperand &init) {
            return after.payloadUsesValueFromOperand(&init) && isOld(init.get());
          }))
        return false;
      llvm::append_range(held, after.getDpsInits());
    }
    return true;
  }

  // Blocks over the border are written apart.
  void equalRows(int64_t from, unsigned height, int64_t blocks) {
    int64_t inner = 0; // blocks to do in a loop
    auto flush = [&](int64_t upTo) {
      rowLoop(index(upTo - inner * height), index(upTo), height, inner);
      inner = 0;
    };
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t start = from + i * height;
      if (!padded || !padded->crossesBorder(start, height)) {
        ++inner;
        continue;
      }
      flush(start);
      border = start;
      rowLoop(index(start), index(start + height), height, 1);
      border.reset();
    }
    flush(from + blocks * height);
  }

  void rowLoop(Value from, Value to, unsigned height, int64_t iterations) {
    loop(from, to, height, iterations, [&](Value position) {
      loops[*plan.u] = position;
      shape.rows = height;
      inRow();
    });
  }

  TilePosition positionOf(const FusedOp &fused) {
    TilePosition position;
    for (auto [i, which] : llvm::enumerate(fused.loops)) {
      position.loops.push_back(loops[which]);
      if (plan.u && which == *plan.u)
        position.u = i;
      if (which == plan.v)
        position.v = i;
    }
    position.lanesLeft = lanesLeft;
    return position;
  }

  // The new values of the op's destinations; `held`: what the block has of each memory.
  SmallVector<TileEmitter::Tile> applyAll(TileEmitter &emitter, const FusedOp &fused, const TilePosition &position,
                          const DenseMap<Value, TileEmitter::Tile> &held) {
    linalg::LinalgOp fusedOp = fused.op;
    SmallVector<TileEmitter::Tile> arguments;
    for (OpOperand &operand : fusedOp->getOpOperands()) {
      Value memory = operand.get();
      if (auto tile = held.find(memory); tile != held.end())
        arguments.push_back(tile->second);
      else if (padding && fusedOp == op && operand.getOperandNumber() == padding->operand) {
        if (mayReachOutside) {
          arguments.push_back(padded->load(shape, position));
          continue;
        }
        TilePosition inSource = position;
        llvm::append_range(inSource.loops, padded->offsets());
        arguments.push_back(emitter.load(padding->source, padded->map(), inSource));
      }
      else if (packed && fusedOp == op && operand.getOperandNumber() == *packed)
        arguments.push_back(emitter.load(panel, panelMap, panelPosition()));
      else if (!isa<MemRefType>(memory.getType()))
        arguments.push_back(emitter.splat(memory));
      else if (fusedOp.payloadUsesValueFromOperand(&operand))
        arguments.push_back(emitter.load(memory, fusedOp.getMatchingIndexingMap(&operand), position));
      else // never read
        arguments.push_back(emitter.splat(
            b.create<arith::ConstantOp>(b.getZeroAttr(cast<MemRefType>(memory.getType()).getElementType()))));
    }
    return emitter.body(fusedOp, arguments);
  }

  TileEmitter::Tile apply(TileEmitter &emitter, const FusedOp &fused, const TilePosition &position,
                          const DenseMap<Value, TileEmitter::Tile> &held) {
    return applyAll(emitter, fused, position, held)[0];
  }

  // An elementwise op may only overwrite it.
  bool readsOutput() {
    return op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
           llvm::is_contained(op.getDpsInputs(), plan.output());
  }

  // Scratch memory that nobody but the block's own operations reads: sums of another type than the result.
  bool staysInRegisters(Value memory) const {
    auto isOwn = [&](Operation *user) {
      return user == linalg::GenericOp(op).getOperation() || isa<memref::DeallocOp>(user) ||
             (fusion.first && user == linalg::LinalgOp(fusion.first->op)) ||
             llvm::any_of(fusion.after, [&](const FusedOp &fused) { return user == linalg::LinalgOp(fused.op); });
    };
    return memory.getDefiningOp<memref::AllocOp>() && llvm::all_of(memory.getUsers(), isOwn);
  }

  void block() {
    TileEmitter emitter(b, shape);
    FusedOp self{op, llvm::to_vector(llvm::seq<unsigned>(0, op.getNumLoops()))};
    TilePosition position = positionOf(self);
    if (op.getNumDpsInits() > 1) { // elementwise
      for (auto [tile, memory] : llvm::zip(applyAll(emitter, self, position, DenseMap<Value, TileEmitter::Tile>()), op.getDpsInits()))
        emitter.store(tile, memory, plan.outputMap(), position);
      return;
    }
    askForEpilogue(emitter);
    TileEmitter::Tile sums;
    if (fusion.first)
      sums = apply(emitter, *fusion.first, positionOf(*fusion.first), DenseMap<Value, TileEmitter::Tile>());
    else if (readsOutput())
      sums = emitter.load(plan.output(), plan.outputMap(), position);
    else
      sums = emitter.splat(b.create<arith::ConstantOp>(
          b.getZeroAttr(cast<MemRefType>(plan.output().getType()).getElementType())));
    const bool byMatrices = usesMatrices();
    if (byMatrices)
      sums = MatrixEmitter(b, *matrices, shape).matricesOf(sums);
    sums = mayReachOutside ? reduceIfAny(self, sums) : reduce(self, 0, sums, {});
    if (byMatrices)
      sums = MatrixEmitter(b, *matrices, shape).rowsOf(sums);

    DenseMap<Value, TileEmitter::Tile> held;
    held[plan.output()] = sums;
    for (const FusedOp &fused : fusion.after)
      held[linalg::LinalgOp(fused.op).getDpsInits()[0]] = apply(emitter, fused, positionOf(fused), held);
    SmallVector<Value> stored;
    for (const FusedOp &fused : llvm::reverse(fusion.after)) {
      linalg::LinalgOp fusedOp = fused.op;
      Value memory = fusedOp.getDpsInits()[0];
      if (llvm::is_contained(stored, memory))
        continue;
      stored.push_back(memory);
      if (staysInRegisters(memory))
        continue;
      emitter.store(held[memory], memory, fusedOp.getMatchingIndexingMap(fusedOp.getDpsInitOperand(0)),
                    positionOf(fused));
    }
    if (!llvm::is_contained(stored, plan.output()) && !staysInRegisters(plan.output()))
      emitter.store(held[plan.output()], plan.output(), plan.outputMap(), position);
  }

  // A source without positions along the rows has nothing to read, and no address to ask for it.
  TileEmitter::Tile reduceIfAny(const FusedOp &self, const TileEmitter::Tile &sums) {
    auto branch = b.create<scf::IfOp>(TypeRange(ValueRange(sums)), padded->hasPositions(), /*addThenBlock=*/true, /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    b.create<scf::YieldOp>(sums);
    b.setInsertionPointToStart(branch.thenBlock());
    b.create<scf::YieldOp>(reduce(self, 0, sums, {}));
    return TileEmitter::Tile(branch.getResults());
  }

  // What only the ops after the reduction read, each element once: the block would wait for it at its end.
  void askForEpilogue(TileEmitter &emitter) {
    int64_t depth = 1;
    for (unsigned which : plan.reductions)
      depth *= ShapedType::isDynamic(extents[which]) ? deepReduction : extents[which];
    if (depth < deepReduction || !plan.u)
      return;
    for (const FusedOp &fused : fusion.after) {
      linalg::LinalgOp fusedOp = fused.op;
      TilePosition position = positionOf(fused);
      for (OpOperand *in : fusedOp.getDpsInputOperands()) {
        AffineMap map = fusedOp.getMatchingIndexingMap(in);
        Value memory = in->get();
        const bool isMade = memory == plan.output() || llvm::any_of(fusion.after, [&](const FusedOp &other) {
          return linalg::LinalgOp(other.op).getDpsInits()[0] == memory;
        });
        if (!isMade && isa<MemRefType>(memory.getType()) && position.u && map.isFunctionOfDim(*position.u) &&
            stepOf(map, memory.getType(), position.v).kind == Step::contiguous)
          emitter.prefetch(memory, map, position);
      }
    }
  }

  // Whether all positions of these reductions are computed for all rows.
  bool unrolls(unsigned at) const {
    int64_t iterations = 1;
    for (unsigned which : ArrayRef(plan.reductions).drop_front(at)) {
      const Padding::Dim *dim = padded ? padded->windowOn(which) : nullptr;
      if (ShapedType::isDynamic(extents[which]) || (dim && (!padded->alongRows(*dim) || border)))
        return false;
      iterations *= extents[which];
      if (iterations > unrollLimit)
        return false;
    }
    return true;
  }

  // `skipped`: rows that have nothing here.
  TileEmitter::Tile reduce(const FusedOp &self, unsigned at, TileEmitter::Tile sums, const llvm::SmallBitVector &skipped) {
    if (at == plan.reductions.size())
      return accumulate(self, sums, skipped);
    const unsigned which = plan.reductions[at];
    const Padding::Dim *dim = padded ? padded->windowOn(which) : nullptr;
    if (border && dim && padded->alongRows(*dim)) {
      for (int64_t i = 0; i < extents[which]; ++i) {
        llvm::SmallBitVector rows = padded->outside(*dim, *border, shape.rows, i);
        loops[which] = index(i);
        if (!rows.all())
          sums = reduce(self, at + 1, sums, rows);
      }
      return sums;
    }
    const int64_t step = usesMatrices() && which == matrices->depth ? 2 : 1;
    auto reduceAt = [&](Value position, int64_t left, TileEmitter::Tile from) {
      loops[which] = position;
      if (step == 2)
        words = std::min(left, step);
      return reduce(self, at + 1, from, skipped);
    };
    if (unrolls(at)) {
      for (int64_t i = 0; i < extents[which]; i += step)
        sums = reduceAt(index(i), extents[which] - i, sums);
      return sums;
    }
    auto [from, to] = dim && !padded->alongRows(*dim) ? padded->insideOf(*dim, loops, sizes[which])
                                                      : std::pair(zero, sizes[which]);
    const int64_t odd = step == 2 ? extents[which] % 2 : 0;
    auto made = b.create<scf::ForOp>(from, odd ? index(extents[which] - odd) : to, index(step), sums);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(made.getBody());
      b.create<scf::YieldOp>(reduceAt(made.getInductionVar(), step, TileEmitter::Tile(made.getRegionIterArgs())));
    }
    sums = TileEmitter::Tile(made.getResults());
    return odd ? reduceAt(index(extents[which] - odd), odd, sums) : sums;
  }

  bool usesMatrices() const { return matrices && shape.lanes == 4 && shape.rows > 1; }

  TileEmitter::Tile multiplyMatrices(const FusedOp &self, const TileEmitter::Tile &sums, const llvm::SmallBitVector &skipped) {
    const TilePosition position = positionOf(self);
    LeftRows left{op.getDpsInputs()[matrices->left], op.getIndexingMapsArray()[matrices->left], position};
    if (padded) {
      left.memory = padding->source, left.map = padded->map();
      llvm::append_range(left.position.loops, padded->offsets());
    }
    left.position.v = matrices->depth;
    return MatrixEmitter(b, *matrices, shape)
        .add(sums, left, position, op.getDpsInputs()[matrices->right], op.getIndexingMapsArray()[matrices->right], words, skipped);
  }

  void askForNext() {
    if (ahead && shape.columns == registers.columns)
      askAhead();
    if (streamed && shape.columns == registers.columns && shape.rows > 2)
      askStreams();
  }

  TileEmitter::Tile accumulate(const FusedOp &self, const TileEmitter::Tile &sums, const llvm::SmallBitVector &skipped) {
    askForNext();
    if (usesMatrices()) {
      if (words == 2) {
        Value first = loops[matrices->depth];
        loops[matrices->depth] = b.create<arith::AddIOp>(first, one);
        askForNext();
        loops[matrices->depth] = first;
      }
      return multiplyMatrices(self, sums, skipped);
    }
    TileEmitter emitter(b, shape);
    emitter.skipRows(skipped);
    DenseMap<Value, TileEmitter::Tile> held;
    held[plan.output()] = sums;
    TileEmitter::Tile next = apply(emitter, self, positionOf(self), held);
    for (auto [value, old] : llvm::zip(next, sums))
      if (!value)
        value = old;
    return next;
  }

  const RegisterPlan &plan;
  const Fusion &fusion;
  const std::optional<Padding> &padding;
  Registers registers;
  ImplicitLocOpBuilder &b;
  linalg::GenericOp op;
  SmallVector<int64_t> extents;
  SmallVector<Value> sizes, loops; // of each loop: its extent, its position now
  SmallVector<unsigned> order;
  Value zero, one;
  // The block now.
  TileShape shape;
  Value lanesLeft;
  std::function<void()> inColumn, inRow;
  std::optional<PaddedReads> padded;
  std::optional<int64_t> border; // the first row of a block that reaches outside
  std::optional<std::pair<Value, Value>> innerRows; // from the first to behind the last that does not, where only the call knows
  bool mayReachOutside = false;                     // the block now does, for all that is known
  // A copy of an operand's columns, adjacent in memory.
  std::optional<unsigned> packed;
  Value panel;
  AffineMap panelMap;
  struct Ahead {
    Value memory;
    AffineMap map;
    SmallVector<unsigned> rows; // the loops that read the same columns
    Value eachRow, eachStep;    // elements that a row asks for, and a step of a block
    int64_t lines, lineElements; // of the cache, in a step
  };
  std::optional<Ahead> ahead;
  std::optional<unsigned> streamed; // the operand whose panels a few rows ask for
  std::optional<MatrixSteps> matrices;
  unsigned words = 2; // of the depth, in a step
};
} // namespace

void halcyon::writeBlocks(const RegisterPlan &plan, const Fusion &fusion, const std::optional<Padding> &padding,
                          Registers registers, ImplicitLocOpBuilder &builder) {
  BlockWriter(plan, fusion, padding, registers, builder).write();
}
