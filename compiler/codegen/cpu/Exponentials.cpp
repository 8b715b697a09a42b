#include "codegen/cpu/FloatBuilder.h"

#include <cmath>

using namespace mlir;
using namespace halcyon;

static constexpr double infinity = HUGE_VAL;
static constexpr double ln2 = 0.693147180559945309417;
static constexpr double ln2High = 0.6931471803691238, ln2Low = 1.9082149292705877e-10; // 32 bits and the rest

// Adding it to |x| < 2^(bits - 2) rounds x to an integer, which is then in the low bits.
static double roundingMagic(const FloatBuilder &f) { return f.isDouble() ? 6755399441055744.0 : 12582912.0; }

namespace {
struct Rounded {
  Value number, integer; // integer: where there is no instruction to scale by the number
};
} // namespace

static Rounded roundToInteger(const FloatBuilder &f, Value x) {
  if (f.scales())
    return {f.b.create<math::RoundEvenOp>(x), {}};
  Value magic = f.c(roundingMagic(f));
  Value sum = f.add(x, magic);
  return {f.sub(sum, magic), f.isub(f.bits(sum), f.bits(magic))};
}

// 2^n for n in the range of normal exponents.
static Value powerOfTwo(const FloatBuilder &f, Value n) {
  const int64_t bias = f.isDouble() ? 1023 : 127, shift = f.isDouble() ? 52 : 23;
  return f.fromBits(f.shl(f.iadd(n, f.i(bias)), shift));
}

// x * 2^n; in two steps where there is no instruction, so that denormal and infinite results come out right.
static Value scale(const FloatBuilder &f, Value x, const Rounded &n) {
  if (f.scales())
    return f.scale(x, n.number);
  Value half = f.sar(n.integer, 1);
  return f.mul(f.mul(x, powerOfTwo(f, half)), powerOfTwo(f, f.isub(n.integer, half)));
}

// x - n ln(2).
static Value lessPowers(const FloatBuilder &f, Value x, Value n) {
  const double high = f.isDouble() ? ln2High : 0.693145751953125;
  const double rest = f.isDouble() ? ln2Low : 1.42860682030941723212e-6;
  return f.fma(n, f.c(-rest), f.fma(n, f.c(-high), x));
}

// Of e^r in f32, for |r| <= ln(2)/2: the powers from 6 to 2, over r^2.
static constexpr double powersOfSingle[] = {0.001381461275741458, 0.008368710055947304, 0.04166838899254799, 0.1666652113199234,
                                            0.4999999403953552};

// e^r for |r| <= ln(2)/2.
static Value expNearZero(const FloatBuilder &f, Value r) {
  if (!f.isDouble())
    return f.fma(f.fma(f.poly(r, powersOfSingle), r, f.c(1)), r, f.c(1));
  return f.poly(r, {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                    1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0});
}

// e^(x + low) for a tiny `low`; null: 0.
static Value expOfSum(const FloatBuilder &f, Value x, Value low) {
  x = f.isDouble() ? f.clamp(x, -746, 710) : f.clamp(x, -104, 89);
  Rounded n = roundToInteger(f, f.mul(x, f.c(1.4426950408889634)));
  Value r = lessPowers(f, x, n.number);
  if (low)
    r = f.add(r, low);
  return scale(f, expNearZero(f, r), n);
}

Value functions::exp(const FloatBuilder &f, Value x) { return expOfSum(f, x, {}); }

Value functions::exp2(const FloatBuilder &f, Value x) {
  x = f.isDouble() ? f.clamp(x, -1080, 1025) : f.clamp(x, -152, 129);
  Rounded n = roundToInteger(f, x);
  return scale(f, expNearZero(f, f.mul(f.sub(x, n.number), f.c(ln2))), n);
}

