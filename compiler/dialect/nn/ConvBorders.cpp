#include "dialect/nn/ConvBorders.h"

#include "dialect/nn/ConvParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace halcyon::nn {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

template <class Number> std::optional<double> largest(ArrayRef<char> bytes) {
  Number found = 0;
  bool finite = true;
  for (size_t at = 0; at + sizeof(Number) <= bytes.size(); at += sizeof(Number)) {
    Number value;
    std::memcpy(&value, bytes.data() + at, sizeof(Number));
    value = std::abs(value);
    finite &= value <= std::numeric_limits<Number>::max();
    found = std::max(found, value);
  }
  return finite ? std::optional(static_cast<double>(found)) : std::nullopt;
}

std::optional<double> largestOf(ElementsAttr elements) {
  auto element = dyn_cast<FloatType>(elements.getElementType());
  ArrayRef<char> bytes;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return {};
    bytes = blob->getData();
  } else if (auto dense = dyn_cast<DenseElementsAttr>(elements)) {
    bytes = dense.getRawData();
  }
  if (!element || bytes.empty())
    return {};
  if (element.isF32())
    return largest<float>(bytes);
  if (element.isF64())
    return largest<double>(bytes);
  if (element.getWidth() != 16)
    return {};
  double found = 0;
  for (size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + at, 2);
    APFloat value(element.getFloatSemantics(), APInt(16, bits));
    if (!value.isFinite())
      return {};
    bool inexact;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
    found = std::max(found, std::abs(value.convertToDouble()));
  }
  return found;
}

std::optional<double> magnitude(Value value);

// Of a value in the body of `generic`.
std::optional<double> magnitudeIn(linalg::GenericOp generic, Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != generic.getBody() || argument.getArgNumber() >= generic.getNumDpsInputs())
      return {};
    return magnitude(generic.getDpsInputs()[argument.getArgNumber()]);
  }
  Operation *op = value.getDefiningOp();
  FloatAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constant.getValue().isFinite() ? std::optional(std::abs(constant.getValueAsDouble())) : std::nullopt;
  if (auto extract = dyn_cast<tensor::ExtractOp>(op))
    return magnitude(extract.getTensor());
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op))
    return std::ldexp(1.0, static_cast<int>(op->getOperand(0).getType().getIntOrFloatBitWidth()));
  if (isa<arith::ExtFOp, arith::TruncFOp, arith::NegFOp>(op))
    return magnitudeIn(generic, op->getOperand(0));
  if (!isa<arith::MulFOp, arith::AddFOp, arith::SubFOp>(op))
    return {};
  std::optional<double> left = magnitudeIn(generic, op->getOperand(0)), right = magnitudeIn(generic, op->getOperand(1));
  if (!left || !right)
    return {};
  return isa<arith::MulFOp>(op) ? *left * *right : *left + *right;
}

// What no element of a tensor of floats is larger than, where that is known.
std::optional<double> magnitude(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<arith::ConstantOp>(op)) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    return elements ? largestOf(elements) : std::nullopt;
  }
  if (isa_and_nonnull<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ExtractSliceOp, linalg::TransposeOp>(op))
    return magnitude(op->getOperand(0));
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  if (!generic || generic.getNumLoops() != generic.getNumParallelLoops() || generic.getNumResults() != 1)
    return {};
  return magnitudeIn(generic, generic.getBody()->getTerminator()->getOperand(0));
}

bool isConstant(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<arith::ConstantOp>(op))
      return true;
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, linalg::TransposeOp>(op)) {
      value = op->getOperand(0);
    } else if (generic && generic.getNumDpsInputs() == 0) {
      auto extract = generic.getBody()->getTerminator()->getOperand(0).getDefiningOp<tensor::ExtractOp>();
      if (!extract)
        return false;
      value = extract.getTensor();
    } else {
      return false;
    }
  }
  return false;
}

} // namespace

Weights weightsOf(ConvOp op) {
  auto element = dyn_cast<FloatType>(typeOf(op.getFilter()).getElementType());
  auto none = [](int64_t pad) { return pad == 0; };
  if (!element || (llvm::all_of(op.getPadLow(), none) && llvm::all_of(op.getPadHigh(), none)))
    return Weights::finite;
  std::optional<double> most = magnitude(op.getFilter());
  // Half of the largest number leaves room for rounding.
  APFloat limit = APFloat::getLargest(element.getFloatSemantics());
  bool inexact;
  limit.convert(APFloat::IEEEdouble(), APFloat::rmTowardZero, &inexact);
  const bool within = most && (isConstant(op.getFilter()) || *most < limit.convertToDouble() / 2);
  if (within)
    return Weights::finite;
  return isConstant(op.getFilter()) ? Weights::infinite : Weights::unknown;
}

