#include "dialect/nn/Decompose.h"
#include "dialect/nn/LinalgBuilders.h"
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace halcyon::nn {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

// Loops over all dimensions of a tensor; a reduced one lacks those in `axes`.
struct Rows {
  Rows(ImplicitLocOpBuilder &b, Value input, ArrayRef<int64_t> axes)
      : rank(static_cast<unsigned>(typeOf(input).getRank())),
        element(typeOf(input).getElementType()), whole(b.getMultiDimIdentityMap(rank)) {
    SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), input);
    SmallVector<AffineExpr> exprs;
    iterators = parallelIterators(rank);
    for (unsigned axis = 0; axis < rank; ++axis) {
      if (llvm::is_contained(axes, axis)) {
        iterators[axis] = utils::IteratorType::reduction;
        lengths.push_back(dims[axis]);
        continue;
      }
      exprs.push_back(b.getAffineDimExpr(axis));
      keptDims.push_back(dims[axis]);
    }
    kept = AffineMap::get(rank, 0, exprs, b.getContext());
  }

  // One value a row. The body's last argument is the accumulator.
  Value reduce(ImplicitLocOpBuilder &b, ValueRange inputs, ArrayRef<AffineMap> inputMaps,
               Value start, Body body) const {
    SmallVector<AffineMap> maps(inputMaps);
    maps.push_back(kept);
    return generic(b, inputs, filledTensor(b, keptDims, start), maps, iterators, body);
  }

  // One value an element.
  Value map(ImplicitLocOpBuilder &b, ValueRange inputs, ArrayRef<AffineMap> inputMaps, Value init,
            Body body) const {
    SmallVector<AffineMap> maps(inputMaps);
    maps.push_back(whole);
    return generic(b, inputs, init, maps, parallelIterators(rank), body);
  }

  unsigned rank;
  Type element;
  AffineMap whole, kept;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<OpFoldResult> keptDims, lengths;
};

Value addUp(ImplicitLocOpBuilder &b, ValueRange arguments) {
  return b.create<arith::AddFOp>(arguments.back(), arguments.front());
}

// nn.softmax -> row maximum, exponentials, row sum, division
struct DecomposeSoftmax : OpRewritePattern<SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SoftmaxOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Rows rows(b, op.getInput(), {static_cast<int64_t>(op.getAxis())});
    auto floating = cast<FloatType>(rows.element);
    Value least = b.create<arith::ConstantOp>(
        b.getFloatAttr(floating, APFloat::getInf(floating.getFloatSemantics(), /*Negative=*/true)));
    Value zero = constantFloat(b, floating, 0);
    Value maxima = rows.reduce(b, {op.getInput()}, {rows.whole}, least,
                               [](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                                 return inner.create<arith::MaximumFOp>(arguments[1], arguments[0]);
                               });
    if (op.getLog()) {
      Value sums = rows.reduce(b, {op.getInput(), maxima}, {rows.whole, rows.kept}, zero,
                               [](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                                 Value shifted =
                                     inner.create<arith::SubFOp>(arguments[0], arguments[1]);
                                 Value power = inner.create<math::ExpOp>(shifted);
                                 return inner.create<arith::AddFOp>(arguments[2], power);
                               });
      rewriter.replaceOp(
          op,
          rows.map(b, {op.getInput(), maxima, sums}, {rows.whole, rows.kept, rows.kept},
                   op.getInit(), [](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                     Value shifted = inner.create<arith::SubFOp>(arguments[0], arguments[1]);
                     Value scale = inner.create<math::LogOp>(arguments[2]);
                     return inner.create<arith::SubFOp>(shifted, scale);
                   }));
      return success();
    }
    Value powers = rows.map(b, {op.getInput(), maxima}, {rows.whole, rows.kept}, op.getInit(),
                            [](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                              Value shifted =
                                  inner.create<arith::SubFOp>(arguments[0], arguments[1]);
                              return inner.create<math::ExpOp>(shifted);
                            });
    Value sums = rows.reduce(b, {powers}, {rows.whole}, zero, addUp);
    Value init = emptyTensor(b, tensor::getMixedSizes(b, op.getLoc(), op.getInit()), floating);
    rewriter.replaceOp(op, rows.map(b, {powers, sums}, {rows.whole, rows.kept}, init,
                                    [](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                                      return inner.create<arith::DivFOp>(arguments[0],
                                                                         arguments[1]);
                                    }));
    return success();
  }
};

// The number of elements in a row, as a float.
Value rowLength(ImplicitLocOpBuilder &b, const Rows &rows) {
  int64_t known = 1;
  Value length;
  for (OpFoldResult extent : rows.lengths) {
    if (std::optional<int64_t> constant = getConstantIntValue(extent))
      known *= *constant;
    else
      length = length ? b.create<arith::MulIOp>(length, cast<Value>(extent)).getResult()
                      : cast<Value>(extent);
  }
  if (!length)
    return constantFloat(b, rows.element, static_cast<double>(known));
  length = b.create<arith::MulIOp>(length, constantIndex(b, known));
  length = b.create<arith::IndexCastOp>(b.getI64Type(), length);
  return b.create<arith::SIToFPOp>(rows.element, length);
}

