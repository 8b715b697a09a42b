#include "import/onnx/NormalizationFunctions.h"
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// The type that statistics are computed in: attribute stash_type, but never less than the input's
// own.
DataType statisticsType(NodeContext &node) {
  auto stash = node.typeAttr("stash_type", DataType::f32);
  DataType type = node.in(0).dataType;
  return isFloat(stash) && bitsOf(stash) > bitsOf(type) ? stash : type;
}

Part list(Composer &with, int64_t begin, int64_t end) {
  return with.ints(llvm::to_vector(llvm::seq(begin, end)));
}

Part root(Composer &with, Part square, double epsilon) {
  if (with.hasFailed())
    return nullptr;
  return with("Sqrt", {with("Add", {square, with.scalar(epsilon, square->dataType)})});
}

// x / sqrt(mean(x * x) + epsilon) * scale over the dimensions from axis on
LogicalResult importRmsNormalization(NodeContext &node) {
  Composer with(node);
  if (failed(checkFloat(node, 0)))
    return failure();
  DataType type = node.in(0).dataType, inner = statisticsType(node);
  double epsilon = node.floatAttr("epsilon", 1e-5f);
  FailureOr<int64_t> axis = node.axisAttr("axis", -1, node.rank(0));
  if (failed(axis))
    return failure();
  Part x = with.cast(with.input(0), inner);
  Part square = with("ReduceMean", {with("Mul", {x, x}), list(with, *axis, node.rank(0))});
  // Rounded to the result's type once, after the scale: as both references do, not as the standard's function body does.
  Part made = with("Mul", {with("Div", {x, root(with, square, epsilon)}), with.cast(with.input(1), inner)});
  return with.define(0, with.cast(made, type));
}

// Groups of channels by their own mean and variance, then scale and bias: one a channel, before
// opset 21 one a group.
LogicalResult importGroupNormalization(NodeContext &node) {
  Composer with(node);
  if (failed(checkFloat(node, 0)))
    return failure();
  Imported &input = node.in(0);
  bool byGroup = node.opset() < 21;
  // From opset 21 on stash_type holds for f64, too: the standard's function body and both references round to it.
  DataType type = input.dataType, inner = byGroup ? statisticsType(node) : node.typeAttr("stash_type", DataType::f32);
  if (!isFloat(inner))
    return node.error("stash_type") << "expected a type of floats, got " << nameOf(inner);
  double epsilon = node.floatAttr("epsilon", 1e-5f);
  int64_t groups = node.sizeAttr("num_groups", 0);
  if (input.rank() < 3)
    return node.error() << "expected at least 3 dimensions, got " << input.rank();
  if (groups < 1)
    return node.error("num_groups") << groups << " groups";
  Part x = with.cast(with("Reshape", {with.input(0), with.ints({0, groups, -1})}), inner);
  Part axes = with.ints({2});
  Part off = with("Sub", {x, with("ReduceMean", {x, axes})});
  Part variance = with("ReduceMean", {with("Mul", {off, off}), axes});
  Part made = with.cast(with("Div", {off, root(with, variance, epsilon)}), type);
  // [channels or groups] beside [N, channels or groups, rest]
  Part shape = byGroup ? with.ints({0, groups, -1})
                       : with.shape({input.dims[0], input.dims[1], fixed(node.b, -1)});
  Part column = with.ints({-1, 1});
  made = with("Reshape", {made, shape});
  made = with("Mul", {made, with("Reshape", {with.input(1), column})});
  made = with("Add", {made, with("Reshape", {with.input(2), column})});
  return with.define(0, with("Reshape", {made, with.shape(input.dims)}));
}

// x / |x| along an axis, 0 where that is 0
LogicalResult importLpNormalization(NodeContext &node) {
  Composer with(node);
  int64_t p = node.intAttr("p", 2);
  FailureOr<int64_t> axis = node.axisAttr("axis", -1, node.rank(0));
  if (failed(axis) || failed(checkFloat(node, 0)))
    return failure();
  if (p != 1 && p != 2)
    return node.error() << "attribute 'p' is " << p;
  Part x = with.input(0), zero = with.scalar(0, x->dataType);
  Part size = with(p == 1 ? "ReduceL1" : "ReduceL2", {x, with.ints({*axis})});
  return with.define(0, with("Where", {with("Equal", {size, zero}), zero, with("Div", {x, size})}));
}

LogicalResult importMeanVariance(NodeContext &node) {
  Composer with(node);
  SmallVector<int64_t> axes{0, 2, 3};
  if (auto given = node.intsAttr("axes"))
    axes = *given;
  if (failed(checkFloat(node, 0)) || failed(node.normalizeAxes(axes, node.rank(0), "axes")))
    return failure();
  Part x = with.input(0), over = with.ints(axes);
  Part off = with("Sub", {x, with("ReduceMean", {x, over})});
  Part deviation = with("Sqrt", {with("ReduceMean", {with("Mul", {off, off}), over})});
  return with.define(0,
                     with("Div", {off, with("Add", {deviation, with.scalar(1e-9, x->dataType)})}));
}

