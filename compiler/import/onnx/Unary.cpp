#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;

namespace halcyon::onnx {
namespace {

LogicalResult unary(NodeContext &node,
                    llvm::function_ref<Value(ImplicitLocOpBuilder &, Value)> function) {
  return elementwise(node, {&node.in(0)}, node.in(0).dataType,
                     [&](ImplicitLocOpBuilder &b, ValueRange x) { return function(b, x[0]); });
}

// One math or arith op on floats.
template <class Op> LogicalResult importFloat(NodeContext &node) {
  if (failed(checkFloat(node, 0)))
    return failure();
  return elementwise(
      node, {&node.in(0)}, node.in(0).dataType,
      [](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return b.createOrFold<Op>(x[0]); });
}

// A float function of the builder and the argument.
template <auto Function> LogicalResult importActivation(NodeContext &node) {
  if (failed(checkFloat(node, 0)))
    return failure();
  return elementwise(
      node, {&node.in(0)}, node.in(0).dataType,
      [](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return Function(b, x[0]); });
}

Value reciprocal(ImplicitLocOpBuilder &b, Value x) {
  return b.createOrFold<arith::DivFOp>(constantLike(b, x, 1), x);
}

Value softsign(ImplicitLocOpBuilder &b, Value x) {
  Value size = b.createOrFold<math::AbsFOp>(x);
  return b.createOrFold<arith::DivFOp>(x, addScalars(b, size, constantLike(b, x, 1)));
}

// max(x, 0) + log1p(exp(-|x|)): no overflow
Value softplus(ImplicitLocOpBuilder &b, Value x) {
  Value power =
      b.createOrFold<math::ExpOp>(b.createOrFold<arith::NegFOp>(b.createOrFold<math::AbsFOp>(x)));
  Value positive = b.createOrFold<arith::MaximumFOp>(x, constantLike(b, x, 0));
  return addScalars(b, positive, b.createOrFold<math::Log1pOp>(power));
}

Value mish(ImplicitLocOpBuilder &b, Value x) {
  return mulScalars(b, x, b.createOrFold<math::TanhOp>(softplus(b, x)));
}

// What is compared with an attribute, or nearly cancels one: an f32, which a half or a bfloat16 of the same value may not be.
Value asWideAsAttribute(ImplicitLocOpBuilder &b, Value x) {
  return x.getType().isF16() || x.getType().isBF16()
             ? b.createOrFold<arith::ExtFOp>(b.getF32Type(), x)
             : x;
}

Value asNarrowAs(ImplicitLocOpBuilder &b, Value x, Value wide) {
  return x.getType() == wide.getType() ? wide : b.createOrFold<arith::TruncFOp>(x.getType(), wide);
}

Value clampedToUnit(ImplicitLocOpBuilder &b, Value x) {
  x = b.createOrFold<arith::MaximumFOp>(x, constantLike(b, x, 0));
  return b.createOrFold<arith::MinimumFOp>(x, constantLike(b, x, 1));
}

// x + 3 comes first: x / 6 + 0.5 would not be 0 at -3, where 1 / 6 is rounded.
Value hardSwish(ImplicitLocOpBuilder &b, Value x) {
  Value wide = asWideAsAttribute(b, x);
  Value share = mulScalars(b, addScalars(b, wide, constantLike(b, wide, 3)),
                           constantLike(b, wide, 1.0 / 6));
  return asNarrowAs(b, x, mulScalars(b, wide, clampedToUnit(b, share)));
}

LogicalResult importHardSigmoid(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 0.2f), beta = node.floatAttr("beta", 0.5);
  if (failed(checkFloat(node, 0)))
    return failure();
  return unary(node, [&](ImplicitLocOpBuilder &b, Value x) {
    Value wide = asWideAsAttribute(b, x);
    Value line = mulScalars(b, wide, constantLike(b, wide, alpha));
    line = addScalars(b, line, constantLike(b, wide, beta));
    return asNarrowAs(b, x, clampedToUnit(b, line));
  });
}

// What a negative argument becomes; others pass.
LogicalResult belowZero(NodeContext &node,
                        llvm::function_ref<Value(ImplicitLocOpBuilder &, Value)> function) {
  if (failed(checkFloat(node, 0)))
    return failure();
  return elementwise(node, {&node.in(0)}, node.in(0).dataType,
                     [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                       Value isNegative = compareScalars(b, Comparison::less, x[0],
                                                         constantLike(b, x[0], 0), DataType::f32);
                       return b.createOrFold<arith::SelectOp>(isNegative, function(b, x[0]), x[0]);
                     });
}

LogicalResult importLeakyRelu(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 0.01f);
  return belowZero(node, [&](ImplicitLocOpBuilder &b, Value x) {
    return mulScalars(b, x, constantLike(b, x, alpha));
  });
}

