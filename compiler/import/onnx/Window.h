// import/onnx/Window.h -- what convolutions and pools have in common.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

struct Window {
  llvm::SmallVector<int64_t> kernel, strides, dilations, padLow, padHigh;
};

// Attributes strides, dilations, pads and auto_pad. `dims` are the input's, in
// channels-first order.
llvm::FailureOr<Window> windowOf(NodeContext &node, llvm::ArrayRef<int64_t> kernel,
                                 llvm::ArrayRef<OpFoldResult> dims);

// The output's spatial extents.
Dims windowExtents(mlir::ImplicitLocOpBuilder &b, const Window &window,
                   llvm::ArrayRef<OpFoldResult> dims, bool ceil);

} // namespace halcyon::onnx
