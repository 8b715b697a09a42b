#include "dialect/nn/ConvParts.h"
#include "dialect/nn/Decompose.h"
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace halcyon::nn {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

// Windows that neither overlap nor leave gaps: each input element makes a tile of the output, one matrix product in all.
//   out[n, h, kh, w, kw, o] = sum over i of x[n, h, w, i] * filter[i, o, kh, kw]
// whose dimensions collapse to channels-last. Few output channels would fill no vector: there (kh, kw, o) are the
// columns of a product whose result is moved in a copy.
struct DecomposeTiles : OpRewritePattern<ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  static constexpr int64_t leastChannels = 8;

  LogicalResult matchAndRewrite(ConvTransposeOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> kernel = typeOf(op.getFilter()).getShape().drop_front(2);
    auto all = [](ArrayRef<int64_t> values, int64_t value) {
      return llvm::all_of(values, [&](int64_t each) { return each == value; });
    };
    if (op.getGroups() != 1 || op.getStrides() != kernel || !all(op.getDilations(), 1) || !all(op.getPadLow(), 0) ||
        !all(op.getPadHigh(), 0))
      return rewriter.notifyMatchFailure(op, "windows overlap, leave gaps or are cut");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    const int64_t rank = typeOf(op.getInput()).getRank(), channels = typeOf(op.getFilter()).getDimSize(1);
    SmallVector<int64_t> toLast{0}, toFirst{0, rank - 1};
    for (int64_t i = 2; i < rank; ++i) {
      toLast.push_back(i);
      toFirst.push_back(i - 1);
    }
    toLast.push_back(1);
    Value input = turned(b, op.getInput(), toLast);
    SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), input), tiled{dims[0]};
    for (auto [i, taps] : llvm::enumerate(kernel))
      tiled.append({dims[1 + i], b.getIndexAttr(taps)});
    tiled.push_back(b.getIndexAttr(channels));

    Value result = channels < leastChannels ? movedTiles(b, op, input, tiled) : directTiles(b, op, input, tiled);
    SmallVector<ReassociationIndices> groups{{0}};
    for (int64_t i = 1; i + 1 < rank; ++i)
      groups.push_back({2 * i - 1, 2 * i});
    groups.push_back({2 * rank - 3});
    Value last = b.create<tensor::CollapseShapeOp>(result, groups);
    Value first = b.create<linalg::TransposeOp>(last, op.getInit(), toFirst)->getResult(0);
    if (first.getType() != op.getType())
      first = b.create<tensor::CastOp>(op.getType(), first);
    rewriter.replaceOp(op, first);
    return success();
  }

  static Value turned(ImplicitLocOpBuilder &b, Value value, ArrayRef<int64_t> order) {
    SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), value);
    applyPermutationToVector(dims, order);
    return b.create<linalg::TransposeOp>(value, emptyTensor(b, dims, typeOf(value).getElementType()), order)
        ->getResult(0);
  }

  // Loops: those of the tiled result, then the input's channels.
  static Value directTiles(ImplicitLocOpBuilder &b, ConvTransposeOp op, Value input, ArrayRef<OpFoldResult> tiled) {
    auto count = static_cast<unsigned>(tiled.size() + 1);
    AffineExpr channel = b.getAffineDimExpr(count - 2), depth = b.getAffineDimExpr(count - 1);
    SmallVector<AffineExpr> in{b.getAffineDimExpr(0)}, weights{depth, channel};
    for (unsigned i = 1; i + 2 < count; i += 2) {
      in.push_back(b.getAffineDimExpr(i));
      weights.push_back(b.getAffineDimExpr(i + 1));
    }
    in.push_back(depth);
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(count, 0, exprs, b.getContext()); };
    SmallVector<utils::IteratorType> iterators = parallelIterators(count - 1);
    iterators.push_back(utils::IteratorType::reduction);
    Value init = emptyTensor(b, tiled, typeOf(input).getElementType());
    return generic(b, {input, op.getFilter()}, startAccumulator(b, init, op.getBias(), count - 2),
                   {map(in), map(weights), b.getMultiDimIdentityMap(count).getMajorSubMap(count - 1)}, iterators,
                   multiplyAdd);
  }

  static Value movedTiles(ImplicitLocOpBuilder &b, ConvTransposeOp op, Value input, ArrayRef<OpFoldResult> tiled) {
    RankedTensorType filterType = typeOf(op.getFilter());
    Type element = filterType.getElementType();
    const int64_t spatials = filterType.getRank() - 2;
    // The filter as [i, (kh, kw, o)].
    SmallVector<int64_t> filterOrder{0};
    SmallVector<ReassociationIndices> columns{{0}, {}};
    for (int64_t i = 0; i < spatials; ++i)
      filterOrder.push_back(2 + i);
    filterOrder.push_back(1);
    for (int64_t i = 1; i < filterType.getRank(); ++i)
      columns[1].push_back(i);
    Value filter = b.create<tensor::CollapseShapeOp>(turned(b, op.getFilter(), filterOrder), columns);

    // Loops: batch, positions, columns, the input's channels.
    auto count = static_cast<unsigned>(spatials + 3);
    SmallVector<AffineExpr> in;
    for (unsigned i = 0; i + 2 < count; ++i)
      in.push_back(b.getAffineDimExpr(i));
    in.push_back(b.getAffineDimExpr(count - 1));
    SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), input), split(dims);
    dims.back() = b.getIndexAttr(typeOf(filter).getDimSize(1));
    split.pop_back();
    for (int64_t i = 0; i < spatials; ++i)
      split.push_back(b.getIndexAttr(filterType.getDimSize(2 + i)));
    split.push_back(tiled.back());
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(count, 0, exprs, b.getContext()); };
    SmallVector<utils::IteratorType> iterators = parallelIterators(count - 1);
    iterators.push_back(utils::IteratorType::reduction);
    Value sums = generic(b, {input, filter}, filledTensor(b, dims, zeroOf(b, element)),
                         {map(in), map({b.getAffineDimExpr(count - 1), b.getAffineDimExpr(count - 2)}),
                          b.getMultiDimIdentityMap(count).getMajorSubMap(count - 1)},
                         iterators, multiplyAdd);

    // [batch, positions, (taps, channel)] -> [batch, (position, tap).., channel], plus the bias.
    SmallVector<ReassociationIndices> groups;
    for (int64_t i = 0; i < spatials + 2; ++i)
      groups.push_back({i});
    for (int64_t i = 0; i < spatials; ++i)
      groups.back().push_back(spatials + 2 + i);
    SmallVector<int64_t> splitShape;
    for (OpFoldResult dim : split)
      splitShape.push_back(getConstantIntValue(dim).value_or(ShapedType::kDynamic));
    Value apart = b.create<tensor::ExpandShapeOp>(RankedTensorType::get(splitShape, element), sums, groups, split);
    auto loops = static_cast<unsigned>(tiled.size());
    SmallVector<AffineExpr> from{b.getAffineDimExpr(0)};
    for (unsigned i = 1; i + 1 < loops; i += 2)
      from.push_back(b.getAffineDimExpr(i));
    for (unsigned i = 2; i + 1 < loops; i += 2)
      from.push_back(b.getAffineDimExpr(i));
    from.push_back(b.getAffineDimExpr(loops - 1));
    SmallVector<Value> inputs{apart};
    SmallVector<AffineMap> maps{AffineMap::get(loops, 0, from, b.getContext())};
    if (op.getBias()) {
      inputs.push_back(op.getBias());
      maps.push_back(AffineMap::get(loops, 0, b.getAffineDimExpr(loops - 1)));
    }
    maps.push_back(b.getMultiDimIdentityMap(loops));
    return generic(b, inputs, emptyTensor(b, tiled, element), maps, parallelIterators(loops),
                   [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                     if (!op.getBias())
                       return arguments[0];
                     if (isa<FloatType>(element))
                       return inner.create<arith::AddFOp>(arguments[0], arguments[1]);
                     return inner.create<arith::AddIOp>(arguments[0], arguments[1]);
                   });
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

void populateDecomposeConvTransposePatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposeConvTranspose>(patterns.getContext());
  patterns.add<DecomposeTiles>(patterns.getContext(), /*benefit=*/2);
}

} // namespace halcyon::nn
