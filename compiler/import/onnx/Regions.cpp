// Regions of images: at places that are no whole numbers, or joined from columns.
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "import/onnx/ThroughF32.h"
#include "import/onnx/Window.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

Value number(ImplicitLocOpBuilder &b, Type type, double value) {
  return constantFloat(b, type, value);
}

Value toFloat(ImplicitLocOpBuilder &b, Value index, Type type) {
  return b.create<arith::SIToFPOp>(type, b.create<arith::IndexCastOp>(b.getI64Type(), index));
}

Value toPlace(ImplicitLocOpBuilder &b, Value x) {
  return b.create<arith::IndexCastOp>(b.getIndexType(),
                                      b.create<arith::FPToSIOp>(b.getI64Type(), x));
}

// The four elements around a place of a plane, and their weights.
struct Corners {
  SmallVector<Value> values, weights;

  Value sum(ImplicitLocOpBuilder &b) const {
    Value total;
    for (auto [value, weight] : llvm::zip(values, weights)) {
      Value part = mulScalars(b, value, weight);
      total = total ? addScalars(b, total, part) : part;
    }
    return total;
  }
};

// `leading` names the plane. Elements outside it are 0.
Corners cornersAt(ImplicitLocOpBuilder &b, Value source, ArrayRef<Value> leading, Value y, Value x,
                  OpFoldResult height, OpFoldResult width) {
  Type type = y.getType();
  Value limit = number(b, type, 1e9), zero = number(b, type, 0), one = number(b, type, 1);
  // What no index holds is far outside.
  auto bounded = [&](Value v) {
    return b.create<arith::MaxNumFOp>(b.create<arith::MinNumFOp>(v, limit), number(b, type, -1e9));
  };
  Value at[2] = {bounded(y), bounded(x)}, low[2], rest[2];
  for (int i : {0, 1}) {
    low[i] = b.create<math::FloorOp>(at[i]);
    rest[i] = b.create<arith::SubFOp>(at[i], low[i]);
  }
  Value extents[2] = {asValue(b, height), asValue(b, width)};
  Corners made;
  for (int dy : {0, 1})
    for (int dx : {0, 1}) {
      int offsets[2] = {dy, dx};
      SmallVector<Value> place(leading);
      Value inside, weight;
      for (int i : {0, 1}) {
        Value index = toPlace(b, offsets[i] ? b.create<arith::AddFOp>(low[i], one) : low[i]);
        Value after =
            b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, index, constantIndex(b, 0));
        Value before = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, index, extents[i]);
        Value both = b.create<arith::AndIOp>(after, before);
        inside = inside ? b.create<arith::AndIOp>(inside, both).getResult() : both;
        Value factor = offsets[i] ? rest[i] : b.create<arith::SubFOp>(one, rest[i]).getResult();
        weight = weight ? mulScalars(b, weight, factor) : factor;
        place.push_back(index);
      }
      made.values.push_back(guardedExtract(b, inside, source, place, zero));
      made.weights.push_back(weight);
    }
  return made;
}

LogicalResult checkSameFloats(NodeContext &node, ArrayRef<size_t> inputs) {
  for (size_t index : inputs)
    if (node.has(index) &&
        (node.in(index).dataType != node.in(0).dataType ||
         (node.in(0).dataType != DataType::f32 && node.in(0).dataType != DataType::f64)))
      return node.error() << "input '" << node.node.inputs[index]
                          << "' must be f32 or f64, as the first";
  return success();
}

