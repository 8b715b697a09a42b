#include "import/onnx/Scalar.h"
#include "import/onnx/Packed.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;

namespace halcyon::onnx {
namespace {

bool isFloating(Value value) { return isa<FloatType>(value.getType()); }

Value isEqual(ImplicitLocOpBuilder &b, Value x, double y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, x, constantLike(b, x, y));
}

// An integer quotient or remainder where the processor would trap: by zero it is 0, and of the
// smallest number by -1 what subtraction gives. So does the standard's reference.
template <class Signed, class Unsigned>
Value divideIntegers(ImplicitLocOpBuilder &b, Value left, Value right, DataType type,
                     Value byMinusOne) {
  auto select = [&](Value test, Value yes, Value no) {
    return b.createOrFold<arith::SelectOp>(test, yes, no);
  };
  Value one = constantLike(b, right, 1), zero = constantLike(b, right, 0);
  Value isZero = isEqual(b, right, 0);
  Value divisor = select(isZero, one, right);
  if (isUnsigned(type))
    return select(isZero, zero, b.createOrFold<Unsigned>(left, divisor));
  Value isMinusOne = isEqual(b, right, -1);
  Value made = b.createOrFold<Signed>(left, select(isMinusOne, one, divisor));
  return select(isZero, zero, select(isMinusOne, byMinusOne, made));
}

// An f32 or f64. What the type does not have is cut to its low bits, of what 64 bits hold (32, where
// the type is smaller); what those have not either is the smallest number. So does the standard's
// reference, where the standard is silent.
Value floatToInteger(ImplicitLocOpBuilder &b, Value value, DataType to, Type element) {
  using P = arith::CmpFPredicate;
  unsigned bits = bitsOf(to) <= 32 ? 32 : 64;
  Type wide = b.getIntegerType(bits);
  double limit = std::ldexp(1.0, static_cast<int>(bits) - 1);
  Value low = constantLike(b, value, -limit), high = constantLike(b, value, limit);
  Value isUpper;
  if (to == DataType::u32 || to == DataType::u64) { // the upper half of its range, less that half
    isUpper = b.createOrFold<arith::CmpFOp>(P::OGE, value, high);
    value = b.createOrFold<arith::SelectOp>(isUpper, b.createOrFold<arith::SubFOp>(value, high),
                                            value);
  }
  Value isIn = b.createOrFold<arith::AndIOp>(b.createOrFold<arith::CmpFOp>(P::OGE, value, low),
                                             b.createOrFold<arith::CmpFOp>(P::OLT, value, high));
  Value safe = b.createOrFold<arith::SelectOp>(isIn, value, low);
  Value made = b.createOrFold<arith::FPToSIOp>(wide, safe);
  if (isUpper) {
    Value top = b.create<arith::ConstantOp>(
        b.getIntegerAttr(wide, APInt::getSignedMinValue(bits)));
    Value moved = b.createOrFold<arith::XOrIOp>(made, top);
    made = b.createOrFold<arith::SelectOp>(isUpper, moved, made);
  }
  return wide == element ? made : b.createOrFold<arith::TruncIOp>(element, made);
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
  Value negated = b.createOrFold<arith::SubIOp>(constantLike(b, left, 0), left);
  return divideIntegers<arith::DivSIOp, arith::DivUIOp>(b, left, right, type, negated);
}

Value remainderOfIntegers(ImplicitLocOpBuilder &b, Value left, Value right, DataType type) {
  return divideIntegers<arith::RemSIOp, arith::RemUIOp>(b, left, right, type,
                                                        constantLike(b, left, 0));
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

Value castScalar(ImplicitLocOpBuilder &b, Value value, DataType from, DataType to, Type element,
                 const SmallFloatRules &rules) {
  if (from == to)
    return value;
  if (isSmallFloat(from))
    return castScalar(b, decodeSmallFloat(b, value, from), DataType::f32, to, element, rules);
  if (isSmallFloat(to)) {
    bool isExact = isFloat(from) ? bitsOf(from) <= 32 : bitsOf(from) <= 16;
    DataType wide = isExact ? DataType::f32 : DataType::f64;
    Type type = isExact ? b.getF32Type() : b.getF64Type();
    return encodeSmallFloat(b, castScalar(b, value, from, wide, type), to, rules);
  }
  if (isPacked(to)) { // out of range: the low bits
    DataType wide = isFloat(from) ? DataType::i32 : DataType::i8;
    Type type = b.getIntegerType(bitsOf(wide));
    Value whole = castScalar(b, value, from, wide, type);
    return keepLowBits(b, castScalar(b, whole, wide, DataType::i8, element), to);
  }
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
    if (isInteger(to))
      return floatToInteger(
          b, fromBits < 32 ? b.createOrFold<arith::ExtFOp>(b.getF32Type(), value) : value, to,
          element);
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
