#include "dialect/nn/Nn.h"
#include "import/onnx/Compose.h"
#include "import/onnx/Constants.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/NormalizationFunctions.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include <cstring>

using namespace mlir;

namespace halcyon::onnx {
namespace {

// One factor or term for each channel, as an f32 constant.
Imported channelConstant(NodeContext &node, const std::vector<float> &values, StringRef suffix) {
  auto owner = std::make_shared<std::vector<float>>(values);
  auto made = std::make_shared<Tensor>();
  made->name = node.node.name + std::string(suffix);
  made->type = DataType::f32;
  made->dims = {static_cast<int64_t>(values.size())};
  made->bytes.view = std::as_bytes(std::span<const float>(*owner));
  made->bytes.owner = std::move(owner);
  return node.graph.fromConstant(std::move(made));
}

std::vector<float> floatsOf(const Tensor &tensor) {
  std::vector<float> made(tensor.bytes.view.size() / sizeof(float));
  std::memcpy(made.data(), tensor.bytes.view.data(), tensor.bytes.view.size());
  return made;
}

// Input, scale and statistics may differ in type: all in the widest, the result in the input's.
LogicalResult mixedBatchNormalization(NodeContext &node, double epsilon) {
  Composer with(node);
  DataType type = node.in(0).dataType, widest = DataType::f32;
  SmallVector<Composer::Part> inputs;
  for (size_t i = 0; i < 5; ++i)
    if (node.in(i).dataType == DataType::f64)
      widest = DataType::f64;
  for (size_t i = 0; i < 5; ++i)
    inputs.push_back(with.cast(with.input(i), widest));
  Composer::Part made = with("BatchNormalization", inputs, {attribute("epsilon", epsilon)});
  return with.define(0, with.cast(made, type));
}

// x * factor + term, both one a channel: scale / sqrt(variance + epsilon) and
// bias - mean * factor. They are computed now where all four are constant.
LogicalResult importBatchNormalization(NodeContext &node) {
  bool trains = node.intAttr("training_mode", 0) != 0;
  if (node.opset() < 7) {
    node.ignore(AttributeKind::ints, {"consumed_inputs"});
    trains = !node.intAttr("is_test", 0);
  }
  if (node.opset() < 9 && !node.intAttr("spatial", 1))
    return node.error() << "attribute 'spatial' = 0 is not supported";
  if (trains)
    return composeTrainingNormalization(node);
  node.ignore(AttributeKind::f, {"momentum"});
  double epsilon = node.floatAttr("epsilon", 1e-5f);
  if (node.rank(0) < 2)
    return node.error() << "expected at least 2 dimensions, got " << node.rank(0);
  if (failed(checkFloat(node, 0)))
    return failure();
  Imported &x = node.in(0);
  if (llvm::any_of(llvm::seq<size_t>(1, 5), [&](size_t i) {
        return isFloat(node.in(i).dataType) && node.in(i).dataType != x.dataType;
      }))
    return mixedBatchNormalization(node, epsilon);
  bool constant = true;
  for (size_t i = 1; i < 5; ++i) {
    Imported &input = node.in(i);
    if (input.rank() != 1 || input.dataType != node.in(1).dataType)
      return node.error() << "input '" << node.node.inputs[i]
                          << "' must have one element a channel";
    std::optional<int64_t> have = known(input.dims[0]), want = known(node.in(1).dims[0]);
    if (have && want && have != want)
      return node.error() << "input '" << node.node.inputs[i]
                          << "' must have one element a channel";
    constant &= input.constant && input.dataType == DataType::f32;
  }
  Imported factor, term;
  if (constant) {
    std::vector<float> scale = floatsOf(*node.in(1).constant),
                       bias = floatsOf(*node.in(2).constant), mean = floatsOf(*node.in(3).constant),
                       variance = floatsOf(*node.in(4).constant);
    for (size_t i = 0; i < scale.size(); ++i) {
      double f = scale[i] / std::sqrt(static_cast<double>(variance[i]) + epsilon);
      scale[i] = static_cast<float>(f);
      bias[i] = static_cast<float>(bias[i] - mean[i] * f);
    }
    factor = channelConstant(node, scale, ".factor");
    term = channelConstant(node, bias, ".term");
  } else {
    Dims dims{node.in(1).dims[0]};
    Type element = node.in(1).element;
    Value f = elementwiseTensor(node, {&node.in(1), &node.in(4)}, dims, element,
                                [&](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                                  Value sum = addScalars(b, v[1], constantLike(b, v[1], epsilon));
                                  return b.create<arith::DivFOp>(v[0], b.create<math::SqrtOp>(sum));
                                });
    factor = node.graph.fromTensor(node.b, f, node.in(1).dataType, dims);
    Value t = elementwiseTensor(node, {&node.in(2), &node.in(3), &factor}, dims, element,
                                [](ImplicitLocOpBuilder &b, ValueRange v) {
                                  return subScalars(b, v[0], mulScalars(b, v[1], v[2]));
                                });
    term = node.graph.fromTensor(node.b, t, node.in(1).dataType, dims);
  }
  if (factor.dataType != x.dataType)
    return node.error() << "element types differ: " << nameOf(x.dataType) << " and "
                        << nameOf(factor.dataType);
  ImplicitLocOpBuilder &b = node.b;
  auto rank = static_cast<unsigned>(x.rank());
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  AffineMap channel = AffineMap::get(rank, 0, b.getAffineDimExpr(1));
  Value made =
      generic(b, {node.value(0), node.graph.tensorOf(b, factor), node.graph.tensorOf(b, term)},
              emptyTensor(b, x.dims, x.element), {identity, channel, channel, identity},
              parallelIterators(rank), [](ImplicitLocOpBuilder &inner, ValueRange v) {
                return addScalars(inner, mulScalars(inner, v[0], v[1]), v[2]);
              });
  node.set(0, made, x.dataType, x.dims);
  return success();
}

// Since opset 13 along one axis (the last by default); before, over all
// dimensions from axis (1 by default) as one.
template <bool isLog> LogicalResult importSoftmax(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  if (failed(checkFloat(node, 0)))
    return failure();
  Imported &x = node.in(0);
  bool flattens = node.opset() < 13;
  FailureOr<int64_t> axis = node.axisAttr("axis", flattens ? 1 : -1, x.rank());
  if (failed(axis))
    return failure();
  Value input = node.value(0);
  Dims dims = x.dims;
  if (flattens && *axis != x.rank() - 1) {
    dims = {product(b, ArrayRef(x.dims).take_front(*axis)),
            product(b, ArrayRef(x.dims).drop_front(*axis))};
    input = reshapeTensor(b, input, x.dims, dims);
    axis = 1;
  }
  Value made = b.create<nn::SoftmaxOp>(input.getType(), input, emptyTensor(b, dims, x.element),
                                       static_cast<uint64_t>(*axis), isLog);
  node.set(0, reshapeTensor(b, made, dims, x.dims), x.dataType, x.dims);
  return success();
}

LogicalResult importLayerNormalization(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  // One operation where only the result is wanted and the statistics have its type.
  if (node.in(0).dataType != DataType::f32 || node.wants(1) || node.wants(2))
    return composeLayerNormalization(node);
  node.typeAttr("stash_type", DataType::f32);
  double epsilon = node.floatAttr("epsilon", 1e-5f);
  Imported &x = node.in(0);
  FailureOr<int64_t> axis = node.axisAttr("axis", -1, x.rank());
  if (failed(axis))
    return failure();
  // Scale and bias may broadcast to the normalised dimensions.
  Dims normalised(x.dims.begin() + *axis, x.dims.end());
  Value factors[2];
  for (size_t i : {1, 2}) {
    if (!node.has(i))
      continue;
    Imported &factor = node.in(i);
    if (factor.dataType != x.dataType || factor.rank() > static_cast<int64_t>(normalised.size()))
      return node.error() << "input '" << node.node.inputs[i]
                          << "' does not fit the normalised dimensions";
    factors[i - 1] =
        llvm::equal(factor.dims, normalised)
            ? node.value(i)
            : elementwiseTensor(node, {&factor}, normalised, x.element,
                                [](ImplicitLocOpBuilder &, ValueRange v) { return v[0]; });
  }
  Value made = b.create<nn::LayerNormOp>(
      x.type(), node.value(0), factors[0], factors[1], emptyTensor(b, x.dims, x.element),
      static_cast<uint64_t>(*axis), APFloat(static_cast<float>(epsilon)));
  node.set(0, made, x.dataType, x.dims);
  return success();
}

// Each channel of each sample by its own mean and variance: a layer norm of
// [N * C, spatial], then scale and bias by channel.
LogicalResult importInstanceNormalization(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  double epsilon = node.floatAttr("epsilon", 1e-5f);
  if (node.opset() < 6)
    node.ignore(AttributeKind::ints, {"consumed_inputs"}); // a hint about memory
  Imported &x = node.in(0);
  if (failed(checkFloat(node, 0)))
    return failure();
  if (x.rank() < 3 || node.in(1).dataType != x.dataType || node.in(2).dataType != x.dataType)
    return node.error() << "expected at least 3 dimensions and one element type, got " << x.rank()
                        << " and " << nameOf(x.dataType);
  Value made = b.create<nn::LayerNormOp>(x.type(), node.value(0), Value(), Value(),
                                         emptyTensor(b, x.dims, x.element), uint64_t{2},
                                         APFloat(static_cast<float>(epsilon)));
  auto rank = static_cast<unsigned>(x.rank());
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  AffineMap channel = AffineMap::get(rank, 0, b.getAffineDimExpr(1));
  made = generic(b, {made, node.value(1), node.value(2)}, emptyTensor(b, x.dims, x.element),
                 {identity, channel, channel, identity}, parallelIterators(rank),
                 [](ImplicitLocOpBuilder &inner, ValueRange v) {
                   return addScalars(inner, mulScalars(inner, v[0], v[1]), v[2]);
                 });
  node.set(0, made, x.dataType, x.dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> normalizationOps() {
  static const OpImporter list[] = {
      {"BatchNormalization", importBatchNormalization, 5, 5, 5},
      {"InstanceNormalization", importInstanceNormalization, 3, 3},
      {"LayerNormalization", importLayerNormalization, 1, 3, 3},
      {"LogSoftmax", importSoftmax<true>, 1, 1},
      {"Softmax", importSoftmax<false>, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
