#include "codegen/cpu/Padding.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/winograd/WinogradPlan.h"
#include "dialect/nn/Nn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUPADDING
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
// A generic that copies `source` to the inside of its result, and `value` elsewhere.
struct GuardedCopy {
  Value source;
  TypedAttr value;
  // Of each dimension of the source: the result's dimension, none if it is a unit, and where the source begins there.
  SmallVector<std::optional<unsigned>> dims;
  SmallVector<int64_t> low;
  SmallVector<OpFoldResult> inside; // its size, where positions beyond it are outside; null where all are inside
  SmallVector<OpFoldResult> sizes;  // of the result
};

struct Position {
  unsigned dim;
  int64_t low; // subtracted from it
};
} // namespace

// linalg.index, or with a constant subtracted or added.
static std::optional<Position> positionOf(Value value) {
  if (auto index = value.getDefiningOp<linalg::IndexOp>())
    return Position{static_cast<unsigned>(index.getDim()), 0};
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<arith::SubIOp, arith::AddIOp>(op))
    return {};
  auto index = op->getOperand(0).getDefiningOp<linalg::IndexOp>();
  std::optional<int64_t> constant = getConstantIntValue(op->getOperand(1));
  if (!index || !constant)
    return {};
  return Position{static_cast<unsigned>(index.getDim()), isa<arith::SubIOp>(op) ? *constant : -*constant};
}

// What the conjunction of comparisons `position < size` says of each position.
static LogicalResult readGuards(Value condition, SmallVectorImpl<std::pair<Value, OpFoldResult>> &guards) {
  if (auto both = condition.getDefiningOp<arith::AndIOp>())
    return success(succeeded(readGuards(both.getLhs(), guards)) && succeeded(readGuards(both.getRhs(), guards)));
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare || compare.getPredicate() != arith::CmpIPredicate::ult)
    return failure();
  guards.push_back({compare.getLhs(), getAsOpFoldResult(compare.getRhs())});
  return success();
}

static bool isMadeIn(linalg::GenericOp op, OpFoldResult size) {
  auto value = dyn_cast<Value>(size);
  return value && op->isAncestor(value.getParentBlock()->getParentOp());
}

static std::optional<GuardedCopy> guardedCopyOf(linalg::GenericOp op) {
  if (!op || op.getNumDpsInputs() || op.getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return {};
  auto branch = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<scf::IfOp>();
  if (!branch || !llvm::hasNItems(branch.getThenRegion().front(), 2) || !llvm::hasSingleElement(branch.getElseRegion().front()))
    return {};
  auto extract = dyn_cast<tensor::ExtractOp>(branch.getThenRegion().front().front());
  GuardedCopy copy;
  SmallVector<std::pair<Value, OpFoldResult>> guards;
  if (!extract || branch.getThenRegion().front().getTerminator()->getOperand(0) != extract.getResult() ||
      !matchPattern(branch.getElseRegion().front().getTerminator()->getOperand(0), m_Constant(&copy.value)) ||
      failed(readGuards(branch.getCondition(), guards)))
    return {};
  copy.source = extract.getTensor();
  auto source = cast<RankedTensorType>(copy.source.getType()), made = cast<RankedTensorType>(op.getResult(0).getType());
  auto empty = op.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>();
  if (!made.hasStaticShape() && !empty)
    return {};
  copy.sizes = empty ? empty.getMixedSizes() : getAsIndexOpFoldResult(op.getContext(), made.getShape());
  unsigned next = 0;
  for (auto [axis, index] : llvm::enumerate(extract.getIndices())) {
    const int64_t size = source.getDimSize(axis);
    auto guard = llvm::find_if(guards, [&, index = index](auto &each) { return each.first == index; });
    const bool guarded = guard != guards.end();
    // A value of the body is not the same for all elements.
    if (guarded && (ShapedType::isDynamic(size) ? isMadeIn(op, guard->second) : getConstantIntValue(guard->second) != size))
      return {};
    std::optional<Position> position = positionOf(index);
    if (!position && size == 1 && isConstantIntValue(index, 0)) {
      copy.dims.push_back({});
      copy.low.push_back(0);
      copy.inside.push_back({});
      continue;
    }
    if (!position || position->dim != next || position->low < 0 || (!guarded && (size != made.getDimSize(next) || position->low)) ||
        (!ShapedType::isDynamic(size) && position->low + size > made.getDimSize(next)))
      return {};
    copy.dims.push_back(next++);
    copy.low.push_back(position->low);
    copy.inside.push_back(guarded ? guard->second : OpFoldResult());
  }
  if (next != made.getRank())
    return {};
  return copy;
}

static bool isZero(TypedAttr value) {
  return matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_Zero());
}

