#include "import/onnx/GraphImporter.h"
#include "import/onnx/Constants.h"
#include "import/onnx/Declared.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Packed.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

constexpr int callLimit = 32; // functions that call functions
constexpr size_t nodeLimit = 250'000; // functions inlined: some that call others twice would be without end

void forEachNode(ArrayRef<Node> nodes, llvm::function_ref<void(const Node &)> visit) {
  for (const Node &node : nodes) {
    visit(node);
    for (const NodeAttribute &attribute : node.attributes)
      for (const auto &body : attribute.graphs)
        forEachNode(body->nodes, visit);
  }
}

// How many nodes there are once functions are in place, up to the limit; functions that call each
// other count once.
struct NodeCounter {
  const Model &model;
  DenseMap<const Function *, size_t> counts = {};

  size_t of(ArrayRef<Node> nodes) {
    size_t count = 0;
    forEachNode(nodes, [&](const Node &node) {
      ++count;
      for (const Function &function : model.functions) {
        if (function.domain != node.domain || function.name != node.opType)
          continue;
        if (counts.try_emplace(&function, 1).second) {
          size_t inner = of(function.nodes);
          counts[&function] = inner;
        }
        count = std::min(count + counts[&function], nodeLimit + 1);
      }
    });
    return count;
  }
};

// `node` of the function's body, with the caller's name before its own and the attributes that it takes from the
// caller; nodes of its graphs, too.
Node withCallersAttributes(const Node &node, const Function &function, const Node &caller) {
  Node made = node;
  made.name = caller.name + "/" + node.name;
  for (NodeAttribute &attribute : made.attributes)
    for (std::shared_ptr<const Graph> &graph : attribute.graphs) {
      auto resolved = std::make_shared<Graph>(*graph);
      for (Node &inner : resolved->nodes)
        inner = withCallersAttributes(inner, function, caller);
      graph = std::move(resolved);
    }
  llvm::erase_if(made.attributes, [&](NodeAttribute &attribute) {
    if (attribute.reference.empty())
      return false;
    for (ArrayRef<NodeAttribute> from :
         {ArrayRef<NodeAttribute>(caller.attributes), ArrayRef<NodeAttribute>(function.defaults)})
      for (const NodeAttribute &candidate : from)
        if (candidate.name == attribute.reference) {
          std::string name = attribute.name;
          attribute = candidate;
          attribute.name = name;
          return false;
        }
    return true;
  });
  return made;
}

// Operators that cast, quantise or move elements, whatever their type.
bool movesAnyType(const Node &node) {
  static const llvm::StringSet<> names{
      "BitCast",  "Cast",       "CastLike",      "Concat",         "DepthToSpace", "DequantizeLinear",
      "Dropout",  "Expand",     "Flatten",       "Gather",         "GatherElements",
      "GatherND", "Identity",   "If",            "IsInf",          "IsNaN",        "Loop",
      "Pad",      "QLinearMatMul", "QuantizeLinear", "Reshape",    "ReverseSequence",
      "Scan",     "Shape",      "Size",          "Slice",          "SpaceToDepth", "Split",
      "Squeeze",  "Tile",       "Transpose",     "Unsqueeze",      "Where"};
  StringRef op = node.opType;
  return names.contains(op) || op.contains("Sequence") || op.starts_with("Optional");
}

} // namespace

GraphImporter::GraphImporter(OpBuilder &builder, const Model &model, StringRef path, ImportReport *report,
                             Choices &choices)
    : builder(builder), model(model), report(report), path(builder.getStringAttr(path)), choices(choices) {
  collectDemanded(model.graph, demanded);
}

Location GraphImporter::fileLocation() const { return FileLineColLoc::get(path, 0, 0); }

Location GraphImporter::locationOf(const Node &node) const {
  return NameLoc::get(StringAttr::get(context(), node.name), fileLocation());
}

const Function *GraphImporter::functionOf(const Node &node) const {
  for (const Function &function : model.functions)
    if (function.domain == node.domain && function.name == node.opType)
      return &function;
  return nullptr;
}

LogicalResult GraphImporter::checkOperators() {
  if (NodeCounter{model}.of(model.graph.nodes) > nodeLimit)
    return emitError(fileLocation()) << "the model has more than " << nodeLimit
                                     << " nodes, those of its functions counted at every call";
  llvm::MapVector<StringAttr, SmallVector<std::string>> unknown;
  auto check = [&](const Node &node) {
    if (!findImporter(node.domain, node.opType) && !functionOf(node))
      unknown[builder.getStringAttr(node.domain.empty() ? node.opType
                                                        : node.domain + "." + node.opType)]
          .push_back(node.name);
  };
  forEachNode(model.graph.nodes, check);
  for (const Function &function : model.functions)
    forEachNode(function.nodes, check);
  if (unknown.empty())
    return success();
  InFlightDiagnostic diagnostic = emitError(fileLocation()) << "unsupported operators: ";
  llvm::interleave(
      unknown,
      [&](auto &entry) {
        diagnostic << entry.first.getValue() << " (";
        llvm::interleave(
            entry.second, [&](const std::string &name) { diagnostic << "'" << name << "'"; },
            [&] { diagnostic << ", "; });
        diagnostic << ")";
      },
      [&] { diagnostic << ", "; });
  return diagnostic;
}