LogicalResult importElu(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 1);
  return belowZero(node, [&](ImplicitLocOpBuilder &b, Value x) {
    return mulScalars(b, b.createOrFold<math::ExpM1Op>(x), constantLike(b, x, alpha));
  });
}

LogicalResult importRelu(NodeContext &node) {
  DataType type = node.in(0).dataType;
  return elementwise(node, {&node.in(0)}, type, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    return maxScalars(b, x[0], constantLike(b, x[0], 0), type);
  });
}

LogicalResult importNeg(NodeContext &node) {
  return elementwise(node, {&node.in(0)}, node.in(0).dataType,
                     [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                       if (isa<FloatType>(x[0].getType()))
                         return b.createOrFold<arith::NegFOp>(x[0]);
                       return subScalars(b, constantLike(b, x[0], 0), x[0]);
                     });
}

LogicalResult importAbs(NodeContext &node) {
  bool keeps = isUnsigned(node.in(0).dataType);
  return elementwise(node, {&node.in(0)}, node.in(0).dataType,
                     [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                       if (keeps)
                         return x[0];
                       if (isa<FloatType>(x[0].getType()))
                         return b.createOrFold<math::AbsFOp>(x[0]);
                       return b.createOrFold<math::AbsIOp>(x[0]);
                     });
}

LogicalResult importSign(NodeContext &node) {
  DataType type = node.in(0).dataType;
  return elementwise(
      node, {&node.in(0)}, type, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        Value zero = constantLike(b, x[0], 0);
        Value below = compareScalars(b, Comparison::less, x[0], zero, type);
        Value above = compareScalars(b, Comparison::greater, x[0], zero, type);
        // Neither: a zero, or a NaN, which stays.
        Value rest = isFloat(type) ? x[0] : zero;
        rest = b.createOrFold<arith::SelectOp>(below, constantLike(b, x[0], -1), rest);
        return b.createOrFold<arith::SelectOp>(above, constantLike(b, x[0], 1), rest);
      });
}

LogicalResult importNot(NodeContext &node) {
  if (!isBool(node.in(0).dataType))
    return node.error() << "expected bool elements, got " << nameOf(node.in(0).dataType);
  return elementwise(node, {&node.in(0)}, DataType::boolean,
                     [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                       return b.createOrFold<arith::XOrIOp>(
                           x[0], b.create<arith::ConstantIntOp>(1, 1).getResult());
                     });
}

LogicalResult importIsNaN(NodeContext &node) {
  if (isSmallFloat(node.in(0).dataType)) {
    Composer with(node);
    return with.define(0, with("IsNaN", {with.cast(with.input(0), DataType::f32)}));
  }
  if (failed(checkFloat(node, 0)))
    return failure();
  return elementwise(node, {&node.in(0)}, DataType::boolean,
                     [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                       return b.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::UNO, x[0], x[0]);
                     });
}

LogicalResult importGelu(NodeContext &node) {
  StringRef approximate = node.stringAttr("approximate", "none");
  if (failed(checkFloat(node, 0)))
    return failure();
  if (approximate != "none" && approximate != "tanh")
    return node.error() << "attribute 'approximate' is '" << approximate << "'";
  return elementwise(
      node, {&node.in(0)}, node.in(0).dataType,
      [&](ImplicitLocOpBuilder &b, ValueRange arguments) -> Value {
        Value x = arguments[0], one = constantLike(b, x, 1), half = constantLike(b, x, 0.5);
        Value bent;
        if (approximate == "none") {
          Value scaled = mulScalars(b, x, constantLike(b, x, 0.70710678118654752440)); // 1/sqrt(2)
          bent = b.createOrFold<math::ErfOp>(scaled);
        } else {
          Value cube = mulScalars(b, mulScalars(b, x, x), x);
          // Constants of the standard are f32 for every type: 2/pi and 0.044715.
          Value inner = addScalars(b, x, mulScalars(b, cube, constantLike(b, x, 0.044715f)));
          inner = mulScalars(b, inner, constantLike(b, x, std::sqrt(double{0.636619772f})));
          bent = b.createOrFold<math::TanhOp>(inner);
        }
        return mulScalars(b, mulScalars(b, x, half), addScalars(b, bent, one));
      });
}

