#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// What a loss is computed from: log-probabilities [N, C, d...], the class [N, d...] of each
// position, and optionally a weight [C] of each class.
struct Classified {
  Imported &logs, &classes;
  Imported *weights;
  std::optional<int64_t> ignored; // a class that does not count
};

LogicalResult check(NodeContext &node, const Classified &from) {
  DataType type = from.classes.dataType;
  if (!isFloat(from.logs.dataType))
    return node.error() << "expected floating-point elements, got " << nameOf(from.logs.dataType);
  if (type != DataType::i32 && type != DataType::i64)
    return node.error() << "classes must be i32 or i64, got " << nameOf(type);
  if (from.logs.rank() < 2 || from.classes.rank() != from.logs.rank() - 1)
    return node.error() << "classes must have one dimension less than " << from.logs.rank();
  if (from.weights && (from.weights->rank() != 1 || from.weights->dataType != from.logs.dataType))
    return node.error() << "the weights must have one " << nameOf(from.logs.dataType) << " a class";
  return success();
}

// For each position, made from its class's weight and log-probability; 0 where the class is
// ignored.
Composer::Part ofClass(NodeContext &node, Composer &with, const Classified &from, bool isLoss) {
  ImplicitLocOpBuilder &b = node.b;
  Value logs = node.graph.tensorOf(b, from.logs), classes = node.graph.tensorOf(b, from.classes);
  Value weights = from.weights ? node.graph.tensorOf(b, *from.weights) : Value();
  AffineMap identity = b.getMultiDimIdentityMap(static_cast<unsigned>(from.classes.rank()));
  Value made = generic(
      b, {classes}, emptyTensor(b, from.classes.dims, from.logs.element), {identity, identity},
      parallelIterators(from.classes.dims.size()),
      [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
        // A class that is none reads the nearest one: never outside the tensor.
        Value zero = constantIndex(inner, 0);
        Value last = asValue(inner, sub(inner, from.logs.dims[1], fixed(inner, 1)));
        Value at = inner.create<arith::IndexCastOp>(inner.getIndexType(), x[0]);
        at = inner.create<arith::MaxSIOp>(inner.create<arith::MinSIOp>(at, last), zero);
        SmallVector<Value> position;
        for (int64_t axis = 0; axis < from.classes.rank(); ++axis)
          position.push_back(inner.create<linalg::IndexOp>(static_cast<uint64_t>(axis)));
        position.insert(position.begin() + 1, at);
        Value result = constantFloat(inner, from.logs.element, 1);
        if (weights)
          result = inner.create<tensor::ExtractOp>(weights, at);
        if (isLoss) {
          Value log = inner.create<tensor::ExtractOp>(logs, position);
          result = mulScalars(inner, inner.create<arith::NegFOp>(log), result);
        }
        if (!from.ignored)
          return result;
        Value none = constantFloat(inner, from.logs.element, 0);
        Value ignored =
            inner.create<arith::ConstantOp>(inner.getIntegerAttr(x[0].getType(), *from.ignored));
        Value isIgnored = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, x[0], ignored);
        return inner.create<arith::SelectOp>(isIgnored, none, result);
      });
  return with.hold(node.graph.fromTensor(b, made, from.logs.dataType, from.classes.dims));
}

// Dimension by dimension: one sum of all that many equal weights loses digits in f32, each to the same side.
Composer::Part sumOf(Composer &with, Composer::Part part, int64_t rank) {
  NodeAttribute drop = attribute("keepdims", int64_t{0});
  for (int64_t axis = rank - 1; axis >= 0; --axis)
    part = with("ReduceSum", {part, with.ints({axis})}, {drop});
  return part;
}

LogicalResult setLoss(NodeContext &node, Composer &with, const Classified &from) {
  StringRef reduction = node.stringAttr("reduction", "mean");
  if (failed(check(node, from)))
    return failure();
  Composer::Part loss = ofClass(node, with, from, true);
  if (reduction == "none")
    return with.define(0, loss);
  if (reduction != "sum" && reduction != "mean")
    return node.error() << "attribute 'reduction' is '" << reduction << "'";
  Composer::Part total = sumOf(with, loss, from.classes.rank());
  if (reduction == "mean") // by weight
    total = with("Div", {total, sumOf(with, ofClass(node, with, from, false), from.classes.rank())});
  return with.define(0, total);
}

std::optional<int64_t> ignoredClass(NodeContext &node) {
  const NodeAttribute *given = node.find("ignore_index", AttributeKind::i);
  return given ? std::optional(given->i) : std::nullopt;
}

LogicalResult importNegativeLogLikelihood(NodeContext &node) {
  Composer with(node);
  return setLoss(node, with, {node.in(0), node.in(1), with.input(2), ignoredClass(node)});
}

// Scores become log-probabilities, the second result, first.
LogicalResult importSoftmaxCrossEntropy(NodeContext &node) {
  Composer with(node);
  if (failed(checkFloat(node, 0)))
    return failure();
  Composer::Part logs = with("LogSoftmax", {with.input(0)}, {attribute("axis", int64_t{1})});
  if (with.hasFailed() ||
      failed(setLoss(node, with, {*logs, node.in(1), with.input(2), ignoredClass(node)})))
    return failure();
  return with.define(1, logs);
}

} // namespace

ArrayRef<OpImporter> lossOps() {
  static const OpImporter list[] = {
      {"NegativeLogLikelihoodLoss", importNegativeLogLikelihood, 2, 3},
      {"SoftmaxCrossEntropyLoss", importSoftmaxCrossEntropy, 2, 3, 2},
  };
  return list;
}

} // namespace halcyon::onnx
