#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// The greatest element of each cell of a grid over each region: a batch's number, x, y, x, y. A
// cell outside the image is 0.
LogicalResult importMaxRoiPool(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0), &regions = node.in(1);
  double scale = node.floatAttr("spatial_scale", 1);
  std::optional<SmallVector<int64_t>> shape = node.intsAttr("pooled_shape");
  if (failed(checkFloat(node, 0)))
    return failure();
  if (!shape || shape->size() != 2 || llvm::any_of(*shape, [](int64_t n) { return n < 1 || n > INT32_MAX; }))
    return node.error() << "attribute 'pooled_shape' must have 2 extents, each at least 1";
  if (input.rank() != 4 || regions.rank() != 2 || known(regions.dims[1]).value_or(5) != 5 ||
      regions.dataType != input.dataType)
    return node.error() << "expected 4 dimensions and regions of 5 numbers of the same type";
  Value source = node.value(0), rois = node.value(1);
  Dims dims{regions.dims[0], input.dims[1], fixed(b, (*shape)[0]), fixed(b, (*shape)[1])};
  DataType type = input.dataType, wide = type == DataType::f64 ? type : DataType::f32;
  Type element = input.element, inside = node.elementType(wide);
  Value made = generate(
      b, emptyTensor(b, dims, element),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        auto number = [&](double value) { return constantFloat(inner, inside, value); };
        auto toPlace = [&](Value x) -> Value {
          Value integer = inner.create<arith::FPToSIOp>(inner.getI64Type(), x);
          return inner.create<arith::IndexCastOp>(inner.getIndexType(), integer);
        };
        auto toFloat = [&](Value index) -> Value {
          Value integer = inner.create<arith::IndexCastOp>(inner.getI64Type(), index);
          return inner.create<arith::SIToFPOp>(inside, integer);
        };
        auto clamped = [&](Value place, OpFoldResult last) -> Value {
          place = inner.create<arith::MinSIOp>(place, asValue(inner, last));
          return inner.create<arith::MaxSIOp>(place, constantIndex(inner, 0));
        };
        auto corner = [&](int64_t which) {
          Value x =
              inner.create<tensor::ExtractOp>(rois, ValueRange{at[0], constantIndex(inner, which)});
          return castScalar(inner, x, type, wide, inside);
        };
        auto rounded = [&](int64_t which) -> Value {
          Value x = mulScalars(inner, corner(which), number(scale));
          return inner.create<math::FloorOp>(addScalars(inner, x, number(0.5)));
        };
        Value batch = clamped(toPlace(corner(0)), sub(inner, input.dims[0], fixed(inner, 1)));
        Value from[2], counts[2];
        for (int axis : {0, 1}) { // y, then x
          Value begin = rounded(2 - axis), end = rounded(4 - axis);
          Value extent = addScalars(inner, subScalars(inner, end, begin), number(1));
          extent = inner.create<arith::MaximumFOp>(extent, number(1));
          Value cell = inner.create<arith::DivFOp>(
              extent, number(static_cast<double>((*shape)[static_cast<size_t>(axis)])));
          Value place = toFloat(at[2 + static_cast<size_t>(axis)]);
          Value low = inner.create<math::FloorOp>(mulScalars(inner, place, cell));
          Value next = addScalars(inner, place, number(1));
          Value high = inner.create<math::CeilOp>(mulScalars(inner, next, cell));
          OpFoldResult size = input.dims[2 + static_cast<size_t>(axis)];
          from[axis] = clamped(toPlace(addScalars(inner, low, begin)), size);
          Value until = clamped(toPlace(addScalars(inner, high, begin)), size);
          Value count = inner.create<arith::SubIOp>(until, from[axis]);
          counts[axis] = inner.create<arith::MaxSIOp>(count, constantIndex(inner, 0));
        }
        const auto &semantics = cast<FloatType>(element).getFloatSemantics();
        Value lowest = inner.create<arith::ConstantOp>(
            inner.getFloatAttr(element, APFloat::getInf(semantics, /*Negative=*/true)));
        Value top = accumulate(
            inner, {counts[0], counts[1]}, lowest,
            [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value best) -> Value {
              Value y = deep.create<arith::AddIOp>(from[0], i[0]);
              Value x = deep.create<arith::AddIOp>(from[1], i[1]);
              Value have = deep.create<tensor::ExtractOp>(source, ValueRange{batch, at[1], y, x});
              return maxScalars(deep, best, have, type);
            });
        Value area = inner.create<arith::MulIOp>(counts[0], counts[1]);
        Value isEmpty =
            inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, area, constantIndex(inner, 0));
        return inner.create<arith::SelectOp>(isEmpty, constantFloat(inner, element, 0), top);
      });
  node.set(0, made, type, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> roiPoolOps() {
  static const OpImporter list[] = {{"MaxRoiPool", importMaxRoiPool, 2, 2}};
  return list;
}

} // namespace halcyon::onnx
