// import/onnx/Packed.h -- elements of 4 and 2 bits, several a byte.
#pragma once
#include "import/onnx/IndexMath.h"
#include "import/onnx/Types.h"

namespace halcyon::onnx {

// A packed tensor is a list of ceil(elements * bits / 8) bytes, low bits first, as in the file. What
// computes and moves has an element a byte: an integer's value, or a float's bits.
mlir::Value unpack(mlir::ImplicitLocOpBuilder &b, mlir::Value bytes, DataType type,
                   llvm::ArrayRef<OpFoldResult> dims);
// The bits that no element has are zero.
mlir::Value pack(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor, DataType type,
                 llvm::ArrayRef<OpFoldResult> dims);

// The bytes of an argument, and a result of bytes: the same memory.
mlir::Value bytesOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor, DataType type,
                    llvm::ArrayRef<OpFoldResult> dims);
mlir::Value packedOf(mlir::ImplicitLocOpBuilder &b, mlir::Value bytes, DataType type,
                     llvm::ArrayRef<OpFoldResult> dims);

// The low bits of an i8, as what holds a value of an integer type.
mlir::Value keepLowBits(mlir::ImplicitLocOpBuilder &b, mlir::Value value, DataType type);

} // namespace halcyon::onnx
