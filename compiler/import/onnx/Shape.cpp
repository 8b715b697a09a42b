#include "import/onnx/Compose.h"
#include "import/onnx/Constants.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Attributes start and end (opset 15): negative ones count from the end.
LogicalResult importShape(NodeContext &node) {
  const Imported &input = node.in(0);
  int64_t rank = input.rank();
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  int64_t begin = clamp(node.intAttr("start", 0)), end = clamp(node.intAttr("end", rank));
  SmallVector<Value> elements;
  for (int64_t axis = begin; axis < end; ++axis)
    elements.push_back(toInteger(node.b, input.dims[axis], node.b.getI64Type()));
  auto length = static_cast<int64_t>(elements.size());
  node.setElements(0, {fixed(node.b, length)}, DataType::i64, std::move(elements));
  return success();
}

LogicalResult importSize(NodeContext &node) {
  OpFoldResult count = product(node.b, node.in(0).dims);
  node.setElements(0, {}, DataType::i64, {toInteger(node.b, count, node.b.getI64Type())});
  return success();
}

LogicalResult importConstant(NodeContext &node) {
  auto define = [&](std::shared_ptr<const Tensor> tensor) -> LogicalResult {
    Imported made = node.graph.fromConstant(std::move(tensor));
    if (!made.element)
      return node.error("value") << "element type " << nameOf(made.dataType) << " is not supported";
    node.setAs(0, made);
    return success();
  };
  if (const NodeAttribute *value = node.find("value", AttributeKind::tensor); value && !value->tensors.empty())
    return define(value->tensors.front());
  if (const NodeAttribute *value = node.find("value_float", AttributeKind::f))
    return define(makeTensor<float>(DataType::f32, {value->f}, {}));
  if (const NodeAttribute *value = node.find("value_floats", AttributeKind::floats))
    return define(makeTensor(DataType::f32, value->floats));
  if (const NodeAttribute *value = node.find("value_int", AttributeKind::i))
    return define(makeTensor<int64_t>(DataType::i64, {value->i}, {}));
  if (const NodeAttribute *value = node.find("value_ints", AttributeKind::ints))
    return define(makeTensor(DataType::i64, value->ints));
  return node.error() << "has no value of a supported kind";
}

LogicalResult importConstantOfShape(NodeContext &node) {
  FailureOr<Dims> dims = node.indices(0, "shape");
  if (failed(dims))
    return failure();
  for (OpFoldResult dim : *dims)
    if (known(dim).value_or(0) < 0)
      return node.error() << "shape has a dimension of " << *known(dim);
  auto zero = makeTensor<float>(DataType::f32, {0});
  const NodeAttribute *value = node.find("value", AttributeKind::tensor);
  Imported scalar = node.graph.fromConstant(value && !value->tensors.empty()
                                                ? value->tensors.front()
                                                : std::shared_ptr<const Tensor>(zero));
  if (!scalar.element || scalar.numElements() != 1)
    return node.error() << "attribute 'value' must be one element of a supported type";
  Value element = node.graph.elementsOf(node.b, scalar).front();
  Imported result;
  result.dims = *dims;
  if (result.isSmall()) {
    SmallVector<Value> elements(*result.numElements(), element);
    node.setElements(0, *dims, scalar.dataType, std::move(elements));
    return success();
  }
  for (OpFoldResult dim : *dims)
    requireSize(node.b, dim);
  node.set(0, filledTensor(node.b, *dims, element), scalar.dataType, *dims);
  return success();
}

FailureOr<OpFoldResult> floatRangeLength(NodeContext &node, ArrayRef<Value> scalars) {
  ImplicitLocOpBuilder &b = node.b;
  SmallVector<double> constants;
  for (Value scalar : scalars) {
    FloatAttr value;
    if (matchPattern(scalar, m_Constant(&value)))
      constants.push_back(value.getValueAsDouble());
  }
  if (constants.size() == 3) {
    if (constants[2] == 0)
      return node.error() << "delta is zero";
    double count = std::ceil((constants[1] - constants[0]) / constants[2]);
    return OpFoldResult(fixed(b, count > 0 ? static_cast<int64_t>(count) : 0));
  }
  Value distance = b.create<arith::SubFOp>(scalars[1], scalars[0]);
  Value count = b.create<math::CeilOp>(b.create<arith::DivFOp>(distance, scalars[2]));
  Value integer = b.create<arith::FPToSIOp>(b.getI64Type(), count);
  return max(b, toIndex(b, integer, false), fixed(b, 0));
}

