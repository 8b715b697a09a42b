// The import of a graph with a report: goes on past what is not supported.
#include "import/onnx/GraphImporter.h"
#include "import/onnx/NodeContext.h"
#include "import/onnx/OpTable.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

std::string operatorOf(const Node &node) { return node.domain.empty() ? node.opType : node.domain + "." + node.opType; }

std::string textOf(const Imported &imported) {
  std::string text = nameOf(imported.dataType);
  if (imported.kind == Imported::Kind::sequence)
    return "sequence of " + text;
  if (imported.kind == Imported::Kind::optional)
    return "optional " + text;
  text += '[';
  for (auto [axis, dim] : llvm::enumerate(imported.dims)) {
    std::optional<int64_t> extent = known(dim);
    if (axis)
      text += 'x';
    text += extent && !ShapedType::isDynamic(*extent) ? std::to_string(*extent) : "?";
  }
  return text + ']';
}

bool isConstant(const Imported &imported) {
  return imported.constant || (imported.elements && llvm::all_of(*imported.elements, [](Value element) {
                                 return matchPattern(element, m_Constant());
                               }));
}

SourceNode::Made madeOf(ArrayRef<const Imported *> results, ArrayRef<const Imported *> inputs) {
  using Made = SourceNode::Made;
  if (llvm::all_of(results, [](const Imported *result) { return isConstant(*result); }))
    return Made::constant;
  if (llvm::all_of(results, [](const Imported *result) { return isConstant(*result) || result->elements; }))
    return Made::host;
  return llvm::all_of(results,
                      [&](const Imported *result) {
                        return llvm::any_of(inputs, [&](const Imported *input) {
                          return result == input || (result->tensor && result->tensor == input->tensor);
                        });
                      })
             ? Made::alias
             : Made::tensor;
}

const ValueInfo *find(const Graph &graph, StringRef name) {
  for (ArrayRef<ValueInfo> list : {ArrayRef<ValueInfo>(graph.inner), ArrayRef<ValueInfo>(graph.outputs)})
    for (const ValueInfo &info : list)
      if (info.name == name)
        return &info;
  for (const Node &node : graph.nodes)
    for (const NodeAttribute &attribute : node.attributes)
      for (const auto &body : attribute.graphs)
        if (const ValueInfo *found = find(*body, name))
          return found;
  return nullptr;
}

} // namespace

bool GraphImporter::readsMissing(const Node &node, const Scope &scope, Imported::Missing missing) const {
  auto reads = [&](StringRef name) {
    Imported *found = name.empty() ? nullptr : find(scope, name);
    return found && found->missing == missing;
  };
  return llvm::any_of(node.inputs, reads);
}

std::string GraphImporter::reasonOf(llvm::function_ref<LogicalResult()> work) {
  std::string reason;
  ScopedDiagnosticHandler handler(context(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return failure();
    if (reason.empty())
      reason = diagnostic.str();
    return success();
  });
  return succeeded(work()) ? std::string() : reason.empty() ? "it cannot be imported" : reason;
}

void GraphImporter::defineMissing(Scope &scope, StringRef name) {
  const ValueInfo *info = onnx::find(model.graph, name);
  Type element = info && info->kind == ValueKind::tensor && info->ranked ? elementType(*context(), info->type) : Type();
  Imported made;
  made.missing = element ? Imported::Missing::placed : Imported::Missing::all;
  if (element) {
    SmallVector<int64_t> shape;
    for (const Dim &dim : info->dims)
      shape.push_back(dim.value < 0 ? ShapedType::kDynamic : dim.value);
    ImplicitLocOpBuilder b(fileLocation(), builder);
    Value tensor =
        b.create<UnrealizedConversionCastOp>(TypeRange(RankedTensorType::get(shape, element)), ValueRange()).getResult(0);
    made = fromTensor(b, tensor, info->type);
    made.missing = Imported::Missing::placed;
  }
  define(scope, name, std::move(made));
}

void GraphImporter::missWithReason(const Node &node, Scope &scope, StringRef reason) {
  auto &list = reason.empty() ? report->unexamined : report->unsupported;
  if (llvm::none_of(list, [&](const Unsupported &known) { return known.node == node.name; }))
    list.push_back({node.name, operatorOf(node), reason.str()});
  for (const std::string &output : node.outputs)
    if (!output.empty())
      defineMissing(scope, output);
}

