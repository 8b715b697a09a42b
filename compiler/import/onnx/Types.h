// import/onnx/Types.h -- ONNX element types and MLIR's.
#pragma once
#include "import/onnx/wire/Model.h"
#include "mlir/IR/BuiltinTypes.h"

namespace halcyon::onnx {

// Integers are signless, bool is i1. Null for strings and complex numbers.
mlir::Type elementType(mlir::MLIRContext &context, DataType type);

bool isUnsigned(DataType type);
inline bool isBool(DataType type) { return type == DataType::boolean; }
bool isFloat(DataType type);
bool isInteger(DataType type); // not bool

} // namespace halcyon::onnx
