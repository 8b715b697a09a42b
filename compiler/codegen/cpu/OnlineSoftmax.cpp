#include "codegen/cpu/OnlineSoftmax.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/TileSizes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUONLINESOFTMAX
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// The reduction of the last dimension of `input`, by one `Combiner`, that starts from a fill.
template <typename Combiner> static bool reducesRows(linalg::GenericOp op, Value input) {
  if (!op || op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 || op.getDpsInputs()[0] != input ||
      op.getNumReductionLoops() != 1 || op.getIteratorTypesArray().back() != utils::IteratorType::reduction)
    return false;
  auto combiner = dyn_cast<Combiner>(op.getBody()->front());
  auto identity = AffineMap::getMultiDimIdentityMap(op.getNumLoops(), op.getContext());
  return combiner && llvm::hasNItems(*op.getBody(), 2) && op.getBody()->getTerminator()->getOperand(0) == combiner &&
         llvm::is_contained(combiner->getOperands(), op.getBody()->getArgument(0)) &&
         llvm::is_contained(combiner->getOperands(), op.getBody()->getArgument(1)) && op.getIndexingMapsArray()[0] == identity &&
         op.getIndexingMapsArray()[1] == identity.getMajorSubMap(op.getNumLoops() - 1) &&
         op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
}

// exp(scores - largest of the row)
static bool takesExponentials(linalg::GenericOp op) {
  if (!op || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || op.getNumLoops() != op.getNumParallelLoops() ||
      !llvm::hasNItems(*op.getBody(), 3))
    return false;
  auto less = dyn_cast<arith::SubFOp>(op.getBody()->front());
  auto exponential = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<math::ExpOp>();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  return less && exponential && exponential.getOperand() == less && less.getLhs() == op.getBody()->getArgument(0) &&
         less.getRhs() == op.getBody()->getArgument(1) && maps[0].isIdentity() && maps[2].isIdentity() &&
         maps[1] == maps[0].getMajorSubMap(op.getNumLoops() - 1);
}

bool halcyon::dividesRows(linalg::GenericOp op) {
  if (!op || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || op.getNumLoops() != op.getNumParallelLoops() ||
      !llvm::hasNItems(*op.getBody(), 2))
    return false;
  auto division = dyn_cast<arith::DivFOp>(op.getBody()->front());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  return division && op.getBody()->getTerminator()->getOperand(0) == division && division.getLhs() == op.getBody()->getArgument(0) &&
         division.getRhs() == op.getBody()->getArgument(1) && maps[0].isIdentity() && maps[2].isIdentity() &&
         maps[1] == maps[0].getMajorSubMap(op.getNumLoops() - 1);
}

// Users but for those that ask for sizes.
static SmallVector<Operation *> usersOf(Value value) {
  SmallVector<Operation *> users;
  for (Operation *user : value.getUsers())
    if (!isa<tensor::DimOp>(user) && !llvm::is_contained(users, user))
      users.push_back(user);
  return users;
}

std::optional<OnlineSoftmax> halcyon::onlineSoftmaxOf(linalg::LinalgOp values) {
  if (!values || values.getNumReductionLoops() != 1 || values.getNumDpsInputs() != 2 || values.getNumDpsInits() != 1 ||
      !values.getDpsInits()[0].getDefiningOp<linalg::FillOp>() || !values.hasPureTensorSemantics())
    return {};
  for (OpOperand *use : values.getDpsInputOperands()) {
    OnlineSoftmax found;
    found.values = values, found.operand = use->getOperandNumber();
    found.exponentials = use->get().getDefiningOp<linalg::GenericOp>();
    if (dividesRows(found.exponentials) && usersOf(use->get()).size() == 1) {
      found.division = found.exponentials;
      found.exponentials = found.division.getDpsInputs()[0].getDefiningOp<linalg::GenericOp>();
    }
    AffineMap map = values.getMatchingIndexingMap(use), out = values.getMatchingIndexingMap(values.getDpsInitOperand(0));
    if (!takesExponentials(found.exponentials) || !map.isProjectedPermutation() || !out.isProjectedPermutation() || map.getNumResults() < 2)
      continue;
    // Its rows are rows of the result, in order, and what it sums are columns of the exponentials alone.
    const unsigned rows = map.getNumResults() - 1, summed = map.getDimPosition(rows);
    if (values.getIteratorTypesArray()[summed] != utils::IteratorType::reduction || out.getNumResults() != rows + 1 ||
        out.getMajorSubMap(rows) != map.getMajorSubMap(rows))
      continue;
    Value scores = found.exponentials.getDpsInputs()[0];
    found.largest = found.exponentials.getDpsInputs()[1].getDefiningOp<linalg::GenericOp>();
    SmallVector<Operation *> readers = usersOf(found.exponentials.getResult(0));
    Operation *next = found.division ? found.division.getOperation() : values.getOperation();
    for (Operation *reader : readers)
      if (reader != next)
        found.sums = dyn_cast<linalg::GenericOp>(reader);
    if (found.division && (!found.sums || found.division.getDpsInputs()[1] != found.sums.getResult(0)))
      continue;
    auto maker = scores.getDefiningOp<linalg::LinalgOp>();
    if (maker && readers.size() == 2 && usersOf(scores).size() == 2 && reducesRows<arith::MaximumFOp>(found.largest, scores) &&
        usersOf(found.largest.getResult(0)).size() == 1 && reducesRows<arith::AddFOp>(found.sums, found.exponentials.getResult(0)) &&
        found.sums->getBlock() == values->getBlock() && cast<RankedTensorType>(scores.getType()).getElementType().isF32())
      return found;
  }
  return {};
}

