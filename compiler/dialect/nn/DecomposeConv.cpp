#include "dialect/nn/ConvBorders.h"
#include "dialect/nn/ConvParts.h"
#include "dialect/nn/Decompose.h"
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::nn {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool allZero(ArrayRef<int64_t> values) {
  return llvm::all_of(values, [](int64_t value) { return value == 0; });
}

// How a layout orders (batch, channel dimensions, spatial dimensions).
template <class Item>
SmallVector<Item> inLayout(Layout layout, Item batch, ArrayRef<Item> channels,
                           ArrayRef<Item> spatials) {
  SmallVector<Item> items{batch};
  bool first = layout == Layout::channels_first;
  llvm::append_range(items, first ? channels : spatials);
  llvm::append_range(items, first ? spatials : channels);
  return items;
}

// Splits dimension `axis` in (count, rest).
Value splitDim(ImplicitLocOpBuilder &b, Value value, unsigned axis, int64_t count) {
  RankedTensorType type = typeOf(value);
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), value);
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] /= count;
  shape.insert(shape.begin() + axis, count);
  dims[axis] = b.getIndexAttr(shape[axis + 1]);
  dims.insert(dims.begin() + axis, b.getIndexAttr(count));
  SmallVector<ReassociationIndices> groups;
  for (int64_t from = 0, to = 0; from < type.getRank(); ++from, ++to) {
    groups.push_back({to});
    if (from == axis)
      groups.back().push_back(++to);
  }
  auto made = RankedTensorType::get(shape, type.getElementType());
  return b.create<tensor::ExpandShapeOp>(made, value, groups, dims);
}

Value mergeDim(ImplicitLocOpBuilder &b, Value value, unsigned axis) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < typeOf(value).getRank(); ++i) {
    if (i == axis + 1)
      groups.back().push_back(i);
    else
      groups.push_back({i});
  }
  return b.create<tensor::CollapseShapeOp>(value, groups);
}

// The input with its padding, or as it is without.
Value paddedInput(ImplicitLocOpBuilder &b, ConvOp op) {
  if (allZero(op.getPadLow()) && allZero(op.getPadHigh()))
    return op.getInput();
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), op.getInput());
  SmallVector<OpFoldResult> low(dims.size(), b.getIndexAttr(0));
  unsigned first = op.getInputLayout() == Layout::channels_first ? 2 : 1;
  for (unsigned i = 0; i < op.getPadLow().size(); ++i) {
    int64_t more = op.getPadLow()[i] + op.getPadHigh()[i];
    low[first + i] = b.getIndexAttr(op.getPadLow()[i]);
    if (std::optional<int64_t> extent = getConstantIntValue(dims[first + i])) {
      dims[first + i] = b.getIndexAttr(*extent + more);
      continue;
    }
    Value extent = cast<Value>(dims[first + i]);
    dims[first + i] = b.create<arith::AddIOp>(extent, constantIndex(b, more)).getResult();
  }
  return padded(b, op.getInput(), low, dims, zeroOf(b, typeOf(op.getInput()).getElementType()));
}

// nn.conv of one element a window, channels last -> a matrix product
struct DecomposePointwise : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    RankedTensorType type = op.getType(), filterType = typeOf(op.getFilter());
    auto all = [](ArrayRef<int64_t> values, int64_t value) {
      return llvm::all_of(values, [&](int64_t each) { return each == value; });
    };
    if (op.getGroups() != 1 || op.getInputLayout() != Layout::channels_last ||
        op.getOutputLayout() != Layout::channels_last || !all(op.getStrides(), 1) || !all(op.getPadLow(), 0) ||
        !all(op.getPadHigh(), 0) || !all(filterType.getShape().drop_front(2), 1))
      return rewriter.notifyMatchFailure(op, "windows overlap, or another layout");
    // Views of more than one dynamic dimension do not move behind the epilogue.
    if (type.getNumDynamicDims() > 1 || typeOf(op.getInput()).getShape().drop_back() != type.getShape().drop_back())
      return rewriter.notifyMatchFailure(op, "sizes are not known");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<ReassociationIndices> rows(2), taps(2);
    for (int64_t i = 0; i + 1 < type.getRank(); ++i)
      rows[0].push_back(i);
    rows[1] = {type.getRank() - 1};
    taps[0] = {0};
    for (int64_t i = 1; i < type.getRank(); ++i)
      taps[1].push_back(i);
    Value input = b.create<tensor::CollapseShapeOp>(op.getInput(), rows);
    Value filter = b.create<tensor::CollapseShapeOp>(op.getFilter(), taps);
    SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), op.getInit());
    Value init = emptyTensor(
        b, {tensor::getMixedSize(b, b.getLoc(), input, 0), b.getIndexAttr(filterType.getDimSize(0))},
        type.getElementType());
    Value out = startAccumulator(b, init, op.getBias(), 1);
    AffineExpr row, column, depth;
    bindDims(b.getContext(), row, column, depth);
    auto map = [&](AffineExpr first, AffineExpr second) {
      return AffineMap::get(3, 0, {first, second}, b.getContext());
    };
    SmallVector<utils::IteratorType> iterators = parallelIterators(2);
    iterators.push_back(utils::IteratorType::reduction);
    Value result = generic(b, {input, filter}, out, {map(row, depth), map(column, depth), map(row, column)}, iterators,
                           multiplyAdd);
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, type, result, rows, dims);
    return success();
  }
};

