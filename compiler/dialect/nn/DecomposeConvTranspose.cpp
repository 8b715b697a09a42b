#include "dialect/nn/ConvParts.h"
#include "dialect/nn/Decompose.h"
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/Support/MathExtras.h"
#include <functional>
#include <numeric>

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

// The output positions first, first + 1, .. first + count - 1 of each `stride`: those that the same number of taps reach,
// at the same places. Tap number `firstTap` + position + j * tapStep, the last one first, meets input element
// begin + j * dilation + (output position / stride).
struct Phase {
  int64_t first, count;
  int64_t taps, firstTap, tapStep, dilation, begin;
  int64_t extra; // how many positions there are, less the input's extent
};

// A spatial dimension: output o gets input i through tap k where stride * i = o + pad_low - dilation * k.
struct Spatial {
  int64_t stride, kernel;
  int64_t more; // output extent - stride * input extent
  int64_t input; // or dynamic
  SmallVector<Phase> phases; // those that a tap reaches

  Spatial(ConvTransposeOp op, unsigned i, bool join) {
    const int64_t dilation = op.getDilations()[i], low = op.getPadLow()[i];
    stride = op.getStrides()[i];
    kernel = typeOf(op.getFilter()).getDimSize(i + 2);
    input = typeOf(op.getInput()).getDimSize(i + 2);
    more = dilation * (kernel - 1) + 1 - stride - low - op.getPadHigh()[i];
    const int64_t common = std::gcd(stride, dilation), step = stride / common;
    for (int64_t at = 0; at < stride; ++at) {
      int64_t tap = 0;
      while (tap < step && (at + low - dilation * tap) % stride)
        ++tap;
      if (tap == step || tap >= kernel)
        continue;
      Phase made{at, 1, (kernel - 1 - tap) / step + 1, tap, step, dilation / common, 0, extraOf(at)};
      made.begin = (at + low - dilation * (tap + (made.taps - 1) * step)) / stride;
      if (!reaches(made))
        continue;
      Phase *last = phases.empty() ? nullptr : &phases.back();
      if (join && dilation == 1 && last && last->first + last->count == at && last->taps == made.taps &&
          last->begin == made.begin && last->firstTap + last->count == tap)
        ++last->count;
      else
        phases.push_back(made);
    }
  }

  // Of the output positions `at`, `at` + stride, ..: their number less the input's extent.
  int64_t extraOf(int64_t at) const { return llvm::divideCeilSigned(more - at, stride); }

  // Whether any of it lies in the input, as far as that is known.
  bool reaches(const Phase &phase) const {
    if (ShapedType::isDynamic(input))
      return true;
    const int64_t count = input + phase.extra;
    return count > 0 && phase.begin < input && phase.begin + count - 1 + (phase.taps - 1) * phase.dilation >= 0;
  }
};

OpFoldResult plus(ImplicitLocOpBuilder &b, OpFoldResult dim, int64_t more) {
  if (std::optional<int64_t> extent = getConstantIntValue(dim))
    return b.getIndexAttr(*extent + more);
  return more ? b.create<arith::AddIOp>(cast<Value>(dim), constantIndex(b, more)).getResult() : dim;
}

// One plain convolution a phase: what a stride spreads apart is not there to be multiplied.
//   out[n, o, stride * q + first] = sum over i, j of x[n, i, q + begin + j * dilation] * filter[i, o, firstTap + (taps - 1 - j) * tapStep]
// The results are put side by side in a tensor that has a dimension for the phases of each spatial one.
class PhaseBuilder {
public:
  // With `join` (and always where channels are few) phases of the last dimension are channels of one convolution.
  PhaseBuilder(ImplicitLocOpBuilder &b, ConvTransposeOp op, bool join)
      : b(b), op(op), filterType(typeOf(op.getFilter())), groups(static_cast<int64_t>(op.getGroups())),
        channels(filterType.getDimSize(1) * groups), spatials(op.getStrides().size()) {
    const bool few = (join || channels < wholeVector) && groups == 1;
    for (unsigned i = 0; i < spatials; ++i)
      axes.emplace_back(op, i, few && i + 1 == spatials);
    int64_t columns = channels;
    for (const Phase &phase : axes.back().phases)
      columns = std::max(columns, channels * phase.count);
    last = columns >= DecomposeTiles::leastChannels;
    if (few && !last)
      axes.back() = Spatial(op, spatials - 1, false);
  }

  int64_t count() const {
    int64_t made = 1;
    for (const Spatial &axis : axes)
      made *= static_cast<int64_t>(axis.phases.size());
    return made;
  }

