#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

bool isFloating(Value value) { return isa<FloatType>(value.getType()); }

Value isEqual(ImplicitLocOpBuilder &b, Value left, Value right) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, left, right);
}

// A divisor that processors take: 1 instead of 0, and of -1 where the quotient has no number. Data
// must not end the program.
Value safeDivisor(ImplicitLocOpBuilder &b, Value left, Value right, DataType type) {
  APInt given;
  bool isKnown = matchPattern(right, m_ConstantInt(&given));
  if (isKnown && !given.isZero() && (isUnsigned(type) || !given.isAllOnes()))
    return right;
  Value bad = isEqual(b, right, constantLike(b, right, 0));
  if (!isUnsigned(type)) {
    unsigned bits = right.getType().isIndex() ? 64 : right.getType().getIntOrFloatBitWidth();
    Value least = b.create<arith::ConstantOp>(
        b.getIntegerAttr(left.getType(), APInt::getSignedMinValue(bits)));
    Value overflows = b.createOrFold<arith::AndIOp>(
        isEqual(b, left, least), isEqual(b, right, constantLike(b, right, -1)));
    bad = b.createOrFold<arith::OrIOp>(bad, overflows);
  }
  return b.createOrFold<arith::SelectOp>(bad, constantLike(b, right, 1), right);
}

} // namespace

Value constantLike(ImplicitLocOpBuilder &b, Value like, double value) {
  Type type = like.getType();
  if (isa<FloatType>(type))
    return b.create<arith::ConstantOp>(b.getFloatAttr(type, value));
  return b.create<arith::ConstantOp>(b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value addScalars(ImplicitLocOpBuilder &b, Value left, Value right) {
  if (isFloating(left))
    return b.createOrFold<arith::AddFOp>(left, right);
  return b.createOrFold<arith::AddIOp>(left, right);
}

Value subScalars(ImplicitLocOpBuilder &b, Value left, Value right) {
  if (isFloating(left))
    return b.createOrFold<arith::SubFOp>(left, right);
  return b.createOrFold<arith::SubIOp>(left, right);
}

Value mulScalars(ImplicitLocOpBuilder &b, Value left, Value right) {
  if (isFloating(left))
    return b.createOrFold<arith::MulFOp>(left, right);
  return b.createOrFold<arith::MulIOp>(left, right);
}

Value divScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type) {
  if (isFloating(left))
    return b.createOrFold<arith::DivFOp>(left, right);
  Value by = safeDivisor(b, left, right, type);
  Value made = isUnsigned(type) ? b.createOrFold<arith::DivUIOp>(left, by)
                                : b.createOrFold<arith::DivSIOp>(left, by);
  if (by == right)
    return made;
  Value zero = constantLike(b, right, 0);
  return b.createOrFold<arith::SelectOp>(isEqual(b, right, zero), zero, made);
}

Value maxScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type) {
  if (isFloating(left))
    return b.createOrFold<arith::MaximumFOp>(left, right);
  if (isUnsigned(type))
    return b.createOrFold<arith::MaxUIOp>(left, right);
  return b.createOrFold<arith::MaxSIOp>(left, right);
}

Value minScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type) {
  if (isFloating(left))
    return b.createOrFold<arith::MinimumFOp>(left, right);
  if (isUnsigned(type))
    return b.createOrFold<arith::MinUIOp>(left, right);
  return b.createOrFold<arith::MinSIOp>(left, right);
}

Value remainderOfFloats(ImplicitLocOpBuilder &b, Value x, Value y) {
  // In f64, where a step that takes a quotient of 53 bits away leaves no rounding error. Quotients
  // of f64 have up to 2098 bits, those of smaller types 277.
  Type type = x.getType(), wide = b.getF64Type();
  bool isWide = type == wide;
  Value size = b.create<math::AbsFOp>(isWide ? x : b.create<arith::ExtFOp>(wide, x).getResult());
  Value divisor = b.create<math::AbsFOp>(isWide ? y : b.create<arith::ExtFOp>(wide, y).getResult());
  auto step = [&](OpBuilder &at, Value rest) -> Value {
    Location loc = b.getLoc();
    Value quotient = at.create<math::TruncOp>(loc, at.create<arith::DivFOp>(loc, rest, divisor));
    Value less = at.create<arith::NegFOp>(loc, quotient);
    return at.create<math::FmaOp>(loc, less, divisor, rest);
  };
  Value rest = size;
  if (isWide) {
    Value zero = b.create<arith::ConstantIndexOp>(0), one = b.create<arith::ConstantIndexOp>(1);
    Value count = b.create<arith::ConstantIndexOp>(41);
    auto loop = b.create<scf::ForOp>(zero, count, one, rest,
                                     [&](OpBuilder &at, Location loc, Value, ValueRange values) {
                                       at.create<scf::YieldOp>(loc, step(at, values[0]));
                                     });
    rest = loop.getResult(0);
  } else {
    for (int i = 0; i < 6; ++i)
      rest = step(b, rest);
  }
  // A quotient that was rounded up leaves a negative rest.
  Value isNegative =
      b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, rest, constantLike(b, rest, 0));
  rest = b.create<arith::SelectOp>(isNegative, b.create<arith::AddFOp>(rest, divisor), rest);
  // Nothing is taken from a smaller number, of an infinite divisor too.
  Value isSmaller = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, size, divisor);
  rest = b.create<arith::SelectOp>(isSmaller, size, rest);
  if (!isWide)
    rest = b.create<arith::TruncFOp>(type, rest);
  return b.create<math::CopySignOp>(rest, x);
}

