#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// One axis that changes its extent.
struct Axis {
  int64_t number;
  Value scale; // f32: output extent / input extent
  OpFoldResult in, out;
};

// Where output position `at` (f32) lies on the input's axis.
Value originalPosition(ImplicitLocOpBuilder &b, StringRef transform, Value at, const Axis &axis) {
  auto number = [&](double value) { return constantFloat(b, b.getF32Type(), value); };
  auto extent = [&](OpFoldResult dim) {
    Value integer = toInteger(b, dim, b.getI64Type());
    return b.createOrFold<arith::SIToFPOp>(b.getF32Type(), integer);
  };
  if (transform == "asymmetric")
    return b.create<arith::DivFOp>(at, axis.scale);
  if (transform == "align_corners") {
    Value steps = b.create<arith::SubFOp>(extent(axis.out), number(1));
    Value room = b.create<arith::SubFOp>(extent(axis.in), number(1));
    Value single = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLE, steps, number(0));
    Value moved = b.create<arith::DivFOp>(b.create<arith::MulFOp>(at, room), steps);
    return b.create<arith::SelectOp>(single, number(0), moved);
  }
  // half_pixel
  Value center = b.create<arith::AddFOp>(at, number(0.5));
  Value moved = b.create<arith::SubFOp>(b.create<arith::DivFOp>(center, axis.scale), number(0.5));
  if (transform != "pytorch_half_pixel")
    return moved;
  Value single = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLE, extent(axis.out), number(1));
  return b.create<arith::SelectOp>(single, number(0), moved);
}

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

Value clampedIndex(ImplicitLocOpBuilder &b, Value position, OpFoldResult extent) {
  Value integer = b.create<arith::FPToSIOp>(b.getI64Type(), position);
  Value index = b.create<arith::IndexCastOp>(b.getIndexType(), integer);
  Value last = asValue(b, sub(b, extent, fixed(b, 1)));
  index = b.create<arith::MinSIOp>(index, last);
  return b.create<arith::MaxSIOp>(index, constantIndex(b, 0));
}

// 2^n corners around the position, weighted.
Value interpolate(ImplicitLocOpBuilder &b, Value source, ArrayRef<Value> at, ArrayRef<Axis> axes,
                  StringRef transform) {
  struct Corner {
    SmallVector<Value> at;
    Value weight;
  };
  SmallVector<Corner> corners{{SmallVector<Value>(at), nullptr}};
  for (const Axis &axis : axes) {
    Value integer = b.create<arith::IndexCastOp>(b.getI64Type(), at[axis.number]);
    Value position = b.create<arith::SIToFPOp>(b.getF32Type(), integer);
    position = originalPosition(b, transform, position, axis);
    // Positions before the first element are the first.
    position = b.create<arith::MaximumFOp>(position, constantFloat(b, b.getF32Type(), 0));
    Value low = b.create<math::FloorOp>(position);
    Value one = constantFloat(b, b.getF32Type(), 1);
    Value upper = b.create<arith::SubFOp>(position, low);
    Value lower = b.create<arith::SubFOp>(one, upper);
    Value lowIndex = clampedIndex(b, low, axis.in);
    Value highIndex = clampedIndex(b, b.create<arith::AddFOp>(low, one), axis.in);
    SmallVector<Corner> next;
    for (const Corner &corner : corners)
      for (auto [index, weight] : {std::pair(lowIndex, lower), std::pair(highIndex, upper)}) {
        Corner made = corner;
        made.at[axis.number] = index;
        made.weight =
            made.weight ? b.create<arith::MulFOp>(made.weight, weight).getResult() : weight;
        next.push_back(made);
      }
    corners = std::move(next);
  }
  Value total;
  for (const Corner &corner : corners) {
    Value element = b.create<tensor::ExtractOp>(source, corner.at);
    if (corner.weight)
      element = b.create<arith::MulFOp>(element, corner.weight);
    total = total ? b.create<arith::AddFOp>(total, element).getResult() : element;
  }
  return total;
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
      return node.error() << "has " << sizes->size() << " sizes for " << axes.size()
                          << " dimensions";
    for (auto [axis, size] : llvm::zip(axes, *sizes)) {
      auto toFloat = [&](OpFoldResult dim) {
        return b.createOrFold<arith::SIToFPOp>(b.getF32Type(), toInteger(b, dim, b.getI64Type()));
      };
      Value scale = b.createOrFold<arith::DivFOp>(toFloat(size), toFloat(dims[axis]));
      made.push_back({axis, scale, dims[axis], size});
    }
    return success();
  }
  if (!present(scalesInput))
    return node.error() << "has neither scales nor sizes";
  Imported &scales = node.in(scalesInput);
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
    made.push_back({axis, scale, dims[axis], out});
  }
  return success();
}

LogicalResult resize(NodeContext &node, size_t scalesInput, size_t sizesInput, StringRef transform,
                     StringRef nearest) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  StringRef mode = node.stringAttr("mode", "nearest");
  node.ignore({"cubic_coeff_a", "extrapolation_value", "exclude_outside"}); // other modes'
  if (mode != "nearest" && mode != "linear")
    return node.error() << "attribute 'mode' is '" << mode << "'";
  if (mode == "linear" && input.dataType != DataType::f32)
    return node.error() << "element type " << nameOf(input.dataType) << " is not supported";
  static constexpr StringRef transforms[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                             "asymmetric"};
  if (!llvm::is_contained(transforms, transform))
    return node.error() << "attribute 'coordinate_transformation_mode' is '" << transform << "'";
  static constexpr StringRef roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil"};
  if (!llvm::is_contained(roundings, nearest))
    return node.error() << "attribute 'nearest_mode' is '" << nearest << "'";
  if (node.intAttr("antialias", 0))
    return node.error() << "attribute 'antialias' is not supported";
  if (StringRef policy = node.stringAttr("keep_aspect_ratio_policy", "stretch");
      policy != "stretch")
    return node.error() << "attribute 'keep_aspect_ratio_policy' is '" << policy << "'";
  SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, input.rank()));
  if (auto given = node.intsAttr("axes")) {
    FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(*given, input.rank());
    if (failed(normal))
      return failure();
    numbers = *normal;
  }
  SmallVector<Axis> axes;
  if (failed(extentsOf(node, numbers, scalesInput, sizesInput, axes)))
    return failure();
  Dims dims = input.dims;
  for (const Axis &axis : axes)
    dims[axis.number] = axis.out;
  llvm::erase_if(axes, [](const Axis &axis) {
    FloatAttr scale;
    bool isOne = matchPattern(axis.scale, m_Constant(&scale)) && scale.getValueAsDouble() == 1;
    return isOne || axis.in == axis.out;
  });
  if (axes.empty()) {
    node.setAs(0, input);
    return success();
  }
  Value source = node.value(0);
  Value made = generate(
      b, emptyTensor(b, dims, input.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        if (mode == "linear")
          return interpolate(inner, source, at, axes, transform);
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

LogicalResult importUpsample(NodeContext &node) {
  return resize(node, 1, 3, "asymmetric", "floor");
}

} // namespace

ArrayRef<OpImporter> resizeOps() {
  static const OpImporter list[] = {
      {"Resize", importResize, 1, 4},
      {"Upsample", importUpsample, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