// Rounds by addition even where processors round: it is not what tanh waits for then. One constant for ln(2): what it lacks
// grows with the number of powers, as does the 1 that tanh comes near to.
Value functions::expm1OfTwice(const FloatBuilder &f, Value x) {
  Value magic = f.c(roundingMagic(f));
  Value sum = f.fma(x, f.c(2 * 1.4426950408889634), magic);
  Value r = f.fma(f.sub(sum, magic), f.c(-ln2), f.add(x, x));
  Value square = f.mul(r, r);
  auto pair = [&](double high, double low) { return f.fma(r, f.c(high), f.c(low)); };
  const auto &p = powersOfSingle;
  Value rest = f.fma(f.fma(square, f.c(p[0]), pair(p[1], p[2])), square, pair(p[3], p[4]));
  Value power = powerOfTwo(f, f.isub(f.bits(sum), f.bits(magic)));
  return f.fma(power, f.fma(square, rest, r), f.sub(power, f.c(1)));
}

Value functions::expm1(const FloatBuilder &f, Value x) {
  SmallVector<double> series; // x^k / k! for k from 20 down to 1, over x
  double factorial = 1;
  for (int k = 1; k <= 18; ++k)
    series.insert(series.begin(), 1 / (factorial *= k));
  Value small = f.mul(f.poly(x, series), x);
  small = f.select(f.equal(x, f.c(0)), x, small); // keeps -0
  return f.select(f.less(f.abs(x), f.c(0.5)), small, f.sub(exp(f, x), f.c(1)));
}

namespace {
// x = 2^exponent * (1 + fraction), 1 + fraction in [sqrt(1/2), sqrt(2)).
struct Split {
  Value exponent, fraction;
};
} // namespace

static Split splitFloat(const FloatBuilder &f, Value x) {
  const bool wide = f.isDouble();
  const int64_t shift = wide ? 52 : 23, bias = wide ? 1023 : 127;
  Value denormal = f.less(x, f.c(wide ? 2.2250738585072014e-308 : 1.1754943508222875e-38));
  x = f.select(denormal, f.mul(x, f.c(wide ? 0x1p54 : 0x1p25)), x);
  const int64_t one = bias << shift, rootHalf = wide ? 0x3fe6a09e667f3bcd : 0x3f3504f3;
  Value bits = f.iadd(f.bits(x), f.i(one - rootHalf));
  Value biased = f.shr(bits, shift);
  Value mantissa = f.iadd(f.iand(bits, f.i((int64_t(1) << shift) - 1)), f.i(rootHalf));
  // A biased exponent in the low bits of a float of exponent `shift` is that float plus the number.
  const double base = wide ? 0x1p52 : 0x1p23;
  Value exponent = f.sub(f.fromBits(f.ior(biased, f.bits(f.c(base)))), f.c(base + bias));
  exponent = f.sub(exponent, f.select(denormal, f.c(wide ? 54 : 25), f.c(0)));
  return {exponent, f.sub(f.fromBits(mantissa), f.c(1))};
}

// log(1 + x).
static Value logNearOne(const FloatBuilder &f, Value x) {
  if (!f.isDouble()) {
    Value square = f.mul(x, x);
    Value rest = f.poly(x, {0.06971611471, -0.1147973385, 0.1168541992, -0.1242568733, 0.1424905765, -0.1666780232,
                            0.2000071575, -0.2499999696, 0.3333333118});
    return f.add(x, f.fma(square, f.c(-0.5), f.mul(f.mul(square, x), rest)));
  }
  // 2 atanh(s), s = x / (x + 2), with 2s as x - s x: x is exact.
  Value s = f.div(x, f.add(x, f.c(2)));
  Value z = f.mul(s, s);
  Value series = f.poly(z, {2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7,
                            2.0 / 5, 2.0 / 3});
  return f.sub(x, f.mul(s, f.sub(x, f.mul(z, series))));
}

