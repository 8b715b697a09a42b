// import/onnx/Types.h -- ONNX element types and MLIR's.
#pragma once
#include "import/onnx/wire/Model.h"
#include "mlir/IR/BuiltinTypes.h"

namespace halcyon::onnx {

// What its elements are while they are computed with: integers are signless, bool is i1, floats of
// 8 bits and less are the i8 that holds their bits, integers of 4 and 2 bits the i8 that holds their
// value. Null for strings and complex numbers.
mlir::Type elementType(mlir::MLIRContext &context, DataType type);
// What an argument or a result of that type has: types under 8 bits are packed.
mlir::Type interfaceType(mlir::MLIRContext &context, DataType type);

bool isUnsigned(DataType type);
inline bool isBool(DataType type) { return type == DataType::boolean; }
bool isFloat(DataType type);      // of 16 bits and more
bool isSmallFloat(DataType type); // of 8 bits and less
bool isPacked(DataType type);     // under 8 bits
bool isInteger(DataType type);    // not bool
// No arithmetic is defined on it: it is cast, quantised, or moved.
inline bool isStorageOnly(DataType type) { return isSmallFloat(type) || isPacked(type); }

} // namespace halcyon::onnx