Imported *GraphImporter::find(const Scope &scope, StringRef name) const {
  for (const Scope *at = &scope; at; at = at->outer)
    if (Imported *found = at->names.lookup(name))
      return found;
  return nullptr;
}

Imported &GraphImporter::hold(Imported imported) {
  return storage.emplace_back(std::move(imported));
}

Imported &GraphImporter::define(Scope &scope, StringRef name, Imported imported) {
  Imported &made = hold(std::move(imported));
  scope.names[name] = &made;
  return made;
}

Imported GraphImporter::fromTensor(ImplicitLocOpBuilder &b, Value tensor, DataType dataType,
                                   Dims dims) const {
  Imported made;
  made.dataType = dataType;
  made.tensor = tensor;
  auto type = cast<RankedTensorType>(tensor.getType());
  made.element = type.getElementType();
  made.dims = std::move(dims);
  if (made.dims.empty())
    made.dims = tensor::getMixedSizes(b, b.getLoc(), tensor);
  // The type may know more than the dims.
  for (auto [axis, extent] : llvm::enumerate(type.getShape()))
    if (!ShapedType::isDynamic(extent))
      made.dims[axis] = b.getIndexAttr(extent);
  return made;
}

Imported GraphImporter::fromConstant(std::shared_ptr<const Tensor> tensor) {
  Imported made;
  made.dataType = tensor->type;
  made.element = elementType(*context(), tensor->type);
  for (int64_t dim : tensor->dims)
    made.dims.push_back(builder.getIndexAttr(dim));
  made.constant = std::move(tensor);
  return made;
}

void GraphImporter::importInitializers(const Graph &graph, Scope &scope) {
  for (const auto &tensor : graph.initializers)
    define(scope, tensor->name, fromConstant(tensor));
}

Value GraphImporter::tensorOf(ImplicitLocOpBuilder &b, Imported &imported) {
  if (imported.tensor)
    return imported.tensor;
  RankedTensorType type = imported.type();
  if (imported.constant && !imported.packed) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(entry);
    StringRef name = imported.constant->name;
    if (name.empty())
      name = "constant";
    if (!staysPacked(*imported.constant)) {
      imported.tensor =
          b.create<arith::ConstantOp>(constantAttribute(type, *imported.constant, name));
      return imported.tensor;
    }
    imported.packed =
        b.create<arith::ConstantOp>(bytesAttribute(*imported.constant, b.getContext(), name));
  }
  // Not remembered: unpacked where it is used, so that it takes no memory before and after.
  if (imported.packed)
    return unpack(b, imported.packed, imported.dataType, imported.dims);
  if (imported.elements->empty())
    return emptyTensor(b, imported.dims, imported.element);
  // Not remembered: made where it is used, which other regions may not see.
  SmallVector<Attribute> constants;
  for (Value element : *imported.elements) {
    Attribute constant;
    if (!matchPattern(element, m_Constant(&constant)))
      break;
    constants.push_back(constant);
  }
  if (constants.size() == imported.elements->size())
    return b.create<arith::ConstantOp>(DenseElementsAttr::get(type, constants));
  return b.create<tensor::FromElementsOp>(type, *imported.elements);
}

SmallVector<Value> GraphImporter::elementsOf(ImplicitLocOpBuilder &b, Imported &imported) {
  if (imported.elements)
    return *imported.elements;
  SmallVector<Value> made;
  int64_t count = *imported.numElements();
  if (imported.constant) {
    for (int64_t i = 0; i < count; ++i)
      made.push_back(
          b.create<arith::ConstantOp>(constantElement(imported.element, *imported.constant, i)));
    return made;
  }
  Value tensor = tensorOf(b, imported);
  SmallVector<int64_t> shape;
  for (OpFoldResult dim : imported.dims)
    shape.push_back(*known(dim));
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> at(shape.size());
    int64_t rest = i;
    for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
      at[axis] = constantIndex(b, rest % shape[axis]);
    made.push_back(b.create<tensor::ExtractOp>(tensor, at));
  }
  return made;
}

LogicalResult GraphImporter::importNodes(ArrayRef<Node> nodes, Scope &scope) {
  for (const Node &node : nodes)
    if (failed(importNode(node, scope)))
      return failure();
  return success();
}

