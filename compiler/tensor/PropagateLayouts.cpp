#include "tensor/Passes.h"

#include "dialect/nn/Decompose.h"
#include "dialect/nn/LinalgBuilders.h"
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_PROPAGATELAYOUTS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

// Fewer output channels than this leave most lanes of a vector along them empty; fewer than a whole vector are worse
// than vectors along rows of at least `wideRow` positions (basic_pitch, 8 channels of 264: 9.6 ms against 6.7).
constexpr int64_t leastChannels = 8, wholeVector = 16, wideRow = 64;
// A convolution of at most so many input channels reads them where they are: an image is not turned first.
constexpr int64_t mostPlanes = 4;

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

// Dimension i of the result is dimension [i] of the source.
SmallVector<int64_t> toLast(int64_t rank) {
  SmallVector<int64_t> order{0};
  for (int64_t i = 2; i < rank; ++i)
    order.push_back(i);
  order.push_back(1);
  return order;
}
SmallVector<int64_t> toFirst(int64_t rank) { return invertPermutationVector(toLast(rank)); }

// An empty tensor like `like` with its dimensions in another order.
Value emptyTurned(ImplicitLocOpBuilder &b, Value like, ArrayRef<int64_t> order) {
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), like);
  applyPermutationToVector(dims, order);
  return emptyTensor(b, dims, typeOf(like).getElementType());
}

Value turn(ImplicitLocOpBuilder &b, Value value, ArrayRef<int64_t> order) {
  return b.create<linalg::TransposeOp>(value, emptyTurned(b, value, order), order)->getResult(0);
}

// What `value` is the channels-first view of; null if it is not one.
Value channelsLast(Value value) {
  auto turned = value.getDefiningOp<linalg::TransposeOp>();
  if (!turned || typeOf(value).getRank() < 3 || turned.getPermutation() != ArrayRef(toFirst(typeOf(value).getRank())))
    return {};
  return turned.getInput();
}

Value channelsLastOrTurned(ImplicitLocOpBuilder &b, Value value) {
  Value last = channelsLast(value);
  return last ? last : turn(b, value, toLast(typeOf(value).getRank()));
}

// nn.conv reads and writes channels-last
struct ConvToChannelsLast : OpRewritePattern<nn::ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ConvOp op, PatternRewriter &rewriter) const override {
    if (op.getInputLayout() != nn::Layout::channels_first || op.getOutputLayout() != nn::Layout::channels_first)
      return rewriter.notifyMatchFailure(op, "has its layout");
    RankedTensorType filter = typeOf(op.getFilter());
    const auto groups = static_cast<int64_t>(op.getGroups());
    const bool depthwise = filter.getDimSize(1) == 1 && filter.getDimSize(0) == groups;
    const int64_t columns = depthwise ? groups : filter.getDimSize(0) / groups;
    if (columns < leastChannels)
      return rewriter.notifyMatchFailure(op, "too few output channels");
    const int64_t row = op.getType().getShape().back();
    if (!depthwise && columns < wholeVector && !ShapedType::isDynamic(row) && row >= wideRow)
      return rewriter.notifyMatchFailure(op, "few output channels, long rows");
    const bool planes = groups == 1 && filter.getDimSize(1) <= mostPlanes && !channelsLast(op.getInput());
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    const int64_t rank = typeOf(op.getInput()).getRank();
    Value input = planes ? op.getInput() : channelsLastOrTurned(b, op.getInput());
    Value init = emptyTurned(b, op.getInit(), toLast(rank));
    auto made = b.create<nn::ConvOp>(init.getType(), input, op.getFilter(), op.getBias(), init, op.getStrides(),
                                     op.getDilations(), op.getPadLow(), op.getPadHigh(), op.getGroups(),
                                     planes ? nn::Layout::channels_first : nn::Layout::channels_last,
                                     nn::Layout::channels_last, op.getInsideOnly());
    rewriter.replaceOp(op, turn(b, made, toFirst(rank)));
    return success();
  }
};

// nn.pool of channels-last is channels-last
struct PoolToChannelsLast : OpRewritePattern<nn::PoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::PoolOp op, PatternRewriter &rewriter) const override {
    Value input = channelsLast(op.getInput());
    if (!input || op.getLayout() != nn::Layout::channels_first)
      return rewriter.notifyMatchFailure(op, "not of channels-last");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    const int64_t rank = typeOf(input).getRank();
    Value init = emptyTurned(b, op.getInit(), toLast(rank));
    auto made = cast<nn::PoolOp>(rewriter.clone(*op));
    made.getInputMutable().assign(input);
    made.getInitMutable().assign(init);
    made.setLayout(nn::Layout::channels_last);
    made.getResult().setType(typeOf(init));
    rewriter.replaceOp(op, turn(b, made, toFirst(rank)));
    return success();
  }
};