// A convolution whose window's places are moved by `offset`, and weighted by `mask`.
LogicalResult importDeformConv(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0), &filter = node.in(1), &offset = node.in(2);
  if (hasSmallFloats(node, 0))
    return importThroughF32(node);
  if (failed(checkSameFloats(node, {0, 1, 2, 3, 4})))
    return failure();
  if (input.rank() != 4 || filter.rank() != 4 || offset.rank() != 4 ||
      (node.has(4) && node.rank(4) != 4) || (node.has(3) && node.rank(3) != 1))
    return node.error() << "expected input, filter, offset and mask of 4 dimensions";
  SmallVector<int64_t> sizes; // of the filter, and the input's channels
  for (OpFoldResult dim :
       {filter.dims[0], filter.dims[1], filter.dims[2], filter.dims[3], input.dims[1]}) {
    if (!known(dim))
      return node.error() << "the filter's shape and the channels must be static: others are not supported";
    sizes.push_back(*known(dim));
  }
  int64_t outs = sizes[0], ins = sizes[1], kh = sizes[2], kw = sizes[3];
  if (auto given = node.intsAttr("kernel_shape"); given && *given != SmallVector<int64_t>{kh, kw})
    return node.error() << "attribute 'kernel_shape' differs from the filter's shape";
  int64_t groups = node.sizeAttr("group", 1), offsetGroups = node.sizeAttr("offset_group", 1);
  if (outs % groups || sizes[4] != ins * groups)
    return node.error("group") << groups << " groups of " << ins << " channels do not fit " << sizes[4] << " and "
                               << outs << " outputs";
  if (sizes[4] % offsetGroups)
    return node.error("offset_group") << offsetGroups << " groups do not fit " << sizes[4] << " channels";
  FailureOr<Window> window = windowOf(node, {kh, kw}, input.dims);
  if (failed(window))
    return failure();
  Dims extents = windowExtents(b, *window, input.dims, false);
  auto requirePlaces = [&](size_t index, int64_t channels, StringRef what) {
    const Dims &given = node.in(index).dims, wanted{input.dims[0], fixed(b, channels), extents[0], extents[1]};
    return success(llvm::all_of(llvm::zip(given, wanted), [&](auto pair) {
      return succeeded(node.requireSame(std::get<0>(pair), std::get<1>(pair), what));
    }));
  };
  if (failed(requirePlaces(2, offsetGroups * kh * kw * 2, "extents of the offsets")) ||
      (node.has(4) && failed(requirePlaces(4, offsetGroups * kh * kw, "extents of the mask"))) ||
      (node.has(3) && failed(node.requireSame(node.in(3).dims[0], filter.dims[0], "biases and channels"))))
    return failure();
  Value source = node.value(0), weights = node.value(1), offsets = node.value(2);
  Value bias = node.has(3) ? node.value(3) : Value(), mask = node.has(4) ? node.value(4) : Value();
  Dims dims{input.dims[0], filter.dims[0], offset.dims[2], offset.dims[3]};
  Type element = input.element;
  Value made = generate(
      b, emptyTensor(b, dims, element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        Value start = bias ? inner.create<tensor::ExtractOp>(bias, at[1]).getResult()
                           : number(inner, element, 0);
        Value group = inner.create<arith::DivUIOp>(at[1], constantIndex(inner, outs / groups));
        Value first = inner.create<arith::MulIOp>(group, constantIndex(inner, ins));
        return accumulate(
            inner, {constantIndex(inner, ins), constantIndex(inner, kh), constantIndex(inner, kw)},
            start, [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value total) {
              Value channel = deep.create<arith::AddIOp>(first, i[0]);
              Value offsetGroup = deep.create<arith::DivUIOp>(
                  channel, constantIndex(deep, sizes[4] / offsetGroups));
              Value tap = deep.create<arith::MulIOp>(offsetGroup, constantIndex(deep, kh));
              tap = deep.create<arith::AddIOp>(tap, i[1]);
              tap = deep.create<arith::MulIOp>(tap, constantIndex(deep, kw));
              tap = deep.create<arith::AddIOp>(tap, i[2]);
              Value places[2];
              for (int axis : {0, 1}) {
                Value move = deep.create<arith::MulIOp>(tap, constantIndex(deep, 2));
                move = deep.create<arith::AddIOp>(move, constantIndex(deep, axis));
                Value by =
                    deep.create<tensor::ExtractOp>(offsets, ValueRange{at[0], move, at[2], at[3]});
                Value base = deep.create<arith::MulIOp>(at[2 + axis],
                                                        constantIndex(deep, window->strides[axis]));
                Value step = deep.create<arith::MulIOp>(
                    i[1 + axis], constantIndex(deep, window->dilations[axis]));
                base = deep.create<arith::AddIOp>(base, step);
                base = deep.create<arith::SubIOp>(base, constantIndex(deep, window->padLow[axis]));
                places[axis] = addScalars(deep, toFloat(deep, base, element), by);
              }
              Value value = cornersAt(deep, source, {at[0], channel}, places[0], places[1],
                                      input.dims[2], input.dims[3])
                                .sum(deep);
              Value weight =
                  deep.create<tensor::ExtractOp>(weights, ValueRange{at[1], i[0], i[1], i[2]});
              value = mulScalars(deep, value, weight);
              if (mask)
                value = mulScalars(
                    deep, value,
                    deep.create<tensor::ExtractOp>(mask, ValueRange{at[0], tap, at[2], at[3]}));
              return addScalars(deep, total, value);
            });
      });
  node.set(0, made, input.dataType, dims);
  return success();
}