  Value build() {
    inputDims = tensor::getMixedSizes(b, b.getLoc(), op.getInput());
    Value whole = start();
    SmallVector<const Phase *> at(spatials);
    std::function<void(unsigned)> each = [&](unsigned i) {
      if (i == spatials)
        whole = put(whole, convolve(at), at);
      else
        for (const Phase &phase : axes[i].phases) {
          at[i] = &phase;
          each(i + 1);
        }
    };
    each(0);
    return finish(whole);
  }

private:
  static constexpr int64_t wholeVector = 16;

  // [n, channels, (positions, phase)..], the channels last where they fill vectors.
  template <class Item> SmallVector<Item> inOrder(Item batch, Item channel, ArrayRef<Item> rest) const {
    SmallVector<Item> made{batch};
    if (!last)
      made.push_back(channel);
    llvm::append_range(made, rest);
    if (last)
      made.push_back(channel);
    return made;
  }

  Value start() {
    int64_t reached = 1, all = 1;
    SmallVector<OpFoldResult> rest;
    for (auto [i, axis] : llvm::enumerate(axes)) {
      rest.append({plus(b, inputDims[i + 2], axis.extraOf(0)), b.getIndexAttr(axis.stride)});
      all *= axis.stride;
      int64_t here = 0;
      for (const Phase &phase : axis.phases)
        here += phase.count;
      reached *= here;
    }
    Value init = emptyTensor(b, inOrder<OpFoldResult>(inputDims[0], b.getIndexAttr(channels), rest), filterType.getElementType());
    return reached == all ? init : startAccumulator(b, init, op.getBias(), last ? 2 * spatials + 1 : 1);
  }

  // The taps of the phases as the filter of a plain convolution: [groups * joined * O / groups, I / groups, taps..].
  Value turnedFilter(ArrayRef<const Phase *> at) {
    SmallVector<ReassociationIndices> split{{0, 1}};
    SmallVector<int64_t> apart{groups, filterType.getDimSize(0) / groups};
    for (int64_t i = 1; i < filterType.getRank(); ++i) {
      split.push_back({i + 1});
      apart.push_back(filterType.getDimSize(i));
    }
    Value filter = b.create<tensor::ExpandShapeOp>(RankedTensorType::get(apart, filterType.getElementType()), op.getFilter(), split);
    // Group, joined phase, output, input, taps.
    SmallVector<int64_t> shape{groups, at.back()->count, apart[2], apart[1]};
    SmallVector<ReassociationIndices> join{{0, 1, 2}, {3}};
    for (unsigned i = 0; i < spatials; ++i) {
      shape.push_back(at[i]->taps);
      join.push_back({i + 4});
    }
    Value init = b.create<tensor::EmptyOp>(shape, filterType.getElementType());
    Value made = generate(b, init, [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> index) {
      SmallVector<Value> from{index[0], index[3], index[2]};
      for (unsigned i = 0; i < spatials; ++i) {
        const Phase &phase = *at[i];
        Value before = inner.create<arith::MulIOp>(index[i + 4], constantIndex(inner, phase.tapStep));
        from.push_back(inner.create<arith::SubIOp>(constantIndex(inner, phase.firstTap + (phase.taps - 1) * phase.tapStep), before));
      }
      from.back() = inner.create<arith::AddIOp>(from.back(), index[1]);
      return inner.create<tensor::ExtractOp>(filter, from).getResult();
    });
    return b.create<tensor::CollapseShapeOp>(made, join);
  }

  // The phases' positions, in the order of the whole's dimensions: [n, (positions, 1).., joined, channels].
  Value convolve(ArrayRef<const Phase *> at) {
    const int64_t joined = at.back()->count;
    SmallVector<OpFoldResult> made{inputDims[0], b.getIndexAttr(joined * channels)}, kept(made), offsets(2, b.getIndexAttr(0));
    SmallVector<int64_t> low, high, dilations, ones(spatials, 1);
    bool cut = false;
    for (unsigned i = 0; i < spatials; ++i) {
      const Phase &phase = *at[i];
      // Where a phase begins or ends inside the input, the convolution gives more than is kept.
      const int64_t begin = phase.begin, end = phase.extra + begin + (phase.taps - 1) * phase.dilation;
      low.push_back(std::max<int64_t>(-begin, 0));
      high.push_back(std::max<int64_t>(end, 0));
      dilations.push_back(phase.dilation);
      kept.push_back(plus(b, inputDims[i + 2], phase.extra));
      made.push_back(plus(b, inputDims[i + 2], phase.extra + std::max<int64_t>(begin, 0) + std::max<int64_t>(-end, 0)));
      offsets.push_back(b.getIndexAttr(std::max<int64_t>(begin, 0)));
      cut |= begin > 0 || end < 0;
    }
    Value bias = op.getBias();
    if (bias && joined > 1) {
      Value init = b.create<tensor::EmptyOp>(ArrayRef<int64_t>{joined, channels}, filterType.getElementType());
      bias = generic(b, {bias}, init, {AffineMap::get(2, 0, b.getAffineDimExpr(1)), b.getMultiDimIdentityMap(2)}, parallelIterators(2),
                     [](ImplicitLocOpBuilder &, ValueRange arguments) { return arguments[0]; });
      bias = b.create<tensor::CollapseShapeOp>(bias, ArrayRef<ReassociationIndices>{{0, 1}});
    }
    Value init = emptyTensor(b, made, filterType.getElementType());
    Value result = b.create<ConvOp>(init.getType(), op.getInput(), turnedFilter(at), bias, init, ones, dilations, low, high, op.getGroups(),
                                    Layout::channels_first, Layout::channels_first, /*inside_only=*/true);
    if (cut)
      result = b.create<tensor::ExtractSliceOp>(result, offsets, kept, SmallVector<OpFoldResult>(kept.size(), b.getIndexAttr(1)));
    return result;
  }