// Small types are computed in the type that attribute stash_type names.
LogicalResult smallFloatRange(NodeContext &node) {
  Composer with(node);
  auto inner = node.typeAttr("stash_type", DataType::f32);
  if (inner != DataType::f32 && inner != DataType::f64)
    return node.error() << "attribute 'stash_type' is " << nameOf(inner);
  SmallVector<Composer::Part> limits;
  for (size_t i = 0; i < 3; ++i) {
    Imported &limit = node.in(i);
    FloatAttr constant;
    if (limit.isOnHost() &&
        matchPattern(node.graph.elementsOf(node.b, limit).front(), m_Constant(&constant)))
      limits.push_back(with.scalar(constant.getValueAsDouble(), inner));
    else
      limits.push_back(with.cast(&limit, inner));
  }
  return with.define(0, with.cast(with("Range", limits), node.in(0).dataType));
}

// max(ceil((limit - start) / delta), 0) elements
LogicalResult importRange(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  DataType type = node.in(0).dataType;
  SmallVector<Value> scalars;
  for (size_t i = 0; i < 3; ++i)
    if (node.in(i).numElements() != 1 || node.in(i).dataType != type)
      return node.error() << "input '" << node.node.inputs[i] << "' must be a scalar of type "
                          << nameOf(type);
  if (isFloat(type) && bitsOf(type) < 32)
    return smallFloatRange(node);
  node.typeAttr("stash_type", DataType::f32); // of smaller types
  for (size_t i = 0; i < 3; ++i)
    scalars.push_back(node.graph.elementsOf(b, node.in(i)).front());
  Value start = scalars[0], delta = scalars[2];
  OpFoldResult length;
  if (isFloat(type)) {
    FailureOr<OpFoldResult> count = floatRangeLength(node, scalars);
    if (failed(count))
      return failure();
    length = *count;
  } else {
    bool noSign = isUnsigned(type);
    OpFoldResult by = toIndex(b, delta, noSign);
    if (known(by) == 0)
      return node.error() << "delta is zero";
    if (!known(by)) {
      using P = arith::CmpIPredicate;
      require(b, b.create<arith::CmpIOp>(P::ne, asValue(b, by), constantIndex(b, 0)),
              "delta is zero");
    }
    OpFoldResult distance = sub(b, toIndex(b, scalars[1], noSign), toIndex(b, start, noSign));
    length = max(b, ceilDiv(b, distance, by), fixed(b, 0));
  }
  Imported result;
  result.dims = {length};
  if (result.isSmall() && !isFloat(type)) {
    SmallVector<Value> elements;
    for (int64_t i = 0; i < *result.numElements(); ++i)
      elements.push_back(addScalars(
          b, start, mulScalars(b, delta, constantLike(b, delta, static_cast<double>(i)))));
    node.setElements(0, result.dims, type, std::move(elements));
    return success();
  }
  Value init = emptyTensor(b, {length}, node.in(0).element);
  Value made = generate(b, init, [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
    Value position = toInteger(inner, at[0], inner.getI64Type());
    Value step = castScalar(inner, position, DataType::i64, type, delta.getType());
    return addScalars(inner, start, mulScalars(inner, delta, step));
  });
  node.set(0, made, type, {length});
  return success();
}

} // namespace

ArrayRef<OpImporter> shapeOps() {
  static const OpImporter list[] = {
      {"Constant", importConstant, 0, 0}, {"ConstantOfShape", importConstantOfShape, 1, 1},
      {"Range", importRange, 3, 3},       {"Shape", importShape, 1, 1},
      {"Size", importSize, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
