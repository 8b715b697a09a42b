// import/onnx/PoolIndices.h -- where the maxima of windows are.
#pragma once
#include "import/onnx/Window.h"

namespace halcyon::onnx {

// Output 1 of a pool of input 0 with results of shape `dims`: the number of each maximum, of equal
// ones the first, in the whole input; spatial dimensions are counted by rows or by columns.
void setPoolIndices(NodeContext &node, const Window &window, llvm::ArrayRef<OpFoldResult> dims,
                    bool byColumns);

} // namespace halcyon::onnx