// What a body makes of values that are `known`; null where it does not follow.
static TypedAttr evaluate(Value value, DenseMap<Value, TypedAttr> &known) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  TypedAttr made;
  Operation *op = value.getDefiningOp();
  if (op && !matchPattern(value, m_Constant(&made)) && op->getNumResults() == 1) {
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands())
      operands.push_back(evaluate(operand, known));
    SmallVector<OpFoldResult> folded;
    if (!llvm::is_contained(operands, Attribute()) && succeeded(op->fold(operands, folded)) && folded.size() == 1)
      made = dyn_cast_or_null<TypedAttr>(dyn_cast<Attribute>(folded[0]));
  }
  return known[value] = made;
}

// What `op` makes of an element outside changes no result: zero in a sum of products, infinity in a minimum.
static bool ignores(linalg::GenericOp op, OpOperand &operand, TypedAttr value) {
  BlockArgument in = op.getMatchingBlockArgument(&operand);
  BlockArgument sum = op.getRegionOutputArgs()[0];
  auto sums = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  if (!sums || sums->getNumOperands() != 2 || !llvm::is_contained(sums->getOperands(), sum))
    return false;
  Value term = sums->getOperand(0) == sum ? sums->getOperand(1) : sums->getOperand(0);
  if (isa<arith::AddFOp, arith::AddIOp>(sums)) {
    DenseMap<Value, TypedAttr> known{{in, value}};
    auto isNothing = [&](Value factor) {
      TypedAttr made = evaluate(factor, known);
      return made && isZero(made);
    };
    auto product = term.getDefiningOp();
    return isNothing(term) || (isa_and_nonnull<arith::MulFOp, arith::MulIOp, nn::DotBytesOp, nn::DotPairsOp>(product) &&
                               llvm::any_of(product->getOperands(), isNothing));
  }
  auto number = dyn_cast<FloatAttr>(value);
  if (term != in || !number || !number.getValue().isInfinity())
    return false;
  return number.getValue().isNegative() ? isa<arith::MaximumFOp, arith::MaxNumFOp>(sums)
                                        : isa<arith::MinimumFOp, arith::MinNumFOp>(sums);
}

static bool blocksRead(linalg::GenericOp op, OpOperand &operand, const GuardedCopy &copy) {
  if (!op || !op.isDpsInput(&operand) || op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0 ||
      !(winogradOf(op) ? isZero(copy.value) : canEmitBody(op) && ignores(op, operand, copy.value)))
    return false;
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0)), in = op.getMatchingIndexingMap(&operand);
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (!out.isProjectedPermutation() || out.getNumResults() == 0 || (winogradOf(op) && llvm::any_of(extents, ShapedType::isDynamic)))
    return false;
  const unsigned v = out.getDimPosition(out.getNumResults() - 1);
  if (extents[v] < 4)
    return false;
  llvm::SmallBitVector reductions(op.getNumLoops());
  for (auto [axis, dim] : llvm::enumerate(copy.dims)) {
    auto source = cast<RankedTensorType>(copy.source.getType());
    const int64_t size = source.getDimSize(axis);
    if (!dim || !copy.inside[axis] || (!ShapedType::isDynamic(size) && size == cast<RankedTensorType>(operand.get().getType()).getDimSize(*dim)) ||
        (copy.low[axis] == 0 && isEqualConstantIntOrValue(copy.inside[axis], copy.sizes[*dim])))
      continue;
    std::optional<Window> window = windowOf(op, in.getResult(*dim));
    if (!window || !window->parallel || *window->parallel == v || reductions.test(window->reduction) ||
        ShapedType::isDynamic(extents[window->reduction]))
      return false;
    // A window of one position is none once loops of one iteration are gone.
    if (extents[window->reduction] == 1 && !cast<RankedTensorType>(operand.get().getType()).hasStaticShape())
      return false;
    reductions.set(window->reduction);
  }
  return true;
}