// A generic reads channels-last where its operand was the channels-first view; where it is elementwise, its result is
// channels-last too.
struct SinkThroughGeneric : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool isElementwise(linalg::GenericOp op) {
    return op.getNumLoops() == op.getNumParallelLoops() && op.getNumResults() == 1 &&
           op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() && op.getNumLoops() >= 3 &&
           !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0));
  }

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    bool found = false, whole = false;
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "not on tensors");
    const bool elementwise = isElementwise(op);
    if (!elementwise && op.getNumDpsInputs() > 1)
      return rewriter.notifyMatchFailure(op, "a contraction reads its operands many times");
    for (auto [i, input] : llvm::enumerate(op.getInputs())) {
      Value last = isa<RankedTensorType>(input.getType()) ? channelsLast(input) : Value();
      inputs.push_back(last ? last : input);
      if (!last)
        continue;
      found = true;
      whole |= maps[i].isIdentity();
      SmallVector<AffineExpr> results(maps[i].getResults());
      applyPermutationToVector(results, toLast(results.size()));
      maps[i] = AffineMap::get(op.getNumLoops(), 0, results, op.getContext());
    }
    SmallVector<tensor::ExtractOp> extracts;
    op.walk([&](tensor::ExtractOp extract) {
      if (!channelsLast(extract.getTensor()))
        return;
      extracts.push_back(extract);
      whole |= extract.getIndices().size() == op.getNumLoops();
    });
    if (!found && extracts.empty())
      return rewriter.notifyMatchFailure(op, "reads nothing channels-last");
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputsMutable().assign(inputs);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      for (tensor::ExtractOp extract : extracts) {
        SmallVector<Value> indices(extract.getIndices());
        applyPermutationToVector(indices, toLast(indices.size()));
        extract.getTensorMutable().assign(channelsLast(extract.getTensor()));
        extract.getIndicesMutable().assign(indices);
      }
    });
    if (!elementwise || !whole)
      return success();

    // Loops in the order of the result's dimensions.
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> last = toLast(op.getNumLoops());
    Value init = emptyTurned(b, op.getDpsInits()[0], last);
    SmallVector<unsigned> order(last.begin(), last.end());
    FailureOr<linalg::GenericOp> moved = linalg::interchangeGenericOp(rewriter, op, order);
    if (failed(moved))
      return success();
    maps = moved->getIndexingMapsArray();
    maps.back() = rewriter.getMultiDimIdentityMap(last.size());
    rewriter.modifyOpInPlace(*moved, [&] {
      moved->getOutputsMutable().assign(init);
      moved->setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      moved->getResult(0).setType(typeOf(init));
    });
    b.setInsertionPointAfter(*moved);
    auto back = cast<linalg::TransposeOp>(turn(b, moved->getResult(0), toFirst(last.size())).getDefiningOp());
    rewriter.replaceAllUsesExcept(moved->getResult(0), back->getResult(0), turnUsers(back));
    return success();
  }

  // The transpose and the sizes that it asks for.
  static SmallPtrSet<Operation *, 4> turnUsers(linalg::TransposeOp back) {
    SmallPtrSet<Operation *, 4> users{back};
    if (auto empty = back.getInit().getDefiningOp())
      for (Value size : empty->getOperands())
        if (Operation *dim = size.getDefiningOp())
          users.insert(dim);
    return users;
  }
};

template <typename Range> auto turned(const Range &range, ArrayRef<int64_t> order) {
  SmallVector<std::decay_t<decltype(*range.begin())>> items(range.begin(), range.end());
  applyPermutationToVector(items, order);
  return items;
}

// tensor.pad
struct SinkThroughPad : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::PadOp op, PatternRewriter &rewriter) const override {
    Value source = channelsLast(op.getSource());
    Value outside = op.getConstantPaddingValue();
    if (!source || !outside)
      return rewriter.notifyMatchFailure(op, "not of channels-last, or not with one value");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> last = toLast(typeOf(source).getRank());
    SmallVector<OpFoldResult> low = turned(op.getMixedLowPad(), last), high = turned(op.getMixedHighPad(), last);
    auto type = RankedTensorType::get(turned(op.getResultType().getShape(), last), op.getResultType().getElementType());
    Value made = b.create<tensor::PadOp>(type, source, low, high, outside, op.getNofold());
    rewriter.replaceOp(op, turn(b, made, toFirst(last.size())));
    return success();
  }
};

// tensor.extract_slice that keeps the rank
struct SinkThroughSlice : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op, PatternRewriter &rewriter) const override {
    Value source = channelsLast(op.getSource());
    if (!source || typeOf(source).getRank() != op.getType().getRank())
      return rewriter.notifyMatchFailure(op, "not of channels-last, or of another rank");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> last = toLast(typeOf(source).getRank());
    auto type = RankedTensorType::get(turned(op.getType().getShape(), last), op.getType().getElementType());
    Value made = b.create<tensor::ExtractSliceOp>(type, source, turned(op.getMixedOffsets(), last),
                                                  turned(op.getMixedSizes(), last), turned(op.getMixedStrides(), last));
    rewriter.replaceOp(op, turn(b, made, toFirst(last.size())));
    return success();
  }
};