  Value put(Value whole, Value part, ArrayRef<const Phase *> at) {
    if (last) {
      SmallVector<int64_t> order{0};
      for (unsigned i = 0; i < spatials; ++i)
        order.push_back(i + 2);
      order.push_back(1);
      part = DecomposeTiles::turned(b, part, order);
    }
    SmallVector<OpFoldResult> rest, begins, sizes = tensor::getMixedSizes(b, b.getLoc(), part);
    for (unsigned i = 0; i < spatials; ++i) {
      rest.append({sizes[i + (last ? 1 : 2)], b.getIndexAttr(at[i]->count)});
      begins.append({b.getIndexAttr(0), b.getIndexAttr(at[i]->first)});
    }
    SmallVector<OpFoldResult> dims = inOrder<OpFoldResult>(sizes[0], b.getIndexAttr(channels), rest);
    SmallVector<OpFoldResult> offsets = inOrder<OpFoldResult>(b.getIndexAttr(0), b.getIndexAttr(0), begins);
    // A dimension of one element after each position but, with the channels last, the joined one, which the channels hold.
    SmallVector<ReassociationIndices> groupsOf;
    int64_t next = 0;
    for (int64_t i = 0; i < typeOf(part).getRank(); ++i) {
      groupsOf.push_back({next++});
      const bool spatial = last ? i > 0 && i <= static_cast<int64_t>(spatials) : i >= 2;
      const bool holdsJoined = last && i == static_cast<int64_t>(spatials);
      if ((spatial && !holdsJoined) || (last && i == static_cast<int64_t>(spatials) + 1))
        groupsOf.back().push_back(next++);
    }
    SmallVector<int64_t> shape;
    for (OpFoldResult dim : dims)
      shape.push_back(getConstantIntValue(dim).value_or(ShapedType::kDynamic));
    Value apart = b.create<tensor::ExpandShapeOp>(RankedTensorType::get(shape, filterType.getElementType()), part, groupsOf, dims);
    return b.create<tensor::InsertSliceOp>(apart, whole, offsets, dims, SmallVector<OpFoldResult>(dims.size(), b.getIndexAttr(1)));
  }

  // Positions and phases are one dimension, which is cut to the output's extent.
  Value finish(Value whole) {
    SmallVector<ReassociationIndices> join{{0}};
    int64_t next = 1;
    if (!last)
      join.push_back({next++});
    for (unsigned i = 0; i < spatials; ++i, next += 2)
      join.push_back({next, next + 1});
    if (last)
      join.push_back({next});
    Value made = b.create<tensor::CollapseShapeOp>(whole, join);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), made), out = tensor::getMixedSizes(b, b.getLoc(), op.getInit());
    bool cut = false;
    for (auto [i, axis] : llvm::enumerate(axes)) {
      if (axis.extraOf(0) * axis.stride == axis.more)
        continue;
      sizes[i + (last ? 1 : 2)] = out[i + 2];
      cut = true;
    }
    if (cut)
      made = b.create<tensor::ExtractSliceOp>(made, SmallVector<OpFoldResult>(sizes.size(), b.getIndexAttr(0)), sizes,
                                              SmallVector<OpFoldResult>(sizes.size(), b.getIndexAttr(1)));
    if (last) {
      SmallVector<int64_t> order{0, static_cast<int64_t>(spatials) + 1};
      for (unsigned i = 0; i < spatials; ++i)
        order.push_back(i + 1);
      made = b.create<linalg::TransposeOp>(made, op.getInit(), order)->getResult(0);
    }
    return made.getType() == op.getType() ? made : b.create<tensor::CastOp>(op.getType(), made).getResult();
  }

  ImplicitLocOpBuilder &b;
  ConvTransposeOp op;
  RankedTensorType filterType;
  int64_t groups, channels;
  unsigned spatials;
  bool last = false; // the channels
  SmallVector<Spatial> axes;
  SmallVector<OpFoldResult> inputDims;
};