bool halcyon::readsThroughPadding(linalg::GenericOp padding, OpOperand &use) {
  std::optional<GuardedCopy> copy = guardedCopyOf(padding);
  auto op = dyn_cast<linalg::GenericOp>(use.getOwner());
  if (!copy || !blocksRead(op, use, *copy))
    return false;
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0)), in = op.getMatchingIndexingMap(&use);
  const unsigned v = out.getDimPosition(out.getNumResults() - 1);
  auto last = dyn_cast<AffineDimExpr>(in.getResults().back());
  return (!in.isFunctionOfDim(v) || (last && last.getPosition() == v)) && llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *each) {
           std::optional<Panel> panel = panelOf(op.getMatchingIndexingMap(each));
           return each == &use || (panel && panel->loop == v);
         });
}

bool halcyon::makesPadding(Operation *op) {
  if (auto fill = dyn_cast<linalg::FillOp>(op); fill && fill->getNumResults() == 1 && fill->hasOneUse())
    return isa<tensor::InsertSliceOp>(*fill->user_begin()) && makesPadding(*fill->user_begin());
  auto insert = dyn_cast<tensor::InsertSliceOp>(op);
  if (!insert)
    return false;
  auto fill = insert.getDest().getDefiningOp<linalg::FillOp>();
  return fill && fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>();
}

std::optional<unsigned> halcyon::wholeLoopOfPadding(linalg::LinalgOp op) {
  std::optional<unsigned> whole;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  for (OpOperand *in : op.getDpsInputOperands()) {
    auto insert = in->get().getDefiningOp<tensor::InsertSliceOp>();
    if (!insert || !makesPadding(insert))
      continue;
    for (auto [expr, offset] : llvm::zip(op.getMatchingIndexingMap(in).getResults(), insert.getMixedOffsets()))
      if (std::optional<Window> window = windowOf(op, expr); window && window->parallel && extents[*window->parallel] > 1)
        whole = std::max(whole.value_or(0), *window->parallel);
  }
  return whole;
}

static void insertInFill(linalg::GenericOp op, const GuardedCopy &copy, RewriterBase &rewriter) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  auto source = cast<RankedTensorType>(copy.source.getType());
  SmallVector<OpFoldResult> offsets, sizes, ones(copy.sizes.size(), rewriter.getIndexAttr(1)), whole;
  SmallVector<int64_t> shape;
  for (auto [axis, dim] : llvm::enumerate(copy.dims)) {
    const int64_t size = source.getDimSize(axis);
    whole.push_back(!ShapedType::isDynamic(size) ? rewriter.getIndexAttr(size) : copy.inside[axis] ? copy.inside[axis] : copy.sizes[*dim]);
    if (!dim)
      continue;
    offsets.push_back(rewriter.getIndexAttr(copy.low[axis]));
    sizes.push_back(whole.back());
    shape.push_back(size);
  }
  SmallVector<OpFoldResult> zeros(whole.size(), rewriter.getIndexAttr(0)), steps(whole.size(), rewriter.getIndexAttr(1));
  Value inside = rewriter.create<tensor::ExtractSliceOp>(loc, RankedTensorType::get(shape, source.getElementType()), copy.source,
                                                         zeros, whole, steps);
  Value value = rewriter.create<arith::ConstantOp>(loc, copy.value);
  Value empty = rewriter.create<tensor::EmptyOp>(loc, copy.sizes, source.getElementType());
  Value fill = rewriter.create<linalg::FillOp>(loc, value, empty).getResult(0);
  rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(op, inside, fill, offsets, sizes, ones);
}

namespace {
struct CpuPadding : halcyon::impl::CpuPaddingBase<CpuPadding> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) { ops.push_back(op); });
    for (linalg::GenericOp op : ops) {
      std::optional<GuardedCopy> copy = guardedCopyOf(op);
      if (!copy || !op->hasOneUse())
        continue;
      OpOperand &use = *op->use_begin();
      if (blocksRead(dyn_cast<linalg::GenericOp>(use.getOwner()), use, *copy))
        insertInFill(op, *copy, rewriter);
    }
  }
};
} // namespace