namespace {
class Writer {
public:
  Writer(OnlineSoftmax softmax, IRRewriter &rewriter)
      : softmax(softmax), rewriter(rewriter), b(softmax.values.getLoc(), rewriter) {}

  // Whole blocks, and what is left.
  LogicalResult write() {
    Value scores = softmax.exponentials.getDpsInputs()[0];
    rank = cast<RankedTensorType>(scores.getType()).getRank();
    const int64_t length = softmax.exponentials.getStaticLoopRanges().back(), whole = length / keysOfBlock * keysOfBlock;
    Operation *first = softmax.values, *second = softmax.sums;
    b.setInsertionPoint(first->isBeforeInBlock(second) ? second : first);
    SmallVector<Value> results{softmax.largest.getDpsInits()[0], softmax.sums.getDpsInits()[0], softmax.values.getDpsInits()[0]};
    if (failed(loop(0, whole, results)) || (whole < length && failed(loop(whole, length, results))))
      return failure();
    rewriter.replaceAllUsesWith(softmax.sums.getResult(0), results[1]);
    rewriter.replaceAllUsesWith(softmax.values->getResult(0), results[2]);
    return success();
  }

private:
  // `results`: the largest, sums and values so far.
  LogicalResult loop(int64_t from, int64_t to, SmallVectorImpl<Value> &results) {
    const int64_t step = std::min(keysOfBlock, to - from);
    auto index = [&](int64_t value) { return b.create<arith::ConstantIndexOp>(value); };
    auto loop = b.create<scf::ForOp>(index(from), index(to), index(step), results);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    begin = loop.getInductionVar(), count = b.getIndexAttr(step);
    SmallVector<Operation *> made; // what to compute in blocks, too
    Value block = sliceOf(softmax.exponentials.getDpsInputs()[0], rank - 1, made);
    // What the loop carries is updated where it lies, after its old value was read.
    Value before = loop.getRegionIterArg(0);
    auto [start, lowest] = startOf(softmax.largest);
    Value ofBlock = clone(softmax.largest, {block, start});
    Value now = update({before}, ofBlock, [](OpBuilder &builder, Location loc, ValueRange x) -> Value {
      return builder.create<arith::MaximumFOp>(loc, x[0], x[1]);
    });
    // A row of which nothing is seen yet has -infinity: less that, its scores would be NaN.
    Value least = update({now}, emptyLike(now), [lowest](OpBuilder &builder, Location loc, ValueRange x) -> Value {
      Value zero = builder.create<arith::ConstantOp>(loc, builder.getZeroAttr(x[0].getType()));
      Value none = builder.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, x[0], lowest);
      return builder.create<arith::SelectOp>(loc, none, zero, x[0]);
    });
    Value factor = update({before, least}, emptyLike(now), [](OpBuilder &builder, Location loc, ValueRange x) -> Value {
      return builder.create<math::ExpOp>(loc, builder.create<arith::SubFOp>(loc, x[0], x[1]));
    });
    Value largest = update({now}, before, [](OpBuilder &builder, Location loc, ValueRange x) -> Value {
      return builder.create<arith::MaximumFOp>(loc, x[0], x[1]);
    });
    Value exponentials = clone(softmax.exponentials, {block, least, emptyLike(block)});
    Value sums = clone(softmax.sums, {exponentials, times(loop.getRegionIterArg(1), factor)});
    OpOperand *matrix = nullptr;
    for (OpOperand *input : softmax.values.getDpsInputOperands())
      if (input->getOperandNumber() != softmax.operand)
        matrix = input;
    AffineMap map = softmax.values.getMatchingIndexingMap(matrix);
    AffineMap read = softmax.values.getIndexingMapsArray()[softmax.operand];
    std::optional<unsigned> axis = map.getResultPosition(read.getResult(rank - 1));
    if (!axis)
      return failure();
    SmallVector<Value> operands(softmax.values->getOperands());
    operands[softmax.operand] = exponentials;
    operands[matrix->getOperandNumber()] = sliceOf(matrix->get(), *axis, made);
    operands[softmax.values.getDpsInitOperand(0)->getOperandNumber()] = times(loop.getRegionIterArg(2), factor);
    Value values = clone(softmax.values, operands);
    b.create<scf::YieldOp>(ValueRange{largest, sums, values});
    results.assign(loop.getResults().begin(), loop.getResults().end());
    return computeInBlocks(made);
  }