// More phases than this are not worth a kernel each.
constexpr int64_t mostPhases = 16;

// nn.conv_transpose -> an nn.conv a phase
struct DecomposePhases : OpRewritePattern<ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvTransposeOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    for (bool join : {false, true}) {
      PhaseBuilder phases(b, op, join);
      if (phases.count() > mostPhases)
        continue;
      rewriter.replaceOp(op, phases.build());
      return success();
    }
    return rewriter.notifyMatchFailure(op, "too many phases");
  }
};

// nn.conv_transpose -> a sum over the taps that meet an element, for each element of the output
struct DecomposeDirectly : OpRewritePattern<ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvTransposeOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    RankedTensorType filter = typeOf(op.getFilter());
    const int64_t outs = filter.getDimSize(1), ins = filter.getDimSize(0) / static_cast<int64_t>(op.getGroups());
    Value zero = zeroOf(b, filter.getElementType());
    SmallVector<Value> extents{constantIndex(b, ins)}, inputs;
    // Without dilation every stride-th tap meets a position, from one on that the position gives.
    SmallVector<int64_t> steps;
    for (unsigned i = 0; i < op.getStrides().size(); ++i) {
      const int64_t kernel = filter.getDimSize(i + 2);
      steps.push_back(op.getDilations()[i] == 1 ? op.getStrides()[i] : 1);
      extents.push_back(constantIndex(b, llvm::divideCeil(kernel, steps.back())));
      inputs.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), op.getInput(), i + 2)));
    }
    rewriter.replaceOp(op, generate(b, op.getInit(), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
      Value count = constantIndex(inner, outs);
      Value out = inner.create<arith::RemUIOp>(at[1], count);
      Value first = inner.create<arith::MulIOp>(inner.create<arith::DivUIOp>(at[1], count), constantIndex(inner, ins));
      Value start = op.getBias() ? inner.create<tensor::ExtractOp>(op.getBias(), at[1]).getResult() : zero;
      return accumulate(inner, extents, start, [&](ImplicitLocOpBuilder &body, ArrayRef<Value> step, Value total) -> Value {
        Value channel = body.create<arith::AddIOp>(first, step[0]);
        SmallVector<Value> from{at[0], channel}, weight{channel, out};
        Value inside = body.create<arith::ConstantIntOp>(1, 1);
        auto require = [&](arith::CmpIPredicate predicate, Value left, Value right) {
          inside = body.create<arith::AndIOp>(inside, body.create<arith::CmpIOp>(predicate, left, right));
        };
        for (unsigned i = 0; i < inputs.size(); ++i) {
          Value stride = constantIndex(body, op.getStrides()[i]);
          Value place = body.create<arith::AddIOp>(at[i + 2], constantIndex(body, op.getPadLow()[i]));
          Value tap = step[i + 1];
          if (steps[i] > 1) {
            tap = body.create<arith::MulIOp>(tap, stride);
            tap = body.create<arith::AddIOp>(tap, body.create<arith::RemUIOp>(place, stride));
            require(arith::CmpIPredicate::ult, tap, constantIndex(body, filter.getDimSize(i + 2)));
          }
          weight.push_back(tap);
          place = body.create<arith::SubIOp>(place, body.create<arith::MulIOp>(tap, constantIndex(body, op.getDilations()[i])));
          // A negative place is huge when unsigned: its quotient is outside.
          from.push_back(body.create<arith::DivUIOp>(place, stride));
          if (steps[i] == 1)
            require(arith::CmpIPredicate::eq, body.create<arith::RemUIOp>(place, stride), constantIndex(body, 0));
          require(arith::CmpIPredicate::ult, from.back(), inputs[i]);
        }
        return addInside(body, inside, op.getInput(), from, op.getFilter(), weight, total);
      });
    }));
    return success();
  }
};

} // namespace

void populateDecomposeConvTransposePatterns(RewritePatternSet &patterns) {
  patterns.add<DropEmpty<ConvTransposeOp>>(patterns.getContext(), /*benefit=*/4);
  patterns.add<DecomposeDirectly>(patterns.getContext());
  patterns.add<DecomposePhases>(patterns.getContext(), /*benefit=*/2);
  patterns.add<DecomposeTiles>(patterns.getContext(), /*benefit=*/3);
}

} // namespace halcyon::nn