LogicalResult GraphImporter::importNode(const Node &node, Scope &scope) {
  return report ? importReported(node, scope) : importNodeItself(node, scope);
}

// What no tensor has: a negative dimension, or more elements than memory anywhere.
static LogicalResult checkExtents(NodeContext &context, const Node &node, const Scope &scope) {
  constexpr int64_t mostElements = int64_t{1} << 48;
  for (const std::string &name : node.outputs) {
    auto found = scope.names.find(name);
    if (found == scope.names.end())
      continue;
    int64_t count = 1;
    for (OpFoldResult dim : found->second->dims) {
      int64_t extent = known(dim).value_or(1);
      if (extent < 0)
        return context.error() << "output '" << name << "' has a dimension of " << extent;
      if (__builtin_mul_overflow(count, std::max<int64_t>(extent, 1), &count) || count > mostElements)
        return context.error() << "output '" << name << "' has more than 2^48 elements";
    }
  }
  return success();
}

LogicalResult GraphImporter::importNodeItself(const Node &node, Scope &scope) {
  ImplicitLocOpBuilder b(locationOf(node), builder);
  NodeContext context(*this, scope, node, b);
  const OpImporter *importer = findImporter(node.domain, node.opType);
  if (!importer)
    return importCall(*functionOf(node), node, scope);
  if (node.inputs.size() > importer->maxInputs)
    return context.error() << "expected at most " << importer->maxInputs << " inputs, got "
                           << node.inputs.size();
  for (size_t i = 0; i < importer->minInputs; ++i)
    if (!context.has(i))
      return context.error() << "input " << i << " is missing";
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (context.has(i) && !find(scope, node.inputs[i]))
      return context.error() << "input '" << node.inputs[i] << "' is not available";
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (context.has(i) && !context.in(i).isTensor() && !importer->takesAnyKind)
      return context.error() << "input '" << node.inputs[i] << "' is "
                             << nameOf(context.in(i).kind) << ", expected a tensor";
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (context.has(i) && context.in(i).isTensor() && !context.in(i).element)
      return context.error() << "input '" << node.inputs[i] << "': element type "
                             << nameOf(context.in(i).dataType) << " is not supported";
  if (!movesAnyType(node))
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (context.has(i) && isStorageOnly(context.in(i).dataType))
        return context.error() << "input '" << node.inputs[i] << "': element type "
                               << nameOf(context.in(i).dataType)
                               << " has no arithmetic; cast or dequantise it first";
  for (size_t i = importer->maxOutputs; i < node.outputs.size(); ++i)
    if (context.wants(i))
      return context.error() << "output " << i << " is not supported";
  // A wrong attribute is the cause of what else is wrong, parts and bodies included.
  ScopedDiagnosticHandler handler(b.getContext(), [&](Diagnostic &) { return success(context.hasWrongAttribute()); });
  if (failed(importer->import(context)) || failed(context.checkAllRead()) ||
      failed(checkExtents(context, node, scope)))
    return failure();
  // What follows inside a region goes on where the importer ended.
  builder.restoreInsertionPoint(b.saveInsertionPoint());
  return success();
}

LogicalResult GraphImporter::importCall(const Function &function, const Node &node, Scope &scope) {
  ImplicitLocOpBuilder b(locationOf(node), builder);
  NodeContext context(*this, scope, node, b);
  tooDeep = callDepth >= callLimit;
  if (tooDeep)
    return context.error() << "functions call each other more than " << callLimit << " deep";
  if (node.inputs.size() > function.inputs.size() || node.outputs.size() > function.outputs.size())
    return context.error() << "has " << node.inputs.size() << " inputs and " << node.outputs.size()
                           << " outputs, the function " << function.inputs.size() << " and "
                           << function.outputs.size();
  Scope inner;
  inner.opsets = &function.opsets;
  for (auto [index, name] : llvm::enumerate(function.inputs))
    if (context.has(index))
      inner.names[name] = find(scope, node.inputs[index]);
  ++callDepth;
  std::vector<Node> nodes;
  for (const Node &bodyNode : function.nodes) {
    Node resolved = withCallersAttributes(bodyNode, function, node);
    // An optional input that the caller left out is absent.
    for (std::string &input : resolved.inputs)
      if (llvm::is_contained(function.inputs, input) && !inner.names.count(input))
        input.clear();
    if (failed(importNode(resolved, inner)))
      return failure();
    nodes.push_back(std::move(resolved));
  }
  --callDepth;
  if (failed(checkDeclared(*this, inner, function.inner, nodes, [&] { return context.error(); })))
    return failure();
  for (auto [index, name] : llvm::enumerate(function.outputs))
    if (context.wants(index)) {
      Imported *result = find(inner, name);
      if (!result)
        return context.error() << "output '" << name << "' is not available";
      scope.names[node.outputs[index]] = result;
    }
  return success();
}

} // namespace halcyon::onnx
