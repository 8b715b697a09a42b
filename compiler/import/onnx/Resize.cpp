#include "import/onnx/Compose.h"
#include "import/onnx/Constants.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/ResizeAxes.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {

DataType sumType(DataType type) {
  bool isWide = type == DataType::f64 || (isInteger(type) && bitsOf(type) > 16);
  return isWide ? DataType::f64 : DataType::f32;
}

Value originalPosition(ImplicitLocOpBuilder &b, StringRef transform, Value at,
                       const ResizedAxis &axis) {
  auto number = [&](double value) { return constantFloat(b, b.getF32Type(), value); };
  auto extent = [&](OpFoldResult dim) {
    Value integer = toInteger(b, dim, b.getI64Type());
    return b.createOrFold<arith::SIToFPOp>(b.getF32Type(), integer);
  };
  if (transform == "asymmetric")
    return b.create<arith::DivFOp>(at, axis.scale);
  if (transform == "align_corners") {
    // The output's extent before it was rounded.
    Value exact = axis.isSized ? extent(axis.out)
                               : b.create<arith::MulFOp>(axis.scale, extent(axis.in)).getResult();
    Value steps = b.create<arith::SubFOp>(exact, number(1));
    Value room = b.create<arith::SubFOp>(extent(axis.in), number(1));
    Value single = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLE, steps, number(0));
    Value moved = b.create<arith::DivFOp>(b.create<arith::MulFOp>(at, room), steps);
    return b.create<arith::SelectOp>(single, number(0), moved);
  }
  if (transform == "tf_crop_and_resize") {
    Value steps = b.create<arith::SubFOp>(extent(axis.out), number(1));
    Value room = b.create<arith::SubFOp>(extent(axis.in), number(1));
    Value part = b.create<arith::MulFOp>(b.create<arith::SubFOp>(axis.end, axis.begin), room);
    Value single = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLE, steps, number(0));
    Value middle = b.create<arith::MulFOp>(part, number(0.5));
    Value moved = b.create<arith::DivFOp>(b.create<arith::MulFOp>(at, part), steps);
    moved = b.create<arith::SelectOp>(single, middle, moved);
    return b.create<arith::AddFOp>(moved, b.create<arith::MulFOp>(axis.begin, room));
  }
  // half_pixel
  Value scaled = b.create<arith::DivFOp>(b.create<arith::AddFOp>(at, number(0.5)), axis.scale);
  if (transform == "half_pixel_symmetric") {
    // The centres of both extents meet, also where the output's was rounded.
    Value exact = b.create<arith::MulFOp>(axis.scale, extent(axis.in));
    Value rounding = b.create<arith::DivFOp>(extent(axis.out), exact);
    Value half = b.create<arith::MulFOp>(extent(axis.in), number(0.5));
    Value offset = b.create<arith::MulFOp>(half, b.create<arith::SubFOp>(number(1), rounding));
    scaled = b.create<arith::AddFOp>(offset, scaled); // in the standard's order: half an element decides in mode nearest
  }
  Value moved = b.create<arith::SubFOp>(scaled, number(0.5));
  if (transform != "pytorch_half_pixel")
    return moved;
  Value single = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLE, extent(axis.out), number(1));
  return b.create<arith::SelectOp>(single, number(0), moved);
}

