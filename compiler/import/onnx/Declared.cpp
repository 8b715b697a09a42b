#include "import/onnx/Declared.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

const Node *makerOf(ArrayRef<Node> nodes, StringRef name) {
  for (const Node &node : nodes)
    if (llvm::is_contained(node.outputs, name))
      return &node;
  return nullptr;
}

// Null where it is no tensor on either side, or comes from around the scope.
const Imported *tensorOf(const Scope &scope, const ValueInfo &info) {
  const Imported *made = info.kind == ValueKind::tensor ? scope.names.lookup(info.name) : nullptr;
  return made && made->isTensor() && made->element ? made : nullptr;
}

std::string typeContradiction(const ValueInfo &info, const Imported &made) {
  if (info.type == DataType::undefined || info.type == made.dataType)
    return "";
  return std::string("is declared as ") + nameOf(info.type) + ", and is " + nameOf(made.dataType);
}

std::string rankContradiction(const ValueInfo &info, const Imported &made) {
  if (!info.ranked || static_cast<int64_t>(info.dims.size()) == made.rank())
    return "";
  return "is declared with " + std::to_string(info.dims.size()) + " dimensions, and has " +
         std::to_string(made.rank());
}

// Empty where `info` fits.
std::string contradiction(const ValueInfo &info, const Imported &made) {
  std::string what = typeContradiction(info, made);
  if (what.empty())
    what = rankContradiction(info, made);
  if (!what.empty() || !info.ranked)
    return what;
  for (auto [axis, dim] : llvm::enumerate(info.dims)) {
    std::optional<int64_t> actual = known(made.dims[axis]);
    if (dim.value >= 0 && actual && dim.value != *actual)
      return "is declared with " + std::to_string(dim.value) + " in dimension " +
             std::to_string(axis) + ", and has " + std::to_string(*actual);
  }
  return "";
}

} // namespace

LogicalResult checkDeclared(const GraphImporter &graph, const Scope &scope, ArrayRef<ValueInfo> infos,
                            ArrayRef<Node> nodes, llvm::function_ref<InFlightDiagnostic()> error) {
  for (const ValueInfo &info : infos) {
    const Imported *made = tensorOf(scope, info);
    std::string what = made ? contradiction(info, *made) : "";
    if (what.empty())
      continue;
    const Node *maker = makerOf(nodes, info.name);
    if (!maker)
      return error() << "'" << info.name << "' " << what;
    return emitError(graph.locationOf(*maker)) << "node '" << maker->name << "' (" << maker->opType << "): output '"
                                               << info.name << "' " << what;
  }
  return success();
}

LogicalResult checkDeclaredInputs(const Scope &scope, ArrayRef<ValueInfo> infos,
                                  llvm::function_ref<InFlightDiagnostic()> error) {
  for (const ValueInfo &info : infos) {
    const Imported *made = tensorOf(scope, info);
    if (!made)
      continue;
    std::string what = typeContradiction(info, *made);
    if (what.empty() && made->numElements() != 1)
      what = rankContradiction(info, *made);
    if (!what.empty())
      return error() << "input '" << info.name << "' " << what;
  }
  return success();
}

} // namespace halcyon::onnx