// tensor.concat, where at least half of what it joins is channels-last; of one spatial dimension, where both layouts turn
// into each other by the same transpose, more than half: what was turned here would count as channels-last again
struct SinkThroughConcat : OpRewritePattern<tensor::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ConcatOp op, PatternRewriter &rewriter) const override {
    const auto lasts = static_cast<size_t>(llvm::count_if(op.getInputs(), channelsLast));
    const size_t least = op.getResultType().getRank() == 3 ? op.getInputs().size() + 1 : op.getInputs().size();
    if (lasts == 0 || lasts * 2 < least)
      return rewriter.notifyMatchFailure(op, "mostly not of channels-last");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> last = toLast(op.getResultType().getRank());
    SmallVector<Value> inputs;
    for (Value input : op.getInputs())
      inputs.push_back(channelsLastOrTurned(b, input));
    auto type = RankedTensorType::get(turned(op.getResultType().getShape(), last), op.getResultType().getElementType());
    const int64_t dim = llvm::find(last, static_cast<int64_t>(op.getDim())) - last.begin();
    Value made = b.create<tensor::ConcatOp>(type, dim, inputs);
    rewriter.replaceOp(op, turn(b, made, toFirst(last.size())));
    return success();
  }
};

// tensor.insert_slice that keeps the rank, into channels-last or into nothing yet: the importer's concatenations
struct SinkThroughInsert : OpRewritePattern<tensor::InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::InsertSliceOp op, PatternRewriter &rewriter) const override {
    Value into = channelsLast(op.getDest());
    const bool begins = channelsLast(op.getSource()) && op.getDest().getDefiningOp<tensor::EmptyOp>();
    if ((!into && !begins) || op.getSourceType().getRank() != op.getType().getRank())
      return rewriter.notifyMatchFailure(op, "not into channels-last, or of another rank");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> last = toLast(op.getType().getRank());
    if (!into)
      into = emptyTurned(b, op.getDest(), last);
    Value source = channelsLastOrTurned(b, op.getSource());
    Value made = b.create<tensor::InsertSliceOp>(source, into, turned(op.getMixedOffsets(), last),
                                                 turned(op.getMixedSizes(), last), turned(op.getMixedStrides(), last));
    rewriter.replaceOp(op, turn(b, made, toFirst(last.size())));
    return success();
  }
};

// Two transposes are one, or none.
struct ComposeTransposes : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::TransposeOp op, PatternRewriter &rewriter) const override {
    auto first = op.getInput().getDefiningOp<linalg::TransposeOp>();
    if (!op->getNumResults() || !first)
      return rewriter.notifyMatchFailure(op, "not of a transpose");
    SmallVector<int64_t> order(first.getPermutation());
    applyPermutationToVector(order, op.getPermutation());
    if (isIdentityPermutation(order)) {
      if (first.getInput().getType() != op->getResult(0).getType())
        rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op->getResult(0).getType(), first.getInput());
      else
        rewriter.replaceOp(op, first.getInput());
      return success();
    }
    rewriter.replaceOpWithNewOp<linalg::TransposeOp>(op, first.getInput(), op.getInit(), order);
    return success();
  }
};

// [n, 1, 1, c] -> [n, c, 1, 1] moves nothing.
struct UnitTransposeToView : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::TransposeOp op, PatternRewriter &rewriter) const override {
    const int64_t rank = op.getInput().getType().getRank();
    if (!op->getNumResults() || rank < 3)
      return rewriter.notifyMatchFailure(op, "has no views");
    const bool first = op.getPermutation() == ArrayRef(toFirst(rank));
    if (!first && op.getPermutation() != ArrayRef(toLast(rank)))
      return rewriter.notifyMatchFailure(op, "another order");
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (!llvm::all_of(type.getShape().slice(first ? 2 : 1, rank - 2), [](int64_t extent) { return extent == 1; }))
      return rewriter.notifyMatchFailure(op, "moves elements");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<ReassociationIndices> groups(2);
    groups[0] = {0};
    for (int64_t i = 1; i < rank; ++i)
      groups[1].push_back(i);
    Value flat = b.create<tensor::CollapseShapeOp>(op.getInput(), groups);
    SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), op.getInput());
    applyPermutationToVector(dims, op.getPermutation());
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, type, flat, groups, dims);
    return success();
  }
};

struct PropagateLayouts : halcyon::impl::PropagateLayoutsBase<PropagateLayouts> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    nn::populateDecomposeConvTransposePatterns(patterns); // to nn.conv
    patterns.add<ConvToChannelsLast, PoolToChannelsLast, SinkThroughGeneric, SinkThroughPad,
                 SinkThroughSlice, SinkThroughConcat, SinkThroughInsert, ComposeTransposes, UnitTransposeToView>(&getContext());
    GreedyRewriteConfig config;
    config.useTopDownTraversal = true;
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace
