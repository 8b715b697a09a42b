#include "codegen/cpu/CollapseLoops.h"
#include "codegen/cpu/FastMath.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/RowPlan.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUROWBLOCKS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// Several rows at once hide how long it takes to fold a vector, several vectors the latency of an addition. A long
// row does so alone, and more of them would compete for the cache (measured for rows of 128, 768 and more floats).
static constexpr int64_t shortRow = 256, longRow = 1024;

namespace {
class RowWriter {
public:
  RowWriter(const RowPlan &plan, unsigned lanes, bool masks, ImplicitLocOpBuilder &builder)
      : plan(plan), lanes(lanes), masks(masks), b(builder) {}

  void write() {
    auto seed = linalg::GenericOp(plan.ops[plan.seed].op);
    for (Range range : cast<linalg::LinalgOp>(seed.getOperation()).createLoopRanges(b, b.getLoc()))
      sizes.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), range.size));
    zero = index(0), one = index(1);
    chooseShape(seed.getStaticLoopRanges());
    for (unsigned row = 0; row + 1 < plan.rows; ++row) {
      auto made = b.create<scf::ForOp>(zero, sizes[row], one);
      b.setInsertionPointToStart(made.getBody());
      rowLoops.push_back(made.getInductionVar());
    }
    if (plan.rows == 0)
      return passes();
    Value size = sizes[plan.rows - 1];
    if (rowsAtOnce == 1)
      return rows(zero, size);
    // Rows that are left over are done one by one, in the same order: equal rows stay equal.
    Value many = whole(size, rowsAtOnce);
    rows(zero, many);
    rowsAtOnce = 1;
    rows(many, size);
  }