Value exactly(ImplicitLocOpBuilder &b, ConvOp op, Value result) {
  RankedTensorType filter = typeOf(op.getFilter());
  const int64_t rank = filter.getRank(), outs = filter.getDimSize(0) / static_cast<int64_t>(op.getGroups());
  auto channelOf = [&](Layout layout) { return static_cast<unsigned>(layout == Layout::channels_first ? 1 : rank - 1); };
  auto spatialOf = [&](Layout layout, unsigned i) { return layout == Layout::channels_first ? i + 2 : i + 1; };
  SmallVector<Value> extents{constantIndex(b, filter.getDimSize(1))}, inputs;
  for (unsigned i = 0; i < op.getStrides().size(); ++i) {
    extents.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), op.getFilter(), i + 2)));
    inputs.push_back(getValueOrCreateConstantIndexOp(
        b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), op.getInput(), spatialOf(op.getInputLayout(), i))));
  }
  Type element = filter.getElementType();
  Value zero = zeroOf(b, element);
  auto sum = [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
    Value out = at[channelOf(op.getOutputLayout())];
    Value first = inner.create<arith::MulIOp>(inner.create<arith::DivUIOp>(out, constantIndex(inner, outs)), extents[0]);
    Value start = op.getBias() ? inner.create<tensor::ExtractOp>(op.getBias(), out).getResult() : zero;
    return accumulate(inner, extents, start, [&](ImplicitLocOpBuilder &body, ArrayRef<Value> tap, Value total) -> Value {
      SmallVector<Value> from(rank), weight{out};
      llvm::append_range(weight, tap);
      from[0] = at[0];
      from[channelOf(op.getInputLayout())] = body.create<arith::AddIOp>(first, tap[0]);
      Value inside = body.create<arith::ConstantIntOp>(1, 1);
      for (unsigned i = 0; i < inputs.size(); ++i) {
        Value begin = body.create<arith::MulIOp>(at[spatialOf(op.getOutputLayout(), i)], constantIndex(body, op.getStrides()[i]));
        Value reach = body.create<arith::MulIOp>(tap[i + 1], constantIndex(body, op.getDilations()[i]));
        Value place = body.create<arith::SubIOp>(body.create<arith::AddIOp>(begin, reach), constantIndex(body, op.getPadLow()[i]));
        from[spatialOf(op.getInputLayout(), i)] = place;
        inside = body.create<arith::AndIOp>(inside, body.create<arith::CmpIOp>(arith::CmpIPredicate::ult, place, inputs[i]));
      }
      if (!op.getInsideOnly()) {
        Value x = guardedExtract(body, inside, op.getInput(), from, zero);
        return multiplyAdd(body, {x, body.create<tensor::ExtractOp>(op.getFilter(), weight), total});
      }
      return addInside(body, inside, op.getInput(), from, op.getFilter(), weight, total);
    });
  };
  if (!result)
    return generate(b, op.getInit(), sum);

  // Whether a weight is infinite or NaN, found once.
  auto loops = static_cast<unsigned>(rank);
  Value none = b.create<tensor::EmptyOp>(ArrayRef<int64_t>{}, element);
  SmallVector<utils::IteratorType> reductions(loops, utils::IteratorType::reduction);
  Value found = generic(b, {op.getFilter()}, filledLike(b, none, zero),
                        {b.getMultiDimIdentityMap(loops), AffineMap::get(loops, 0, b.getContext())}, reductions,
                        [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
                          APFloat infinity = APFloat::getInf(cast<FloatType>(element).getFloatSemantics());
                          Value limit = inner.create<arith::ConstantOp>(inner.getFloatAttr(element, infinity));
                          Value size = inner.create<math::AbsFOp>(arguments[0]);
                          Value finite = inner.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, size, limit);
                          Value one = constantFloat(inner, element, 1);
                          return inner.create<arith::SelectOp>(finite, arguments[1], one);
                        });
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(b, b.getLoc(), result);
  return generate(b, emptyTensor(b, dims, element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
    Value mark = inner.create<tensor::ExtractOp>(found, ValueRange());
    Value any = inner.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, mark, zero);
    auto branch = inner.create<scf::IfOp>(
        any,
        [&](OpBuilder &nested, Location loc) {
          ImplicitLocOpBuilder then(loc, nested);
          then.create<scf::YieldOp>(sum(then, at));
        },
        [&](OpBuilder &nested, Location loc) {
          Value same = nested.create<tensor::ExtractOp>(loc, result, at);
          nested.create<scf::YieldOp>(loc, same);
        });
    return branch.getResult(0);
  });
}

} // namespace halcyon::nn
