// import/onnx/Reshape.h -- the same elements in another shape.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

// By tensor.collapse_shape and tensor.expand_shape, dimension groups of equal
// size apart; `from` are the tensor's dims. The sizes must be equal.
mlir::Value reshapeTensor(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                          llvm::ArrayRef<OpFoldResult> from, llvm::ArrayRef<OpFoldResult> to);

// Defines output 0 as input 0 in another shape; host values stay host values.
// `attribute`: the one that gives the dims, for errors.
llvm::LogicalResult setReshaped(NodeContext &node, Dims dims, llvm::StringRef attribute = "");

} // namespace halcyon::onnx
