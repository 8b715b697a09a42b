// All in integers, but for the rounding of subnormal numbers: those of f32 may be flushed to zero
// without harm, since every format here but f8e8m0, which is never computed with, ends far above.
#include "import/onnx/SmallFloat.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

constexpr int64_t f32Bias = 127, f32Mantissa = 23, f32Infinity = 0x7f800000;

struct Format {
  int64_t mantissa, bias;
  int64_t largest;  // the bits of the largest number
  int64_t infinity; // where there is one, else 0
  int64_t nan;      // where there is one, else the bits that the reference gives
  bool isUnsignedNan = false; // the NaN has no sign; "fnuz": nor has zero, and -0 is the NaN
  bool isUnsignedZero = false;
  int64_t bits = 8;
};

Format formatOf(DataType type) {
  switch (type) {
  case DataType::f8e4m3fn:
    return {3, 7, 0x7e, 0, 0x7f};
  case DataType::f8e4m3fnuz:
    return {3, 8, 0x7f, 0, 0x80, true, true};
  case DataType::f8e5m2:
    return {2, 15, 0x7b, 0x7c, 0x7e};
  case DataType::f8e5m2fnuz:
    return {2, 16, 0x7f, 0, 0x80, true, true};
  default:
    assert(type == DataType::f4e2m1);
    return {1, 1, 7, 0, 8, true, false, 4};
  }
}

// Arithmetic on bits.
class BitBuilder {
public:
  explicit BitBuilder(ImplicitLocOpBuilder &b) : b(b) {}

  Value constant(int64_t value) { return b.create<arith::ConstantIntOp>(value, 32); }
  Value plus(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
  Value plus(Value x, int64_t y) { return y ? plus(x, constant(y)) : x; }
  Value both(Value x, int64_t mask) { return b.createOrFold<arith::AndIOp>(x, constant(mask)); }
  Value either(Value x, Value y) { return b.createOrFold<arith::OrIOp>(x, y); }
  Value up(Value x, int64_t by) { return b.createOrFold<arith::ShLIOp>(x, constant(by)); }
  Value down(Value x, int64_t by) { return b.createOrFold<arith::ShRUIOp>(x, constant(by)); }
  Value isLess(Value x, int64_t y) {
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, x, constant(y));
  }
  Value isMore(Value x, int64_t y) {
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ugt, x, constant(y));
  }
  Value isEqual(Value x, int64_t y) {
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, x, constant(y));
  }
  Value select(Value test, Value yes, Value no) {
    return b.createOrFold<arith::SelectOp>(test, yes, no);
  }
  Value asFloat(Value bits) { return b.createOrFold<arith::BitcastOp>(b.getF32Type(), bits); }
  Value asBits(Value value) { return b.createOrFold<arith::BitcastOp>(b.getI32Type(), value); }

  ImplicitLocOpBuilder &b;
};

// 2^exponent as the bits of an f32.
int64_t powerBits(int64_t exponent) { return (exponent + f32Bias) << f32Mantissa; }

// f64 -> f32, rounded towards zero with the last bit set where that is not exact: rounding again, to
// fewer bits, then gives what one rounding would.
Value narrowToOdd(BitBuilder &at, Value value) {
  ImplicitLocOpBuilder &b = at.b;
  Value nearest = b.createOrFold<arith::TruncFOp>(b.getF32Type(), value);
  Value back = b.createOrFold<arith::ExtFOp>(b.getF64Type(), nearest);
  Value bits = at.asBits(nearest);
  Value isLarger = b.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OGT,
                                                 b.createOrFold<math::AbsFOp>(back),
                                                 b.createOrFold<math::AbsFOp>(value));
  Value isOther = b.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::ONE, back, value);
  Value odd = at.either(at.select(isLarger, at.plus(bits, -1), bits), at.constant(1));
  return at.asFloat(at.select(isOther, odd, bits));
}

// Powers of two from 2^-127 on; 255 is NaN.
Value encodePower(BitBuilder &at, Value bits, const SmallFloatRules &rules) {
  Value size = at.both(bits, 0x7fffffff), exponent = at.down(size, f32Mantissa);
  Value rest = at.both(size, 0x7fffff);
  // 2^-127 itself is a subnormal f32, with one bit in `rest`.
  constexpr int64_t half = 0x400000;
  Value isSubnormal = at.isEqual(exponent, 0), zero = at.constant(0), more = zero;
  auto one = [&](Value test) {
    return at.b.createOrFold<arith::ExtUIOp>(at.b.getI32Type(), test);
  };
  if (rules.round == SmallFloatRules::Round::up)
    more = at.select(isSubnormal, one(at.isMore(rest, half)), one(at.isMore(rest, 0)));
  else if (rules.round == SmallFloatRules::Round::nearest)
    more = at.select(isSubnormal, one(at.isMore(rest, half + half / 2 - 1)),
                     one(at.isMore(rest, half - 1)));
  Value made = at.plus(exponent, more), isNan = at.isMore(size, f32Infinity);
  constexpr int64_t nan = 255, largest = 254;
  if (rules.saturate)
    made = at.select(at.isMore(made, largest), at.constant(largest), made);
  else
    made = at.select(at.isLess(size, half), at.constant(nan),
                     at.select(at.isMore(made, largest), at.constant(nan), made));
  return at.select(isNan, at.constant(nan), made);
}

