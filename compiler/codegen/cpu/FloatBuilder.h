// codegen/cpu/FloatBuilder.h -- float arithmetic on scalars or vectors of one type, for the functions of math.
//
// `fma` may be contracted to one rounding; the other operations may not, so that error-free transformations hold.
#pragma once
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

namespace halcyon {

// What is one instruction, beside arithmetic.
struct FloatInstructions {
  bool round = false; // to an integer
  bool scale = false; // by a power of two, on vectors of 512 bits: x * 2^n, rounded once
};

struct FloatBuilder {
  mlir::ImplicitLocOpBuilder &b;
  mlir::Type type; // f32, f64 or a vector of these
  FloatInstructions instructions = {};

  using Value = mlir::Value;

  unsigned width() const { return mlir::getElementTypeOrSelf(type).getIntOrFloatBitWidth(); }
  bool isDouble() const { return width() == 64; }
  mlir::Type like(mlir::Type element) const {
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
      return vector.clone(element);
    return element;
  }
  mlir::Type intType() const { return like(b.getIntegerType(width())); }
  FloatBuilder as(mlir::Type element) const { return {b, like(element), instructions}; }

  Value constant(mlir::Type shaped, mlir::TypedAttr element) const {
    mlir::TypedAttr attribute = element;
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(shaped))
      attribute = mlir::DenseElementsAttr::get(vector, element);
    return b.create<mlir::arith::ConstantOp>(attribute);
  }
  Value c(double value) const { return constant(type, b.getFloatAttr(mlir::getElementTypeOrSelf(type), value)); }
  Value i(int64_t value) const { return constant(intType(), b.getIntegerAttr(b.getIntegerType(width()), value)); }

  Value add(Value x, Value y) const { return b.create<mlir::arith::AddFOp>(x, y); }
  Value sub(Value x, Value y) const { return b.create<mlir::arith::SubFOp>(x, y); }
  Value mul(Value x, Value y) const { return b.create<mlir::arith::MulFOp>(x, y); }
  Value div(Value x, Value y) const { return b.create<mlir::arith::DivFOp>(x, y); }
  Value fma(Value x, Value y, Value z) const {
    auto flags = mlir::arith::FastMathFlags::contract;
    Value product = b.create<mlir::arith::MulFOp>(x, y, flags);
    return b.create<mlir::arith::AddFOp>(product, z, flags);
  }
  Value neg(Value x) const { return b.create<mlir::arith::NegFOp>(x); }
  Value abs(Value x) const { return b.create<mlir::math::AbsFOp>(x); }
  Value sqrt(Value x) const { return b.create<mlir::math::SqrtOp>(x); }
  Value copySign(Value x, Value sign) const { return b.create<mlir::math::CopySignOp>(x, sign); }
  Value select(Value condition, Value x, Value y) const { return b.create<mlir::arith::SelectOp>(condition, x, y); }
  Value less(Value x, Value y) const { return compare(mlir::arith::CmpFPredicate::OLT, x, y); }
  Value equal(Value x, Value y) const { return compare(mlir::arith::CmpFPredicate::OEQ, x, y); }
  Value isNan(Value x) const { return compare(mlir::arith::CmpFPredicate::UNO, x, x); }
  Value compare(mlir::arith::CmpFPredicate predicate, Value x, Value y) const {
    return b.create<mlir::arith::CmpFOp>(predicate, x, y);
  }
  // Whether `scale` may be used.
  bool scales() const {
    auto vector = mlir::dyn_cast<mlir::VectorType>(type);
    return instructions.round && instructions.scale && vector && vector.getRank() == 1 && vector.getNumElements() * width() == 512;
  }
  // x * 2^n for a whole n.
  Value scale(Value x, Value n) const {
    const llvm::StringRef name = isDouble() ? "llvm.x86.avx512.mask.scalef.pd.512" : "llvm.x86.avx512.mask.scalef.ps.512";
    auto number = [&](unsigned bits, int64_t value) -> Value {
      mlir::Type type = b.getIntegerType(bits);
      return b.create<mlir::LLVM::ConstantOp>(type, b.getIntegerAttr(type, value));
    };
    Value all = number(512 / width(), -1), asSet = number(32, 4);
    return b.create<mlir::LLVM::CallIntrinsicOp>(mlir::TypeRange{type}, b.getStringAttr(name), mlir::ValueRange{x, n, x, all, asSet}).getResult(0);
  }
  // A NaN stays.
  Value atMost(Value x, double high) const { return select(less(c(high), x), c(high), x); }
  Value clamp(Value x, double low, double high) const { return atMost(select(less(x, c(low)), c(low), x), high); }