// Which infinities count, by attribute.
LogicalResult importIsInf(NodeContext &node) {
  bool below = node.intAttr("detect_negative", 1) != 0,
       above = node.intAttr("detect_positive", 1) != 0;
  if (isSmallFloat(node.in(0).dataType)) {
    Composer with(node);
    return with.define(0, with("IsInf", {with.cast(with.input(0), DataType::f32)},
                               {attribute("detect_negative", int64_t{below}),
                                attribute("detect_positive", int64_t{above})}));
  }
  if (failed(checkFloat(node, 0)))
    return failure();
  return elementwise(
      node, {&node.in(0)}, DataType::boolean, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        auto type = cast<FloatType>(x[0].getType());
        Value made = b.create<arith::ConstantIntOp>(0, 1);
        for (bool negative : {false, true}) {
          if (negative ? !below : !above)
            continue;
          Value infinity = b.create<arith::ConstantOp>(
              b.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics(), negative)));
          Value isIt = b.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OEQ, x[0], infinity);
          made = b.createOrFold<arith::OrIOp>(made, isIt);
        }
        return made;
      });
}

Value select(ImplicitLocOpBuilder &b, arith::CmpFPredicate predicate, Value left, Value right,
             Value yes, Value no) {
  return b.createOrFold<arith::SelectOp>(b.createOrFold<arith::CmpFOp>(predicate, left, right), yes,
                                         no);
}

// gamma * x, and gamma * alpha * (exp(x) - 1) below 0
LogicalResult importSelu(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 1.67326319217681884765625);
  double gamma = node.floatAttr("gamma", 1.05070102214813232421875);
  if (failed(checkFloat(node, 0)))
    return failure();
  return unary(node, [&](ImplicitLocOpBuilder &b, Value x) {
    Value bent = mulScalars(b, b.createOrFold<math::ExpM1Op>(x), constantLike(b, x, alpha));
    Value made = select(b, arith::CmpFPredicate::OLT, x, constantLike(b, x, 0), bent, x);
    return mulScalars(b, made, constantLike(b, x, gamma));
  });
}

// max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)
LogicalResult importCelu(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 1);
  if (failed(checkFloat(node, 0)))
    return failure();
  return unary(node, [&](ImplicitLocOpBuilder &b, Value x) {
    Value zero = constantLike(b, x, 0), scale = constantLike(b, x, alpha);
    Value bent = b.createOrFold<math::ExpM1Op>(b.createOrFold<arith::DivFOp>(x, scale));
    bent = b.createOrFold<arith::MinimumFOp>(mulScalars(b, bent, scale), zero);
    return addScalars(b, b.createOrFold<arith::MaximumFOp>(x, zero), bent);
  });
}

// x + bias below -lambd, x - bias above lambd, else 0
LogicalResult importShrink(NodeContext &node) {
  double bias = node.floatAttr("bias", 0), lambd = node.floatAttr("lambd", 0.5);
  DataType type = node.in(0).dataType;
  return elementwise(
      node, {&node.in(0)}, type, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        Value moved = constantLike(b, x[0], bias), wide = asWideAsAttribute(b, x[0]);
        Value below =
            compareScalars(b, Comparison::less, wide, constantLike(b, wide, -lambd), type);
        Value above =
            compareScalars(b, Comparison::greater, wide, constantLike(b, wide, lambd), type);
        Value made = b.createOrFold<arith::SelectOp>(above, subScalars(b, x[0], moved),
                                                     constantLike(b, x[0], 0));
        return b.createOrFold<arith::SelectOp>(below, addScalars(b, x[0], moved), made);
      });
}

LogicalResult importThresholdedRelu(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 1);
  if (failed(checkFloat(node, 0)))
    return failure();
  return unary(node, [&](ImplicitLocOpBuilder &b, Value x) {
    Value wide = asWideAsAttribute(b, x);
    return select(b, arith::CmpFPredicate::OGT, wide, constantLike(b, wide, alpha), x,
                  constantLike(b, x, 0));
  });
}

Value swish(ImplicitLocOpBuilder &b, Value x, double alpha) {
  return mulScalars(b, x, logistic(b, mulScalars(b, x, constantLike(b, x, alpha))));
}

LogicalResult importSwish(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 1);
  if (failed(checkFloat(node, 0)))
    return failure();
  return unary(node, [&](ImplicitLocOpBuilder &b, Value x) { return swish(b, x, alpha); });
}

