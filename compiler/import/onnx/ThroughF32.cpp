#include "import/onnx/ThroughF32.h"
#include "import/onnx/Compose.h"

using namespace mlir;

namespace halcyon::onnx {

bool hasSmallFloats(const NodeContext &node, size_t input) {
  DataType type = node.in(input).dataType;
  return isFloat(type) && bitsOf(type) < 32;
}

LogicalResult importThroughF32(NodeContext &node) {
  Composer with(node);
  DataType type = node.in(0).dataType;
  SmallVector<Composer::Part> inputs;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    bool isSmall = node.has(i) && hasSmallFloats(node, i);
    inputs.push_back(isSmall ? with.cast(with.input(i), DataType::f32) : with.input(i));
  }
  for (const NodeAttribute &attribute : node.node.attributes)
    node.find(attribute.name);
  SmallVector<NodeAttribute> attributes(node.node.attributes.begin(), node.node.attributes.end());
  llvm::erase_if(attributes, [](const NodeAttribute &attribute) { return attribute.name == "broadcast"; }); // of Gemm 6
  auto outputs = with.all(node.node.opType, inputs, attributes, node.numOutputs());
  for (auto [index, output] : llvm::enumerate(outputs))
    if (node.wants(index) && failed(with.define(index, with.cast(output, type))))
      return failure();
  return success(!with.hasFailed());
}

} // namespace halcyon::onnx
