#include "codegen/cpu/CollapseLoops.h"
#include "codegen/cpu/FastMath.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/TileEmitter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUTRANSPOSES
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
// An elementwise op that stores along v and reads some inputs along u.
struct TransposePlan {
  linalg::GenericOp op;
  unsigned u = 0, v = 0, lanes = 0;
  SmallVector<bool> turned; // of each operand
};
} // namespace

static Step::Kind kindOf(linalg::GenericOp op, OpOperand &operand, unsigned loop) {
  return stepOf(op.getMatchingIndexingMap(&operand), operand.get().getType(), loop).kind;
}

// Vectors as long as both extents allow; 0 where they are too short for any.
static unsigned lanesFor(int64_t one, int64_t other, unsigned most) {
  for (unsigned lanes = most; lanes >= 4; lanes /= 2)
    if ((ShapedType::isDynamic(one) || one >= lanes) && (ShapedType::isDynamic(other) || other >= lanes))
      return lanes;
  return 0;
}

// Lanes of the widest element; more than 16 rows of vectors would not stay in registers.
static unsigned mostLanes(linalg::GenericOp op, int64_t vectorBytes) {
  unsigned widest = 8;
  for (Type type : op->getOperandTypes())
    if (isa<MemRefType>(type))
      widest = std::max(widest, getElementTypeOrSelf(type).getIntOrFloatBitWidth());
  return std::min<int64_t>(16, vectorBytes * 8 / widest);
}

static std::optional<TransposePlan> planTranspose(linalg::GenericOp op, int64_t vectorBytes) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 || op.getNumLoops() != op.getNumParallelLoops() ||
      op.hasIndexSemantics() || !canEmitBody(op))
    return {};
  OpOperand *out = op.getDpsInitOperand(0);
  if (!op.getMatchingIndexingMap(out).isPermutation())
    return {};
  TransposePlan plan{op, 0, 0, 0, {}};
  std::optional<unsigned> u, v;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (kindOf(op, *out, loop) == Step::contiguous)
      v = loop;
  if (!v)
    return {};
  for (OpOperand &operand : op->getOpOperands()) {
    plan.turned.push_back(false);
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      continue;
    if (!type.getElementType().isIntOrFloat() || type.getElementTypeBitWidth() % 8)
      return {};
    const Step::Kind kind = kindOf(op, operand, *v);
    if (kind == Step::contiguous || kind == Step::invariant)
      continue;
    if (!op.getMatchingIndexingMap(&operand).isProjectedPermutation())
      return {};
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (kindOf(op, operand, loop) == Step::contiguous && (!u || *u == loop)) {
        u = loop;
        plan.turned.back() = true;
      }
    if (!plan.turned.back())
      return {};
  }
  if (!u)
    return {};
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  plan.u = *u, plan.v = *v;
  plan.lanes = lanesFor(extents[*u], extents[*v], mostLanes(op, vectorBytes));
  if (!plan.lanes)
    return {};
  return plan;
}

namespace {
class TransposeWriter {
public:
  TransposeWriter(const TransposePlan &plan, ImplicitLocOpBuilder &builder) : plan(plan), b(builder), op(plan.op) {}

  void write() {
    zero = index(0), one = index(1);
    SmallVector<Value> sizes;
    for (Range range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, b.getLoc()))
      sizes.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), range.size));
    loops.assign(sizes.size(), zero);
    OpBuilder::InsertionGuard guard(b);
    for (unsigned loop = 0; loop < sizes.size(); ++loop)
      if (loop != plan.u && loop != plan.v)
        enter(loop, zero, sizes[loop], one);
    Value lanes = index(plan.lanes);
    Value wholeU = whole(sizes[plan.u]), wholeV = whole(sizes[plan.v]);
    block(zero, wholeU, zero, wholeV, lanes, [&] { vectors(); });
    // What is left is peeled, not masked: 500x17 with masked rows and lanes took 50 us, one element at a time 0.7 (Zen 5).
    block(zero, sizes[plan.u], wholeV, sizes[plan.v], one, [&] { scalar(); });
    block(wholeU, sizes[plan.u], zero, wholeV, one, [&] { scalar(); });
  }