LogicalResult importSwiGlu(NodeContext &node) {
  double alpha = node.floatAttr("alpha", 1);
  if (failed(checkFloat(node, 0)))
    return failure();
  return elementwiseSameType(node, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    return mulScalars(b, swish(b, x[0], alpha), x[1]);
  });
}

// Bounds: inputs 1 and 2 since opset 11, attributes before.
LogicalResult importClip(NodeContext &node) {
  DataType type = node.in(0).dataType;
  if (node.opset() < 11) {
    const NodeAttribute *low = node.find("min", AttributeKind::f),
                        *high = node.find("max", AttributeKind::f);
    return elementwise(node, {&node.in(0)}, type, [&](ImplicitLocOpBuilder &b, ValueRange x) {
      Value made = x[0];
      if (low)
        made = maxScalars(b, made, constantLike(b, made, low->f), type);
      if (high)
        made = minScalars(b, made, constantLike(b, made, high->f), type);
      return made;
    });
  }
  SmallVector<Imported *> inputs{&node.in(0)};
  for (size_t bound : {1, 2})
    if (node.has(bound)) {
      if (node.in(bound).numElements() != 1)
        return node.error() << "bound '" << node.node.inputs[bound] << "' is not a scalar";
      inputs.push_back(&node.in(bound));
    }
  return elementwise(node, inputs, type, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    Value made = x[0];
    if (node.has(1))
      made = maxScalars(b, made, x[1], type);
    if (node.has(2))
      made = minScalars(b, made, x.back(), type);
    return made;
  });
}

LogicalResult importIdentity(NodeContext &node) {
  node.setAs(0, node.in(0));
  return success();
}

} // namespace

ArrayRef<OpImporter> unaryOps() {
  static const OpImporter list[] = {
      {"Abs", importAbs, 1, 1},
      {"Acos", importFloat<math::AcosOp>, 1, 1},
      {"Acosh", importFloat<math::AcoshOp>, 1, 1},
      {"Asin", importFloat<math::AsinOp>, 1, 1},
      {"Asinh", importFloat<math::AsinhOp>, 1, 1},
      {"Atan", importFloat<math::AtanOp>, 1, 1},
      {"Atanh", importFloat<math::AtanhOp>, 1, 1},
      {"Ceil", importFloat<math::CeilOp>, 1, 1},
      {"Celu", importCelu, 1, 1},
      {"Clip", importClip, 1, 3},
      {"Cos", importFloat<math::CosOp>, 1, 1},
      {"Cosh", importFloat<math::CoshOp>, 1, 1},
      {"Elu", importElu, 1, 1},
      {"Erf", importFloat<math::ErfOp>, 1, 1},
      {"Exp", importFloat<math::ExpOp>, 1, 1},
      {"Floor", importFloat<math::FloorOp>, 1, 1},
      {"Gelu", importGelu, 1, 1},
      {"HardSigmoid", importHardSigmoid, 1, 1},
      {"HardSwish", importActivation<hardSwish>, 1, 1},
      {"Identity", importIdentity, 1, 1, 1, /*takesAnyKind=*/true},
      {"IsInf", importIsInf, 1, 1},
      {"IsNaN", importIsNaN, 1, 1},
      {"LeakyRelu", importLeakyRelu, 1, 1},
      {"Log", importFloat<math::LogOp>, 1, 1},
      {"Mish", importActivation<mish>, 1, 1},
      {"Neg", importNeg, 1, 1},
      {"Not", importNot, 1, 1},
      {"Reciprocal", importActivation<reciprocal>, 1, 1},
      {"Relu", importRelu, 1, 1},
      {"Round", importFloat<math::RoundEvenOp>, 1, 1},
      {"Selu", importSelu, 1, 1},
      {"Shrink", importShrink, 1, 1},
      {"Sigmoid", importActivation<logistic>, 1, 1},
      {"Sign", importSign, 1, 1},
      {"Sin", importFloat<math::SinOp>, 1, 1},
      {"Sinh", importFloat<math::SinhOp>, 1, 1},
      {"Softplus", importActivation<softplus>, 1, 1},
      {"Softsign", importActivation<softsign>, 1, 1},
      {"Sqrt", importFloat<math::SqrtOp>, 1, 1},
      {"SwiGLU", importSwiGlu, 2, 2},
      {"Swish", importSwish, 1, 1},
      {"Tan", importFloat<math::TanOp>, 1, 1},
      {"Tanh", importFloat<math::TanhOp>, 1, 1},
      {"ThresholdedRelu", importThresholdedRelu, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
