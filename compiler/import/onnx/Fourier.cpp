#include "import/onnx/Fourier.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;

namespace halcyon::onnx {
namespace {

constexpr double twoPi = 6.283185307179586476925;
constexpr int64_t mostUnrolled = 5; // terms of a pass; of more, a loop

// e^(-+ 2 pi i j / length), both parts.
Value turns(NodeContext &node, const Fourier &how) {
  auto made = std::make_shared<Tensor>();
  made->name = "turns";
  made->type = DataType::f64;
  made->dims = {how.length, 2};
  auto values = std::make_shared<std::vector<double>>();
  for (int64_t j = 0; j < how.length; ++j) {
    const double angle = twoPi * static_cast<double>(j) / static_cast<double>(how.length);
    values->push_back(std::cos(angle));
    values->push_back(how.inverse ? std::sin(angle) : -std::sin(angle));
  }
  made->bytes.view = std::as_bytes(std::span<const double>(*values));
  made->bytes.owner = values;
  return node.graph.tensorOf(node.b, node.graph.hold(node.graph.fromConstant(made)));
}

// Fours first: fewer passes.
SmallVector<int64_t> factorsOf(int64_t length) {
  SmallVector<int64_t> made;
  for (int64_t factor : {4, 2})
    for (; length % factor == 0; length /= factor)
      made.push_back(factor);
  for (int64_t factor = 3; factor * factor <= length; factor += 2)
    for (; length % factor == 0; length /= factor)
      made.push_back(factor);
  if (length > 1)
    made.push_back(length);
  return made;
}

// [rows, length, 2] of f64.
Value loaded(ImplicitLocOpBuilder &b, Value signal, ArrayRef<OpFoldResult> dims, DataType type, const Fourier &how,
             ArrayRef<OpFoldResult> result) {
  const bool isComplex = known(dims[3]) == 2;
  return generate(
      b, emptyTensor(b, result, b.getF64Type()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        Value from = at[1], isSecond = inner.create<arith::CmpIOp>(arith::CmpIPredicate::ne, at[2], constantIndex(inner, 0));
        Value mirrored;
        if (how.hermitian) {
          mirrored = inner.create<arith::CmpIOp>(arith::CmpIPredicate::sgt, from, constantIndex(inner, how.length / 2));
          Value mirror = inner.create<arith::SubIOp>(constantIndex(inner, how.length), from);
          from = inner.create<arith::SelectOp>(mirrored, mirror, from);
        }
        Value inside = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, from, asValue(inner, dims[1]));
        Value part = constantIndex(inner, 0);
        if (isComplex)
          part = at[2];
        else
          inside = inner.create<arith::AndIOp>(inside, inner.create<arith::XOrIOp>(isSecond, inner.create<arith::ConstantIntOp>(1, 1)));
        Value columns = asValue(inner, dims[2]);
        SmallVector<Value> place{inner.create<arith::DivUIOp>(at[0], columns), from,
                                 inner.create<arith::RemUIOp>(at[0], columns), part};
        Value zero = constantFloat(inner, cast<RankedTensorType>(signal.getType()).getElementType(), 0);
        Value x = castScalar(inner, guardedExtract(inner, inside, signal, place, zero), type, DataType::f64,
                             inner.getF64Type());
        if (!mirrored)
          return x;
        Value turns = inner.create<arith::AndIOp>(mirrored, isSecond);
        return inner.create<arith::SelectOp>(turns, inner.create<arith::NegFOp>(x), x);
      });
}

// Transforms of `done` elements each, every one of them of a part of the signal, become transforms of `factor` times as
// many: a term of each of `factor` parts, turned.
Value pass(ImplicitLocOpBuilder &b, Value before, Value table, const Fourier &how, int64_t done, int64_t factor,
           ArrayRef<OpFoldResult> dims) {
  const int64_t size = done * factor, rest = how.length / size, stride = how.length / factor;
  return generate(
      b, emptyTensor(b, dims, b.getF64Type()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        auto number = [&](int64_t value) { return constantIndex(inner, value); };
        Value place = inner.create<arith::RemUIOp>(at[1], number(size));
        Value part = inner.create<arith::DivUIOp>(at[1], number(size));
        Value start = inner.create<arith::AddIOp>(inner.create<arith::MulIOp>(part, number(done)),
                                                  inner.create<arith::RemUIOp>(place, number(done)));
        Value other = inner.create<arith::SubIOp>(number(1), at[2]);
        // Of the real part, the product of imaginary parts counts negative.
        Value isReal = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, at[2], number(0));
        auto term = [&](ImplicitLocOpBuilder &deep, Value number, Value total) -> Value {
          auto constant = [&](int64_t value) { return constantIndex(deep, value); };
          Value from = deep.create<arith::AddIOp>(start, deep.create<arith::MulIOp>(number, constant(stride)));
          Value turn = deep.create<arith::RemUIOp>(deep.create<arith::MulIOp>(number, place), constant(size));
          turn = deep.create<arith::MulIOp>(turn, constant(rest));
          Value own = deep.create<tensor::ExtractOp>(before, ValueRange{at[0], from, at[2]});
          Value across = deep.create<tensor::ExtractOp>(before, ValueRange{at[0], from, other});
          Value cosine = deep.create<tensor::ExtractOp>(table, ValueRange{turn, constant(0)});
          Value sine = deep.create<tensor::ExtractOp>(table, ValueRange{turn, constant(1)});
          sine = deep.create<arith::SelectOp>(isReal, deep.create<arith::NegFOp>(sine), sine);
          Value sum = addScalars(deep, mulScalars(deep, own, cosine), mulScalars(deep, across, sine));
          return addScalars(deep, total, sum);
        };
        Value total = inner.create<tensor::ExtractOp>(before, ValueRange{at[0], start, at[2]});
        if (factor <= mostUnrolled) {
          for (int64_t i = 1; i < factor; ++i)
            total = term(inner, number(i), total);
          return total;
        }
        return accumulate(inner, {number(factor - 1)}, total,
                          [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value sum) -> Value {
                            return term(deep, deep.create<arith::AddIOp>(i[0], constantIndex(deep, 1)), sum);
                          });
      });
}

} // namespace

Value fourierTransform(NodeContext &node, Value signal, ArrayRef<OpFoldResult> dims, DataType type, const Fourier &how) {
  ImplicitLocOpBuilder &b = node.b;
  Dims result{mul(b, dims[0], dims[2]), fixed(b, how.length), fixed(b, 2)};
  Value made = loaded(b, signal, dims, type, how, result);
  Value table = turns(node, how);
  int64_t done = 1;
  for (int64_t factor : factorsOf(how.length)) {
    made = pass(b, made, table, how, done, factor, result);
    done *= factor;
  }
  return made;
}

} // namespace halcyon::onnx
