#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

FailureOr<SmallFloatRules> readRules(NodeContext &node) {
  SmallFloatRules rules;
  using Round = SmallFloatRules::Round;
  rules.saturate = node.intAttr("saturate", 1) != 0;
  StringRef mode = node.stringAttr("round_mode", "up");
  if (mode != "up" && mode != "down" && mode != "nearest")
    return node.error() << "attribute 'round_mode' is '" << mode << "'";
  rules.round = mode == "up" ? Round::up : mode == "down" ? Round::down : Round::nearest;
  return rules;
}

LogicalResult castTo(NodeContext &node, DataType to) {
  DataType from = node.in(0).dataType;
  FailureOr<SmallFloatRules> rules = readRules(node);
  if (failed(rules))
    return failure();
  if (from == to) {
    node.setAs(0, node.in(0));
    return success();
  }
  Type element = node.elementType(to);
  if (!element)
    return node.error() << "element type " << nameOf(to) << " is not supported";
  return elementwise(node, {&node.in(0)}, to, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    return castScalar(b, x[0], from, to, element, *rules);
  });
}

LogicalResult importCast(NodeContext &node) {
  if (!node.find("to"))
    return node.error("to") << "is missing: the type to cast to";
  return castTo(node, node.typeAttr("to", DataType::undefined));
}

LogicalResult importCastLike(NodeContext &node) {
  return castTo(node, node.in(1).dataType);
}

} // namespace

ArrayRef<OpImporter> castOps() {
  static const OpImporter list[] = {
      {"Cast", importCast, 1, 1},
      {"CastLike", importCastLike, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
