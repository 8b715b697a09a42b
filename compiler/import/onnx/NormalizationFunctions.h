// import/onnx/NormalizationFunctions.h -- normalisations as the standard writes them, in parts.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

// With the mean and the inverse deviation as further results.
llvm::LogicalResult composeLayerNormalization(NodeContext &node);

// A batch by its own mean and variance, of which the running ones are the further results.
llvm::LogicalResult composeTrainingNormalization(NodeContext &node);

} // namespace halcyon::onnx
