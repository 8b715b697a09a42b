#include "dialect/nn/ConvParts.h"
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

// The least value: what a maximum starts from.
Value leastOf(ImplicitLocOpBuilder &b, Type type) {
  if (auto floating = dyn_cast<FloatType>(type)) {
    auto infinity = APFloat::getInf(floating.getFloatSemantics(), /*Negative=*/true);
    return b.create<arith::ConstantOp>(b.getFloatAttr(floating, infinity));
  }
  APInt least = APInt::getSignedMinValue(type.getIntOrFloatBitWidth());
  return b.create<arith::ConstantOp>(b.getIntegerAttr(type, least));
}

unsigned firstSpatial(PoolOp op) { return op.getLayout() == Layout::channels_first ? 2 : 1; }

// The input grown to all that the windows touch: padding, and what ceil_mode
// reaches beyond it.
Value windowedInput(ImplicitLocOpBuilder &b, PoolOp op, Value outside) {
  bool pads = op.getCeilMode();
  for (int64_t pad : llvm::concat<const int64_t>(op.getPadLow(), op.getPadHigh()))
    pads |= pad != 0;
  if (!pads)
    return op.getInput();
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), op.getInput());
  SmallVector<OpFoldResult> outDims = tensor::getMixedSizes(b, b.getLoc(), op.getInit());
  SmallVector<OpFoldResult> low(dims.size(), b.getIndexAttr(0));
  for (unsigned i = 0; i < op.getKernel().size(); ++i) {
    unsigned axis = firstSpatial(op) + i;
    int64_t stride = op.getStrides()[i];
    // (out - 1) * stride + dilation * (kernel - 1) + 1
    int64_t more = op.getDilations()[i] * (op.getKernel()[i] - 1) + 1 - stride;
    low[axis] = b.getIndexAttr(op.getPadLow()[i]);
    if (std::optional<int64_t> extent = getConstantIntValue(outDims[axis])) {
      dims[axis] = b.getIndexAttr(*extent * stride + more);
      continue;
    }
    Value scaled = b.create<arith::MulIOp>(cast<Value>(outDims[axis]), constantIndex(b, stride));
    dims[axis] = b.create<arith::AddIOp>(scaled, constantIndex(b, more)).getResult();
  }
  return padded(b, op.getInput(), low, dims, outside);
}

// combine(accumulator, element) over each window.
Value reduceWindows(ImplicitLocOpBuilder &b, PoolOp op, Value input, Value start) {
  auto rank = static_cast<unsigned>(typeOf(input).getRank());
  auto spatials = static_cast<unsigned>(op.getKernel().size());
  unsigned count = rank + spatials;
  SmallVector<AffineExpr> from, window;
  for (unsigned axis = 0; axis < rank; ++axis)
    from.push_back(b.getAffineDimExpr(axis));
  for (unsigned i = 0; i < spatials; ++i) {
    window.push_back(b.getAffineDimExpr(rank + i));
    AffineExpr &position = from[firstSpatial(op) + i];
    position = position * op.getStrides()[i] + window.back() * op.getDilations()[i];
  }
  Type element = typeOf(input).getElementType();
  Value kernel = b.create<tensor::EmptyOp>(op.getKernel(), element); // its shape alone is used
  SmallVector<utils::IteratorType> iterators = parallelIterators(rank);
  iterators.resize(count, utils::IteratorType::reduction);
  bool isMax = op.getKind() == PoolKind::max;
  return generic(b, {input, kernel}, filledLike(b, op.getInit(), start),
                 {AffineMap::get(count, 0, from, b.getContext()),
                  AffineMap::get(count, 0, window, b.getContext()),
                  AffineMap::getMultiDimIdentityMap(count, b.getContext()).getMajorSubMap(rank)},
                 iterators, [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                   if (!isMax)
                     return inner.create<arith::AddFOp>(arguments[2], arguments[0]);
                   if (isa<FloatType>(element))
                     return inner.create<arith::MaximumFOp>(arguments[2], arguments[0]);
                   return inner.create<arith::MaxSIOp>(arguments[2], arguments[0]);
                 });
}