// The values of a logarithm outside of its finite, positive arguments.
static Value logSpecials(const FloatBuilder &f, Value x, Value result) {
  result = f.select(f.equal(x, f.c(infinity)), x, result);
  result = f.select(f.equal(x, f.c(0)), f.c(-infinity), result);
  Value invalid = f.compare(arith::CmpFPredicate::ULT, x, f.c(0)); // also NaN
  return f.select(invalid, f.c(NAN), result);
}

Value functions::log(const FloatBuilder &f, Value x) {
  Split split = splitFloat(f, x);
  Value small = logNearOne(f, split.fraction);
  const double high = f.isDouble() ? ln2High : 0.693145751953125;
  const double rest = f.isDouble() ? ln2Low : 1.42860682030941723212e-6;
  Value result = f.fma(split.exponent, f.c(high), f.fma(split.exponent, f.c(rest), small));
  return logSpecials(f, x, result);
}

Value functions::log2(const FloatBuilder &f, Value x) {
  Split split = splitFloat(f, x);
  Value result = f.fma(logNearOne(f, split.fraction), f.c(1 / ln2), split.exponent);
  return logSpecials(f, x, result);
}

Value functions::log10(const FloatBuilder &f, Value x) {
  Split split = splitFloat(f, x);
  Value low = f.fma(split.exponent, f.c(3.69423907715893078616e-13),
                    f.mul(logNearOne(f, split.fraction), f.c(0.434294481903251827651)));
  return logSpecials(f, x, f.fma(split.exponent, f.c(3.01029995663611771306e-01), low));
}

Value functions::log1p(const FloatBuilder &f, Value x) {
  Value u = f.add(x, f.c(1));
  Value correction = f.div(f.sub(x, f.sub(u, f.c(1))), u);
  Value finite = f.less(f.abs(x), f.c(0x1p53));
  Value result = f.add(log(f, u), f.select(finite, correction, f.c(0)));
  result = f.select(f.equal(u, f.c(0)), f.c(-infinity), result);
  return f.select(f.less(f.abs(x), f.c(0x1p-54)), x, result);
}

namespace {
// An unevaluated sum, about twice as precise.
struct Pair {
  Value high, low;
};
} // namespace

static Pair twoSum(const FloatBuilder &f, Value x, Value y) {
  Value sum = f.add(x, y), part = f.sub(sum, x);
  return {sum, f.add(f.sub(x, f.sub(sum, part)), f.sub(y, part))};
}
static Pair splitHalf(const FloatBuilder &f, Value x) {
  Value high = f.fromBits(f.iand(f.bits(x), f.i(-(int64_t(1) << 27))));
  return {high, f.sub(x, high)};
}
static Pair twoProduct(const FloatBuilder &f, Value x, Value y) {
  Value product = f.mul(x, y);
  Pair a = splitHalf(f, x), b = splitHalf(f, y);
  Value error = f.sub(f.mul(a.high, b.high), product);
  error = f.add(error, f.mul(a.high, b.low));
  error = f.add(error, f.mul(a.low, b.high));
  return {product, f.add(error, f.mul(a.low, b.low))};
}

// log of a positive finite double.
static Pair logPair(const FloatBuilder &f, Value x) {
  Split split = splitFloat(f, x);
  Pair divisor = twoSum(f, split.fraction, f.c(2));
  Value s = f.div(split.fraction, divisor.high);
  Pair back = twoProduct(f, s, divisor.high);
  Value remainder = f.sub(f.sub(f.sub(split.fraction, back.high), back.low), f.mul(s, divisor.low));
  Value sLow = f.div(remainder, divisor.high);
  Value z = f.mul(s, s);
  Value series = f.poly(z, {2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7,
                            2.0 / 5});
  // 2/3 s^3 carries the tail's error: its product is kept whole.
  Pair square = twoProduct(f, s, s), cube = twoProduct(f, square.high, s);
  Value cubeLow = f.add(cube.low, f.mul(square.low, s));
  Pair third = twoProduct(f, cube.high, f.c(2.0 / 3));
  Value thirdLow = f.add(third.low, f.add(f.mul(cubeLow, f.c(2.0 / 3)), f.mul(cube.high, f.c(3.700743415417188e-17))));
  Value tail = f.mul(f.mul(f.mul(z, z), s), series);
  Pair sum = twoSum(f, f.mul(s, f.c(2)), third.high);
  Value low = f.add(f.add(sum.low, f.mul(sLow, f.c(2))), f.add(thirdLow, tail));
  Pair whole = twoSum(f, f.mul(split.exponent, f.c(ln2High)), sum.high);
  low = f.add(f.add(whole.low, low), f.mul(split.exponent, f.c(ln2Low)));
  return twoSum(f, whole.high, low);
}