// Columns [N, C * block, L] back to images [N, C, image...]: what meets at a place is added.
LogicalResult importCol2Im(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  FailureOr<Dims> image = node.indices(1, "image_shape");
  FailureOr<Dims> blockDims = node.indices(2, "block_shape");
  if (failed(image) || failed(blockDims))
    return failure();
  size_t spatials = image->size();
  if (input.rank() != 3 || spatials == 0 || blockDims->size() != spatials || isBool(input.dataType))
    return node.error() << "expected 3 dimensions, and shapes of image and block of one length";
  auto list = [&](StringRef name, size_t count, int64_t otherwise) {
    SmallVector<int64_t> made(count, otherwise);
    if (auto given = node.intsAttr(name))
      made = *given;
    return made;
  };
  SmallVector<int64_t> strides = list("strides", spatials, 1),
                       dilations = list("dilations", spatials, 1);
  SmallVector<int64_t> pads = list("pads", 2 * spatials, 0);
  if (strides.size() != spatials || dilations.size() != spatials || pads.size() != 2 * spatials ||
      llvm::any_of(strides, [](int64_t s) { return s < 1; }))
    return node.error() << "attributes 'strides', 'dilations' and 'pads' do not fit " << spatials
                        << " dimensions";
  Dims counts; // of block positions, an axis each
  for (size_t i = 0; i < spatials; ++i) {
    OpFoldResult reach = mul(b, sub(b, (*blockDims)[i], fixed(b, 1)), fixed(b, dilations[i]));
    OpFoldResult room = add(b, (*image)[i], fixed(b, pads[i] + pads[i + spatials] - 1));
    counts.push_back(add(b, floorDiv(b, sub(b, room, reach), fixed(b, strides[i])), fixed(b, 1)));
  }
  OpFoldResult size = product(b, *blockDims);
  Dims dims{input.dims[0], floorDiv(b, input.dims[1], size)};
  llvm::append_range(dims, *image);
  Value source = node.value(0);
  Value made = generate(
      b, emptyTensor(b, dims, input.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        Value zero = inner.create<arith::ConstantOp>(inner.getZeroAttr(input.element));
        return accumulate(
            inner, asValues(inner, *blockDims), zero,
            [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> k, Value total) {
              Value none = constantIndex(deep, 0), inside = deep.create<arith::ConstantIntOp>(1, 1);
              Value row = at[1], column = none;
              using P = arith::CmpIPredicate;
              auto require = [&](P predicate, Value l, Value r) {
                inside =
                    deep.create<arith::AndIOp>(inside, deep.create<arith::CmpIOp>(predicate, l, r));
              };
              for (size_t i = 0; i < spatials; ++i) {
                // at + pad = position * stride + k * dilation
                Value stride = constantIndex(deep, strides[i]);
                Value moved = deep.create<arith::AddIOp>(at[2 + i], constantIndex(deep, pads[i]));
                moved = deep.create<arith::SubIOp>(
                    moved, deep.create<arith::MulIOp>(k[i], constantIndex(deep, dilations[i])));
                require(P::sge, moved, none);
                require(P::eq, deep.create<arith::RemSIOp>(moved, stride), none);
                Value position = deep.create<arith::DivSIOp>(moved, stride);
                require(P::slt, position, asValue(deep, counts[i]));
                row = deep.create<arith::AddIOp>(
                    deep.create<arith::MulIOp>(row, asValue(deep, (*blockDims)[i])), k[i]);
                column = deep.create<arith::AddIOp>(
                    deep.create<arith::MulIOp>(column, asValue(deep, counts[i])), position);
              }
              // Too few columns add nothing.
              require(P::slt, column, asValue(deep, input.dims[2]));
              Value value = guardedExtract(deep, inside, source, {at[0], row, column}, zero);
              return addScalars(deep, total, value);
            });
      });
  node.set(0, made, input.dataType, dims);
  return success();
}

