#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
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
  FailureOr<SmallVector<Imported *>> inputs = alignedInputs(node);
  if (failed(inputs))
    return failure();
  return elementwise(node, *inputs, DataType::boolean, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    return compareScalars(b, comparison, x[0], x[1], type);
  });
}

// The remainder moved to the divisor's sign; a zero has that sign, too.
Value floorRemainder(ImplicitLocOpBuilder &b, Value left, Value right) {
  using P = arith::CmpFPredicate;
  Value zero = constantLike(b, left, 0);
  Value rest = remainderOfFloats(b, left, right);
  Value isNegative = b.createOrFold<arith::CmpFOp>(P::OLT, rest, zero);
  Value byNegative = b.createOrFold<arith::CmpFOp>(P::OLT, right, zero);
  Value differ = b.createOrFold<arith::XOrIOp>(isNegative, byNegative);
  Value moved = b.createOrFold<arith::SelectOp>(differ, addScalars(b, rest, right), rest);
  Value isZero = b.createOrFold<arith::CmpFOp>(P::OEQ, rest, zero);
  return b.createOrFold<arith::SelectOp>(isZero, b.createOrFold<math::CopySignOp>(zero, right),
                                         moved);
}

// fmod = 0: the sign is the divisor's; fmod = 1: the dividend's.
LogicalResult importMod(NodeContext &node) {
  bool likeC = node.intAttr("fmod", 0) != 0;
  DataType type = node.in(0).dataType;
  return elementwiseSameType(node, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (isFloat(type) && likeC)
      return remainderOfFloats(b, x[0], x[1]);
    if (isFloat(type))
      return floorRemainder(b, x[0], x[1]);
    Value rest = remainderOfIntegers(b, x[0], x[1], type);
    if (likeC || isUnsigned(type))
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
  if (isBool(type) || isBool(exponentType))
    return node.error() << "bool elements are not supported";
  FailureOr<SmallVector<Imported *>> inputs = alignedInputs(node);
  if (failed(inputs))
    return failure();
  return elementwise(node, *inputs, type, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    if (!isFloat(type) && isFloat(exponentType)) {
      // In f64, which holds what i32 holds.
      Type wide = b.getF64Type();
      Value power = powScalars(b, castScalar(b, x[0], type, DataType::f64, wide),
                               castScalar(b, x[1], exponentType, DataType::f64, wide));
      return castScalar(b, power, DataType::f64, type, x[0].getType());
    }
    // An exponent that is no whole number may be one in a narrower type.
    DataType inner = isFloat(type) && isFloat(exponentType) && bitsOf(exponentType) > bitsOf(type) ? exponentType : type;
    Type element = inner == type ? x[0].getType() : x[1].getType();
    Value power = powScalars(b, castScalar(b, x[0], type, inner, element), castScalar(b, x[1], exponentType, inner, element));
    return castScalar(b, power, inner, type, x[0].getType());
  });
}

// Before opset 7 a list of slopes is one a channel.
LogicalResult importPRelu(NodeContext &node) {
  Imported &x = node.in(0), &slope = node.in(1);
  DataType type = x.dataType;
  if (type != slope.dataType)
    return node.error() << "inputs differ in element type: " << nameOf(type) << " and "
                        << nameOf(slope.dataType);
  SmallVector<Imported *> inputs{&x, &slope};
  node.ignore(AttributeKind::ints, {"consumed_inputs"});
  if (node.opset() < 7 && slope.rank() == 1 && x.rank() > 2) {
    Dims dims(x.rank() - 1, fixed(node.b, 1));
    dims[0] = slope.dims[0];
    Value column = reshapeTensor(node.b, node.value(1), slope.dims, dims);
    inputs[1] = &node.graph.hold(node.graph.fromTensor(node.b, column, type, dims));
  }
  return elementwise(node, inputs, type, [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    Value isNegative = compareScalars(b, Comparison::less, v[0], constantLike(b, v[0], 0), type);
    return b.createOrFold<arith::SelectOp>(isNegative, mulScalars(b, v[0], v[1]), v[0]);
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
      {"PRelu", importPRelu, 2, 2},
      {"Pow", importPow, 2, 2},
      {"Sub", importArithmetic<subScalars>, 2, 2},
      {"Sum", importVariadic<addScalars>, 1, anyNumber},
      {"Where", importWhere, 3, 3},
  };
  return list;
}

} // namespace halcyon::onnx