namespace {

using Axis = ResizedAxis;
using Filter = ResizeFilter;

Value roundNearest(ImplicitLocOpBuilder &b, StringRef mode, Value position) {
  if (mode == "floor")
    return b.create<math::FloorOp>(position);
  if (mode == "ceil")
    return b.create<math::CeilOp>(position);
  Value half = constantFloat(b, position.getType(), 0.5);
  if (mode == "round_prefer_ceil")
    return b.create<math::FloorOp>(b.create<arith::AddFOp>(position, half));
  return b.create<math::CeilOp>(b.create<arith::SubFOp>(position, half));
}

Value clamped(ImplicitLocOpBuilder &b, Value index, OpFoldResult extent) {
  Value last = asValue(b, sub(b, extent, fixed(b, 1)));
  index = b.create<arith::MinSIOp>(index, last);
  return b.create<arith::MaxSIOp>(index, constantIndex(b, 0));
}

Value clampedIndex(ImplicitLocOpBuilder &b, Value position, OpFoldResult extent) {
  Value integer = b.create<arith::FPToSIOp>(b.getI64Type(), position);
  return clamped(b, b.create<arith::IndexCastOp>(b.getIndexType(), integer), extent);
}

// Between two given extents, positions are quotients of whole numbers: exact, where a rounded scale would decide wrongly
// what lies in the middle of two elements.
Value nearestOfSizes(ImplicitLocOpBuilder &b, StringRef transform, StringRef mode, Value at, const Axis &axis) {
  auto number = [&](int64_t value) { return constantIndex(b, value); };
  auto add = [&](Value l, Value r) { return b.createOrFold<arith::AddIOp>(l, r); };
  auto subtract = [&](Value l, Value r) { return b.createOrFold<arith::SubIOp>(l, r); };
  auto times = [&](Value l, Value r) { return b.createOrFold<arith::MulIOp>(l, r); };
  Value in = asValue(b, axis.in), out = asValue(b, axis.out);
  Value over, under;
  if (transform == "asymmetric") {
    over = times(at, in);
    under = out;
  } else if (transform == "align_corners") {
    over = times(at, subtract(in, number(1)));
    under = b.createOrFold<arith::MaxSIOp>(subtract(out, number(1)), number(1));
  } else { // the kinds of half_pixel, which a given size makes equal but for one
    over = subtract(times(add(times(at, number(2)), number(1)), in), out);
    under = times(out, number(2));
    if (transform == "pytorch_half_pixel") {
      Value single = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::sle, out, number(1));
      over = b.createOrFold<arith::SelectOp>(single, number(0), over);
    }
  }
  if (mode == "floor")
    return b.create<arith::FloorDivSIOp>(over, under);
  if (mode == "ceil")
    return b.create<arith::CeilDivSIOp>(over, under);
  Value twice = times(under, number(2));
  over = times(over, number(2));
  if (mode == "round_prefer_ceil")
    return b.create<arith::FloorDivSIOp>(add(over, under), twice);
  return b.create<arith::CeilDivSIOp>(subtract(over, under), twice);
}

struct Tap {
  Value index, weight;
};

// The two elements around a position, or the four of Keys' cubic convolution.
SmallVector<Tap> tapsAt(ImplicitLocOpBuilder &b, const Filter &filter, Value position,
                        OpFoldResult extent) {
  auto number = [&](double value) { return constantFloat(b, b.getF32Type(), value); };
  auto add = [&](Value l, Value r) { return b.create<arith::AddFOp>(l, r).getResult(); };
  auto mul = [&](Value l, Value r) { return b.create<arith::MulFOp>(l, r).getResult(); };
  Value low = b.create<math::FloorOp>(position), one = number(1);
  Value upper = b.create<arith::SubFOp>(position, low);
  Value lower = b.create<arith::SubFOp>(one, upper);
  SmallVector<Value> weights{lower, upper};
  if (filter.isCubic) {
    double a = filter.coefficient;
    auto far = [&](Value d) { // 1 < d < 2
      Value made = add(mul(number(a), d), number(-5 * a));
      return add(mul(add(mul(made, d), number(8 * a)), d), number(-4 * a));
    };
    auto near = [&](Value d) { // 0 <= d <= 1
      return add(mul(mul(add(mul(number(a + 2), d), number(-(a + 3))), d), d), one);
    };
    weights = {far(add(upper, one)), near(upper), near(lower), far(add(lower, one))};
  }
  SmallVector<Tap> taps;
  Value total;
  for (auto [offset, weight] : llvm::enumerate(weights)) {
    Value at = add(low, number(static_cast<double>(offset) - (filter.isCubic ? 1 : 0)));
    if (filter.excludesOutside) {
      Value last = b.create<arith::SIToFPOp>(
          b.getF32Type(), toInteger(b, sub(b, extent, fixed(b, 1)), b.getI64Type()));
      Value after = b.create<arith::CmpFOp>(arith::CmpFPredicate::OGE, at, number(0));
      Value before = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLE, at, last);
      Value inside = b.create<arith::AndIOp>(after, before);
      weight = b.create<arith::SelectOp>(inside, weight, number(0));
      total = total ? add(total, weight) : weight;
    }
    taps.push_back({clampedIndex(b, at, extent), weight});
  }
  if (total)
    for (Tap &tap : taps)
      tap.weight = b.create<arith::DivFOp>(tap.weight, total);
  return taps;
}