// x / (bias + alpha * mean of the squares of `size` channels around)^beta
LogicalResult importLocalResponse(NodeContext &node) {
  Composer with(node);
  double alpha = node.floatAttr("alpha", 1e-4f), beta = node.floatAttr("beta", 0.75);
  double bias = node.floatAttr("bias", 1);
  int64_t size = node.sizeAttr("size", 0);
  Imported &input = node.in(0);
  if (failed(checkFloat(node, 0)))
    return failure();
  if (input.rank() < 3)
    return node.error() << "expected at least 3 dimensions, got " << input.rank();
  if (size < 1)
    return node.error("size") << "the number of channels is " << size;
  Part x = with.input(0);
  DataType type = input.dataType;
  Part square = with(
      "Reshape", {with("Mul", {x, x}),
                  with.shape({input.dims[0], fixed(node.b, 1), input.dims[1], fixed(node.b, -1)})});
  Part mean = with("AveragePool", {square},
                   {attribute("kernel_shape", ArrayRef<int64_t>{size, 1}),
                    attribute("pads", ArrayRef<int64_t>{(size - 1) / 2, 0, size / 2, 0}),
                    attribute("count_include_pad", int64_t{1})});
  mean = with("Reshape", {mean, with.shape(input.dims)});
  Part base = with("Add", {with("Mul", {mean, with.scalar(alpha, type)}), with.scalar(bias, type)});
  return with.define(0, with("Div", {x, with("Pow", {base, with.scalar(beta, type)})}));
}

} // namespace

LogicalResult composeLayerNormalization(NodeContext &node) {
  Composer with(node);
  if (failed(checkFloat(node, 0)))
    return failure();
  DataType type = node.in(0).dataType, inner = statisticsType(node);
  double epsilon = node.floatAttr("epsilon", 1e-5f);
  FailureOr<int64_t> axis = node.axisAttr("axis", -1, node.rank(0));
  if (failed(axis))
    return failure();
  Part x = with.cast(with.input(0), inner), over = list(with, *axis, node.rank(0));
  Part mean = with("ReduceMean", {x, over});
  Part off = with("Sub", {x, mean});
  Part variance = with("ReduceMean", {with("Mul", {off, off}), over});
  Part inverse = with("Reciprocal", {root(with, variance, epsilon)});
  Part made = with.cast(with("Mul", {off, inverse}), type);
  if (node.has(1))
    made = with("Mul", {made, with.input(1)});
  if (node.has(2))
    made = with("Add", {made, with.input(2)});
  return success(succeeded(with.define(0, made)) && succeeded(with.define(1, mean)) &&
                 succeeded(with.define(2, inverse)));
}

LogicalResult composeTrainingNormalization(NodeContext &node) {
  Composer with(node);
  double epsilon = node.floatAttr("epsilon", 1e-5f), momentum = node.floatAttr("momentum", 0.9f);
  if (failed(checkFloat(node, 0)))
    return failure();
  if (node.opset() < 14)
    return node.error() << "training mode before operator set 14 (attribute 'is_test') is not supported";
  int64_t rank = node.rank(0);
  if (rank < 2)
    return node.error() << "expected at least 2 dimensions, got " << rank;
  // [C, 1, ...] beside [N, C, ...]
  SmallVector<int64_t> others{0}, shape(static_cast<size_t>(rank) - 1, 1);
  others.append(llvm::to_vector(llvm::seq<int64_t>(2, rank)));
  shape[0] = -1;
  auto column = [&](size_t index) {
    return with("Reshape", {with.input(index), with.ints(shape)});
  };
  Part x = with.input(0), over = with.ints(others);
  Part mean = with("ReduceMean", {x, over});
  Part off = with("Sub", {x, mean});
  Part variance = with("ReduceMean", {with("Mul", {off, off}), over});
  Part made = with("Div", {off, root(with, variance, epsilon)});
  made = with("Add", {with("Mul", {made, column(1)}), column(2)});
  auto running = [&](size_t index, Part of) {
    DataType type = node.in(index).dataType;
    Part fresh = with.cast(with("Reshape", {of, with.ints({-1})}), type);
    return with("Add", {with("Mul", {with.input(index), with.scalar(momentum, type)}),
                        with("Mul", {fresh, with.scalar(1 - momentum, type)})});
  };
  return success(succeeded(with.define(0, made)) && succeeded(with.define(1, running(3, mean))) &&
                 succeeded(with.define(2, running(4, variance))));
}

ArrayRef<OpImporter> normalizationFunctionOps() {
  static const OpImporter list[] = {
      {"GroupNormalization", importGroupNormalization, 3, 3},
      {"LRN", importLocalResponse, 1, 1},
      {"LpNormalization", importLpNormalization, 1, 1},
      {"MeanVarianceNormalization", importMeanVariance, 1, 1},
      {"RMSNormalization", importRmsNormalization, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