// A grid of samples of each region, each output the mean or the greatest of its cell's.
LogicalResult importRoiAlign(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0), &regions = node.in(1);
  StringRef mode = node.stringAttr("mode", "avg");
  StringRef transform = node.stringAttr("coordinate_transformation_mode",
                                        node.opset() < 16 ? "output_half_pixel" : "half_pixel");
  if (node.opset() < 16)
    transform = "output_half_pixel";
  int64_t height = node.sizeAttr("output_height", 1), width = node.sizeAttr("output_width", 1);
  int64_t samples = node.sizeAttr("sampling_ratio", 0);
  double scale = node.floatAttr("spatial_scale", 1);
  if (mode != "avg" && mode != "max")
    return node.error() << "attribute 'mode' is '" << mode << "'";
  if (transform != "half_pixel" && transform != "output_half_pixel")
    return node.error() << "attribute 'coordinate_transformation_mode' is '" << transform << "'";
  if (hasSmallFloats(node, 0) && node.opset() >= 16)
    return importThroughF32(node);
  if (failed(checkSameFloats(node, {0, 1})))
    return failure();
  if (input.rank() != 4 || regions.rank() != 2 || known(regions.dims[1]).value_or(4) != 4 ||
      node.rank(2) != 1 || !isInteger(node.in(2).dataType))
    return node.error() << "expected 4 dimensions, regions of 4 numbers and a list of batches";
  if (failed(node.requireSame(regions.dims[0], node.in(2).dims[0], "the regions and their batches")) ||
      failed(node.requireSame(regions.dims[1], fixed(b, 4), "the numbers of a region and 4")))
    return failure();
  Value source = node.value(0), rois = node.value(1), batches = node.value(2);
  Dims dims{regions.dims[0], input.dims[1], fixed(b, height), fixed(b, width)};
  Type element = input.element;
  bool isHalf = transform == "half_pixel", isMax = mode == "max";
  Value made = generate(
      b, emptyTensor(b, dims, element),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        Value batch =
            asValue(inner, toIndex(inner, inner.create<tensor::ExtractOp>(batches, at[0]), false));
        // A batch that is none reads the nearest.
        Value lastBatch = asValue(inner, sub(inner, input.dims[0], fixed(inner, 1)));
        batch = inner.create<arith::MinSIOp>(batch, lastBatch);
        batch = inner.create<arith::MaxSIOp>(batch, constantIndex(inner, 0));
        Value starts[2], cells[2], counts[2], perCell[2];
        int64_t outs[2] = {height, width};
        for (int axis : {0, 1}) { // y, then x; regions are x, y, x, y
          auto corner = [&](int64_t which) {
            Value x = inner.create<tensor::ExtractOp>(
                rois, ValueRange{at[0], constantIndex(inner, which + 1 - axis)});
            x = mulScalars(inner, x, number(inner, element, scale));
            return isHalf ? subScalars(inner, x, number(inner, element, 0.5)) : x;
          };
          starts[axis] = corner(0);
          Value extent = subScalars(inner, corner(2), starts[axis]);
          if (!isHalf)
            extent = inner.create<arith::MaximumFOp>(extent, number(inner, element, 1));
          cells[axis] = inner.create<arith::DivFOp>(
              extent, number(inner, element, static_cast<double>(outs[axis])));
          counts[axis] = samples ? constantIndex(inner, samples)
                                 : toPlace(inner, inner.create<math::CeilOp>(cells[axis]));
          perCell[axis] =
              inner.create<arith::DivFOp>(cells[axis], toFloat(inner, counts[axis], element));
        }
        auto infinity = APFloat::getInf(cast<FloatType>(element).getFloatSemantics(), true);
        Value lowest = inner.create<arith::ConstantOp>(inner.getFloatAttr(element, infinity));
        Value start = isMax ? lowest : number(inner, element, 0);
        Value total = accumulate(
            inner, {counts[0], counts[1]}, start,
            [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value before) -> Value {
              Value places[2], outside;
              OpFoldResult extents[2] = {input.dims[2], input.dims[3]};
              using P = arith::CmpFPredicate;
              for (int axis : {0, 1}) {
                Value x = mulScalars(deep, toFloat(deep, at[2 + axis], element), cells[axis]);
                x = addScalars(deep, x, starts[axis]);
                Value half = number(deep, element, 0.5), zero = number(deep, element, 0);
                Value step = addScalars(deep, toFloat(deep, i[axis], element), half);
                x = addScalars(deep, x, mulScalars(deep, step, perCell[axis]));
                Value size = toFloat(deep, asValue(deep, extents[axis]), element);
                Value below = deep.create<arith::CmpFOp>(P::OLT, x, number(deep, element, -1));
                Value above = deep.create<arith::CmpFOp>(P::OGT, x, size);
                Value either = deep.create<arith::OrIOp>(below, above);
                outside = outside ? deep.create<arith::OrIOp>(outside, either).getResult() : either;
                // Up to one element outside the border counts as on it.
                Value last = subScalars(deep, size, number(deep, element, 1));
                x = deep.create<arith::MaximumFOp>(x, zero);
                places[axis] = deep.create<arith::MinimumFOp>(x, last);
              }
              Corners corners = cornersAt(deep, source, {batch, at[1]}, places[0], places[1],
                                          input.dims[2], input.dims[3]);
              Value zero = number(deep, element, 0);
              if (!isMax) {
                Value value = deep.create<arith::SelectOp>(outside, zero, corners.sum(deep));
                return addScalars(deep, before, value);
              }
              Value top;
              for (auto [value, weight] : llvm::zip(corners.values, corners.weights)) {
                Value part = mulScalars(deep, value, weight);
                top = top ? deep.create<arith::MaximumFOp>(top, part).getResult() : part;
              }
              top = deep.create<arith::SelectOp>(outside, zero, top);
              return deep.create<arith::MaximumFOp>(before, top);
            });
        Value count = inner.create<arith::MulIOp>(counts[0], counts[1]);
        count = inner.create<arith::MaxSIOp>(count, constantIndex(inner, 1));
        if (isMax)
          return total;
        return inner.create<arith::DivFOp>(total, toFloat(inner, count, element));
      });
  node.set(0, made, input.dataType, dims);
  return success();
}

