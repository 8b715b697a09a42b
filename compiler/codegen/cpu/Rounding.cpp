#include "codegen/cpu/FloatBuilder.h"

using namespace mlir;
using namespace halcyon;

// From here on every float is whole.
static double firstWhole(const FloatBuilder &f) { return f.isDouble() ? 0x1p52 : 0x1p23; }

Value functions::trunc(const FloatBuilder &f, Value x) {
  Value hasFraction = f.less(f.abs(x), f.c(firstWhole(f)));
  Value safe = f.select(hasFraction, x, f.c(0));
  Value whole = f.b.create<arith::SIToFPOp>(f.type, f.b.create<arith::FPToSIOp>(f.intType(), safe));
  return f.select(hasFraction, f.copySign(whole, x), x);
}

Value functions::floor(const FloatBuilder &f, Value x) {
  Value whole = trunc(f, x);
  return f.copySign(f.select(f.less(x, whole), f.sub(whole, f.c(1)), whole), x);
}

Value functions::ceil(const FloatBuilder &f, Value x) {
  Value whole = trunc(f, x);
  return f.copySign(f.select(f.less(whole, x), f.add(whole, f.c(1)), whole), x);
}

Value functions::round(const FloatBuilder &f, Value x) {
  Value whole = trunc(f, x);
  Value away = f.compare(arith::CmpFPredicate::OGE, f.abs(f.sub(x, whole)), f.c(0.5));
  return f.select(away, f.add(whole, f.copySign(f.c(1), x)), whole);
}

Value functions::roundEven(const FloatBuilder &f, Value x) {
  Value magic = f.c(firstWhole(f));
  Value whole = f.sub(f.add(f.abs(x), magic), magic);
  return f.select(f.less(f.abs(x), magic), f.copySign(whole, x), x);
}