Value functions::pow(const FloatBuilder &f, Value x, Value y) {
  Value magnitude = f.abs(x), one = f.c(1), zero = f.c(0), inf = f.c(infinity);
  Value finite = f.select(f.less(magnitude, inf), magnitude, one);
  Value positive = f.select(f.equal(finite, zero), one, finite);
  Pair logarithm = logPair(f, positive);
  // Far beyond overflow and underflow alike: products of the halves stay finite.
  Value exponent = f.clamp(y, -1e22, 1e22);
  Pair product = twoProduct(f, logarithm.high, exponent);
  Value low = f.fma(logarithm.low, exponent, product.low);
  Value inRange = f.less(f.abs(product.high), f.c(800));
  Value result = expOfSum(f, product.high, f.select(inRange, low, zero));

  Value yNegative = f.less(y, zero);
  // |x| of 0 or infinity.
  result = f.select(f.equal(magnitude, zero), f.select(yNegative, inf, zero), result);
  result = f.select(f.equal(magnitude, inf), f.select(yNegative, zero, inf), result);
  // y infinite.
  Value yInfinite = f.equal(f.abs(y), inf), grows = f.compare(arith::CmpFPredicate::OGT, magnitude, one);
  Value toward = f.b.create<arith::XOrIOp>(grows, yNegative);
  result = f.select(yInfinite, f.select(f.equal(magnitude, one), one, f.select(toward, inf, zero)), result);
  // A negative base: odd exponents keep the sign, fractions have no value.
  Value whole = f.equal(trunc(f, y), y), half = f.mul(y, f.c(0.5));
  Value odd = f.b.create<arith::AndIOp>(whole, f.compare(arith::CmpFPredicate::ONE, trunc(f, half), half));
  Value negative = f.b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, f.bits(x), f.i(0));
  result = f.select(f.b.create<arith::AndIOp>(negative, odd), f.neg(result), result);
  Value undefined = f.b.create<arith::AndIOp>(
      f.less(x, zero),
      f.b.create<arith::AndIOp>(f.compare(arith::CmpFPredicate::UNE, trunc(f, y), y),
                                f.compare(arith::CmpFPredicate::OGT, x, f.c(-infinity))));
  result = f.select(undefined, f.c(NAN), result);
  result = f.select(f.b.create<arith::OrIOp>(f.isNan(x), f.isNan(y)), f.c(NAN), result);
  return f.select(f.b.create<arith::OrIOp>(f.equal(x, one), f.equal(y, zero)), one, result);
}

Value functions::cbrt(const FloatBuilder &f, Value x) {
  Value magnitude = f.abs(x);
  Value root = exp(f, f.mul(log(f, magnitude), f.c(1.0 / 3)));
  // One Newton step; of |x| / root^2, which cannot overflow.
  Value step = f.sub(root, f.div(f.div(magnitude, root), root));
  root = f.sub(root, f.mul(step, f.c(1.0 / 3)));
  Value special = f.compare(arith::CmpFPredicate::UGE, magnitude, f.c(infinity));
  special = f.b.create<arith::OrIOp>(special, f.equal(x, f.c(0)));
  return f.select(special, x, f.copySign(root, x));
}
