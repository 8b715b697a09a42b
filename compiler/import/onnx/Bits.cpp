#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Packed.h"
#include "import/onnx/Scalar.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

template <class Op, bool onBool> LogicalResult importBits(NodeContext &node) {
  DataType type = node.in(0).dataType;
  if (onBool ? !isBool(type) : !isInteger(type))
    return node.error() << "element type " << nameOf(type) << " is not supported";
  return elementwiseSameType(node, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return b.createOrFold<Op>(x[0], x[1]);
  });
}

LogicalResult importBitwiseNot(NodeContext &node) {
  DataType type = node.in(0).dataType;
  if (!isInteger(type))
    return node.error() << "element type " << nameOf(type) << " is not supported";
  return elementwise(node, {&node.in(0)}, type, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return b.createOrFold<arith::XOrIOp>(x[0], constantLike(b, x[0], -1));
  });
}

// A shift by no less than the width, or by a negative number, shifts everything out.
LogicalResult importBitShift(NodeContext &node) {
  StringRef direction = node.stringAttr("direction", "");
  DataType type = node.in(0).dataType;
  if (direction != "LEFT" && direction != "RIGHT")
    return node.error() << "attribute 'direction' is '" << direction << "'";
  if (!isInteger(type))
    return node.error() << "element type " << nameOf(type) << " is not supported";
  return elementwiseSameType(node, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value last = constantLike(b, x[0], x[0].getType().getIntOrFloatBitWidth() - 1.0);
    Value zero = constantLike(b, x[0], 0);
    Value tooFar = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ugt, x[1], last);
    Value amount = b.createOrFold<arith::SelectOp>(tooFar, last, x[1]);
    if (direction == "LEFT")
      return b.createOrFold<arith::SelectOp>(tooFar, zero,
                                             b.createOrFold<arith::ShLIOp>(x[0], amount));
    if (!isUnsigned(type)) // the last bit that is left is the sign, which is the fill
      return b.createOrFold<arith::ShRSIOp>(x[0], amount);
    return b.createOrFold<arith::SelectOp>(tooFar, zero,
                                           b.createOrFold<arith::ShRUIOp>(x[0], amount));
  });
}

LogicalResult importBitCast(NodeContext &node) {
  DataType from = node.in(0).dataType, to = node.typeAttr("to", DataType::undefined);
  Type element = node.elementType(to);
  bool ofByte = isBool(from) != isBool(to); // a bool is a byte of 0 or 1
  if (!element || (ofByte && bitsOf(isBool(from) ? to : from) != 8))
    return node.error() << "element types " << nameOf(from) << " and " << nameOf(to)
                        << " are not supported";
  if (!ofByte && bitsOf(from) != bitsOf(to))
    return node.error() << "element types " << nameOf(from) << " and " << nameOf(to)
                        << " differ in width";
  return elementwise(node, {&node.in(0)}, to, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (ofByte)
      return castScalar(b, x[0], from, to, element);
    if (isPacked(to) && from != to)
      return keepLowBits(b, x[0], to);
    return x[0].getType() == element ? x[0] : b.createOrFold<arith::BitcastOp>(element, x[0]);
  });
}

} // namespace

ArrayRef<OpImporter> bitOps() {
  static const OpImporter list[] = {
      {"And", importBits<arith::AndIOp, true>, 2, 2},
      {"BitCast", importBitCast, 1, 1},
      {"BitShift", importBitShift, 2, 2},
      {"BitwiseAnd", importBits<arith::AndIOp, false>, 2, 2},
      {"BitwiseNot", importBitwiseNot, 1, 1},
      {"BitwiseOr", importBits<arith::OrIOp, false>, 2, 2},
      {"BitwiseXor", importBits<arith::XOrIOp, false>, 2, 2},
      {"Or", importBits<arith::OrIOp, true>, 2, 2},
      {"Xor", importBits<arith::XOrIOp, true>, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