  // Of the keys of the block.
  Value sliceOf(Value tensor, unsigned axis, SmallVectorImpl<Operation *> &made) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), tensor);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)), ones(sizes.size(), b.getIndexAttr(1));
    offsets[axis] = begin, sizes[axis] = count;
    made.push_back(b.create<tensor::ExtractSliceOp>(tensor, offsets, sizes, ones));
    return made.back()->getResult(0);
  }

  Value emptyLike(Value tensor) {
    return b.create<tensor::EmptyOp>(tensor::getMixedSizes(b, b.getLoc(), tensor), getElementTypeOrSelf(tensor));
  }

  Value clone(Operation *op, ValueRange operands) {
    Value init = operands.back();
    return mlir::clone(b, op, init.getType(), operands)->getResult(0);
  }

  // An elementwise op on `to`; an input has its leading dimensions. The last argument of the body is what `to` has.
  Value update(ValueRange inputs, Value to, function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
    const unsigned loops = cast<RankedTensorType>(to.getType()).getRank();
    AffineMap identity = b.getMultiDimIdentityMap(loops);
    SmallVector<AffineMap> maps;
    for (Value input : inputs)
      maps.push_back(identity.getMajorSubMap(cast<RankedTensorType>(input.getType()).getRank()));
    maps.push_back(identity);
    return b
        .create<linalg::GenericOp>(TypeRange(to.getType()), inputs, ValueRange(to), maps,
                                   SmallVector<utils::IteratorType>(loops, utils::IteratorType::parallel),
                                   [&](OpBuilder &builder, Location loc, ValueRange arguments) {
                                     builder.create<linalg::YieldOp>(loc, body(builder, loc, arguments));
                                   })
        .getResult(0);
  }

  Value times(Value sums, Value factor) {
    return update({factor}, sums, [](OpBuilder &builder, Location loc, ValueRange x) -> Value {
      return builder.create<arith::MulFOp>(loc, x[1], x[0]);
    });
  }

  // A new tensor with what a reduction starts from, and that value.
  std::pair<Value, Value> startOf(linalg::GenericOp reduction) {
    auto fill = reduction.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
    Value value = fill.getInputs()[0];
    return {b.create<linalg::FillOp>(value, emptyLike(fill.getResult(0))).getResult(0), value};
  }

  // What makes a slice makes that alone, down to what lies in memory.
  LogicalResult computeInBlocks(SmallVectorImpl<Operation *> &slices) {
    while (!slices.empty()) {
      auto slice = cast<tensor::ExtractSliceOp>(slices.pop_back_val());
      auto producer = dyn_cast<OpResult>(slice.getSource());
      if (!producer || !isa<linalg::LinalgOp>(producer.getOwner()))
        continue;
      rewriter.setInsertionPoint(slice);
      FailureOr<TilingResult> tiled = tensor::replaceExtractSliceWithTiledProducer(rewriter, slice, producer);
      if (failed(tiled))
        return failure();
      rewriter.replaceOp(slice, tiled->tiledValues[0]);
      for (Operation *op : tiled->tiledOps)
        for (Value operand : op->getOperands())
          if (auto more = operand.getDefiningOp<tensor::ExtractSliceOp>(); more && more->getBlock() == op->getBlock())
            slices.push_back(more);
    }
    return success();
  }

  OnlineSoftmax softmax;
  IRRewriter &rewriter;
  ImplicitLocOpBuilder b;
  int64_t rank = 0;
  Value begin;
  OpFoldResult count;
};

struct CpuOnlineSoftmax : halcyon::impl::CpuOnlineSoftmaxBase<CpuOnlineSoftmax> {
  void runOnOperation() override {
    SmallVector<OnlineSoftmax> found;
    getOperation().walk([&](linalg::LinalgOp op) {
      std::optional<OnlineSoftmax> softmax = onlineSoftmaxOf(op);
      const int64_t length = softmax ? softmax->exponentials.getStaticLoopRanges().back() : 0;
      if (softmax && !softmax->division && comesInBlocks(length))
        found.push_back(*softmax);
    });
    IRRewriter rewriter(&getContext());
    for (OnlineSoftmax &softmax : found) {
      if (failed(Writer(softmax, rewriter).write())) {
        softmax.values->emitError("its softmax cannot be taken block by block");
        return signalPassFailure();
      }
    }
    if (found.empty())
      return;
    dropDimsOfResults(getOperation());
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(getOperation().getBody().front())))
      if (isa<linalg::LinalgOp, tensor::EmptyOp, tensor::ExtractSliceOp>(op) && op.use_empty())
        rewriter.eraseOp(&op);
  }
};
} // namespace
