#include "codegen/cpu/FloatBuilder.h"

#include <cmath>

using namespace mlir;
using namespace halcyon;

static constexpr double halfPi = 1.57079632679489661923;

namespace {
// x = quadrant * pi/2 + rest, |rest| <= pi/4.
struct Reduced {
  Value rest, quadrant;
};
} // namespace

// pi/2 in parts of 33 bits: products with a quadrant of up to 20 bits are exact.
static Reduced reduce(const FloatBuilder &f, Value x) {
  Value magic = f.c(6755399441055744.0);
  Value sum = f.add(f.mul(x, f.c(1 / halfPi)), magic);
  Value n = f.sub(sum, magic);
  Value rest = f.sub(x, f.mul(n, f.c(1.5707963267341256)));
  rest = f.sub(rest, f.mul(n, f.c(6.077100506303966e-11)));
  rest = f.sub(rest, f.mul(n, f.c(2.0222662487111665e-21)));
  // Far beyond the exact range the rest is meaningless, but a sine stays one.
  return {f.clamp(rest, -0.8, 0.8), f.isub(f.bits(sum), f.bits(magic))};
}

static Value sinNearZero(const FloatBuilder &f, Value x) {
  Value z = f.mul(x, x);
  Value series = f.poly(z, {1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800,
                            1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6});
  return f.fma(f.mul(z, x), series, x);
}

static Value cosNearZero(const FloatBuilder &f, Value x) {
  Value z = f.mul(x, x);
  Value series = f.poly(z, {-1.0 / 6402373705728000, 1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600,
                            -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24});
  Value half = f.mul(z, f.c(0.5)), one = f.c(1);
  Value leading = f.sub(one, half);
  Value lost = f.sub(f.sub(one, leading), half);
  return f.add(leading, f.fma(f.mul(z, z), series, lost));
}

// The sine `quadrants` quarter turns on.
static Value sineOf(const FloatBuilder &f, Value x, int64_t quadrants) {
  Reduced r = reduce(f, x);
  Value quadrant = f.iadd(r.quadrant, f.i(quadrants));
  Value even = f.isZero(f.iand(quadrant, f.i(1)));
  Value result = f.select(even, sinNearZero(f, r.rest), cosNearZero(f, r.rest));
  Value upper = f.isZero(f.iand(quadrant, f.i(2)));
  result = f.select(upper, result, f.neg(result));
  Value invalid = f.compare(arith::CmpFPredicate::UEQ, f.abs(x), f.c(HUGE_VAL));
  return f.select(invalid, f.c(NAN), result);
}

Value functions::sin(const FloatBuilder &f, Value x) {
  return f.select(f.equal(x, f.c(0)), x, sineOf(f, x, 0));
}

Value functions::cos(const FloatBuilder &f, Value x) { return sineOf(f, x, 1); }

Value functions::tan(const FloatBuilder &f, Value x) { return f.div(sin(f, x), cos(f, x)); }

// Steps down to |t| <= tan(pi/8).
Value functions::atan(const FloatBuilder &f, Value x) {
  Value magnitude = f.abs(x), one = f.c(1);
  Value inverted = f.compare(arith::CmpFPredicate::OGT, magnitude, one);
  Value t = f.select(inverted, f.div(one, magnitude), magnitude);
  Value turned = f.compare(arith::CmpFPredicate::OGT, t, f.c(0.41421356237309503));
  t = f.select(turned, f.div(f.sub(t, one), f.add(t, one)), t);
  Value z = f.mul(t, t);
  Value series = f.poly(z, {0.0162857568552210204, -0.0345705619814277398, 0.0455159322062654889,
                            -0.0523045427065024446, 0.0587892899783477512, -0.0666642488573825533,
                            0.076922963750321424, -0.0909090875350087684, 0.111111111051554466,
                            -0.142857142856598276, 0.199999999999998045, -0.333333333333333332});
  Value angle = f.fma(f.mul(z, t), series, t);
  angle = f.select(turned, f.add(angle, f.c(halfPi / 2)), angle);
  Value rest = f.c(6.123233995736766e-17); // what halfPi lacks
  angle = f.select(inverted, f.add(f.sub(f.c(halfPi), angle), rest), angle);
  return f.copySign(angle, x);
}

Value functions::atan2(const FloatBuilder &f, Value y, Value x) {
  Value ax = f.abs(x), ay = f.abs(y), zero = f.c(0), inf = f.c(HUGE_VAL);
  Value bothZero = f.b.create<arith::AndIOp>(f.equal(ax, zero), f.equal(ay, zero));
  Value bothInfinite = f.b.create<arith::AndIOp>(f.equal(ax, inf), f.equal(ay, inf));
  Value quotient = f.div(ay, ax);
  quotient = f.select(bothZero, zero, f.select(bothInfinite, f.c(1), quotient));
  Value angle = atan(f, quotient);
  Value negative = f.b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, f.bits(x), f.i(0));
  angle = f.select(negative, f.sub(f.c(2 * halfPi), angle), angle);
  angle = f.copySign(angle, y);
  return f.select(f.compare(arith::CmpFPredicate::UNO, x, y), f.c(NAN), angle);
}

Value functions::asin(const FloatBuilder &f, Value x) {
  Value one = f.c(1);
  return atan2(f, x, f.sqrt(f.mul(f.sub(one, x), f.add(one, x))));
}

Value functions::acos(const FloatBuilder &f, Value x) {
  Value one = f.c(1);
  return atan2(f, f.sqrt(f.mul(f.sub(one, x), f.add(one, x))), x);
}
