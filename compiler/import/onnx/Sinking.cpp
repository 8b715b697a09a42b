#include "import/onnx/Sinking.h"

#include "llvm/ADT/STLExtras.h"
#include <set>

namespace halcyon::onnx {
namespace {

using Names = std::set<std::string>;

void addRead(const Node &node, Names &names) {
  names.insert(node.inputs.begin(), node.inputs.end());
  for (const NodeAttribute &attribute : node.attributes)
    for (const auto &body : attribute.graphs) {
      for (const Node &inner : body->nodes)
        addRead(inner, names);
      for (const ValueInfo &output : body->outputs)
        names.insert(output.name);
    }
}

Names readBy(llvm::ArrayRef<Node> nodes) {
  Names names;
  for (const Node &node : nodes)
    addRead(node, names);
  names.erase("");
  return names;
}

bool share(const Names &some, const Names &others) {
  return llvm::any_of(some, [&](const std::string &name) { return others.count(name) != 0; });
}

// What a branch defines, its outputs under the If's own names included.
Names definedIn(const Graph &branch) {
  Names names;
  for (const Node &node : branch.nodes)
    names.insert(node.outputs.begin(), node.outputs.end());
  for (const auto &tensor : branch.initializers)
    names.insert(tensor->name);
  names.erase("");
  return names;
}

// The branch, then its outputs under the names that the If gives them, then `sunk`; it gives `outputs`.
std::shared_ptr<const Graph> extended(const Graph &branch, const Node &conditional, llvm::ArrayRef<Node> sunk,
                                      const std::vector<std::string> &outputs) {
  auto made = std::make_shared<Graph>(branch);
  for (auto [output, name] : llvm::zip(branch.outputs, conditional.outputs)) {
    if (name.empty() || name == output.name)
      continue;
    Node renamed;
    renamed.name = conditional.name + "/" + name;
    renamed.opType = "Identity";
    renamed.inputs = {output.name};
    renamed.outputs = {name};
    made->nodes.push_back(std::move(renamed));
  }
  made->nodes.insert(made->nodes.end(), sunk.begin(), sunk.end());
  made->outputs.clear();
  for (const std::string &name : outputs)
    made->outputs.emplace_back().name = name;
  return made;
}

} // namespace

std::optional<Model> withSunkNodes(const Model &model, const std::string &name, size_t &count) {
  const std::vector<Node> &nodes = model.graph.nodes;
  auto found = llvm::find_if(nodes, [&](const Node &node) { return node.name == name && node.opType == "If"; });
  if (found == nodes.end())
    return std::nullopt;
  Node conditional = *found;

  // Whatever does not depend on the If goes before it.
  std::vector<Node> before(nodes.begin(), found), sunk, after;
  Names dependent(conditional.outputs.begin(), conditional.outputs.end());
  dependent.erase("");
  for (auto node = std::next(found); node != nodes.end(); ++node) {
    const bool depends = share(readBy(*node), dependent);
    if (depends)
      dependent.insert(node->outputs.begin(), node->outputs.end());
    dependent.erase("");
    (!depends ? before : sunk.size() < count ? sunk : after).push_back(*node);
  }
  count = sunk.size();
  if (count == 0)
    return std::nullopt;

  Names read = readBy(after), touched = readBy(sunk);
  for (const ValueInfo &output : model.graph.outputs)
    read.insert(output.name);
  std::vector<std::string> outputs;
  auto give = [&](const std::vector<std::string> &made) {
    touched.insert(made.begin(), made.end());
    llvm::copy_if(made, std::back_inserter(outputs), [&](const std::string &each) { return read.count(each) != 0; });
  };
  give(conditional.outputs);
  for (const Node &node : sunk)
    give(node.outputs);
  for (NodeAttribute &attribute : conditional.attributes)
    for (std::shared_ptr<const Graph> &branch : attribute.graphs) {
      Names hidden = definedIn(*branch);
      for (auto [output, given] : llvm::zip(branch->outputs, conditional.outputs))
        if (output.name == given)
          hidden.erase(given);
      if (share(hidden, touched) || branch->outputs.size() < conditional.outputs.size())
        return std::nullopt;
      branch = extended(*branch, conditional, sunk, outputs);
    }
  conditional.outputs = std::move(outputs);

  Model made = model;
  made.graph.nodes = std::move(before);
  made.graph.nodes.push_back(std::move(conditional));
  made.graph.nodes.insert(made.graph.nodes.end(), after.begin(), after.end());
  return made;
}

} // namespace halcyon::onnx
