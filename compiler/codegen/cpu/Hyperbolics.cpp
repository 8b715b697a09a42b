#include "codegen/cpu/FloatBuilder.h"

#include <cmath>

using namespace mlir;
using namespace halcyon;

static constexpr double ln2 = 0.693147180559945309417;

Value functions::tanh(const FloatBuilder &f, Value x) {
  Value t = f.isDouble() ? expm1(f, f.mul(f.clamp(f.abs(x), 0, 30), f.c(2))) : expm1OfTwice(f, f.atMost(f.abs(x), 10));
  return f.copySign(f.div(t, f.add(t, f.c(2))), x);
}

Value functions::sinh(const FloatBuilder &f, Value x) {
  Value magnitude = f.abs(x);
  Value t = expm1(f, f.clamp(magnitude, 0, 30));
  Value small = f.mul(f.c(0.5), f.add(t, f.div(t, f.add(t, f.c(1)))));
  Value root = exp(f, f.mul(magnitude, f.c(0.5)));
  Value large = f.mul(f.mul(f.c(0.5), root), root);
  return f.copySign(f.select(f.less(magnitude, f.c(25)), small, large), x);
}

Value functions::cosh(const FloatBuilder &f, Value x) {
  Value magnitude = f.abs(x);
  Value power = exp(f, f.clamp(magnitude, 0, 30));
  Value small = f.fma(power, f.c(0.5), f.div(f.c(0.5), power));
  Value root = exp(f, f.mul(magnitude, f.c(0.5)));
  Value large = f.mul(f.mul(f.c(0.5), root), root);
  return f.select(f.less(magnitude, f.c(25)), small, large);
}

Value functions::asinh(const FloatBuilder &f, Value x) {
  Value magnitude = f.abs(x);
  Value square = f.mul(magnitude, magnitude);
  Value inner = f.add(magnitude, f.div(square, f.add(f.c(1), f.sqrt(f.add(square, f.c(1))))));
  Value huge = f.compare(arith::CmpFPredicate::OGT, magnitude, f.c(0x1p28));
  Value result = f.select(huge, f.add(log(f, magnitude), f.c(ln2)), log1p(f, inner));
  return f.copySign(result, x);
}

Value functions::acosh(const FloatBuilder &f, Value x) {
  Value t = f.sub(x, f.c(1));
  Value inner = f.add(t, f.sqrt(f.mul(t, f.add(t, f.c(2)))));
  Value huge = f.compare(arith::CmpFPredicate::OGT, x, f.c(0x1p28));
  Value result = f.select(huge, f.add(log(f, x), f.c(ln2)), log1p(f, inner));
  return f.select(f.compare(arith::CmpFPredicate::ULT, x, f.c(1)), f.c(NAN), result);
}

Value functions::atanh(const FloatBuilder &f, Value x) {
  Value magnitude = f.abs(x);
  Value quotient = f.div(f.mul(magnitude, f.c(2)), f.sub(f.c(1), magnitude));
  Value result = f.copySign(f.mul(f.c(0.5), log1p(f, quotient)), x);
  return f.select(f.compare(arith::CmpFPredicate::UGT, magnitude, f.c(1)), f.c(NAN), result);
}

// x P(x^2) up to where it rounds to 1: one polynomial in u = 2 x^2 / 3.85^2 - 1, least relative error by Lawson's weights.
static Value erfInSingle(const FloatBuilder &f, Value x) {
  Value u = f.fma(f.atMost(f.mul(x, x), 3.85 * 3.85), f.c(2 / (3.85 * 3.85)), f.c(-1));
  return f.clamp(f.mul(x, f.poly(u, {-0.0006003062007948756, 0.0015372445341199636, -0.0011914275819435716, 0.0018322266405448318,
                                     -0.006409853231161833, 0.01210858952254057, -0.018047410994768143, 0.027683904394507408,
                                     -0.041225239634513855, 0.05661127716302872, -0.0731557235121727, 0.09078841656446457,
                                     -0.11038807034492493, 0.13621322810649872, -0.1833014190196991, 0.3672848045825958})), -1, 1);
}

// Near 0 an odd polynomial; farther out 1 - erfc, whose logarithm is a polynomial.
Value functions::erf(const FloatBuilder &f, Value x) {
  if (!f.isDouble())
    return erfInSingle(f, x);
  Value magnitude = f.abs(x);
  Value z = f.mul(x, x);
  Value small = f.poly(z, {6.43609909401060614e-11, -1.16246741798086708e-9, 1.47177672207049871e-8,
                       -1.63579909970860828e-7, 1.6461645588035636e-6, -0.0000149256310779354146,
                       0.000120553324378204624, -0.000854832701315207057, 0.00522397762531690446,
                       -0.0268661706451221746, 0.112837916709550915, -0.37612638903183752, 0.12837916709551257});
  Value u = f.fma(f.clamp(magnitude, 0, 6), f.c(1 / 2.55), f.c(-3.45 / 2.55));
  Value power = f.poly(u, {1.29375231215463667e-8,  -3.41218352248493777e-8, -1.99829994891429151e-9,
                       6.18688044623027524e-8,  -3.14073742873479547e-8, 1.11235418559086449e-7,
                       -6.13210861472707758e-7, 1.53333224577091951e-6,  -3.00122154464424481e-6,
                       5.28013331637620115e-6,  -7.25676062136430593e-6, 3.56954966956398233e-6,
                       0.0000223400290651428823, -0.000115707479387586651, 0.000390081801843020234,
                       -0.00111383053558868931, 0.00289639985485818588,  -0.00709063638319668903,
                       0.0166929742062600178,   -0.0385381168577495783,  0.0896080711989044876,
                       6.28112833250712415,     18.2821329878922833,     13.7515486466525321});
  Value large = f.copySign(f.sub(f.c(1), exp(f, f.neg(power))), x);
  return f.select(f.less(magnitude, f.c(0.9)), f.fma(x, small, x), large);
}