// nn.layer_norm -> row mean, row variance, then one generic
struct DecomposeLayerNorm : OpRewritePattern<LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LayerNormOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t rank = typeOf(op.getInput()).getRank();
    auto axes = llvm::to_vector(llvm::seq<int64_t>(static_cast<int64_t>(op.getAxis()), rank));
    Rows rows(b, op.getInput(), axes);
    Value zero = constantFloat(b, rows.element, 0);
    Value length = rowLength(b, rows);
    Value epsilon = constantFloat(b, rows.element, op.getEpsilon().convertToDouble());

    Value sums = rows.reduce(b, {op.getInput()}, {rows.whole}, zero, addUp);
    Value squares = rows.reduce(b, {op.getInput(), sums}, {rows.whole, rows.kept}, zero,
                                [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                                  Value mean = inner.create<arith::DivFOp>(arguments[1], length);
                                  Value off = inner.create<arith::SubFOp>(arguments[0], mean);
                                  Value square = inner.create<arith::MulFOp>(off, off);
                                  return inner.create<arith::AddFOp>(arguments[2], square);
                                });

    SmallVector<AffineExpr> normalised;
    for (int64_t axis : axes)
      normalised.push_back(b.getAffineDimExpr(static_cast<unsigned>(axis)));
    AffineMap factors = AffineMap::get(rows.rank, 0, normalised, b.getContext());
    SmallVector<Value> inputs{op.getInput(), sums, squares};
    SmallVector<AffineMap> maps{rows.whole, rows.kept, rows.kept};
    for (Value factor : {op.getScale(), op.getBias()}) {
      if (!factor)
        continue;
      inputs.push_back(factor);
      maps.push_back(factors);
    }
    rewriter.replaceOp(
        op, rows.map(b, inputs, maps, op.getInit(),
                     [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                       Value mean = inner.create<arith::DivFOp>(arguments[1], length);
                       Value variance = inner.create<arith::DivFOp>(arguments[2], length);
                       variance = inner.create<arith::AddFOp>(variance, epsilon);
                       Value deviation = inner.create<math::SqrtOp>(variance);
                       Value result = inner.create<arith::SubFOp>(arguments[0], mean);
                       // As the standard has it: times the reciprocal, which is the row's.
                       Value one = constantFloat(inner, rows.element, 1);
                       result = inner.create<arith::MulFOp>(result, inner.create<arith::DivFOp>(one, deviation));
                       if (op.getScale())
                         result = inner.create<arith::MulFOp>(result, arguments[3]);
                       if (op.getBias())
                         result = inner.create<arith::AddFOp>(result, arguments[4]);
                       return result;
                     }));
    return success();
  }
};

// Every element in another float type.
Value converted(ImplicitLocOpBuilder &b, Value input, Value init) {
  AffineMap identity = b.getMultiDimIdentityMap(static_cast<unsigned>(typeOf(input).getRank()));
  auto to = cast<FloatType>(typeOf(init).getElementType());
  return generic(b, {input}, init, {identity, identity}, parallelIterators(identity.getNumDims()),
                 [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                   if (to.getWidth() > arguments[0].getType().getIntOrFloatBitWidth())
                     return inner.create<arith::ExtFOp>(to, arguments[0]);
                   return inner.create<arith::TruncFOp>(to, arguments[0]);
                 });
}

// An op on f16 or bf16 -> the same on f32: a row's sum neither overflows nor loses its small terms.
template <typename Op> struct WidenHalf : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (typeOf(op.getInit()).getElementTypeBitWidth() >= 32)
      return rewriter.notifyMatchFailure(op, "wide enough");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto wide = [&](Value value) {
      return emptyTensor(b, tensor::getMixedSizes(b, b.getLoc(), value), b.getF32Type());
    };
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      if (mapping.contains(operand))
        continue;
      Value init = wide(operand);
      mapping.map(operand, operand == op.getInit() ? init : converted(b, operand, init));
    }
    Operation *made = rewriter.clone(*op, mapping);
    made->getResult(0).setType(mapping.lookup(op.getInit()).getType());
    rewriter.replaceOp(op, converted(b, made->getResult(0), op.getInit()));
    return success();
  }
};

} // namespace

void populateDecomposeNormPatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposeSoftmax, DecomposeLayerNorm>(patterns.getContext());
  patterns.add<WidenHalf<SoftmaxOp>, WidenHalf<LayerNormOp>>(patterns.getContext(), /*benefit=*/2);
}

} // namespace halcyon::nn
