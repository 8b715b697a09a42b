// import/onnx/Compose.h -- an operator made of others, as the standard's function bodies are.
//
//   Composer with(node);
//   Imported *size = with("Abs", {with.input(0)});
//   return with.define(0, with("Mul", {size, with.scalar(0.5, DataType::f32)}));
//
// The parts are imported as nodes of the newest operator set. After the first error every part is
// null and define() fails, so that errors need no check on the way.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

NodeAttribute attribute(llvm::StringRef name, int64_t value);
NodeAttribute attribute(llvm::StringRef name, double value);
NodeAttribute attribute(llvm::StringRef name, llvm::StringRef value);
NodeAttribute attribute(llvm::StringRef name, llvm::ArrayRef<int64_t> values);

class Composer {
public:
  using Part = Imported *;

  explicit Composer(NodeContext &node) : node(node) {}

  // Null where the node has no such input.
  Part input(size_t index) const { return node.has(index) ? &node.in(index) : nullptr; }

  // A null input is an absent one.
  Part operator()(llvm::StringRef op, llvm::ArrayRef<Part> inputs,
                  llvm::ArrayRef<NodeAttribute> attributes = {}) {
    return all(op, inputs, attributes, 1)[0];
  }
  // With `outputs` results.
  llvm::SmallVector<Part> all(llvm::StringRef op, llvm::ArrayRef<Part> inputs,
                              llvm::ArrayRef<NodeAttribute> attributes, size_t outputs);

  // Constants: of rank 0, and a list.
  Part scalar(double value, DataType type);
  Part ints(llvm::ArrayRef<int64_t> values);
  Part constant(std::shared_ptr<const Tensor> tensor) {
    return hold(node.graph.fromConstant(std::move(tensor)));
  }
  // Dimensions, as a list.
  Part shape(llvm::ArrayRef<OpFoldResult> dims);
  Part cast(Part part, DataType type);
  Part hold(Imported imported) { return &node.graph.hold(std::move(imported)); }

  llvm::LogicalResult define(size_t output, Part part);
  bool hasFailed() const { return broken; }

private:
  NodeContext &node;
  bool broken = false;
};

} // namespace halcyon::onnx
