// import/onnx/NodeContext.h -- what a node's importer sees and how it answers.
#pragma once
#include "import/onnx/GraphImporter.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon::onnx {

class NodeContext {
public:
  NodeContext(GraphImporter &graph, Scope &scope, const Node &node, mlir::ImplicitLocOpBuilder &b)
      : b(b), node(node), graph(graph), scope(scope) {}

  mlir::ImplicitLocOpBuilder &b;
  const Node &node;
  GraphImporter &graph;
  Scope &scope;

  int64_t opset() const;

  // Inputs. `has` before `in` where an input is optional.
  size_t numInputs() const { return node.inputs.size(); }
  bool has(size_t index) const { return index < node.inputs.size() && !node.inputs[index].empty(); }
  Imported &in(size_t index) const { return *graph.find(scope, node.inputs[index]); }
  mlir::Value value(size_t index) const { return graph.tensorOf(b, in(index)); }
  int64_t rank(size_t index) const { return in(index).rank(); }

  // Whether constantInts would give them.
  bool isKnown(size_t index) const;
  // Integers that must be known now; `what` names them in the error.
  llvm::FailureOr<llvm::SmallVector<int64_t>> constantInts(size_t index,
                                                           llvm::StringRef what) const;
  llvm::FailureOr<llvm::SmallVector<double>> constantFloats(size_t index,
                                                            llvm::StringRef what) const;
  // Integers as index values, of a small one-dimensional or scalar tensor.
  llvm::FailureOr<Dims> indices(size_t index, llvm::StringRef what) const;

  // Attributes. One that nobody asks for is an error after the import. One of another type is an error at once, and
  // then counts as absent: what else is wrong with the node is not said, and its import fails.
  const NodeAttribute *find(llvm::StringRef name) const;
  const NodeAttribute *find(llvm::StringRef name, llvm::ArrayRef<AttributeKind> kinds) const;
  int64_t intAttr(llvm::StringRef name, int64_t otherwise) const;
  double floatAttr(llvm::StringRef name, double otherwise) const;
  llvm::StringRef stringAttr(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::optional<llvm::SmallVector<int64_t>> intsAttr(llvm::StringRef name) const;
  // An element type that tensors have; another is an error as a wrong type is. 0 is none.
  DataType typeAttr(llvm::StringRef name, DataType otherwise) const;
  llvm::FailureOr<int64_t> axisAttr(llvm::StringRef name, int64_t otherwise, int64_t rank) const {
    return normalizeAxis(intAttr(name, otherwise), rank, name);
  }
  // A count or an extent; one below `least` or above what fits i32 is an error as a wrong type is.
  int64_t sizeAttr(llvm::StringRef name, int64_t otherwise, int64_t least = 1) const;
  // Attributes that change nothing here: only their type is looked at.
  void ignore(AttributeKind kind, std::initializer_list<llvm::StringRef> names) const;
  llvm::LogicalResult checkAllRead() const;
  bool hasWrongAttribute() const { return wrong; }

  // Negative axes count from the end. `attribute`: the one that names them, for errors.
  llvm::FailureOr<int64_t> normalizeAxis(int64_t axis, int64_t rank, llvm::StringRef attribute = "") const;
  llvm::FailureOr<llvm::SmallVector<int64_t>>
  normalizeAxes(llvm::ArrayRef<int64_t> axes, int64_t rank, llvm::StringRef attribute = "") const;

  // Outputs.
  size_t numOutputs() const { return node.outputs.size(); }
  bool wants(size_t index) const {
    return index < node.outputs.size() && !node.outputs[index].empty();
  }
  bool isDemanded(size_t output) const {
    return wants(output) && graph.isDemanded(node.outputs[output]);
  }
  // Without dims: those that the type and tensor.dim give.
  void set(size_t index, mlir::Value tensor, DataType dataType, Dims dims = {});
  void setElements(size_t index, Dims dims, DataType dataType,
                   llvm::SmallVector<mlir::Value> elements);
  void setAs(size_t index, const Imported &other);

  mlir::Type elementType(DataType type) const { return onnx::elementType(*b.getContext(), type); }
  // With an attribute: it is what the error is about.
  mlir::InFlightDiagnostic error(llvm::StringRef attribute = "") const;
  // Extents that must be equal: an error here, or a check at the call.
  llvm::LogicalResult requireSame(OpFoldResult left, OpFoldResult right, llvm::StringRef what);
  llvm::LogicalResult requireWithin(OpFoldResult size, OpFoldResult limit, llvm::StringRef what);

private:
  mutable llvm::StringSet<> read;
  mutable bool wrong = false; // an attribute was, and that was said
};

} // namespace halcyon::onnx
