#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

enum class Padding { zeros, border, reflection };
enum class Interpolation { nearest, linear, cubic };

// Samples of [N, C, spatial...] at the places that a grid [N, spatial..., D] names, in [-1, 1] from
// border to border; the last dimension's place comes first.
class GridSampler {
public:
  GridSampler(NodeContext &node) : node(node), input(node.in(0)), grid(node.in(1)) {}

  LogicalResult run() {
    if (failed(readAttributes()))
      return failure();
    ImplicitLocOpBuilder &b = node.b;
    spatials = input.rank() - 2;
    if (spatials < 1 || spatials > 3 || grid.rank() != input.rank())
      return node.error() << "expected an input of 3 to 5 dimensions and a grid like it";
    if (failed(node.requireSame(grid.dims.back(), fixed(b, spatials), "a grid's places and the dimensions")))
      return failure();
    // Nearest elements are taken as they are, so they may be of any type.
    if (!isFloat(grid.dataType) || (!isFloat(input.dataType) && interpolation != Interpolation::nearest))
      return node.error() << "expected floating-point elements, got " << nameOf(input.dataType)
                          << " and " << nameOf(grid.dataType);
    if (failed(node.requireSame(input.dims[0], grid.dims[0], "the batches")))
      return failure();
    place = grid.dataType == DataType::f64 ? grid.element : Type(b.getF32Type());
    Dims dims{input.dims[0], input.dims[1]};
    dims.append(grid.dims.begin() + 1, grid.dims.end() - 1);
    source = node.value(0);
    places = node.value(1);
    Value made = generate(
        b, emptyTensor(b, dims, input.element),
        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) { return sample(inner, at); });
    node.set(0, made, input.dataType, dims);
    return success();
  }

