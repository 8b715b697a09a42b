#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/RuntimeAxes.h"
#include "import/onnx/Scalar.h"
#include "import/onnx/ThroughF32.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// One running total after another along an axis.
struct Scan {
  OneAxis axis;
  bool reverse = false, isProduct = false;

  Value combine(ImplicitLocOpBuilder &b, Value left, Value right) const {
    return isProduct ? mulScalars(b, left, right) : addScalars(b, left, right);
  }
};

Value neutralElement(ImplicitLocOpBuilder &b, Type element, const Scan &scan) {
  int64_t value = scan.isProduct ? 1 : 0;
  if (isa<FloatType>(element))
    return constantFloat(b, element, static_cast<double>(value));
  return b.create<arith::ConstantOp>(b.getIntegerAttr(element, value));
}

// Each element from the total before it, in the order of the axis: one kernel, one step an element.
Value totals(NodeContext &node, const Scan &scan, bool exclusive) {
  ImplicitLocOpBuilder &b = node.b;
  const Imported &input = node.in(0);
  Value source = node.value(0);
  SmallVector<Value> extents;
  for (OpFoldResult extent : input.dims)
    extents.push_back(asValue(b, extent));
  return accumulate(
      b, extents, emptyTensor(b, input.dims, input.element),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> step, Value made) -> Value {
        Value one = constantIndex(inner, 1), place = scan.axis.place(inner, step);
        Value extent = asValue(inner, scan.axis.extent);
        Value isFirst = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, place, constantIndex(inner, 0));
        Value before = inner.create<arith::SubIOp>(place, one);
        SmallVector<Value> at(step);
        if (scan.reverse) {
          Value last = inner.create<arith::SubIOp>(extent, one);
          at = scan.axis.moved(inner, step, inner.create<arith::SubIOp>(last, place));
          before = inner.create<arith::SubIOp>(extent, place);
        }
        // Of the first one, its own place, which is read and not used.
        before = inner.create<arith::SelectOp>(isFirst, scan.axis.place(inner, at), before);
        SmallVector<Value> from = scan.axis.moved(inner, at, before);
        Value neutral = neutralElement(inner, input.element, scan);
        Value total = inner.create<arith::SelectOp>(isFirst, neutral, inner.create<tensor::ExtractOp>(made, from));
        Value x = inner.create<tensor::ExtractOp>(source, exclusive ? from : at);
        if (exclusive)
          x = inner.create<arith::SelectOp>(isFirst, neutral, x);
        return inner.create<tensor::InsertOp>(scan.combine(inner, total, x), made, at);
      });
}

template <bool isProduct> LogicalResult importCumulative(NodeContext &node) {
  if (hasSmallFloats(node, 0))
    return importThroughF32(node);
  Imported &input = node.in(0);
  Scan scan;
  scan.isProduct = isProduct;
  scan.reverse = node.intAttr("reverse", 0) != 0;
  bool exclusive = node.intAttr("exclusive", 0) != 0;
  if (isBool(input.dataType))
    return node.error() << "bool elements are not supported";
  FailureOr<OneAxis> axis = OneAxis::of(node, input, 1, 0);
  if (failed(axis))
    return failure();
  scan.axis = *axis;
  node.set(0, totals(node, scan, exclusive), input.dataType, input.dims);
  return success();
}

// A scalar that places a diagonal; 0 where the node has none.
FailureOr<OpFoldResult> diagonalOf(NodeContext &node, size_t index) {
  if (!node.has(index))
    return OpFoldResult(fixed(node.b, 0));
  FailureOr<Dims> given = node.indices(index, "k");
  if (failed(given))
    return failure();
  if (given->size() != 1)
    return node.error() << "k has " << given->size() << " elements";
  return given->front();
}

// Keeps one side of a diagonal of the last two dimensions, the other is 0.
LogicalResult importTrilu(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  bool upper = node.intAttr("upper", 1) != 0;
  Imported &input = node.in(0);
  FailureOr<OpFoldResult> diagonal = diagonalOf(node, 1);
  if (failed(diagonal))
    return failure();
  if (input.rank() < 2)
    return node.error() << "expected at least 2 dimensions, got " << input.rank();
  auto rank = static_cast<unsigned>(input.rank());
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Value made =
      generic(b, {node.value(0)}, emptyTensor(b, input.dims, input.element), {identity, identity},
              parallelIterators(rank), [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
                Value row = inner.create<linalg::IndexOp>(rank - 2);
                Value column = inner.create<linalg::IndexOp>(rank - 1);
                Value start = inner.create<arith::AddIOp>(row, asValue(inner, *diagonal));
                Value keeps = inner.create<arith::CmpIOp>(
                    upper ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle, column, start);
                Value zero = inner.create<arith::ConstantOp>(inner.getZeroAttr(input.element));
                return inner.create<arith::SelectOp>(keeps, x[0], zero);
              });
  node.set(0, made, input.dataType, input.dims);
  return success();
}