private:
  Value index(int64_t value) { return b.create<arith::ConstantIndexOp>(value); }

  Value whole(Value size) {
    if (std::optional<int64_t> known = getConstantIntValue(size))
      return index(*known / plan.lanes * plan.lanes);
    return b.create<arith::SubIOp>(size, b.create<arith::RemUIOp>(size, index(plan.lanes)));
  }

  void enter(unsigned loop, Value from, Value to, Value step) {
    auto made = b.create<scf::ForOp>(from, to, step);
    b.setInsertionPointToStart(made.getBody());
    loops[loop] = made.getInductionVar();
  }

  void block(Value fromU, Value toU, Value fromV, Value toV, Value step, function_ref<void()> body) {
    std::optional<int64_t> bounds[] = {getConstantIntValue(fromU), getConstantIntValue(toU), getConstantIntValue(fromV),
                                       getConstantIntValue(toV)};
    if ((bounds[0] && bounds[0] == bounds[1]) || (bounds[2] && bounds[2] == bounds[3]))
      return;
    OpBuilder::InsertionGuard guard(b);
    enter(plan.u, fromU, toU, step);
    enter(plan.v, fromV, toV, step);
    body();
  }

  void scalar() {
    TileEmitter emitter(b, {1, 1, 1});
    emit(emitter, {loops, plan.u, plan.v, {}}, [&](OpOperand &operand, const TilePosition &position) {
      return emitter.load(operand.get(), op.getMatchingIndexingMap(&operand), position);
    });
  }

  void vectors() {
    TileEmitter emitter(b, {plan.lanes, 1, plan.lanes}), turner(b, {plan.lanes, 1, plan.lanes});
    emit(emitter, {loops, plan.u, plan.v, {}}, [&](OpOperand &operand, const TilePosition &position) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      if (!plan.turned[operand.getOperandNumber()])
        return emitter.load(operand.get(), map, position);
      return transpose(turner.load(operand.get(), map, {loops, plan.v, plan.u, {}}));
    });
  }

  template <typename Load> void emit(TileEmitter &emitter, const TilePosition &position, Load load) {
    SmallVector<TileEmitter::Tile> arguments;
    for (OpOperand &operand : op->getOpOperands()) {
      Value memory = operand.get();
      if (!isa<MemRefType>(memory.getType()))
        arguments.push_back(emitter.splat(memory));
      else if (op.payloadUsesValueFromOperand(&operand))
        arguments.push_back(load(operand, position));
      else // never read
        arguments.push_back(emitter.splat(
            b.create<arith::ConstantOp>(b.getZeroAttr(cast<MemRefType>(memory.getType()).getElementType()))));
    }
    OpOperand *out = op.getDpsInitOperand(0);
    emitter.store(emitter.body(op, arguments)[0], out->get(), op.getMatchingIndexingMap(out), position);
  }

  // Halves of the rows interleave; after log2(rows) rounds rows are columns.
  TileEmitter::Tile transpose(TileEmitter::Tile rows) {
    const int64_t count = plan.lanes;
    // 16-bit floats have no registers of their own: LLVM would shuffle them one by one.
    auto type = cast<VectorType>(rows[0].getType());
    const bool asBits = isa<FloatType>(type.getElementType()) && type.getElementTypeBitWidth() < 32;
    if (asBits)
      bitcast(rows, type.clone(b.getIntegerType(type.getElementTypeBitWidth())));
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < count / 2; ++i) {
      low.append({i, count + i});
      high.append({count / 2 + i, count + count / 2 + i});
    }
    for (int64_t round = 1; round < count; round *= 2) {
      TileEmitter::Tile next;
      for (int64_t i = 0; i < count / 2; ++i) {
        next.push_back(b.create<vector::ShuffleOp>(rows[i], rows[i + count / 2], low));
        next.push_back(b.create<vector::ShuffleOp>(rows[i], rows[i + count / 2], high));
      }
      rows = std::move(next);
    }
    if (asBits)
      bitcast(rows, type);
    return rows;
  }

  void bitcast(TileEmitter::Tile &rows, VectorType type) {
    for (Value &row : rows)
      row = b.create<vector::BitCastOp>(type, row);
  }

  const TransposePlan &plan;
  ImplicitLocOpBuilder &b;
  linalg::GenericOp op;
  SmallVector<Value> loops;
  Value zero, one;
};

struct CpuTransposes : halcyon::impl::CpuTransposesBase<CpuTransposes> {
  using CpuTransposesBase::CpuTransposesBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) { ops.push_back(op); });
    for (linalg::GenericOp op : ops) {
      if (op.hasPureBufferSemantics())
        dropUnitDims(op, rewriter);
      if (!planTranspose(op, vectorBytes))
        continue;
      linalg::GenericOp collapsed = collapseLoops(op, rewriter);
      std::optional<TransposePlan> plan = planTranspose(collapsed, vectorBytes);
      if (!plan)
        continue;
      allowContraction(collapsed);
      rewriter.setInsertionPoint(collapsed);
      ImplicitLocOpBuilder builder(collapsed.getLoc(), rewriter);
      TransposeWriter(*plan, builder).write();
      rewriter.eraseOp(collapsed);
      getOperation()->setAttr("halcyon.specialised", rewriter.getUnitAttr());
    }
  }
};
} // namespace