private:
  LogicalResult readAttributes() {
    StringRef mode = node.stringAttr("mode", "linear");
    StringRef mark = node.stringAttr("padding_mode", "zeros");
    aligned = node.intAttr("align_corners", 0) != 0;
    if (mode != "nearest" && mode != "linear" && mode != "bilinear" && mode != "cubic" &&
        mode != "bicubic")
      return node.error() << "attribute 'mode' is '" << mode << "'";
    if (mark != "zeros" && mark != "border" && mark != "reflection")
      return node.error() << "attribute 'padding_mode' is '" << mark << "'";
    interpolation = mode == "nearest"         ? Interpolation::nearest
                    : mode.ends_with("cubic") ? Interpolation::cubic
                                              : Interpolation::linear;
    padding = mark == "zeros"    ? Padding::zeros
              : mark == "border" ? Padding::border
                                 : Padding::reflection;
    return success();
  }

  Value number(ImplicitLocOpBuilder &b, double value) { return constantFloat(b, place, value); }

  Value toPlace(ImplicitLocOpBuilder &b, OpFoldResult extent) {
    Value integer = toInteger(b, extent, b.getI64Type());
    return b.create<arith::SIToFPOp>(place, integer);
  }

  // Mirrored at the borders until it is between them.
  Value reflected(ImplicitLocOpBuilder &b, Value x, Value low, Value high) {
    Value range = b.create<arith::SubFOp>(high, low);
    Value distance = b.create<math::AbsFOp>(b.create<arith::SubFOp>(x, low));
    Value flips = b.create<math::FloorOp>(b.create<arith::DivFOp>(distance, range));
    Value extra = b.create<arith::SubFOp>(distance, b.create<arith::MulFOp>(flips, range));
    Value half = b.create<arith::MulFOp>(flips, number(b, 0.5));
    Value isEven =
        b.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, half, b.create<math::FloorOp>(half));
    Value forward = b.create<arith::AddFOp>(low, extra);
    Value backward = b.create<arith::SubFOp>(high, extra);
    return b.create<arith::SelectOp>(isEven, forward, backward);
  }

  struct Axis {
    Value extent, low, high; // the extent as an index, the borders
    Value base, rest;        // position: a whole part and what is left
  };

  Axis axisAt(ImplicitLocOpBuilder &b, ArrayRef<Value> at, int64_t i) {
    Axis axis;
    SmallVector<Value> from{at[0]};
    from.append(at.begin() + 2, at.end());
    from.push_back(constantIndex(b, spatials - 1 - i));
    Value x = castScalar(b, b.create<tensor::ExtractOp>(places, from), grid.dataType,
                         place.isF64() ? DataType::f64 : DataType::f32, place);
    OpFoldResult dim = input.dims[i + 2];
    axis.extent = asValue(b, dim);
    Value length = toPlace(b, dim), one = number(b, 1), half = number(b, 0.5);
    Value last = b.create<arith::SubFOp>(length, one);
    x = b.create<arith::AddFOp>(x, one);
    if (aligned) {
      axis.low = number(b, 0);
      axis.high = last;
      x = b.create<arith::MulFOp>(b.create<arith::MulFOp>(x, half), last);
    } else {
      axis.low = number(b, -0.5);
      axis.high = b.create<arith::SubFOp>(length, half);
      x = b.create<arith::MulFOp>(x, length);
      x = b.create<arith::MulFOp>(b.create<arith::SubFOp>(x, one), half);
    }
    if (interpolation == Interpolation::nearest)
      x = b.create<math::RoundEvenOp>(x);
    Value below = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, x, axis.low);
    Value above = b.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, x, axis.high);
    Value outside = b.create<arith::OrIOp>(below, above), moved;
    if (padding == Padding::border)
      moved = b.create<arith::MinimumFOp>(b.create<arith::MaximumFOp>(x, number(b, 0)), last);
    else if (padding == Padding::reflection)
      moved = reflected(b, x, axis.low, axis.high);
    if (moved)
      x = b.create<arith::SelectOp>(outside, moved, x);
    // What no index holds, a NaN too, is far outside.
    Value limit = number(b, 1e9);
    x = b.create<arith::MaxNumFOp>(b.create<arith::MinNumFOp>(x, limit), number(b, -1e9));
    axis.base = b.create<math::FloorOp>(x);
    axis.rest = b.create<arith::SubFOp>(x, axis.base);
    return axis;
  }

  // Keys' cubic convolution with a = -0.75 for taps -1, 0, 1, 2; or the two linear weights.
  SmallVector<Value> weights(ImplicitLocOpBuilder &b, Value x) {
    auto add = [&](Value l, Value r) { return b.create<arith::AddFOp>(l, r).getResult(); };
    auto mul = [&](Value l, Value r) { return b.create<arith::MulFOp>(l, r).getResult(); };
    Value one = number(b, 1), other = b.create<arith::SubFOp>(one, x);
    if (interpolation == Interpolation::linear)
      return {other, x};
    constexpr double a = -0.75;
    auto far = [&](Value d) { // 1 < d < 2
      Value made = add(mul(number(b, a), d), number(b, -5 * a));
      made = add(mul(made, d), number(b, 8 * a));
      return add(mul(made, d), number(b, -4 * a));
    };
    auto near = [&](Value d) { // 0 <= d <= 1
      Value made = add(mul(number(b, a + 2), d), number(b, -(a + 3)));
      return add(mul(mul(made, d), d), one);
    };
    return {far(add(x, one)), near(x), near(other), far(add(other, one))};
  }

  // The index of a tap, and whether it is inside: a tap outside reads a place that padding names.
  Value tap(ImplicitLocOpBuilder &b, const Axis &axis, int64_t offset, Value &inside) {
    Value x = b.create<arith::AddFOp>(axis.base, number(b, static_cast<double>(offset)));
    if (padding == Padding::reflection) {
      Value below = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, x, axis.low);
      Value above = b.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, x, axis.high);
      Value moved = reflected(b, x, axis.low, axis.high);
      x = b.create<arith::SelectOp>(b.create<arith::OrIOp>(below, above), moved, x);
    }
    Value integer = b.create<arith::FPToSIOp>(b.getI64Type(), x);
    Value index = b.create<arith::IndexCastOp>(b.getIndexType(), integer);
    Value zero = constantIndex(b, 0);
    Value last = b.create<arith::SubIOp>(axis.extent, constantIndex(b, 1));
    if (padding == Padding::zeros) {
      Value after = b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, index, zero);
      Value before = b.create<arith::CmpIOp>(arith::CmpIPredicate::sle, index, last);
      Value both = b.create<arith::AndIOp>(after, before);
      inside = inside ? b.create<arith::AndIOp>(inside, both).getResult() : both;
      return index;
    }
    return b.create<arith::MaxSIOp>(b.create<arith::MinSIOp>(index, last), zero);
  }

  Value sample(ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
    SmallVector<Axis> axes;
    SmallVector<SmallVector<Value>> factors;
    for (int64_t i = 0; i < spatials; ++i) {
      axes.push_back(axisAt(b, at, i));
      if (interpolation != Interpolation::nearest)
        factors.push_back(weights(b, axes.back().rest));
    }
    int64_t taps = interpolation == Interpolation::nearest  ? 1
                   : interpolation == Interpolation::linear ? 2
                                                            : 4;
    int64_t first = interpolation == Interpolation::cubic ? -1 : 0, count = 1;
    for (int64_t i = 0; i < spatials; ++i)
      count *= taps;
    Value zero = b.create<arith::ConstantOp>(b.getZeroAttr(input.element)), total;
    DataType inner = place.isF64() ? DataType::f64 : DataType::f32;
    for (int64_t n = 0; n < count; ++n) {
      SmallVector<Value> from{at[0], at[1]};
      Value inside, weight;
      int64_t rest = n;
      for (int64_t i = 0; i < spatials; ++i, rest /= taps) {
        from.push_back(tap(b, axes[i], first + rest % taps, inside));
        if (factors.empty())
          continue;
        Value factor = factors[i][rest % taps];
        weight = weight ? b.create<arith::MulFOp>(weight, factor).getResult() : factor;
      }
      Value pixel = inside ? guardedExtract(b, inside, source, from, zero)
                           : b.create<tensor::ExtractOp>(source, from).getResult();
      if (weight)
        pixel = mulScalars(b, pixel, castScalar(b, weight, inner, input.dataType, input.element));
      total = total ? addScalars(b, total, pixel) : pixel;
    }
    return total;
  }

  NodeContext &node;
  Imported &input, &grid;
  int64_t spatials = 0;
  bool aligned = false;
  Interpolation interpolation = Interpolation::linear;
  Padding padding = Padding::zeros;
  Type place;
  Value source, places;
};