// By elimination, each column with its greatest element as pivot.
LogicalResult importDet(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  constexpr int64_t most = 16;
  std::optional<int64_t> size = input.rank() < 2 ? std::nullopt : known(input.dims.back());
  if (failed(checkFloat(node, 0)))
    return failure();
  if (!size || known(input.dims[input.rank() - 2]) != size || *size > most)
    return node.error() << "expected square matrices of a static size up to " << most
                        << ": others are not supported";
  int64_t n = *size;
  Dims dims(input.dims.begin(), input.dims.end() - 2);
  Value source = node.value(0);
  Type element = input.element;
  Value made = generate(
      b, emptyTensor(b, dims, element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        SmallVector<SmallVector<Value>> rows(n);
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < n; ++j) {
            SmallVector<Value> place(at);
            place.append({constantIndex(inner, i), constantIndex(inner, j)});
            rows[i].push_back(inner.create<tensor::ExtractOp>(source, place));
          }
        Value total = number(inner, element, 1), zero = number(inner, element, 0);
        for (int64_t k = 0; k < n; ++k) {
          for (int64_t i = k + 1; i < n; ++i) {
            Value greater = inner.create<arith::CmpFOp>(arith::CmpFPredicate::OGT,
                                                        inner.create<math::AbsFOp>(rows[i][k]),
                                                        inner.create<math::AbsFOp>(rows[k][k]));
            for (int64_t j = k; j < n; ++j) {
              Value up = rows[k][j], down = rows[i][j];
              rows[k][j] = inner.create<arith::SelectOp>(greater, down, up);
              rows[i][j] = inner.create<arith::SelectOp>(greater, up, down);
            }
            Value turned = inner.create<arith::NegFOp>(total);
            total = inner.create<arith::SelectOp>(greater, turned, total);
          }
          Value pivot = rows[k][k];
          total = mulScalars(inner, total, pivot);
          Value isZero = inner.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, pivot, zero);
          Value divisor = inner.create<arith::SelectOp>(isZero, number(inner, element, 1), pivot);
          for (int64_t i = k + 1; i < n; ++i) {
            Value factor = inner.create<arith::DivFOp>(rows[i][k], divisor);
            for (int64_t j = k + 1; j < n; ++j)
              rows[i][j] = subScalars(inner, rows[i][j], mulScalars(inner, factor, rows[k][j]));
          }
        }
        return total;
      });
  node.set(0, made, input.dataType, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> regionOps() {
  static const OpImporter list[] = {
      {"Col2Im", importCol2Im, 3, 3},
      {"DeformConv", importDeformConv, 3, 5},
      {"Det", importDet, 1, 1},
      {"RoiAlign", importRoiAlign, 3, 3},
  };
  return list;
}

} // namespace halcyon::onnx