LogicalResult importEyeLike(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  auto type = node.typeAttr("dtype", input.dataType);
  int64_t k = node.intAttr("k", 0);
  Type element = node.elementType(type);
  if (!element || input.rank() != 2)
    return node.error() << "expected a matrix and a supported type, got " << input.rank()
                        << " dimensions and " << nameOf(type);
  Value made =
      generate(b, emptyTensor(b, input.dims, element),
               [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
                 Value column = inner.create<arith::AddIOp>(at[0], constantIndex(inner, k));
                 Value isOn = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, column, at[1]);
                 return castScalar(inner, isOn, DataType::boolean, type, element);
               });
  node.set(0, made, type, input.dims);
  return success();
}

// values[1] where the new axis's position is the index, values[0] elsewhere.
LogicalResult importOneHot(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Composer with(node);
  Imported &values = node.in(2);
  Composer::Part indices = with.cast(with.input(0), DataType::i64);
  Composer::Part wanted = with.input(1);
  if (wanted->numElements() != 1 || values.rank() != 1)
    return node.error() << "expected one depth and a list of two values";
  FailureOr<int64_t> axis = node.axisAttr("axis", -1, node.rank(0) + 1);
  if (failed(axis) || with.hasFailed())
    return failure();
  Value scalar = node.graph.elementsOf(b, *wanted).front();
  if (isFloat(wanted->dataType))
    scalar = castScalar(b, scalar, wanted->dataType, DataType::i64, b.getI64Type());
  OpFoldResult depth = toIndex(b, scalar, isUnsigned(wanted->dataType));
  Dims dims = indices->dims;
  dims.insert(dims.begin() + *axis, depth);
  auto rank = static_cast<unsigned>(dims.size());
  Value both = node.graph.tensorOf(b, values), from = node.graph.tensorOf(b, *indices);
  SmallVector<AffineExpr> exprs;
  for (unsigned i = 0; i < rank; ++i)
    if (i != *axis)
      exprs.push_back(b.getAffineDimExpr(i));
  Value made =
      generic(b, {from}, emptyTensor(b, dims, values.element),
              {AffineMap::get(rank, 0, exprs, b.getContext()), b.getMultiDimIdentityMap(rank)},
              parallelIterators(rank), [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
                Value at = inner.create<arith::IndexCastOp>(inner.getIndexType(), x[0]);
                Value zero = constantIndex(inner, 0);
                Value isNegative = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, at, zero);
                Value fromEnd = inner.create<arith::AddIOp>(at, asValue(inner, depth));
                at = inner.create<arith::SelectOp>(isNegative, fromEnd, at);
                Value isOn = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, at,
                                                         inner.create<linalg::IndexOp>(*axis));
                Value which = inner.create<arith::SelectOp>(isOn, constantIndex(inner, 1), zero);
                return inner.create<tensor::ExtractOp>(both, which);
              });
  node.set(0, made, values.dataType, dims);
  return success();
}

// 1 at the first maximum of an axis; before opset 13 over all dimensions from axis on.
LogicalResult importHardmax(NodeContext &node) {
  Composer with(node);
  bool flattens = node.opset() < 13;
  Imported &input = node.in(0);
  FailureOr<int64_t> axis =
      node.axisAttr("axis", flattens ? 1 : -1, input.rank());
  if (failed(axis))
    return failure();
  Composer::Part x = with.input(0);
  if (flattens && *axis != input.rank() - 1)
    x = with("Flatten", {x}, {attribute("axis", *axis)}), axis = 1;
  if (with.hasFailed())
    return failure();
  Composer::Part top =
      with("ArgMax", {x}, {attribute("axis", *axis), attribute("keepdims", int64_t{0})});
  Composer::Part size = with("Squeeze", {with.shape({x->dims[*axis]})});
  Composer::Part values = with.cast(with.ints({0, 1}), input.dataType);
  Composer::Part made = with("OneHot", {top, size, values}, {attribute("axis", *axis)});
  if (flattens)
    made = with("Reshape", {made, with.shape(input.dims)});
  return with.define(0, made);
}

} // namespace

ArrayRef<OpImporter> positionOps() {
  static const OpImporter list[] = {
      {"CumProd", importCumulative<true>, 2, 2},
      {"CumSum", importCumulative<false>, 2, 2},
      {"EyeLike", importEyeLike, 1, 1},
      {"Hardmax", importHardmax, 1, 1},
      {"OneHot", importOneHot, 3, 3},
      {"Trilu", importTrilu, 1, 2},
  };
  return list;
}

} // namespace halcyon::onnx