  Value bits(Value x) const { return b.create<mlir::arith::BitcastOp>(intType(), x); }
  Value fromBits(Value x) const { return b.create<mlir::arith::BitcastOp>(type, x); }
  template <typename Op> Value integer(Value x, Value y) const { return b.create<Op>(x, y); }
  Value iadd(Value x, Value y) const { return integer<mlir::arith::AddIOp>(x, y); }
  Value isub(Value x, Value y) const { return integer<mlir::arith::SubIOp>(x, y); }
  Value iand(Value x, Value y) const { return integer<mlir::arith::AndIOp>(x, y); }
  Value ior(Value x, Value y) const { return integer<mlir::arith::OrIOp>(x, y); }
  Value shl(Value x, int64_t by) const { return integer<mlir::arith::ShLIOp>(x, i(by)); }
  Value shr(Value x, int64_t by) const { return integer<mlir::arith::ShRUIOp>(x, i(by)); }
  Value sar(Value x, int64_t by) const { return integer<mlir::arith::ShRSIOp>(x, i(by)); }
  Value isZero(Value x) const { return b.create<mlir::arith::CmpIOp>(mlir::arith::CmpIPredicate::eq, x, i(0)); }

  // Coefficients of the highest power first. In f32 long ones are two of x^2, which do not wait for each other: one
  // multiplication more, but half the latency, which is not hidden where a product's sums take all registers.
  Value poly(Value x, llvm::ArrayRef<double> coefficients) const {
    if (isDouble() || coefficients.size() < 10)
      return powers(x, coefficients, 1);
    Value square = mul(x, x);
    Value first = powers(square, coefficients, 2), second = powers(square, coefficients.drop_front(), 2);
    return coefficients.size() % 2 ? fma(second, x, first) : fma(first, x, second);
  }

private:
  // Of every `step`th coefficient.
  Value powers(Value x, llvm::ArrayRef<double> coefficients, size_t step) const {
    Value result = c(coefficients.front());
    for (size_t i = step; i < coefficients.size(); i += step)
      result = fma(result, x, c(coefficients[i]));
    return result;
  }
};

// The functions, on values of the builder's type. Bounds: README.md.
namespace functions {
using mlir::Value;
Value exp(const FloatBuilder &f, Value x);
Value exp2(const FloatBuilder &f, Value x);
Value expm1(const FloatBuilder &f, Value x);
Value expm1OfTwice(const FloatBuilder &f, Value x); // e^2x - 1 in f32, for 0 <= x <= 20 and NaN
Value log(const FloatBuilder &f, Value x);
Value log2(const FloatBuilder &f, Value x);
Value log10(const FloatBuilder &f, Value x);
Value log1p(const FloatBuilder &f, Value x);
Value pow(const FloatBuilder &f, Value x, Value y);
Value tanh(const FloatBuilder &f, Value x);
Value sinh(const FloatBuilder &f, Value x);
Value cosh(const FloatBuilder &f, Value x);
Value asinh(const FloatBuilder &f, Value x);
Value acosh(const FloatBuilder &f, Value x);
Value atanh(const FloatBuilder &f, Value x);
Value erf(const FloatBuilder &f, Value x);
Value sin(const FloatBuilder &f, Value x);
Value cos(const FloatBuilder &f, Value x);
Value tan(const FloatBuilder &f, Value x);
Value asin(const FloatBuilder &f, Value x);
Value acos(const FloatBuilder &f, Value x);
Value atan(const FloatBuilder &f, Value x);
Value atan2(const FloatBuilder &f, Value y, Value x);
Value cbrt(const FloatBuilder &f, Value x);
// Without an instruction for them.
Value trunc(const FloatBuilder &f, Value x);
Value floor(const FloatBuilder &f, Value x);
Value ceil(const FloatBuilder &f, Value x);
Value round(const FloatBuilder &f, Value x);     // half away from zero
Value roundEven(const FloatBuilder &f, Value x);
} // namespace functions

} // namespace halcyon