// The elements around the position, weighted. Integers are weighted by how they differ from the one before it: weights may not
// add up to 1 exactly, and what is the same everywhere would be truncated to one less.
Value interpolate(ImplicitLocOpBuilder &b, Value source, ArrayRef<Value> at, ArrayRef<Axis> axes,
                  const Filter &filter, DataType type) {
  struct Corner {
    SmallVector<Value> at;
    Value weight;
  };
  Type element = cast<RankedTensorType>(source.getType()).getElementType();
  SmallVector<SmallVector<Tap>> taps;
  Value outside;
  for (const Axis &axis : axes) {
    Value integer = b.create<arith::IndexCastOp>(b.getI64Type(), at[axis.number]);
    Value position = b.create<arith::SIToFPOp>(b.getF32Type(), integer);
    position = originalPosition(b, filter.transform, position, axis);
    Value zero = constantFloat(b, b.getF32Type(), 0);
    if (filter.transform == "tf_crop_and_resize") {
      Value last = b.create<arith::SIToFPOp>(
          b.getF32Type(), toInteger(b, sub(b, axis.in, fixed(b, 1)), b.getI64Type()));
      Value before = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, position, zero);
      Value after = b.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, position, last);
      Value either = b.create<arith::OrIOp>(before, after);
      outside = outside ? b.create<arith::OrIOp>(outside, either).getResult() : either;
    }
    // Positions before the first element are the first.
    if (!filter.isCubic)
      position = b.create<arith::MaximumFOp>(position, zero);
    taps.push_back(tapsAt(b, filter, position, axis.in));
  }
  DataType inner = sumType(type);
  Type innerType = inner == DataType::f64 ? Type(b.getF64Type()) : Type(b.getF32Type());
  auto wide = [&](Value weight) { return castScalar(b, weight, DataType::f32, inner, innerType); };
  auto found = [&](ArrayRef<Value> from) {
    return castScalar(b, b.create<tensor::ExtractOp>(source, from), type, inner, innerType);
  };
  auto differences = [&](auto &self, SmallVector<Value> from, size_t number) -> Value {
    if (number == axes.size())
      return found(from);
    auto along = [&](const Tap &tap) {
      from[axes[number].number] = tap.index;
      return self(self, from, number + 1);
    };
    const size_t before = taps[number].size() / 2 - 1;
    Value first = along(taps[number][before]), total = first;
    for (auto [i, tap] : llvm::enumerate(taps[number]))
      if (i != before)
        total = addScalars(b, total, mulScalars(b, wide(tap.weight), subScalars(b, along(tap), first)));
    return total;
  };
  auto products = [&] {
    SmallVector<Corner> corners{{SmallVector<Value>(at), nullptr}};
    for (auto [axis, own] : llvm::zip(axes, taps)) {
      SmallVector<Corner> next;
      for (const Corner &corner : corners)
        for (const Tap &tap : own) {
          Corner made = corner;
          made.at[axis.number] = tap.index;
          made.weight =
              made.weight ? b.create<arith::MulFOp>(made.weight, tap.weight).getResult() : tap.weight;
          next.push_back(made);
        }
      corners = std::move(next);
    }
    Value total;
    for (const Corner &corner : corners) {
      Value one = found(corner.at);
      if (corner.weight)
        one = b.create<arith::MulFOp>(one, wide(corner.weight));
      total = total ? b.create<arith::AddFOp>(total, one).getResult() : one;
    }
    return total;
  };
  Value total = isInteger(type) ? differences(differences, SmallVector<Value>(at), 0) : products();
  total = castScalar(b, total, inner, type, element);
  if (outside)
    total = b.create<arith::SelectOp>(outside, constantLike(b, total, filter.extrapolation), total);
  return total;
}

