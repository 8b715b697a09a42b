#include "import/onnx/Declared.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

const Node *makerOf(const Graph &graph, StringRef name) {
  for (const Node &node : graph.nodes)
    if (llvm::is_contained(node.outputs, name))
      return &node;
  return nullptr;
}

// Empty where `info` fits.
std::string contradiction(const ValueInfo &info, const Imported &made) {
  if (info.type != DataType::undefined && info.type != made.dataType)
    return std::string("is declared as ") + nameOf(info.type) + ", and is " + nameOf(made.dataType);
  if (!info.ranked)
    return "";
  if (static_cast<int64_t>(info.dims.size()) != made.rank())
    return "is declared with " + std::to_string(info.dims.size()) + " dimensions, and has " +
           std::to_string(made.rank());
  for (auto [axis, dim] : llvm::enumerate(info.dims)) {
    std::optional<int64_t> actual = known(made.dims[axis]);
    if (dim.value >= 0 && actual && dim.value != *actual)
      return "is declared with " + std::to_string(dim.value) + " in dimension " +
             std::to_string(axis) + ", and has " + std::to_string(*actual);
  }
  return "";
}

} // namespace

LogicalResult checkDeclared(const Model &model, const GraphImporter &graph, const Scope &scope) {
  for (const auto *infos : {&model.graph.inner, &model.graph.outputs})
    for (const ValueInfo &info : *infos) {
      const Imported *made = info.kind == ValueKind::tensor ? graph.find(scope, info.name) : nullptr;
      if (!made || !made->isTensor() || !made->element)
        continue;
      std::string what = contradiction(info, *made);
      if (what.empty())
        continue;
      const Node *maker = makerOf(model.graph, info.name);
      if (!maker)
        return emitError(graph.fileLocation()) << "'" << info.name << "' " << what;
      return emitError(graph.locationOf(*maker)) << "node '" << maker->name << "' (" << maker->opType << "): output '"
                                                 << info.name << "' " << what;
    }
  return success();
}

} // namespace halcyon::onnx