Value powScalars(ImplicitLocOpBuilder &b, Value base, Value exponent) {
  FloatAttr constant;
  if (isFloating(base) && matchPattern(exponent, m_Constant(&constant))) {
    double power = constant.getValueAsDouble();
    if (power == 1)
      return base;
    if (power == 2)
      return mulScalars(b, base, base);
    if (power == 3)
      return mulScalars(b, mulScalars(b, base, base), base);
  }
  if (isFloating(base))
    return b.createOrFold<math::PowFOp>(base, exponent);
  return b.createOrFold<math::IPowIOp>(base, exponent);
}

Value compareScalars(ImplicitLocOpBuilder &b, Comparison comparison, Value left, Value right,
                     DataType type) {
  auto index = static_cast<size_t>(comparison);
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  static constexpr F floats[] = {F::OEQ, F::OLT, F::OLE, F::OGT, F::OGE};
  static constexpr I signeds[] = {I::eq, I::slt, I::sle, I::sgt, I::sge};
  static constexpr I unsigneds[] = {I::eq, I::ult, I::ule, I::ugt, I::uge};
  if (isFloating(left))
    return b.createOrFold<arith::CmpFOp>(floats[index], left, right);
  bool noSign = isUnsigned(type) || isBool(type);
  return b.createOrFold<arith::CmpIOp>(noSign ? unsigneds[index] : signeds[index], left, right);
}

Value castScalar(ImplicitLocOpBuilder &b, Value value, DataType from, DataType to, Type element) {
  if (from == to)
    return value;
  if (isBool(to)) {
    Value zero = constantLike(b, value, 0);
    if (isFloating(value))
      return b.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::UNE, value, zero);
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ne, value, zero);
  }
  bool noSign = isUnsigned(from) || isBool(from);
  unsigned fromBits = value.getType().getIntOrFloatBitWidth();
  unsigned toBits = element.getIntOrFloatBitWidth();
  if (isFloating(value)) {
    if (isInteger(to) && isUnsigned(to))
      return b.createOrFold<arith::FPToUIOp>(element, value);
    if (isInteger(to))
      return b.createOrFold<arith::FPToSIOp>(element, value);
    if (fromBits < toBits)
      return b.createOrFold<arith::ExtFOp>(element, value);
    if (fromBits > toBits)
      return b.createOrFold<arith::TruncFOp>(element, value);
    // f16 and bf16: neither holds the other's values.
    Value wide = b.createOrFold<arith::ExtFOp>(b.getF32Type(), value);
    return b.createOrFold<arith::TruncFOp>(element, wide);
  }
  if (isa<FloatType>(element))
    return noSign ? b.createOrFold<arith::UIToFPOp>(element, value)
                  : b.createOrFold<arith::SIToFPOp>(element, value);
  if (fromBits > toBits)
    return b.createOrFold<arith::TruncIOp>(element, value);
  if (fromBits == toBits)
    return value;
  return noSign ? b.createOrFold<arith::ExtUIOp>(element, value)
                : b.createOrFold<arith::ExtSIOp>(element, value);
}

Value logistic(ImplicitLocOpBuilder &b, Value value) {
  Value one = constantLike(b, value, 1);
  Value power = b.createOrFold<math::ExpOp>(b.createOrFold<arith::NegFOp>(value));
  return b.createOrFold<arith::DivFOp>(one, b.createOrFold<arith::AddFOp>(power, one));
}

} // namespace halcyon::onnx
