#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

LogicalResult castTo(NodeContext &node, DataType to) {
  DataType from = node.in(0).dataType;
  if (from == to) {
    node.setAs(0, node.in(0));
    return success();
  }
  Type element = node.elementType(to);
  if (!element)
    return node.error() << "element type " << nameOf(to) << " is not supported";
  return elementwise(node, {&node.in(0)}, to, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    return castScalar(b, x[0], from, to, element);
  });
}

LogicalResult importCast(NodeContext &node) {
  node.ignore({"saturate"}); // of f8 types only, whose arithmetic comes later
  return castTo(node, static_cast<DataType>(node.intAttr("to", 0)));
}

LogicalResult importCastLike(NodeContext &node) {
  node.ignore({"saturate"});
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