// nn.conv -> padding copy, accumulator fill, one generic; groups become a dimension
struct DecomposeConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    const Weights weights = weightsOf(op);
    if (weights == Weights::infinite) {
      rewriter.replaceOp(op, exactly(b, op, {}));
      return success();
    }
    int64_t rank = typeOf(op.getInput()).getRank();
    auto spatials = static_cast<unsigned>(rank - 2);
    auto groups = static_cast<int64_t>(op.getGroups());
    RankedTensorType filterType = typeOf(op.getFilter());
    bool depthwise = filterType.getDimSize(1) == 1 && filterType.getDimSize(0) == groups;
    bool grouped = groups > 1 && !depthwise;
    auto channelAxis = [&](Layout layout) {
      return static_cast<unsigned>(layout == Layout::channels_first ? 1 : rank - 1);
    };

    Value input = paddedInput(b, op), filter = op.getFilter();
    Value out = startAccumulator(b, op.getInit(), op.getBias(), channelAxis(op.getOutputLayout()));
    if (depthwise)
      filter = mergeDim(b, filter, 0);
    if (grouped) {
      input = splitDim(b, input, channelAxis(op.getInputLayout()), groups);
      filter = splitDim(b, filter, 0, groups);
      out = splitDim(b, out, channelAxis(op.getOutputLayout()), groups);
    }

    // Loops: those of the output's dimensions in its order, then the reductions, the input's innermost last.
    // Depthwise has one channel loop for input and output.
    unsigned count = 0;
    auto loop = [&] { return b.getAffineDimExpr(count++); };
    const unsigned outChannelLoops = grouped ? 2 : 1;
    AffineExpr batch = loop();
    SmallVector<AffineExpr> outChannels, outSpatials, inChannels, kernel;
    auto loops = [&](SmallVector<AffineExpr> &into, unsigned number) {
      for (unsigned i = 0; i < number; ++i)
        into.push_back(loop());
    };
    if (op.getOutputLayout() == Layout::channels_first)
      loops(outChannels, outChannelLoops);
    loops(outSpatials, spatials);
    if (op.getOutputLayout() == Layout::channels_last)
      loops(outChannels, outChannelLoops);
    const unsigned parallels = count;
    const bool channelsInside = op.getInputLayout() == Layout::channels_last;
    if (channelsInside)
      loops(kernel, spatials);
    if (!depthwise)
      loops(inChannels, 1);
    if (!channelsInside)
      loops(kernel, spatials);

    SmallVector<AffineExpr> filterDims(outChannels), inSpatials;
    llvm::append_range(filterDims, inChannels);
    llvm::append_range(filterDims, kernel);
    if (depthwise)
      inChannels = outChannels;
    else if (grouped)
      inChannels.insert(inChannels.begin(), outChannels[0]);
    for (unsigned i = 0; i < spatials; ++i)
      inSpatials.push_back(outSpatials[i] * op.getStrides()[i] + kernel[i] * op.getDilations()[i]);
    auto map = [&](ArrayRef<AffineExpr> exprs) {
      return AffineMap::get(count, 0, exprs, b.getContext());
    };
    SmallVector<utils::IteratorType> iterators = parallelIterators(parallels);
    iterators.resize(count, utils::IteratorType::reduction);
    Value result =
        generic(b, {input, filter}, out,
                {map(inLayout<AffineExpr>(op.getInputLayout(), batch, inChannels, inSpatials)),
                 map(filterDims),
                 map(inLayout<AffineExpr>(op.getOutputLayout(), batch, outChannels, outSpatials))},
                iterators, multiplyAdd);
    if (grouped)
      result = mergeDim(b, result, channelAxis(op.getOutputLayout()));
    if (result.getType() != op.getType())
      result = b.create<tensor::CastOp>(op.getType(), result);
    if (weights == Weights::unknown)
      result = exactly(b, op, result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void populateDecomposeConvPatterns(RewritePatternSet &patterns) {
  patterns.add<DropEmpty<ConvOp>>(patterns.getContext(), /*benefit=*/3);
  patterns.add<DecomposeConv>(patterns.getContext());
  patterns.add<DecomposePointwise>(patterns.getContext(), /*benefit=*/2);
  populateDecomposeConvTransposePatterns(patterns);
}

} // namespace halcyon::nn
