#include "import/onnx/wire/Convert.h"
#include <set>
#include <unordered_set>

namespace halcyon::onnx {
namespace {

// The names that a graph can see: its own and those of the graphs around it.
struct Scope {
  const Scope *outer = nullptr;
  std::unordered_set<std::string_view> names = {};

  bool knows(std::string_view name) const {
    for (const Scope *scope = this; scope; scope = scope->outer)
      if (scope->names.count(name))
        return true;
    return false;
  }
};

class Verifier {
public:
  explicit Verifier(std::string &error) : error(error) {}

  bool graph(const Graph &graph, const Scope *outer) {
    Scope scope{outer};
    for (const ValueInfo &input : graph.inputs)
      if (!scope.names.insert(input.name).second)
        return fail("graph input '" + input.name + "' is defined twice");
    std::unordered_set<std::string_view> initialized;
    for (const auto &tensor : graph.initializers) {
      if (!initialized.insert(tensor->name).second)
        return fail("initializer '" + tensor->name + "' is defined twice");
      scope.names.insert(tensor->name); // may also be a graph input
    }
    if (!nodes(graph.nodes, scope))
      return false;
    for (const ValueInfo &output : graph.outputs)
      if (!scope.knows(output.name))
        return fail("graph output '" + output.name + "' is not defined by any node");
    return true;
  }

  bool function(const Function &function) {
    Scope scope;
    for (const std::string &input : function.inputs)
      scope.names.insert(input);
    if (!nodes(function.nodes, scope))
      return false;
    for (const std::string &output : function.outputs)
      if (!scope.knows(output))
        return fail("function '" + function.name + "': output '" + output +
                    "' is not defined by any node");
    return true;
  }

private:
  bool nodes(const std::vector<Node> &nodes, Scope &scope) {
    for (const Node &node : nodes) {
      for (const std::string &input : node.inputs)
        if (!input.empty() && !scope.knows(input))
          return fail("node '" + node.name + "': input '" + input +
                      "' is not defined before its use");
      for (const NodeAttribute &attribute : node.attributes)
        for (const auto &body : attribute.graphs)
          if (!graph(*body, &scope))
            return false;
      for (const std::string &output : node.outputs)
        if (!output.empty() && !scope.names.insert(output).second)
          return fail("node '" + node.name + "': output '" + output + "' is defined twice");
    }
    return true;
  }

  bool fail(std::string what) {
    error = std::move(what);
    return false;
  }

  std::string &error;
};

} // namespace

bool verifyModel(const Model &model, std::string &error) {
  Verifier verifier(error);
  std::set<std::pair<std::string_view, std::string_view>> functions;
  for (const Function &function : model.functions) {
    if (!functions.emplace(function.domain, function.name).second) {
      error = "function '" + function.name + "' is defined twice";
      return false;
    }
    if (!verifier.function(function))
      return false;
  }
  if (model.graph.outputs.empty()) {
    error = "the graph has no output";
    return false;
  }
  return verifier.graph(model.graph, nullptr);
}

} // namespace halcyon::onnx
