// import/onnx/SmallFloat.h -- floats of 8 bits and less, which kernels hold as the bits in an i8.
#pragma once
#include "import/onnx/Types.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon::onnx {

// How a number that the type does not have becomes one that it has.
struct SmallFloatRules {
  enum class Round { up, down, nearest };
  bool saturate = true;    // out of range: the largest value; else infinity, or NaN where there is none
  Round round = Round::up; // of f8e8m0; the others round to nearest, ties to even
};

// The value of an i8's bits, as an f32, exactly.
mlir::Value decodeSmallFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value bits, DataType type);
// The bits, in an i8, of an f32 or f64, rounded once.
mlir::Value encodeSmallFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value value, DataType type,
                             const SmallFloatRules &rules);

} // namespace halcyon::onnx
