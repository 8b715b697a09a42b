#include "dialect/nn/Decompose.h"
#include "dialect/nn/LinalgBuilders.h"
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

Value zeroOf(ImplicitLocOpBuilder &b, Type type) {
  return b.create<arith::ConstantOp>(b.getZeroAttr(type));
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

// init overwritten by zero or by the bias of each channel.
Value startAccumulator(ImplicitLocOpBuilder &b, Value init, Value bias, unsigned channelAxis) {
  if (!bias)
    return filledLike(b, init, zeroOf(b, typeOf(init).getElementType()));
  auto rank = static_cast<unsigned>(typeOf(init).getRank());
  AffineMap channel = AffineMap::get(rank, 0, b.getAffineDimExpr(channelAxis));
  return generic(b, {bias}, init, {channel, b.getMultiDimIdentityMap(rank)},
                 parallelIterators(rank),
                 [](ImplicitLocOpBuilder &, ValueRange arguments) { return arguments[0]; });
}

Value multiplyAdd(ImplicitLocOpBuilder &b, ValueRange arguments) {
  if (isa<FloatType>(arguments[0].getType())) {
    Value product = b.create<arith::MulFOp>(arguments[0], arguments[1]);
    return b.create<arith::AddFOp>(arguments[2], product);
  }
  Value product = b.create<arith::MulIOp>(arguments[0], arguments[1]);
  return b.create<arith::AddIOp>(arguments[2], product);
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

// nn.conv -> padding copy, accumulator fill, one generic; groups become a dimension
struct DecomposeConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
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

    // Loops: batch, [group], output channel, output positions, then the
    // reductions: [input channel], kernel positions. Depthwise has one
    // channel loop for input and output.
    unsigned count = 0;
    SmallVector<AffineExpr> inChannels, outChannels, filterDims, outSpatials, inSpatials;
    AffineExpr batch = b.getAffineDimExpr(count++);
    if (grouped)
      outChannels.push_back(b.getAffineDimExpr(count++));
    inChannels = outChannels;
    outChannels.push_back(b.getAffineDimExpr(count++));
    filterDims = outChannels;
    for (unsigned i = 0; i < spatials; ++i)
      outSpatials.push_back(b.getAffineDimExpr(count++));
    unsigned parallels = count;
    if (depthwise) {
      inChannels = outChannels;
    } else {
      inChannels.push_back(b.getAffineDimExpr(count));
      filterDims.push_back(b.getAffineDimExpr(count++));
    }
    for (unsigned i = 0; i < spatials; ++i) {
      AffineExpr kernel = b.getAffineDimExpr(count++);
      filterDims.push_back(kernel);
      inSpatials.push_back(outSpatials[i] * op.getStrides()[i] + kernel * op.getDilations()[i]);
    }
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
    rewriter.replaceOp(op, result);
    return success();
  }
};

// The filter of the plain convolution that a transposed one is:
// [I, O/g, k] -> [O, I/g, k], each kernel reversed.
Value turnFilter(ImplicitLocOpBuilder &b, Value filter, int64_t groups) {
  RankedTensorType type = typeOf(filter);
  SmallVector<int64_t> shape(type.getShape());
  int64_t perGroupIn = shape[0] / groups, perGroupOut = shape[1];
  shape[0] = perGroupOut * groups;
  shape[1] = perGroupIn;
  Value init = b.create<tensor::EmptyOp>(shape, type.getElementType());
  return generate(b, init, [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
    Value outs = constantIndex(inner, perGroupOut), ins = constantIndex(inner, perGroupIn);
    Value group = inner.create<arith::DivUIOp>(at[0], outs);
    Value base = inner.create<arith::MulIOp>(group, ins);
    SmallVector<Value> from{inner.create<arith::AddIOp>(base, at[1]),
                            inner.create<arith::RemUIOp>(at[0], outs)};
    for (size_t i = 2; i < at.size(); ++i)
      from.push_back(inner.create<arith::SubIOp>(constantIndex(inner, shape[i] - 1), at[i]));
    return inner.create<tensor::ExtractOp>(filter, from).getResult();
  });
}

// The input with stride - 1 zeros between its elements, and the border that a
// stride-1 convolution needs to give the output's extent.
Value spreadInput(ImplicitLocOpBuilder &b, ConvTransposeOp op) {
  Value input = op.getInput();
  RankedTensorType filter = typeOf(op.getFilter());
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), input);
  SmallVector<OpFoldResult> outDims = tensor::getMixedSizes(b, b.getLoc(), op.getInit());
  SmallVector<int64_t> shifts;
  for (unsigned i = 0; i < op.getStrides().size(); ++i) {
    int64_t reach = op.getDilations()[i] * (filter.getDimSize(i + 2) - 1);
    shifts.push_back(reach - op.getPadLow()[i]);
    if (std::optional<int64_t> extent = getConstantIntValue(outDims[i + 2]))
      outDims[i + 2] = b.getIndexAttr(*extent + reach);
    else
      outDims[i + 2] =
          b.create<arith::AddIOp>(cast<Value>(outDims[i + 2]), constantIndex(b, reach)).getResult();
    dims[i + 2] = getValueOrCreateConstantIndexOp(b, b.getLoc(), dims[i + 2]);
  }
  outDims[1] = dims[1];
  Value zero = zeroOf(b, filter.getElementType());
  Value init = emptyTensor(b, outDims, filter.getElementType());
  return generate(b, init, [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
    SmallVector<Value> from(at.take_front(2));
    Value inside = inner.create<arith::ConstantIntOp>(1, 1);
    for (auto [i, shift] : llvm::enumerate(shifts)) {
      Value moved = inner.create<arith::SubIOp>(at[i + 2], constantIndex(inner, shift));
      Value stride = constantIndex(inner, op.getStrides()[i]);
      Value zeroIndex = constantIndex(inner, 0);
      // A negative `moved` is huge when unsigned: its quotient is outside.
      from.push_back(inner.create<arith::DivUIOp>(moved, stride));
      Value rest = inner.create<arith::RemUIOp>(moved, stride);
      Value hits = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rest, zeroIndex);
      Value within = inner.create<arith::CmpIOp>(arith::CmpIPredicate::ult, from.back(),
                                                 cast<Value>(dims[i + 2]));
      inside = inner.create<arith::AndIOp>(inside, hits);
      inside = inner.create<arith::AndIOp>(inside, within);
    }
    return guardedExtract(inner, inside, input, from, zero);
  });
}

// nn.conv_transpose -> nn.conv of the spread input with the turned filter
struct DecomposeConvTranspose : OpRewritePattern<ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvTransposeOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> ones(op.getStrides().size(), 1), zeros(op.getStrides().size(), 0);
    Value filter = turnFilter(b, op.getFilter(), static_cast<int64_t>(op.getGroups()));
    Value input = spreadInput(b, op);
    rewriter.replaceOpWithNewOp<ConvOp>(op, op.getType(), input, filter, op.getBias(), op.getInit(),
                                        ones, op.getDilations(), zeros, zeros, op.getGroups());
    return success();
  }
};

} // namespace

void populateDecomposeConvPatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposeConv, DecomposeConvTranspose>(patterns.getContext());
}

} // namespace halcyon::nn