// Which of the axes' scales all take, so that an image keeps its form: sizes become those of that
// scale.
LogicalResult keepAspectRatio(NodeContext &node, StringRef policy, MutableArrayRef<Axis> axes) {
  ImplicitLocOpBuilder &b = node.b;
  if (policy != "not_larger" && policy != "not_smaller")
    return node.error() << "attribute 'keep_aspect_ratio_policy' is '" << policy << "'";
  Value scale;
  for (const Axis &axis : axes)
    scale = !scale                   ? axis.scale
            : policy == "not_larger" ? b.createOrFold<arith::MinimumFOp>(scale, axis.scale)
                                     : b.createOrFold<arith::MaximumFOp>(scale, axis.scale);
  for (Axis &axis : axes) {
    axis.scale = scale;
    axis.isSized = false;
    Value extent =
        b.createOrFold<arith::SIToFPOp>(b.getF32Type(), toInteger(b, axis.in, b.getI64Type()));
    Value exact = b.createOrFold<arith::MulFOp>(scale, extent);
    exact = b.createOrFold<arith::AddFOp>(exact, constantFloat(b, b.getF32Type(), 0.5));
    exact = b.createOrFold<math::FloorOp>(exact);
    axis.out = toIndex(b, b.createOrFold<arith::FPToSIOp>(b.getI64Type(), exact), false);
  }
  return success();
}

// Scales or sizes for each of `axes`; nothing read where the node has neither.
LogicalResult extentsOf(NodeContext &node, ArrayRef<int64_t> axes, size_t scalesInput,
                        size_t sizesInput, SmallVector<Axis> &made) {
  ImplicitLocOpBuilder &b = node.b;
  const Dims &dims = node.in(0).dims;
  auto present = [&](size_t input) { return node.has(input) && node.in(input).numElements() != 0; };
  if (present(sizesInput)) {
    FailureOr<Dims> sizes = node.indices(sizesInput, "sizes");
    if (failed(sizes))
      return failure();
    if (sizes->size() != axes.size())
      return node.error(node.find("axes") ? "axes" : "") << "has " << sizes->size() << " sizes for " << axes.size()
                          << " dimensions";
    for (auto [axis, size] : llvm::zip(axes, *sizes)) {
      auto toFloat = [&](OpFoldResult dim) {
        return b.createOrFold<arith::SIToFPOp>(b.getF32Type(), toInteger(b, dim, b.getI64Type()));
      };
      Value scale = b.createOrFold<arith::DivFOp>(toFloat(size), toFloat(dims[axis]));
      made.push_back({axis, scale, dims[axis], size, {}, {}, true});
    }
    StringRef policy = node.stringAttr("keep_aspect_ratio_policy", "stretch");
    return policy == "stretch" ? success() : keepAspectRatio(node, policy, made);
  }
  if (!present(scalesInput))
    return node.error() << "has neither scales nor sizes";
  Imported scales = node.in(scalesInput);
  if (scales.dataType == DataType::f32 && scales.rank() == 1 && !scales.numElements()) {
    // How many there are is not declared: as many as axes.
    auto count = static_cast<int64_t>(axes.size());
    requireEqual(b, scales.dims[0], fixed(b, count));
    auto type = RankedTensorType::get({count}, scales.element);
    scales = node.graph.fromTensor(b, b.create<tensor::CastOp>(type, node.value(scalesInput)), scales.dataType);
  }
  if (scales.dataType != DataType::f32 || scales.numElements() != static_cast<int64_t>(axes.size()))
    return node.error() << "scales must be one f32 for each of " << axes.size() << " dimensions";
  for (auto [axis, scale] : llvm::zip(axes, node.graph.elementsOf(b, scales))) {
    FloatAttr constant;
    OpFoldResult out;
    if (matchPattern(scale, m_Constant(&constant))) {
      double factor = constant.getValueAsDouble();
      if (!(factor > 0))
        return node.error() << "a scale is " << factor;
      if (std::optional<int64_t> extent = known(dims[axis]))
        out = fixed(b, static_cast<int64_t>(std::floor(static_cast<double>(*extent) * factor)));
      else if (factor == std::floor(factor) && factor < 1e6)
        out = mul(b, dims[axis], fixed(b, static_cast<int64_t>(factor)));
    }
    if (!out) {
      Value extent =
          b.create<arith::SIToFPOp>(b.getF64Type(), toInteger(b, dims[axis], b.getI64Type()));
      Value wide = b.create<arith::ExtFOp>(b.getF64Type(), scale);
      Value product = b.create<math::FloorOp>(b.create<arith::MulFOp>(extent, wide));
      out = toIndex(b, b.create<arith::FPToSIOp>(b.getI64Type(), product), false);
    }
    made.push_back({axis, scale, dims[axis], out, {}, {}});
  }
  return success();
}

