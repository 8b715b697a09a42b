#include "dialect/nn/Nn.h"
#include "tensor/Generic.h"
#include "tensor/Passes.h"
#include "tensor/QuantizedProducts.h"
#include "tensor/StridedConstant.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

namespace halcyon {
#define GEN_PASS_DEF_INTEGERCONTRACTIONS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;
static constexpr double mostBias = 1 << 30;   // of a sum of bytes' products (QuantizedProducts.cpp)
static constexpr int64_t mostSum = 2144000000; // of i32 (ProveRanges.cpp)
static constexpr int64_t mostWhole = 1 << 24; // of the whole numbers that f32 has all of

namespace {

struct IntegerContractions : halcyon::impl::IntegerContractionsBase<IntegerContractions> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      if (!op.getNumReductionLoops() || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !op.hasPureTensorSemantics())
        continue;
      if (!isa<linalg::GenericOp>(op.getOperation()) && !readsWeights(op))
        continue;
      FailureOr<linalg::GenericOp> generic = asGeneric(op, rewriter);
      if (failed(generic))
        continue;
      for (unsigned right : {1u, 0u})
        if (std::optional<Contraction> found = byteContraction(*generic, right); found && rewrite(*found, rewriter))
          break;
        else if ((found = anyContraction(*generic, right)) && rewriteOneByOne(*found, rewriter))
          break;
    }
  }

  // Computes them, so that it may be generalised.
  static bool readsWeights(linalg::LinalgOp op) {
    return llvm::any_of(op.getDpsInputs(), [](Value input) {
      std::optional<ComputedConstant> constant = computedConstant(input);
      return constant && constant->op;
    });
  }

  bool rewrite(const Contraction &found, IRRewriter &rewriter) {
    linalg::GenericOp op = found.op;
    std::optional<Left> left = leftOf(op.getDpsInputs()[found.left], op->getBlock(), found.planes);
    if (!left)
      return false;
    std::optional<Dequantized> form = dequantized(left->producer.getBody()->getTerminator()->getOperand(0));
    std::optional<Uniform> activation = form ? uniformOf(*form, left->producer) : std::nullopt;
    Type element = getElementTypeOrSelf(op.getResult(0));
    if (!activation || getElementTypeOrSelf(left->producer.getResult(0)) != element || (activation->zeroAtRun && (left->padding || found.planes)))
      return false;
    if (found.planes && !cast<RankedTensorType>(left->producer.getResult(0).getType()).hasStaticShape())
      return false;
    std::optional<ByteWeights> weights = byteWeights(op.getDpsInputs()[found.right], op.getIndexingMapsArray()[found.right],
                                                     found.loops, op.getStaticLoopRanges());
    if (!weights)
      return false;
    if (activation->zeroAtRun)
      activation->zeroAtRun = tensorOf(activation->zeroAtRun, left->producer, rewriter);
    Value bytes = bytesFrom(*left, *form, *activation, rewriter);
    rewriter.setInsertionPoint(op);
    Value words = paddedWords(bytes, found, *left, *activation, rewriter);
    SmallVector<float> scales = scalesOf(*activation, weights->scales, weights->sums.size());
    std::optional<SmallVector<int32_t>> bias = integerBias(op.getDpsInits()[0], scales, weights->sums.size());
    Value sums = contract(found, words, *activation, *weights, bias.value_or(SmallVector<int32_t>()), rewriter);
    rewriter.replaceOp(op, rescale(op, sums, scales, /*addsInit=*/!bias, rewriter));
    return true;
  }

  // The same where bytes cannot be taken by fours, as for each channel alone: of bytes one by one, or of whole numbers in f32
  // as long as their sums are exact.
  bool rewriteOneByOne(const Contraction &found, IRRewriter &rewriter) {
    linalg::GenericOp op = found.op;
    std::optional<Left> left = leftOf(op.getDpsInputs()[found.left], op->getBlock(), /*planes=*/false);
    if (!left || !getElementTypeOrSelf(op.getResult(0)).isF32() || !getElementTypeOrSelf(left->producer.getResult(0)).isF32())
      return false;
    std::optional<Dequantized> form = dequantized(left->producer.getBody()->getTerminator()->getOperand(0));
    std::optional<Uniform> activation = form ? uniformOf(*form, left->producer) : std::nullopt;
    std::optional<WholeWeights> weights;
    if (activation && !activation->zeroAtRun)
      weights = wholeWeights(op.getDpsInputs()[found.right], op.getIndexingMapsArray()[found.right], found.loops,
                             op.getStaticLoopRanges());
    const auto columns = static_cast<size_t>(op.getStaticLoopRanges()[found.loops.columns]);
    if (!weights)
      return false;
    SmallVector<float> scales = scalesOf(*activation, weights->scales, columns);
    std::optional<SmallVector<int32_t>> bias = integerBias(op.getDpsInits()[0], scales, columns);
    int64_t most = weights->most * std::max(activation->zero, 255 - activation->zero);
    if (bias)
      most += std::abs(static_cast<int64_t>(*llvm::max_element(*bias, [](int32_t a, int32_t b) { return std::abs(a) < std::abs(b); })));
    // Each read once for each channel, bytes become numbers where they are read; what many channels share is made once.
    const bool readsBytes = op.getIndexingMapsArray()[found.left].isFunctionOfDim(found.loops.columns);
    const bool multipliesBytes = readsBytes && !activation->zero && weights->bytes;
    if (most > (multipliesBytes ? mostSum : mostWhole))
      return false;

    Value numbers;
    if (readsBytes || (form->scale && !left->producer->hasOneUse()))
      numbers = bytesFrom(*left, *form, *activation, rewriter);
    else
      numbers = form->scale ? unscaled(left->producer, rewriter) : left->producer.getResult(0);
    if (!readsBytes && getElementTypeOrSelf(numbers).isInteger())
      numbers = numbersOf(numbers, *activation, rewriter);
    rewriter.setInsertionPoint(op);
    numbers = behindViews(numbers, *left, rewriter);
    if (left->padding) {
      TypedAttr outside = rewriter.getF32FloatAttr(0);
      if (readsBytes)
        outside = rewriter.getIntegerAttr(rewriter.getI8Type(), static_cast<int8_t>(activation->zero));
      numbers = padded(left->padding, numbers, rewriter.create<arith::ConstantOp>(op.getLoc(), outside), {}, rewriter);
    }
    Type sum = multipliesBytes ? Type(rewriter.getI32Type()) : rewriter.getF32Type();
    Value start = startFrom(op.getDpsInits()[0], bias.value_or(SmallVector<int32_t>(columns, 0)), sum, rewriter);
    SmallVector<Value> inputs(op.getDpsInputs());
    inputs[found.left] = numbers;
    inputs[found.right] = rewriter.create<arith::ConstantOp>(op.getLoc(), multipliesBytes ? weights->bytes : weights->numbers);
    Value sums = multiply(found, inputs, start, *activation, rewriter);
    rewriter.replaceOp(op, rescale(op, sums, scales, /*addsInit=*/!bias, rewriter));
    return true;
  }

  // The producer without its scale.
  static Value unscaled(linalg::GenericOp op, IRRewriter &rewriter) {
    rewriter.setInsertionPoint(op);
    auto made = cast<linalg::GenericOp>(rewriter.clone(*op));
    Operation *yield = made.getBody()->getTerminator();
    auto product = yield->getOperand(0).getDefiningOp<arith::MulFOp>();
    yield->setOperand(0, product.getLhs() == dequantized(yield->getOperand(0))->scale ? product.getRhs() : product.getLhs());
    return made.getResult(0);
  }

  // The sums of products of these inputs; bytes become numbers in the body.
  static Value multiply(const Contraction &found, ArrayRef<Value> inputs, Value start, const Uniform &activation, IRRewriter &rewriter) {
    linalg::GenericOp op = found.op;
    auto made = rewriter.create<linalg::GenericOp>(
        op.getLoc(), start.getType(), inputs, start, op.getIndexingMapsArray(), op.getIteratorTypesArray(),
        [&](OpBuilder &nested, Location at, ValueRange in) {
          ImplicitLocOpBuilder b(at, nested);
          Value x = in[found.left], w = in[found.right], sum = in[2];
          if (sum.getType().isInteger(32)) {
            Value product = b.create<arith::MulIOp>(b.create<arith::ExtUIOp>(sum.getType(), x), b.create<arith::ExtSIOp>(sum.getType(), w));
            b.create<linalg::YieldOp>(b.create<arith::AddIOp>(sum, product).getResult());
            return;
          }
          if (x.getType().isInteger(8))
            x = b.create<arith::UIToFPOp>(sum.getType(), x);
          if (in[found.left].getType().isInteger(8) && activation.zero)
            x = b.create<arith::SubFOp>(x, b.create<arith::ConstantOp>(b.getF32FloatAttr(activation.zero)));
          b.create<linalg::YieldOp>(b.create<arith::AddFOp>(sum, b.create<arith::MulFOp>(x, w)).getResult());
        });
    made->setAttr("halcyon.whole", rewriter.getUnitAttr());
    return made.getResult(0);
  }

  // Bytes without their zero point.
  static Value numbersOf(Value bytes, const Uniform &activation, IRRewriter &rewriter) {
    rewriter.setInsertionPointAfterValue(bytes);
    AffineMap identity = rewriter.getMultiDimIdentityMap(cast<RankedTensorType>(bytes.getType()).getRank());
    return elementwise(rewriter, bytes.getLoc(), bytes, identity, rewriter.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange in) {
      return dequantize(b, Uniform{activation.zero, 1, false, {}}, in, b.getF32Type());
    });
  }

  static Value bytesFrom(const Left &left, const Dequantized &form, const Uniform &activation, IRRewriter &rewriter) {
    Value bytes = bytesOf(left.producer, form);
    return bytes ? bytes : split(left.producer, form, activation, rewriter);
  }

  // Of the columns' sums; empty: 1.
  static SmallVector<float> scalesOf(const Uniform &activation, ArrayRef<float> ofWeights, size_t columns) {
    SmallVector<float> scales(ofWeights);
    if (scales.empty() && activation.hasScale)
      scales.assign(columns, 1);
    for (float &scale : scales)
      scale *= activation.scale;
    return scales;
  }

  // What the operation starts from, in units of the scales, where it is the same for all rows and such a whole number: the
  // bias of a quantised model.
  static std::optional<SmallVector<int32_t>> integerBias(Value init, ArrayRef<float> scales, size_t columns) {
    if (auto fill = init.getDefiningOp<linalg::FillOp>())
      if (matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) || matchPattern(fill.getInputs()[0], m_Zero()))
        return SmallVector<int32_t>(columns, 0);
    std::optional<SmallVector<float>> row = constantRow(init);
    if (!row || row->size() != columns)
      return {};
    SmallVector<int32_t> made;
    for (auto [column, number] : llvm::enumerate(*row)) {
      const double units = number / (scales.empty() ? 1.0 : static_cast<double>(scales[column])), whole = std::nearbyint(units);
      if (!(std::abs(whole) < mostBias && std::abs(units - whole) <= 1e-6 * std::abs(units) + 1e-30))
        return {};
      made.push_back(static_cast<int32_t>(whole));
    }
    return made;
  }

  // The producer makes bytes; each user dequantises for itself.
  static Value split(linalg::GenericOp op, const Dequantized &form, const Uniform &activation, IRRewriter &rewriter) {
    rewriter.setInsertionPoint(op);
    Type byte = rewriter.getI8Type();
    Value init = emptyLike(rewriter, op.getResult(0), byte);
    auto made = rewriter.create<linalg::GenericOp>(op.getLoc(), init.getType(), op.getDpsInputs(), init,
                                                   op.getIndexingMapsArray(), op.getIteratorTypesArray());
    IRMapping mapping;
    op.getRegion().cloneInto(&made.getRegion(), mapping);
    Block *body = made.getBody();
    body->getArguments().back().setType(byte);
    Operation *yield = body->getTerminator();
    Value value = mapping.lookup(form.byte);
    if (form.isSigned) {
      rewriter.setInsertionPoint(yield);
      value = rewriter.create<arith::XOrIOp>(op.getLoc(), value, rewriter.create<arith::ConstantIntOp>(op.getLoc(), -128, 8));
    }
    yield->setOperand(0, value);
    rewriter.setInsertionPointAfter(made);
    Type element = getElementTypeOrSelf(op.getResult(0));
    for (OpOperand &use : llvm::make_early_inc_range(op.getResult(0).getUses())) {
      SmallVector<Value> inputs{made.getResult(0)};
      SmallVector<AffineMap> maps{rewriter.getMultiDimIdentityMap(op.getNumLoops())};
      if (activation.zeroAtRun) {
        inputs.push_back(activation.zeroAtRun);
        maps.push_back(AffineMap::get(op.getNumLoops(), 0, rewriter.getContext()));
      }
      Value again = elementwise(rewriter, op.getLoc(), inputs, maps, element,
                                [&](ImplicitLocOpBuilder &b, ValueRange in) { return dequantize(b, activation, in, element); });
      rewriter.modifyOpInPlace(use.getOwner(), [&] { use.set(again); });
    }
    rewriter.eraseOp(op);
    return made.getResult(0);
  }

  // The bytes by fours, behind the same views and padding.
  static Value paddedWords(Value bytes, const Contraction &found, const Left &left, const Uniform &activation, IRRewriter &rewriter) {
    bytes = behindViews(bytes, left, rewriter);
    Value words = found.planes ? joined(bytes, left.padding ? left.channel : 0, rewriter) : wordsOf(bytes, rewriter);
    if (!left.padding)
      return words;
    Value outside = rewriter.create<arith::ConstantIntOp>(bytes.getLoc(), static_cast<int32_t>(activation.zero * 0x01010101u), 32);
    const int64_t depth = found.planes ? 0 : linalg::GenericOp(left.padding).getNumLoops() - 1;
    const int64_t channels = cast<RankedTensorType>(words.getType()).getDimSize(left.channel);
    return padded(left.padding, words, outside, std::pair(depth, channels), rewriter);
  }

  // Planes of bytes, at most four, as one plane of i32.
  static Value joined(Value bytes, unsigned channel, IRRewriter &rewriter) {
    auto type = cast<RankedTensorType>(bytes.getType());
    const auto rank = static_cast<unsigned>(type.getRank());
    SmallVector<int64_t> shape(type.getShape());
    shape[channel] = 1;
    SmallVector<AffineMap> maps;
    for (int64_t plane = 0; plane < type.getDimSize(channel); ++plane) {
      SmallVector<AffineExpr> at;
      for (unsigned axis = 0; axis < rank; ++axis)
        at.push_back(axis == channel ? rewriter.getAffineConstantExpr(plane) : rewriter.getAffineDimExpr(axis));
      maps.push_back(AffineMap::get(rank, 0, at, rewriter.getContext()));
    }
    SmallVector<Value> inputs(maps.size(), bytes);
    maps.push_back(rewriter.getMultiDimIdentityMap(rank));
    Value init = rewriter.create<tensor::EmptyOp>(bytes.getLoc(), shape, rewriter.getI32Type());
    SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
    auto made = rewriter.create<linalg::GenericOp>(
        bytes.getLoc(), init.getType(), inputs, init, maps, iterators, [&](OpBuilder &nested, Location at, ValueRange in) {
          ImplicitLocOpBuilder b(at, nested);
          Value word;
          for (auto [plane, byte] : llvm::enumerate(in.drop_back())) {
            Value wide = b.create<arith::ExtUIOp>(b.getI32Type(), byte);
            if (plane)
              wide = b.create<arith::ShLIOp>(wide, b.create<arith::ConstantIntOp>(8 * plane, 32));
            word = word ? b.create<arith::OrIOp>(word, wide).getResult() : wide;
          }
          b.create<linalg::YieldOp>(word);
        });
    return made.getResult(0);
  }

  static Value contract(const Contraction &found, Value words, const Uniform &activation, const ByteWeights &weights,
                        ArrayRef<int32_t> bias, IRRewriter &rewriter) {
    linalg::GenericOp op = found.op;
    Location loc = op.getLoc();
    Type word = rewriter.getI32Type();
    Value panels = rewriter.create<arith::ConstantOp>(loc, weights.panels.getType(), weights.panels);
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    AffineExpr column = rewriter.getAffineDimExpr(found.loops.columns);
    const int64_t width = cast<RankedTensorType>(panels.getType()).getShape().back();
    SmallVector<AffineExpr> exprs{column.floorDiv(width)};
    for (unsigned loop : found.loops.reductions)
      exprs.push_back(rewriter.getAffineDimExpr(loop));
    exprs.push_back(column % width);
    AffineMap left = maps[found.left];
    maps[0] = left;
    maps[1] = AffineMap::get(op.getNumLoops(), 0, exprs, rewriter.getContext());

    // Products with the zero point are the same for all rows.
    SmallVector<int32_t> starts;
    for (auto [column, sum] : llvm::enumerate(weights.sums))
      starts.push_back(static_cast<int32_t>((bias.empty() ? 0 : bias[column]) - static_cast<int64_t>(activation.zero) * sum));
    Value start = startFrom(op.getDpsInits()[0], starts, word, rewriter);
    if (activation.zeroAtRun)
      start = lessZeros(start, activation.zeroAtRun, weights.sums, rewriter);
    auto made = rewriter.create<linalg::GenericOp>(
        loc, start.getType(), ValueRange{words, panels}, start, maps, op.getIteratorTypesArray(),
        [](OpBuilder &b, Location at, ValueRange in) {
          Value dot = b.create<nn::DotBytesOp>(at, in[0].getType(), in[0], in[1]);
          b.create<linalg::YieldOp>(at, b.create<arith::AddIOp>(at, in[2], dot).getResult());
        });
    made->setAttr("halcyon.whole", rewriter.getUnitAttr());
    return made.getResult(0);
  }

  // The start minus a column's sum times the zero point.
  static Value lessZeros(Value start, Value zero, ArrayRef<int32_t> sums, IRRewriter &rewriter) {
    Location loc = start.getLoc();
    auto type = RankedTensorType::get({static_cast<int64_t>(sums.size())}, rewriter.getI32Type());
    Value row = rewriter.create<arith::ConstantOp>(loc, DenseElementsAttr::get(type, sums));
    const auto rank = cast<RankedTensorType>(start.getType()).getRank();
    SmallVector<AffineMap> maps{rewriter.getMultiDimIdentityMap(rank), AffineMap::get(rank, 0, rewriter.getAffineDimExpr(rank - 1)),
                                AffineMap::get(rank, 0, rewriter.getContext())};
    return elementwise(rewriter, loc, {start, row, zero}, maps, rewriter.getI32Type(), [](ImplicitLocOpBuilder &b, ValueRange in) -> Value {
      return b.create<arith::SubIOp>(in[0], b.create<arith::MulIOp>(in[1], in[2]));
    });
  }

  // A tensor of the shape of `like` with these numbers in each row.
  static Value startFrom(Value like, ArrayRef<int32_t> row, Type element, IRRewriter &rewriter) {
    Location loc = like.getLoc();
    Value start = emptyLike(rewriter, like, element);
    auto number = [&](int64_t value) -> TypedAttr {
      if (element.isF32())
        return rewriter.getF32FloatAttr(static_cast<float>(value));
      return rewriter.getI32IntegerAttr(static_cast<int32_t>(value));
    };
    if (llvm::all_equal(row)) {
      Value same = rewriter.create<arith::ConstantOp>(loc, number(row[0]));
      return rewriter.create<linalg::FillOp>(loc, same, start).getResult(0);
    }
    SmallVector<Attribute> numbers = llvm::map_to_vector(row, [&](int32_t each) -> Attribute { return number(each); });
    auto type = RankedTensorType::get({static_cast<int64_t>(row.size())}, element);
    Value columns = rewriter.create<arith::ConstantOp>(loc, DenseElementsAttr::get(type, numbers));
    const auto rank = cast<RankedTensorType>(start.getType()).getRank();
    SmallVector<AffineMap> spread{AffineMap::get(rank, 0, rewriter.getAffineDimExpr(rank - 1)), rewriter.getMultiDimIdentityMap(rank)};
    SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
    return rewriter
        .create<linalg::GenericOp>(loc, start.getType(), columns, start, spread, iterators,
                                   [](OpBuilder &b, Location at, ValueRange in) { b.create<linalg::YieldOp>(at, in[0]); })
        .getResult(0);
  }

  // What the sums of integers stand for, and what the operation started from where the sums did not.
  static Value rescale(linalg::GenericOp op, Value sums, ArrayRef<float> scales, bool addsInit, IRRewriter &rewriter) {
    Value init = op.getDpsInits()[0];
    const auto rank = cast<RankedTensorType>(sums.getType()).getRank();
    AffineMap identity = rewriter.getMultiDimIdentityMap(rank);
    SmallVector<Value> inputs{sums};
    SmallVector<AffineMap> maps{identity};
    const bool same = !scales.empty() && llvm::all_equal(scales);
    if (!scales.empty() && !same) {
      auto type = RankedTensorType::get({static_cast<int64_t>(scales.size())}, rewriter.getF32Type());
      inputs.push_back(rewriter.create<arith::ConstantOp>(op.getLoc(), DenseElementsAttr::get(type, scales)));
      maps.push_back(AffineMap::get(rank, 0, rewriter.getAffineDimExpr(rank - 1)));
    }
    if (addsInit) {
      inputs.push_back(init);
      maps.push_back(identity);
    }
    Type element = getElementTypeOrSelf(op.getResult(0));
    if (element.isInteger(32) && !addsInit)
      return sums;
    return elementwise(rewriter, op.getLoc(), inputs, maps, element, [&](ImplicitLocOpBuilder &b, ValueRange in) -> Value {
      if (element.isInteger(32))
        return b.create<arith::AddIOp>(in[0], in[1]);
      Value number = in[0].getType() == element ? in[0] : b.create<arith::SIToFPOp>(element, in[0]).getResult();
      if (same)
        number = b.create<arith::MulFOp>(number, b.create<arith::ConstantOp>(b.getF32FloatAttr(scales[0])));
      else if (!scales.empty())
        number = b.create<arith::MulFOp>(number, in[1]);
      return addsInit ? b.create<arith::AddFOp>(number, in[inputs.size() - 1]).getResult() : number;
    });
  }
};

} // namespace
