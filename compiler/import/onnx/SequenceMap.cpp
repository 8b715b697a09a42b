// SequenceMap: its body for each element where their number is known, else a Loop over them, as the standard's
// function body is.
#include "import/onnx/Body.h"
#include "import/onnx/Compose.h"
#include "import/onnx/Sequences.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Names that no model has: they hold a space.
std::string own(StringRef what, size_t index = 0) {
  return ("map " + what + " " + Twine(index)).str();
}

class MapImporter {
public:
  MapImporter(NodeContext &node, const Graph &body) : node(node), body(body) {}

  LogicalResult run() {
    if (body.inputs.size() != node.numInputs() || body.outputs.size() < node.numOutputs())
      return node.error("body") << "graph '" << body.name << "' has " << body.inputs.size()
                          << " inputs and " << body.outputs.size() << " outputs";
    bool isKnown = true;
    for (size_t i = 0; i < node.numInputs(); ++i) {
      if (!node.has(i))
        return node.error() << "input " << i << " is missing";
      const Imported::Kind kind = node.in(i).kind;
      if (kind == Imported::Kind::optional || (i == 0 && kind != Imported::Kind::sequence))
        return node.error() << "input " << i << " is " << nameOf(kind) << ", expected "
                            << nameOf(Imported::Kind::sequence);
      isKnown &= kind == Imported::Kind::tensor || node.in(i).items;
    }
    return isKnown ? runNow() : runAsLoop();
  }

private:
  LogicalResult runNow() {
    const size_t length = node.in(0).items->size();
    for (size_t i = 1; i < node.numInputs(); ++i)
      if (node.in(i).items && node.in(i).items->size() != length)
        return node.error() << "input " << i << " has " << node.in(i).items->size()
                            << " elements, input 0 " << length;
    std::vector<std::vector<Imported>> results(body.outputs.size());
    Block *block = node.b.getInsertionBlock();
    for (size_t at = 0; at < length; ++at) {
      std::vector<Imported> inputs;
      for (size_t i = 0; i < node.numInputs(); ++i)
        inputs.push_back(node.in(i).items ? (*node.in(i).items)[at] : node.in(i));
      auto outputs = importBody(node, body, block, inputs);
      if (failed(outputs))
        return failure();
      for (auto [list, output] : llvm::zip(results, *outputs))
        list.push_back(*output);
    }
    node.b.setInsertionPointToEnd(block);
    for (size_t i = 0; i < node.numOutputs(); ++i) {
      DataType type = results[i].empty() ? body.outputs[i].type : results[i].front().dataType;
      for (const Imported &item : results[i])
        if (!item.isTensor() || item.dataType != type)
          return node.error() << "output " << i << ": its elements are not tensors of one type";
      node.setAs(i, knownSequence(type, node.elementType(type), std::move(results[i])));
    }
    return success();
  }

  Node makeNode(StringRef op, std::vector<std::string> inputs, std::vector<std::string> outputs) {
    Node made;
    made.name = node.node.name;
    made.opType = op.str();
    made.inputs = std::move(inputs);
    made.outputs = std::move(outputs);
    return made;
  }

  // Loop(length, true, empty sequences): takes an element of each sequence, appends to each result.
  LogicalResult runAsLoop() {
    Scope scope;
    scope.outer = &node.scope;
    for (size_t i = 0; i < node.numInputs(); ++i)
      scope.names[own("input", i)] = &node.in(i);
    auto inner = std::make_shared<Graph>(body);
    inner->inputs.assign(2, {});
    inner->inputs[0].name = own("iteration");
    inner->inputs[1].name = own("condition");
    inner->outputs.assign(1, inner->inputs[1]);
    std::vector<Node> takes;
    for (size_t i = 0; i < node.numInputs(); ++i)
      takes.push_back(node.in(i).isTensor()
                          ? makeNode("Identity", {own("input", i)}, {body.inputs[i].name})
                          : makeNode("SequenceAt", {own("input", i), own("iteration")},
                                     {body.inputs[i].name}));
    inner->nodes.insert(inner->nodes.begin(), takes.begin(), takes.end());
    Node loop = makeNode("Loop", {own("length"), ""}, {});
    for (auto [i, output] : llvm::enumerate(body.outputs)) {
      Type element = node.elementType(output.type);
      if (!element)
        return node.error() << "graph '" << body.name << "': output '" << output.name
                            << "' has no supported type";
      scope.names[own("empty", i)] = &node.graph.hold(knownSequence(output.type, element, {}));
      ValueInfo carried = output;
      carried.kind = ValueKind::sequence;
      carried.name = own("before", i);
      inner->inputs.push_back(carried);
      inner->nodes.push_back(makeNode("SequenceInsert", {carried.name, output.name}, {own("after", i)}));
      carried.name = own("after", i);
      inner->outputs.push_back(carried);
      loop.inputs.push_back(own("empty", i));
      loop.outputs.push_back(own("output", i));
    }
    NodeAttribute graph;
    graph.name = "body";
    graph.kind = AttributeKind::graph;
    graph.graphs.push_back(std::move(inner));
    loop.attributes.push_back(std::move(graph));
    Node length = makeNode("SequenceLength", {own("input", 0)}, {own("length")});
    OpBuilder &builder = node.graph.opBuilder();
    OpBuilder::InsertionGuard guard(builder);
    builder.restoreInsertionPoint(node.b.saveInsertionPoint());
    LogicalResult imported = node.graph.importNodes({length, loop}, scope);
    node.b.restoreInsertionPoint(builder.saveInsertionPoint());
    if (failed(imported))
      return failure();
    for (size_t i = 0; i < node.numOutputs(); ++i)
      node.setAs(i, *scope.names.lookup(own("output", i)));
    return success();
  }

  NodeContext &node;
  const Graph &body;
};

} // namespace

LogicalResult importSequenceMap(NodeContext &node) {
  const Graph *body = bodyOf(node, "body");
  return body ? MapImporter(node, *body).run() : failure();
}

} // namespace halcyon::onnx
