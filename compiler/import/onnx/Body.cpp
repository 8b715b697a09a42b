#include "import/onnx/Body.h"
#include "import/onnx/Declared.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {

const Graph *bodyOf(NodeContext &node, StringRef name) {
  const NodeAttribute *attribute = node.find(name, AttributeKind::graph);
  if (attribute && attribute->graphs.size() == 1)
    return attribute->graphs.front().get();
  node.error() << "has no graph '" << name << "'";
  return nullptr;
}

FailureOr<SmallVector<Imported *>> importBody(NodeContext &node, const Graph &body, Block *block,
                                              ArrayRef<Imported> inputs) {
  if (body.inputs.size() != inputs.size())
    return node.error() << "graph '" << body.name << "' has " << body.inputs.size()
                        << " inputs, expected " << inputs.size();
  Scope scope;
  scope.outer = &node.scope;
  GraphImporter &graph = node.graph;
  graph.importInitializers(body, scope);
  for (auto [info, input] : llvm::zip(body.inputs, inputs))
    graph.define(scope, info.name, input);
  auto error = [&] { return node.error() << "graph '" << body.name << "': "; };
  if (failed(checkDeclaredInputs(scope, body.inputs, error)))
    return failure();
  OpBuilder::InsertionGuard guard(graph.opBuilder());
  graph.opBuilder().setInsertionPointToEnd(block);
  if (failed(graph.importNodes(body.nodes, scope)))
    return failure();
  for (ArrayRef<ValueInfo> infos : {ArrayRef<ValueInfo>(body.inner), ArrayRef<ValueInfo>(body.outputs)})
    if (failed(checkDeclared(graph, scope, infos, body.nodes, error)))
      return failure();
  SmallVector<Imported *> outputs;
  for (const ValueInfo &output : body.outputs) {
    Imported *found = graph.find(scope, output.name);
    if (!found || (found->isTensor() && !found->element))
      return node.error() << "graph '" << body.name << "': output '" << output.name
                          << "' is not of a supported type";
    outputs.push_back(found);
  }
  return outputs;
}

std::optional<bool> knownBool(NodeContext &node, Imported &imported) {
  if (!imported.isTensor() || !imported.isOnHost() || imported.numElements() != 1)
    return std::nullopt;
  APInt value;
  if (!matchPattern(node.graph.elementsOf(node.b, imported).front(), m_ConstantInt(&value)))
    return std::nullopt;
  return !value.isZero();
}

} // namespace halcyon::onnx