private:
  using Tile = TileEmitter::Tile;
  using Sums = SmallVector<Tile>; // of each reduction of the pass
  using RowValues = DenseMap<Value, Tile>; // of a memory: one value for each row at once

  // An op of a walk, and what was known of its rows when its turn came.
  struct Step {
    const RowOp *op;
    RowValues values;
  };

  void rows(Value from, Value to) {
    if (getConstantIntValue(from) && getConstantIntValue(from) == getConstantIntValue(to))
      return;
    auto made = b.create<scf::ForOp>(from, to, index(rowsAtOnce));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    rowLoops.push_back(made.getInductionVar());
    values.clear();
    passes();
    rowLoops.pop_back();
  }

  // Everything that happens to the rows at once.
  void passes() {
    SmallVector<Step> pass;
    for (const RowOp &op : plan.ops) {
      if (llvm::any_of(pass, [&](const Step &step) { return mustFollow(op, step); }))
        flush(pass);
      if (op.kind == RowOp::row)
        finish(op, apply({rowsAtOnce, 1, 1}, {&op, values}, at(op, zero), DenseMap<Value, Tile>()));
      else
        pass.push_back({&op, values});
    }
    flush(pass);
  }

  void chooseShape(ArrayRef<int64_t> extents) {
    const int64_t columns = extents.back(), rows = plan.rows ? extents[plan.rows - 1] : 1;
    auto fits = [&](int64_t count, int64_t most) {
      const bool enough = ShapedType::isDynamic(rows) || rows % count == 0 || rows >= 4 * count;
      return enough && !ShapedType::isDynamic(columns) && columns <= most;
    };
    rowsAtOnce = plan.rows && fits(4, shortRow) ? 4 : plan.rows && fits(2, longRow) ? 2 : 1;
    vectorsAtOnce = rowsAtOnce > 1 ? 2 : 4;
  }

  // Whether the op needs the walk's result, or writes what the walk still reads.
  static bool mustFollow(const RowOp &op, const Step &step) {
    return llvm::any_of(linalg::GenericOp(op.op)->getOperands(), [&](Value memory) {
      if (step.op->output() == memory && (op.kind == RowOp::row || step.op->kind == RowOp::reduction))
        return true;
      return memory == op.output() && op.kind != RowOp::column && !step.values.contains(memory) &&
             llvm::is_contained(linalg::GenericOp(step.op->op)->getOperands(), memory);
    });
  }

  Value index(int64_t value) { return b.create<arith::ConstantIndexOp>(value); }

  TilePosition at(const RowOp &op, Value column) {
    TilePosition position{rowLoops, {}, 0, {}};
    if (plan.rows)
      position.u = plan.rows - 1;
    if (op.kind != RowOp::row) {
      position.loops.push_back(column);
      position.v = plan.rows;
    }
    return position;
  }

  // `held`: what the walk has of each memory.
  Tile apply(TileShape shape, const Step &step, const TilePosition &position, const DenseMap<Value, Tile> &held) {
    TileEmitter emitter(b, shape);
    auto generic = linalg::GenericOp(step.op->op);
    SmallVector<Tile> arguments;
    for (OpOperand &operand : generic->getOpOperands()) {
      Value memory = operand.get();
      if (auto tile = held.find(memory); tile != held.end())
        arguments.push_back(tile->second);
      else if (auto value = step.values.find(memory); value != step.values.end())
        arguments.push_back(spread(shape, value->second));
      else if (!isa<MemRefType>(memory.getType()))
        arguments.push_back(emitter.splat(memory));
      else if (generic.payloadUsesValueFromOperand(&operand))
        arguments.push_back(emitter.load(memory, generic.getMatchingIndexingMap(&operand), position));
      else // never read
        arguments.push_back(emitter.splat(
            b.create<arith::ConstantOp>(b.getZeroAttr(cast<MemRefType>(memory.getType()).getElementType()))));
    }
    return emitter.body(generic, arguments)[0];
  }

  // Each row's value in all of its vectors.
  Tile spread(TileShape shape, const Tile &rows) {
    Tile tile;
    for (Value row : rows)
      tile.append(TileEmitter(b, {1, shape.columns, shape.lanes}).splat(row));
    return tile;
  }

  // The rows' values of the op.
  void finish(const RowOp &op, const Tile &rows) {
    values[op.output()] = rows;
    auto generic = linalg::GenericOp(op.op);
    if (readOutside(op.output(), {}))
      TileEmitter(b, {rowsAtOnce, 1, 1})
          .store(rows, op.output(), generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)),
                 at({RowOp::row, op.op}, zero));
  }

  // Whether somebody needs the memory itself: other ops than the group's, or than those of `pass`.
  bool readOutside(Value memory, ArrayRef<Step> pass) const {
    auto rows = memory.getDefiningOp<memref::SubViewOp>(); // of wider ones (CpuBufferize)
    Value whole = rows && rows.getSource().hasOneUse() ? rows.getSource() : memory;
    if (!whole.getDefiningOp<memref::AllocOp>())
      return true;
    return llvm::any_of(memory.getUsers(), [&](Operation *user) {
      if (isa<memref::DeallocOp>(user))
        return false;
      if (pass.empty())
        return !plan.contains(user);
      return llvm::none_of(pass, [&](const Step &each) { return each.op->operation() == user; });
    });
  }

  Value combine(const RowOp &op, Value one, Value other) {
    OperationState state(b.getLoc(), op.combiner()->getName());
    state.addOperands({one, other});
    state.addTypes(one.getType());
    state.addAttributes(op.combiner()->getAttrs());
    return b.create(state)->getResult(0);
  }

  // Halves of the vector, until it is one value.
  Value fold(const RowOp &op, Value vector) {
    auto type = dyn_cast<VectorType>(vector.getType());
    if (!type)
      return vector;
    for (int64_t left = type.getNumElements(); left > 1; left /= 2) {
      SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, left / 2)),
                           high = llvm::to_vector(llvm::seq<int64_t>(left / 2, left));
      vector = combine(op, b.create<vector::ShuffleOp>(vector, vector, low),
                       b.create<vector::ShuffleOp>(vector, vector, high));
    }
    return b.create<vector::ExtractOp>(vector, 0);
  }

  Tile neutral(const RowOp &op, TileShape shape) {
    TypedAttr attribute = *arith::getNeutralElement(op.combiner());
    return TileEmitter(b, shape).splat(b.create<arith::ConstantOp>(attribute));
  }

  // Vectors of a row become one.
  Tile join(const RowOp &op, const Tile &sums) {
    Tile joined;
    for (unsigned row = 0; row < rowsAtOnce; ++row) {
      SmallVector<Value> left(ArrayRef<Value>(sums).slice(row * vectorsAtOnce, vectorsAtOnce));
      for (; left.size() > 1; left.resize(left.size() / 2))
        for (unsigned i = 0; i < left.size() / 2; ++i)
          left[i] = combine(op, left[i], left[i + left.size() / 2]);
      joined.push_back(left[0]);
    }
    return joined;
  }

  // One walk along the rows.
  void flush(SmallVectorImpl<Step> &pass) {
    if (pass.empty())
      return;
    SmallVector<Step> reductions;
    for (const Step &step : pass)
      if (step.op->kind == RowOp::reduction)
        reductions.push_back(step);
    auto start = [&](TileShape shape) {
      return llvm::map_to_vector(reductions, [&](const Step &step) { return neutral(*step.op, shape); });
    };
    SmallVector<Tile> totals = llvm::map_to_vector(reductions, [&](const Step &step) {
      auto generic = linalg::GenericOp(step.op->op);
      if (auto value = step.values.find(step.op->output()); value != step.values.end())
        return value->second;
      return TileEmitter(b, {rowsAtOnce, 1, 1})
          .load(step.op->output(), generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)),
                at({RowOp::row, step.op->op}, zero));
    });
    auto total = [&](const Sums &sums) {
      for (auto [i, step] : llvm::enumerate(reductions))
        for (unsigned row = 0; row < rowsAtOnce; ++row)
          totals[i][row] = combine(*step.op, totals[i][row], fold(*step.op, sums[i][row]));
    };

    Value size = sizes[plan.rows], wide = whole(size, lanes * vectorsAtOnce), single = whole(size, lanes);
    TileShape block{rowsAtOnce, vectorsAtOnce, lanes}, vector{rowsAtOnce, 1, lanes};
    Sums sums = walk(pass, block, zero, wide, start(block));
    for (auto [i, step] : llvm::enumerate(reductions))
      sums[i] = join(*step.op, sums[i]);
    sums = walk(pass, vector, wide, single, sums);
    if (masks) {
      total(walk(pass, vector, single, size, sums, /*partial=*/true));
    } else {
      total(sums);
      total(walk(pass, {rowsAtOnce, 1, 1}, single, size, start({rowsAtOnce, 1, 1})));
    }
    for (auto [step, rows] : llvm::zip(reductions, totals))
      finish(*step.op, rows);
    pass.clear();
  }

  Value whole(Value size, int64_t step) {
    if (std::optional<int64_t> known = getConstantIntValue(size))
      return index(*known / step * step);
    return b.create<arith::SubIOp>(size, b.create<arith::RemUIOp>(size, index(step)));
  }

  Sums walk(ArrayRef<Step> pass, TileShape shape, Value from, Value to, Sums sums, bool partial = false) {
    if (getConstantIntValue(from) && getConstantIntValue(from) == getConstantIntValue(to))
      return sums;
    SmallVector<Value> carried;
    for (const Tile &tile : sums)
      llvm::append_range(carried, tile);
    auto loop = b.create<scf::ForOp>(from, to, index(shape.columns * shape.lanes), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value left = partial ? b.create<arith::SubIOp>(to, loop.getInductionVar()).getResult() : Value();
    auto unflatten = [&](ValueRange flat) {
      for (Tile &tile : sums)
        for (Value &value : tile)
          value = flat.front(), flat = flat.drop_front();
    };
    unflatten(loop.getRegionIterArgs());
    advance(pass, shape, loop.getInductionVar(), left, sums);
    carried.clear();
    for (const Tile &tile : sums)
      llvm::append_range(carried, tile);
    if (!carried.empty())
      b.create<scf::YieldOp>(carried);
    unflatten(loop.getResults());
    return sums;
  }

  void advance(ArrayRef<Step> pass, TileShape shape, Value column, Value left, Sums &sums) {
    DenseMap<Value, Tile> held;
    auto sum = sums.begin();
    for (const Step &step : pass) {
      const RowOp &op = *step.op;
      TilePosition position = at(op, column);
      position.lanesLeft = left;
      if (op.kind == RowOp::column) {
        Tile made = apply(shape, step, position, held);
        held[op.output()] = made;
        auto generic = linalg::GenericOp(op.op);
        if (readOutside(op.output(), pass))
          TileEmitter(b, shape).store(made, op.output(),
                                      generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)), position);
        continue;
      }
      DenseMap<Value, Tile> with = held;
      with[op.output()] = *sum;
      Tile next = apply(shape, step, position, with);
      if (left) {
        Value exists = b.create<vector::CreateMaskOp>(VectorType::get({shape.lanes}, b.getI1Type()), left);
        for (auto [value, old] : llvm::zip(next, *sum))
          value = b.create<arith::SelectOp>(exists, value, old);
      }
      *sum++ = next;
    }
  }

  const RowPlan &plan;
  const unsigned lanes;
  const bool masks;
  ImplicitLocOpBuilder &b;
  SmallVector<Value> sizes, rowLoops;
  unsigned rowsAtOnce = 1, vectorsAtOnce = 4;
  RowValues values; // now
  Value zero, one;
};

struct CpuRowBlocks : halcyon::impl::CpuRowBlocksBase<CpuRowBlocks> {
  using CpuRowBlocksBase::CpuRowBlocksBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics())
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops)
      dropUnitDims(op, rewriter);
    llvm::SmallPtrSet<Operation *, 8> erased;
    for (linalg::GenericOp op : ops)
      if (!erased.contains(op))
        claim(op, rewriter, erased);
  }

  void claim(linalg::GenericOp op, IRRewriter &rewriter, llvm::SmallPtrSetImpl<Operation *> &erased) {
    std::optional<RowPlan> plan = planRows(op);
    if (!plan)
      return;
    for (const RowOp &each : plan->ops)
      allowReordering(each.op);
    rewriter.setInsertionPoint(plan->ops.back().op);
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    RowWriter(*plan, vectorBytes / 4, /*masks=*/vectorBytes >= 32, builder).write();
    for (const RowOp &each : llvm::reverse(plan->ops)) {
      erased.insert(each.op);
      rewriter.eraseOp(each.op);
    }
    getOperation()->setAttr("halcyon.specialised", rewriter.getUnitAttr());
  }
};
} // namespace
