// import/onnx/Scalar.h -- ONNX's scalar arithmetic, by element type.
#pragma once
#include "import/onnx/SmallFloat.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon::onnx {

using mlir::ImplicitLocOpBuilder;
using mlir::Value;

Value constantLike(ImplicitLocOpBuilder &b, Value like, double value);

Value addScalars(ImplicitLocOpBuilder &b, Value left, Value right);
Value subScalars(ImplicitLocOpBuilder &b, Value left, Value right);
Value mulScalars(ImplicitLocOpBuilder &b, Value left, Value right);
// Integers: towards zero; 0 where the divisor is.
Value divScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type);
// A NaN wins.
Value maxScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type);
Value minScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type);
// x - y * trunc(x / y), exact, with the sign of x; of integers 0 where the divisor is.
Value remainderOfIntegers(ImplicitLocOpBuilder &b, Value left, Value right, DataType type);
Value remainderOfFloats(ImplicitLocOpBuilder &b, Value x, Value y);
// base ^ exponent, with products where the exponent is a small constant.
Value powScalars(ImplicitLocOpBuilder &b, Value base, Value exponent);

enum class Comparison { equal, less, lessOrEqual, greater, greaterOrEqual };
Value compareScalars(ImplicitLocOpBuilder &b, Comparison comparison, Value left, Value right,
                     DataType type);

// `rules` are those of small floats only.
Value castScalar(ImplicitLocOpBuilder &b, Value value, DataType from, DataType to,
                 mlir::Type element, const SmallFloatRules &rules = {});

Value logistic(ImplicitLocOpBuilder &b, Value value); // 1 / (1 + exp(-x))

} // namespace halcyon::onnx