LogicalResult importGridSample(NodeContext &node) { return GridSampler(node).run(); }

// theta [N, D, D + 1] times [x, y, .., 1] of each place of an output of the given size.
LogicalResult importAffineGrid(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  bool aligned = node.intAttr("align_corners", 0) != 0;
  FailureOr<Dims> size = node.indices(1, "size");
  if (failed(size) || failed(checkFloat(node, 0)))
    return failure();
  auto spatials = static_cast<int64_t>(size->size()) - 2;
  Imported &theta = node.in(0);
  if ((spatials != 2 && spatials != 3) || theta.rank() != 3)
    return node.error() << "expected a size of 4 or 5 and matrices, got " << size->size() << " and "
                        << theta.rank() << " dimensions";
  Type element = theta.element;
  Value matrices = node.value(0);
  Dims dims{(*size)[0]};
  dims.append(size->begin() + 2, size->end());
  dims.push_back(fixed(b, spatials));
  Value made =
      generate(b, emptyTensor(b, dims, element),
               [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
                 auto number = [&](Value index) {
                   Value integer = inner.create<arith::IndexCastOp>(inner.getI64Type(), index);
                   return inner.create<arith::SIToFPOp>(element, integer).getResult();
                 };
                 Value total;
                 for (int64_t i = 0; i <= spatials; ++i) {
                   Value factor = inner.create<tensor::ExtractOp>(
                       matrices, ValueRange{at[0], at.back(), constantIndex(inner, i)});
                   if (i < spatials) {
                     // x is the last dimension's place.
                     int64_t axis = spatials - i;
                     Value place = number(at[axis]), extent = number(asValue(inner, dims[axis]));
                     Value one = constantFloat(inner, element, 1),
                           two = constantFloat(inner, element, 2);
                     place = mulScalars(inner, place, two);
                     if (aligned) {
                       extent = subScalars(inner, extent, one);
                       // One element is in the middle.
                       Value isOne = inner.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, extent,
                                                                 constantFloat(inner, element, 0));
                       place = inner.create<arith::SelectOp>(isOne, one, place);
                       extent = inner.create<arith::SelectOp>(isOne, one, extent);
                     } else {
                       place = addScalars(inner, place, one);
                     }
                     place = subScalars(inner, inner.create<arith::DivFOp>(place, extent), one);
                     factor = mulScalars(inner, factor, place);
                   }
                   total = total ? addScalars(inner, total, factor) : factor;
                 }
                 return total;
               });
  node.set(0, made, theta.dataType, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> gridOps() {
  static const OpImporter list[] = {
      {"AffineGrid", importAffineGrid, 2, 2},
      {"GridSample", importGridSample, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
