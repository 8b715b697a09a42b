// import/onnx/Elementwise.h -- one scalar function over tensors that broadcast.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

// Scalars of the inputs' element types; gives one of the result's. Uses
// createOrFold, since it also computes host values.
using ScalarFunction =
    llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange arguments)>;

// Defines output 0: on the host where the inputs are host values or shapes
// depend on the result, else as one linalg.generic. A dynamic dimension is
// taken to be equal to the others' unless one of them is known to be 1.
llvm::LogicalResult elementwise(NodeContext &node, llvm::ArrayRef<Imported *> inputs,
                                DataType resultType, ScalarFunction function);

// All inputs, which must have one element type; it is the result's too.
llvm::LogicalResult elementwiseSameType(NodeContext &node, ScalarFunction function);

// Before opset 7 the second input of two broadcasts only where attribute 'broadcast' says so, and
// then from dimension 'axis' of the first on; without it, from its last ones. Gives inputs 0 and 1,
// which broadcast as they do today.
llvm::FailureOr<llvm::SmallVector<Imported *>> alignedInputs(NodeContext &node);

// The generic alone.
mlir::Value elementwiseTensor(NodeContext &node, llvm::ArrayRef<Imported *> inputs,
                              llvm::ArrayRef<OpFoldResult> dims, mlir::Type element,
                              ScalarFunction function);

// How `from`, aligned at the last dimension, is read by loops over `dims`.
mlir::AffineMap broadcastMap(mlir::MLIRContext *context, llvm::ArrayRef<OpFoldResult> from,
                             llvm::ArrayRef<OpFoldResult> dims);
llvm::FailureOr<Dims> broadcastDims(NodeContext &node, llvm::ArrayRef<Imported *> inputs);

llvm::LogicalResult checkFloat(NodeContext &node, size_t input);

} // namespace halcyon::onnx