void GraphImporter::describe(const Node &node, const Scope &scope) {
  SourceNode &made = report->node(*context(), node.name);
  made.results.clear();
  SmallVector<const Imported *> results, inputs;
  for (const std::string &output : node.outputs)
    if (Imported *result = output.empty() ? nullptr : find(scope, output)) {
      results.push_back(result);
      made.results.push_back({output, textOf(*result)});
    }
  for (const std::string &input : node.inputs)
    if (Imported *found = input.empty() ? nullptr : find(scope, input))
      inputs.push_back(found);
  made.made = madeOf(results, inputs);
  const bool hasGraphs = llvm::any_of(node.attributes, [](const NodeAttribute &each) { return !each.graphs.empty(); });
  const bool isCall = !findImporter(node.domain, node.opType);
  if (made.made == SourceNode::Made::tensor && (hasGraphs || isCall))
    made.made = SourceNode::Made::inner;
}

LogicalResult GraphImporter::importReported(const Node &node, Scope &scope) {
  SourceNode &made = report->node(*context(), node.name);
  if (llvm::is_contained(around, node.name)) { // made up by the importer of the node that it is a part of
    if (!llvm::is_contained(made.parts, node.opType))
      made.parts.push_back(node.opType);
    return importNodeItself(node, scope);
  }
  made.op = operatorOf(node);
  if (!around.empty())
    made.inside = around.back();
  if (!findImporter(node.domain, node.opType) && !functionOf(node)) {
    missWithReason(node, scope, "this operator is not supported");
    return success();
  }
  if (readsMissing(node, scope, Imported::Missing::all)) {
    missWithReason(node, scope, "");
    return success();
  }
  const size_t before = report->unsupported.size() + report->unexamined.size();
  const OpBuilder::InsertPoint point = builder.saveInsertionPoint();
  around.push_back(node.name);
  const std::string reason = reasonOf([&] { return importNodeItself(node, scope); });
  around.pop_back();
  if (reason.empty()) {
    describe(node, scope);
    return success();
  }
  builder.restoreInsertionPoint(point);
  // What follows from something else that is missing says nothing of this node.
  const bool follows = report->unsupported.size() + report->unexamined.size() != before ||
                       readsMissing(node, scope, Imported::Missing::placed);
  StringRef text = reason;
  text.consume_front("node '" + node.name + "' (" + node.opType + "): ");
  missWithReason(node, scope, follows ? StringRef() : text);
  return failure(tooDeep);
}

void GraphImporter::markUsed(ArrayRef<Node> nodes, llvm::StringSet<> &live, const std::string &prefix) {
  for (const Node &node : llvm::reverse(nodes)) {
    auto isLive = [&](const std::string &output) { return !output.empty() && live.contains(output); };
    const bool used = llvm::any_of(node.outputs, isLive);
    SourceNode &made = report->node(*context(), prefix + node.name);
    made.used = used;
    if (made.op.empty())
      made.op = operatorOf(node);
    llvm::StringSet<> inner;
    if (const Function *function = findImporter(node.domain, node.opType) ? nullptr : functionOf(node)) {
      for (size_t i = 0; i < std::min(node.outputs.size(), function->outputs.size()); ++i)
        if (isLive(node.outputs[i]))
          inner.insert(function->outputs[i]);
      if (!made.results.empty()) // functions that call each other without end were not imported
        markUsed(function->nodes, inner, prefix + node.name + "/");
      inner.clear();
    }
    for (const NodeAttribute &attribute : node.attributes)
      for (const auto &body : attribute.graphs) {
        if (used)
          for (const ValueInfo &output : body->outputs)
            inner.insert(output.name);
        markUsed(body->nodes, inner, prefix);
      }
    if (!used)
      continue;
    for (const std::string &input : node.inputs)
      live.insert(input);
    for (const auto &name : inner)
      live.insert(name.getKey());
  }
}

void GraphImporter::completeReport() {
  llvm::StringSet<> live;
  for (const ValueInfo &output : model.graph.outputs)
    live.insert(output.name);
  markUsed(model.graph.nodes, live, "");
}

} // namespace halcyon::onnx