// Input roi: where the part of each axis begins, then where each ends, of an extent of 1.
LogicalResult readRegion(NodeContext &node, MutableArrayRef<Axis> axes) {
  if (!node.has(1) || !isFloat(node.in(1).dataType) ||
      node.in(1).numElements() != 2 * static_cast<int64_t>(axes.size()))
    return node.error() << "tf_crop_and_resize needs a roi of two numbers for each axis";
  SmallVector<Value> given = node.graph.elementsOf(node.b, node.in(1));
  for (auto [index, axis] : llvm::enumerate(axes)) {
    auto number = [&](Value value) {
      return castScalar(node.b, value, node.in(1).dataType, DataType::f32, node.b.getF32Type());
    };
    axis.begin = number(given[index]);
    axis.end = number(given[index + axes.size()]);
  }
  return success();
}

LogicalResult resize(NodeContext &node, size_t scalesInput, size_t sizesInput, StringRef transform,
                     StringRef nearest) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  StringRef mode = node.stringAttr("mode", "nearest");
  Filter filter{transform, mode == "cubic", node.intAttr("exclude_outside", 0) != 0,
                node.floatAttr("cubic_coeff_a", -0.75), node.floatAttr("extrapolation_value", 0)};
  node.ignore(AttributeKind::s, {"keep_aspect_ratio_policy"}); // of sizes
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    return node.error() << "attribute 'mode' is '" << mode << "'";
  if (mode != "nearest" && !isFloat(input.dataType) && !isInteger(input.dataType))
    return node.error() << "element type " << nameOf(input.dataType) << " is not supported";
  static constexpr StringRef transforms[] = {"half_pixel",           "pytorch_half_pixel",
                                             "align_corners",        "asymmetric",
                                             "half_pixel_symmetric", "tf_crop_and_resize"};
  if (!llvm::is_contained(transforms, transform))
    return node.error() << "attribute 'coordinate_transformation_mode' is '" << transform << "'";
  static constexpr StringRef roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil"};
  if (!llvm::is_contained(roundings, nearest))
    return node.error() << "attribute 'nearest_mode' is '" << nearest << "'";
  bool antialias = node.intAttr("antialias", 0) != 0 && mode != "nearest";
  SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, input.rank()));
  if (auto given = node.intsAttr("axes")) {
    FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(*given, input.rank(), "axes");
    if (failed(normal))
      return failure();
    numbers = *normal;
  }
  SmallVector<Axis> axes;
  if (failed(extentsOf(node, numbers, scalesInput, sizesInput, axes)))
    return failure();
  if (transform == "tf_crop_and_resize" && failed(readRegion(node, axes)))
    return failure();
  if (transform == "tf_crop_and_resize" && mode == "nearest")
    return node.error() << "tf_crop_and_resize with mode 'nearest' is not supported";
  Dims dims = input.dims;
  for (const Axis &axis : axes)
    dims[axis.number] = axis.out;
  llvm::erase_if(axes, [](const Axis &axis) {
    if (axis.begin)
      return false;
    FloatAttr scale;
    bool isOne = matchPattern(axis.scale, m_Constant(&scale)) && scale.getValueAsDouble() == 1;
    return isOne || axis.in == axis.out;
  });
  if (axes.empty()) {
    node.setAs(0, input);
    return success();
  }
  Value source = node.value(0);
  if (antialias) {
    node.set(0, resizeSmoothly(node, input, axes, filter), input.dataType, dims);
    return success();
  }
  Value made = generate(
      b, emptyTensor(b, dims, input.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        if (mode != "nearest")
          return interpolate(inner, source, at, axes, filter, input.dataType);
        SmallVector<Value> from(at);
        for (const Axis &axis : axes) {
          // A whole factor without an offset is integer arithmetic.
          FloatAttr scale;
          if (transform == "asymmetric" && nearest == "floor" &&
              matchPattern(axis.scale, m_Constant(&scale)) &&
              scale.getValueAsDouble() == std::floor(scale.getValueAsDouble())) {
            auto factor = static_cast<int64_t>(scale.getValueAsDouble());
            from[axis.number] =
                inner.create<arith::DivUIOp>(at[axis.number], constantIndex(inner, factor));
            continue;
          }
          if (axis.isSized) {
            Value place = nearestOfSizes(inner, transform, nearest, at[axis.number], axis);
            from[axis.number] = clamped(inner, place, axis.in);
            continue;
          }
          Value integer = inner.create<arith::IndexCastOp>(inner.getI64Type(), at[axis.number]);
          Value position = inner.create<arith::SIToFPOp>(inner.getF32Type(), integer);
          position = originalPosition(inner, transform, position, axis);
          from[axis.number] = clampedIndex(inner, roundNearest(inner, nearest, position), axis.in);
        }
        return inner.create<tensor::ExtractOp>(source, from).getResult();
      });
  node.set(0, made, input.dataType, dims);
  return success();
}

