#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

template <auto Function> LogicalResult importArithmetic(NodeContext &node) {
  DataType type = node.in(0).dataType;
  if (isBool(type))
    return node.error() << "bool elements are not supported";
  return elementwiseSameType(node, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if constexpr (std::is_invocable_v<decltype(Function), ImplicitLocOpBuilder &, Value, Value>)
      return Function(b, x[0], x[1]);
    else
      return Function(b, x[0], x[1], type);
  });
}

// Any number of inputs, combined from the left.
template <auto Function, bool isMean = false> LogicalResult importVariadic(NodeContext &node) {
  DataType type = node.in(0).dataType;
  return elementwiseSameType(node, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value made = x[0];
    for (Value next : x.drop_front())
      if constexpr (std::is_invocable_v<decltype(Function), ImplicitLocOpBuilder &, Value, Value>)
        made = Function(b, made, next);
      else
        made = Function(b, made, next, type);
    if (isMean)
      made = divScalars(b, made, constantLike(b, made, static_cast<double>(x.size())), type);
    return made;
  });
}

template <Comparison comparison> LogicalResult importComparison(NodeContext &node) {
  DataType type = node.in(0).dataType;
  if (type != node.in(1).dataType)
    return node.error() << "inputs differ in element type: " << nameOf(type) << " and "
                        << nameOf(node.in(1).dataType);
  return elementwise(node, {&node.in(0), &node.in(1)}, DataType::boolean,
                     [&](ImplicitLocOpBuilder &b, ValueRange x) {
                       return compareScalars(b, comparison, x[0], x[1], type);
                     });
}

template <class Op, bool onBool> LogicalResult importBits(NodeContext &node) {
  DataType type = node.in(0).dataType;
  if (onBool ? !isBool(type) : !isInteger(type))
    return node.error() << "element type " << nameOf(type) << " is not supported";
  return elementwiseSameType(node, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return b.createOrFold<Op>(x[0], x[1]);
  });
}

// fmod = 0: the sign is the divisor's; fmod = 1: the dividend's.
LogicalResult importMod(NodeContext &node) {
  bool likeC = node.intAttr("fmod", 0) != 0;
  DataType type = node.in(0).dataType;
  if (isFloat(type) && !likeC)
    return node.error() << "floating-point elements need fmod = 1";
  return elementwiseSameType(node, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (isFloat(type))
      return b.createOrFold<arith::RemFOp>(x[0], x[1]);
    if (isUnsigned(type))
      return b.createOrFold<arith::RemUIOp>(x[0], x[1]);
    Value rest = b.createOrFold<arith::RemSIOp>(x[0], x[1]);
    if (likeC)
      return rest;
    Value zero = constantLike(b, rest, 0);
    Value signs = b.createOrFold<arith::XOrIOp>(rest, x[1]);
    Value differ = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, signs, zero);
    Value hasRest = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ne, rest, zero);
    Value wrong = b.createOrFold<arith::AndIOp>(differ, hasRest);
    return b.createOrFold<arith::SelectOp>(wrong, addScalars(b, rest, x[1]), rest);
  });
}

// The result has the base's type; an exponent of another is cast to it.
LogicalResult importPow(NodeContext &node) {
  DataType type = node.in(0).dataType, exponentType = node.in(1).dataType;
  if (!isFloat(type) && isFloat(exponentType))
    return node.error() << "an integer base with a floating-point exponent is not supported";
  return elementwise(node, {&node.in(0), &node.in(1)}, type,
                     [&](ImplicitLocOpBuilder &b, ValueRange x) {
                       Value exponent = castScalar(b, x[1], exponentType, type, x[0].getType());
                       return powScalars(b, x[0], exponent);
                     });
}

LogicalResult importPRelu(NodeContext &node) {
  DataType type = node.in(0).dataType;
  return elementwiseSameType(node, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value isNegative = compareScalars(b, Comparison::less, x[0], constantLike(b, x[0], 0), type);
    return b.createOrFold<arith::SelectOp>(isNegative, mulScalars(b, x[0], x[1]), x[0]);
  });
}

LogicalResult importWhere(NodeContext &node) {
  if (!isBool(node.in(0).dataType))
    return node.error() << "the condition must be bool, got " << nameOf(node.in(0).dataType);
  if (node.in(1).dataType != node.in(2).dataType)
    return node.error() << "inputs differ in element type: " << nameOf(node.in(1).dataType)
                        << " and " << nameOf(node.in(2).dataType);
  return elementwise(node, {&node.in(0), &node.in(1), &node.in(2)}, node.in(1).dataType,
                     [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                       return b.createOrFold<arith::SelectOp>(x[0], x[1], x[2]);
                     });
}

} // namespace

ArrayRef<OpImporter> binaryOps() {
  static const OpImporter list[] = {
      {"Add", importArithmetic<addScalars>, 2, 2},
      {"And", importBits<arith::AndIOp, true>, 2, 2},
      {"BitwiseAnd", importBits<arith::AndIOp, false>, 2, 2},
      {"BitwiseOr", importBits<arith::OrIOp, false>, 2, 2},
      {"BitwiseXor", importBits<arith::XOrIOp, false>, 2, 2},
      {"Div", importArithmetic<divScalars>, 2, 2},
      {"Equal", importComparison<Comparison::equal>, 2, 2},
      {"Greater", importComparison<Comparison::greater>, 2, 2},
      {"GreaterOrEqual", importComparison<Comparison::greaterOrEqual>, 2, 2},
      {"Less", importComparison<Comparison::less>, 2, 2},
      {"LessOrEqual", importComparison<Comparison::lessOrEqual>, 2, 2},
      {"Max", importVariadic<maxScalars>, 1, anyNumber},
      {"Mean", importVariadic<addScalars, true>, 1, anyNumber},
      {"Min", importVariadic<minScalars>, 1, anyNumber},
      {"Mod", importMod, 2, 2},
      {"Mul", importArithmetic<mulScalars>, 2, 2},
      {"Or", importBits<arith::OrIOp, true>, 2, 2},
      {"PRelu", importPRelu, 2, 2},
      {"Pow", importPow, 2, 2},
      {"Sub", importArithmetic<subScalars>, 2, 2},
      {"Sum", importVariadic<addScalars>, 1, anyNumber},
      {"Where", importWhere, 3, 3},
      {"Xor", importBits<arith::XOrIOp, true>, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
