// import/onnx/Scalar.h -- ONNX's scalar arithmetic, by element type.
#pragma once
#include "import/onnx/Types.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon::onnx {

using mlir::ImplicitLocOpBuilder;
using mlir::Value;

Value constantLike(ImplicitLocOpBuilder &b, Value like, double value);

Value addScalars(ImplicitLocOpBuilder &b, Value left, Value right);
Value subScalars(ImplicitLocOpBuilder &b, Value left, Value right);
Value mulScalars(ImplicitLocOpBuilder &b, Value left, Value right);
// Integers: towards zero. A zero divisor is undefined, as in ONNX.
Value divScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type);
// A NaN wins.
Value maxScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type);
Value minScalars(ImplicitLocOpBuilder &b, Value left, Value right, DataType type);
// x - y * trunc(x / y), exact, with the sign of x.
Value remainderOfFloats(ImplicitLocOpBuilder &b, Value x, Value y);
// base ^ exponent, with products where the exponent is a small constant.
Value powScalars(ImplicitLocOpBuilder &b, Value base, Value exponent);

enum class Comparison { equal, less, lessOrEqual, greater, greaterOrEqual };
Value compareScalars(ImplicitLocOpBuilder &b, Comparison comparison, Value left, Value right,
                     DataType type);

Value castScalar(ImplicitLocOpBuilder &b, Value value, DataType from, DataType to,
                 mlir::Type element);

Value logistic(ImplicitLocOpBuilder &b, Value value); // 1 / (1 + exp(-x))

} // namespace halcyon::onnx