// Inputs x, roi, scales, sizes; in opset 10 x, scales.
LogicalResult importResize(NodeContext &node) {
  if (node.opset() < 11)
    return resize(node, 1, 3, "asymmetric", "floor");
  return resize(node, 2, 3, node.stringAttr("coordinate_transformation_mode", "half_pixel"),
                node.stringAttr("nearest_mode", "round_prefer_floor"));
}

// Scales: an input since opset 9, before attributes.
LogicalResult importUpsample(NodeContext &node) {
  if (node.has(1))
    return resize(node, 1, 3, "asymmetric", "floor");
  std::vector<float> scales;
  if (const NodeAttribute *given = node.find("scales", AttributeKind::floats))
    scales = given->floats;
  double height = node.floatAttr("height_scale", 0), width = node.floatAttr("width_scale", 0);
  if (scales.empty() && height > 0 && width > 0)
    scales = {1, 1, static_cast<float>(height), static_cast<float>(width)};
  if (scales.size() != static_cast<size_t>(node.rank(0)) && !scales.empty())
    return node.error(height > 0 ? "height_scale" : "scales") << scales.size() << " scales for " << node.rank(0) << " dimensions";
  if (scales.empty())
    return node.error() << "has no attribute 'scales', nor both 'height_scale' and 'width_scale'";
  StringRef mode = node.stringAttr("mode", "nearest");
  Composer with(node);
  return with.define(
      0, with("Resize", {with.input(0), nullptr, with.constant(makeTensor(DataType::f32, scales))},
              {attribute("mode", mode == "bilinear" ? StringRef("linear") : mode),
               attribute("coordinate_transformation_mode", StringRef("asymmetric")),
               attribute("nearest_mode", StringRef("floor"))}));
}

} // namespace

ArrayRef<OpImporter> resizeOps() {
  static const OpImporter list[] = {
      {"Resize", importResize, 1, 4},
      {"Upsample", importUpsample, 1, 2},
  };
  return list;
}

} // namespace halcyon::onnx