Value decodePower(BitBuilder &at, Value bits) {
  Value made = at.up(bits, f32Mantissa);
  made = at.select(at.isEqual(bits, 0), at.constant(0x400000), made);
  return at.select(at.isEqual(bits, 255), at.constant(0x7fc00000), made);
}

} // namespace

Value decodeSmallFloat(ImplicitLocOpBuilder &b, Value value, DataType type) {
  BitBuilder at(b);
  Value bits = b.createOrFold<arith::ExtUIOp>(b.getI32Type(), value);
  if (type == DataType::f8e8m0)
    return at.asFloat(decodePower(at, bits));
  Format format = formatOf(type);
  int64_t sign = int64_t{1} << (format.bits - 1);
  Value size = at.both(bits, sign - 1);
  Value normal = at.plus(at.up(size, f32Mantissa - format.mantissa),
                         (f32Bias - format.bias) << f32Mantissa);
  // An integer times the smallest number.
  Value unit = at.asFloat(at.constant(powerBits(1 - format.bias - format.mantissa)));
  Value small = b.createOrFold<arith::UIToFPOp>(b.getF32Type(), size);
  small = at.asBits(b.createOrFold<arith::MulFOp>(small, unit));
  Value made = at.select(at.isLess(size, int64_t{1} << format.mantissa), small, normal);
  constexpr int64_t nan = 0x7fc00000;
  if (format.infinity)
    made = at.select(at.isLess(size, format.infinity), made,
                     at.select(at.isEqual(size, format.infinity), at.constant(f32Infinity),
                               at.constant(nan)));
  else if (!format.isUnsignedNan)
    made = at.select(at.isEqual(size, format.nan), at.constant(nan), made);
  made = at.either(made, at.up(at.both(bits, sign), 32 - format.bits));
  if (format.isUnsignedZero)
    made = at.select(at.isEqual(bits, format.nan), at.constant(nan), made);
  return at.asFloat(made);
}

Value encodeSmallFloat(ImplicitLocOpBuilder &b, Value value, DataType type,
                       const SmallFloatRules &rules) {
  BitBuilder at(b);
  Type byte = b.getIntegerType(8);
  Value bits = at.asBits(value.getType().isF64() ? narrowToOdd(at, value) : value);
  if (type == DataType::f8e8m0)
    return b.createOrFold<arith::TruncIOp>(byte, encodePower(at, bits, rules));
  Format format = formatOf(type);
  int64_t dropped = f32Mantissa - format.mantissa;
  Value size = at.both(bits, 0x7fffffff);
  Value sign = at.up(at.down(bits, 31), format.bits - 1);
  // To nearest, ties to even: half of the last place less one, and one more where that place is odd.
  Value odd = at.both(at.down(size, dropped), 1);
  Value normal = at.plus(at.plus(size, odd), (int64_t{1} << (dropped - 1)) - 1);
  normal = at.plus(at.down(normal, dropped), -((f32Bias - format.bias) << format.mantissa));
  // Beside a number whose last place is the format's smallest number, addition rounds to it.
  int64_t beside = powerBits(1 - format.bias - format.mantissa + f32Mantissa);
  Value sum = b.createOrFold<arith::AddFOp>(at.asFloat(size), at.asFloat(at.constant(beside)));
  Value small = at.plus(at.asBits(sum), -beside);
  Value made = at.select(at.isLess(size, powerBits(1 - format.bias)), small, normal);
  Value isTooLarge = at.isMore(made, format.largest);
  bool isSaturated = rules.saturate || type == DataType::f4e2m1; // which has nothing else
  Value signedNan = at.constant(format.nan);
  if (!format.isUnsignedNan)
    signedNan = at.either(signedNan, sign);
  Value outside = at.constant(isSaturated ? format.largest : format.infinity);
  Value result = at.either(at.select(isTooLarge, outside, made), sign);
  if (format.isUnsignedZero)
    result = at.select(at.isEqual(made, 0), at.constant(0), result);
  if (!isSaturated && !format.infinity)
    result = at.select(isTooLarge, signedNan, result);
  result = at.select(at.isMore(size, f32Infinity), signedNan, result);
  return b.createOrFold<arith::TruncIOp>(byte, result);
}

} // namespace halcyon::onnx
