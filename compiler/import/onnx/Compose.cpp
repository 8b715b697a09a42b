#include "import/onnx/Compose.h"
#include "import/onnx/Scalar.h"

using namespace mlir;

namespace halcyon::onnx {

NodeAttribute attribute(StringRef name, int64_t value) {
  NodeAttribute made;
  made.name = name.str();
  made.kind = AttributeKind::i;
  made.i = value;
  return made;
}

NodeAttribute attribute(StringRef name, double value) {
  NodeAttribute made;
  made.name = name.str();
  made.kind = AttributeKind::f;
  made.f = static_cast<float>(value);
  return made;
}

NodeAttribute attribute(StringRef name, StringRef value) {
  NodeAttribute made;
  made.name = name.str();
  made.kind = AttributeKind::s;
  made.s = value.str();
  return made;
}

NodeAttribute attribute(StringRef name, ArrayRef<int64_t> values) {
  NodeAttribute made;
  made.name = name.str();
  made.kind = AttributeKind::ints;
  made.ints.assign(values.begin(), values.end());
  return made;
}

SmallVector<Composer::Part> Composer::all(StringRef op, ArrayRef<Part> inputs,
                                          ArrayRef<NodeAttribute> attributes, size_t outputs) {
  SmallVector<Part> made(outputs, nullptr);
  if (broken)
    return made;
  // A scope of its own, in which the parts are called by their places.
  static const std::map<std::string, int64_t> newest{{"", newestOpset}};
  Scope scope;
  scope.opsets = &newest;
  Node part;
  part.name = node.node.name;
  part.composed = node.node.composed.empty() ? node.node.opType : node.node.composed;
  part.opType = op.str();
  part.attributes.assign(attributes.begin(), attributes.end());
  for (auto [index, input] : llvm::enumerate(inputs)) {
    part.inputs.push_back(input ? "input " + std::to_string(index) : std::string());
    if (input)
      scope.names[part.inputs.back()] = input;
  }
  for (size_t index = 0; index < outputs; ++index)
    part.outputs.push_back("output " + std::to_string(index));
  OpBuilder &builder = node.graph.opBuilder();
  OpBuilder::InsertionGuard guard(builder);
  builder.restoreInsertionPoint(node.b.saveInsertionPoint());
  broken = failed(node.graph.importNodes(part, scope));
  node.b.restoreInsertionPoint(builder.saveInsertionPoint());
  if (!broken)
    for (auto [result, name] : llvm::zip(made, part.outputs))
      result = scope.names.lookup(name);
  return made;
}

Composer::Part Composer::scalar(double value, DataType type) {
  Imported made;
  made.dataType = type;
  made.element = node.elementType(type);
  Type element = made.element;
  Value constant;
  if (isa<FloatType>(element))
    constant = constantFloat(node.b, element, value);
  else
    constant = node.b.create<arith::ConstantOp>(
        node.b.getIntegerAttr(element, static_cast<int64_t>(value)));
  made.elements = SmallVector<Value>{constant};
  return hold(std::move(made));
}

Composer::Part Composer::ints(ArrayRef<int64_t> values) {
  Dims dims;
  for (int64_t value : values)
    dims.push_back(fixed(node.b, value));
  return shape(dims);
}

Composer::Part Composer::shape(ArrayRef<OpFoldResult> dims) {
  Imported made;
  made.dataType = DataType::i64;
  made.element = node.elementType(DataType::i64);
  made.dims = {fixed(node.b, static_cast<int64_t>(dims.size()))};
  made.elements.emplace();
  for (OpFoldResult dim : dims)
    made.elements->push_back(toInteger(node.b, dim, made.element));
  return hold(std::move(made));
}

Composer::Part Composer::cast(Part part, DataType type) {
  if (broken || part->dataType == type)
    return part;
  return (*this)("Cast", {part}, {attribute("to", static_cast<int64_t>(type))});
}

LogicalResult Composer::define(size_t output, Part part) {
  if (broken)
    return failure();
  node.setAs(output, *part);
  return success();
}

} // namespace halcyon::onnx