// How many elements of the window at `indices` an average counts.
Value windowCount(ImplicitLocOpBuilder &b, PoolOp op, ArrayRef<OpFoldResult> inputDims,
                  ArrayRef<Value> indices) {
  Value count = constantIndex(b, 1);
  for (unsigned i = 0; i < op.getKernel().size(); ++i) {
    unsigned axis = firstSpatial(op) + i;
    int64_t dilation = op.getDilations()[i];
    Value extent = getValueOrCreateConstantIndexOp(b, b.getLoc(), inputDims[axis]);
    Value begin = b.create<arith::MulIOp>(indices[axis], constantIndex(b, op.getStrides()[i]));
    begin = b.create<arith::SubIOp>(begin, constantIndex(b, op.getPadLow()[i]));
    Value last =
        b.create<arith::AddIOp>(begin, constantIndex(b, dilation * (op.getKernel()[i] - 1)));
    Value lowest = constantIndex(b, op.getCountIncludePad() ? -op.getPadLow()[i] : 0);
    Value highest = b.create<arith::AddIOp>(
        extent, constantIndex(b, (op.getCountIncludePad() ? op.getPadHigh()[i] : 0) - 1));
    // Steps skipped at each end, then those left.
    Value dilationValue = constantIndex(b, dilation);
    Value zero = constantIndex(b, 0);
    auto skipped = [&](Value difference) {
      Value positive = b.create<arith::MaxSIOp>(difference, zero);
      return b.create<arith::CeilDivSIOp>(positive, dilationValue).getResult();
    };
    Value before = skipped(b.create<arith::SubIOp>(lowest, begin));
    Value after = skipped(b.create<arith::SubIOp>(last, highest));
    Value kept = constantIndex(b, op.getKernel()[i]);
    kept = b.create<arith::SubIOp>(kept, before);
    kept = b.create<arith::SubIOp>(kept, after);
    count = b.create<arith::MulIOp>(count, kept);
  }
  return count;
}

// nn.pool -> padding copy, one generic over the windows, for averages a division
struct DecomposePool : OpRewritePattern<PoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PoolOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type element = typeOf(op.getInput()).getElementType();
    bool isMax = op.getKind() == PoolKind::max;
    Value start = isMax ? leastOf(b, element)
                        : b.create<arith::ConstantOp>(b.getZeroAttr(element)).getResult();
    Value windowed = windowedInput(b, op, start);
    Value sums = reduceWindows(b, op, windowed, start);
    if (isMax) {
      rewriter.replaceOp(op, sums);
      return success();
    }
    bool whole = windowed == op.getInput();
    SmallVector<OpFoldResult> inputDims = tensor::getMixedSizes(b, op.getLoc(), op.getInput());
    auto rank = static_cast<unsigned>(typeOf(sums).getRank());
    AffineMap identity = b.getMultiDimIdentityMap(rank);
    Value init = emptyTensor(b, tensor::getMixedSizes(b, op.getLoc(), op.getInit()), element);
    rewriter.replaceOp(
        op, generic(b, {sums}, init, {identity, identity}, parallelIterators(rank),
                    [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                      if (whole) {
                        int64_t count = 1;
                        for (int64_t extent : op.getKernel())
                          count *= extent;
                        Value divisor = constantFloat(inner, element, static_cast<double>(count));
                        return inner.create<arith::DivFOp>(arguments[0], divisor);
                      }
                      SmallVector<Value> indices;
                      for (unsigned axis = 0; axis < rank; ++axis)
                        indices.push_back(inner.create<linalg::IndexOp>(axis));
                      Value count = windowCount(inner, op, inputDims, indices);
                      count = inner.create<arith::IndexCastOp>(inner.getI64Type(), count);
                      count = inner.create<arith::SIToFPOp>(element, count);
                      return inner.create<arith::DivFOp>(arguments[0], count);
                    }));
    return success();
  }
};

} // namespace

void populateDecomposePoolPatterns(RewritePatternSet &patterns) {
  patterns.add<DropEmpty<PoolOp>>(patterns.getContext(), /*benefit=*/2);
  patterns.add<DecomposePool>(patterns.getContext());
}

} // namespace halcyon::nn
