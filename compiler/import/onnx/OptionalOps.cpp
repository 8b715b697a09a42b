// Optionals: a value, and whether it is there, which is often known now.
#include "import/onnx/OpTable.h"
#include "import/onnx/Types.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

LogicalResult importOptional(NodeContext &node) {
  Imported made;
  made.kind = Imported::Kind::optional;
  made.present = node.b.create<arith::ConstantIntOp>(node.has(0) ? 1 : 0, 1);
  const NodeAttribute *type = node.find("type", AttributeKind::type);
  if (node.has(0)) {
    if (node.in(0).kind == Imported::Kind::optional)
      return node.error() << "input 0 is an optional already";
    made.dataType = node.in(0).dataType;
    made.element = node.in(0).element;
    made.content = std::make_shared<const Imported>(node.in(0));
  } else if (!type || !type->type) {
    return node.error() << "has neither an input nor an attribute 'type'";
  } else {
    made.dataType = type->type->type;
    made.element = node.elementType(made.dataType);
  }
  node.setAs(0, made);
  return success();
}

// What is no optional is there; an input that is left out is not.
LogicalResult importHasElement(NodeContext &node) {
  Value has = node.has(0) && node.in(0).kind == Imported::Kind::optional
                  ? node.in(0).present
                  : node.b.create<arith::ConstantIntOp>(node.has(0) ? 1 : 0, 1).getResult();
  node.setElements(0, {}, DataType::boolean, {has});
  return success();
}

LogicalResult importGetElement(NodeContext &node) {
  Imported &input = node.in(0);
  if (input.kind != Imported::Kind::optional) {
    node.setAs(0, input);
    return success();
  }
  if (!input.content || matchPattern(input.present, m_Zero()))
    return node.error() << "the optional has no element";
  if (!matchPattern(input.present, m_One()))
    node.b.create<cf::AssertOp>(input.present, "an optional has no element");
  node.setAs(0, *input.content);
  return success();
}

} // namespace

ArrayRef<OpImporter> optionalOps() {
  static const OpImporter list[] = {
      {"Optional", importOptional, 0, 1, 1, /*takesAnyKind=*/true},
      {"OptionalGetElement", importGetElement, 1, 1, 1, /*takesAnyKind=*/true},
      {"OptionalHasElement", importHasElement, 0, 1, 1, /*takesAnyKind=*/true},
  };
  return list;
}

} // namespace halcyon::onnx
