// import/onnx/ThroughF32.h -- operators that compute in f32 for narrower floats.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

bool hasSmallFloats(const NodeContext &node, size_t input); // of fewer bits than 32

// The node itself with such inputs as f32: what it does is then between casts. For operators that
// no newer version changed.
llvm::LogicalResult importThroughF32(NodeContext &node);

} // namespace halcyon::onnx
