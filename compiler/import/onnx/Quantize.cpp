// Quantised numbers: (q - zero point) * scale. Sums of products are exact, and rounding is to
// nearest, ties to even.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// A scale or zero point of one element, one an axis, or one a block of `block` elements of the
// axis, in a shape that broadcasts to the input's.
FailureOr<Part> spread(NodeContext &node, Composer &with, Part factor, const Imported &input,
                       int64_t axis, int64_t block) {
  if (factor->numElements() == 1 && factor->rank() <= 1)
    return with("Reshape", {factor, with.ints({})});
  FailureOr<int64_t> normal = node.normalizeAxis(axis, input.rank(), "axis");
  if (failed(normal))
    return failure();
  if (block == 0) {
    if (factor->rank() != 1)
      return node.error() << "a scale of " << factor->rank() << " dimensions needs a block size";
    SmallVector<int64_t> shape(input.rank(), 1);
    shape[*normal] = -1;
    return with("Reshape", {factor, with.ints(shape)});
  }
  if (factor->rank() != input.rank())
    return node.error("block_size") << "a scale by blocks must have " << input.rank() << " dimensions, got "
                        << factor->rank();
  Dims dims = factor->dims;
  dims.insert(dims.begin() + *normal + 1, fixed(node.b, block));
  Part made = with("Unsqueeze", {factor, with.ints({*normal + 1})});
  made = with("Expand", {made, with.shape(dims)});
  Dims flat = factor->dims;
  flat[*normal] = mul(node.b, flat[*normal], fixed(node.b, block));
  made = with("Reshape", {made, with.shape(flat)});
  if (known(flat[*normal]) && known(flat[*normal]) == known(input.dims[*normal]))
    return made;
  // The last block may be cut.
  return with("Slice",
              {made, with.ints({0}), with.shape({input.dims[*normal]}), with.ints({*normal})});
}

struct Range {
  double low, high;
};
std::optional<Range> rangeOf(DataType type) {
  if (!isInteger(type) || bitsOf(type) > 16)
    return std::nullopt;
  double count = std::ldexp(1.0, static_cast<int>(bitsOf(type)));
  return isUnsigned(type) ? Range{0, count - 1} : Range{-count / 2, count / 2 - 1};
}

// x plus a zero point, which leaves -0 alone where the zero point is 0.
Part besideZero(Composer &with, Part x, Part zero) {
  if (!zero)
    return x;
  Part given = with.cast(zero, x->dataType);
  return with("Sub", {x, with("Sub", {with.scalar(0, x->dataType), given})});
}

// x to a small float, after the zero point.
Part toSmallFloat(Composer &with, Part x, Part zero, DataType to, int64_t saturate) {
  return with("Cast", {besideZero(with, x, zero)},
              {attribute("to", static_cast<int64_t>(to)), attribute("saturate", saturate)});
}

// round(x) + zero point, into the type's range.
FailureOr<Part> saturated(NodeContext &node, Composer &with, Part x, Part zero, DataType to) {
  std::optional<Range> range = rangeOf(to);
  if (!range)
    return node.error() << "element type " << nameOf(to) << " is not supported";
  x = with("Round", {with.cast(x, DataType::f32)});
  if (zero)
    x = with("Add", {x, with.cast(zero, DataType::f32)});
  x = with("Clip",
           {x, with.scalar(range->low, DataType::f32), with.scalar(range->high, DataType::f32)});
  return with.cast(x, to);
}

LogicalResult define(Composer &with, FailureOr<Part> part, size_t output = 0) {
  return failed(part) ? failure() : with.define(output, *part);
}

LogicalResult importQuantizeLinear(NodeContext &node) {
  Composer with(node);
  int64_t saturate = node.intAttr("saturate", 1);
  int64_t axis = node.intAttr("axis", 1), block = node.sizeAttr("block_size", 0);
  auto to = node.typeAttr("output_dtype", DataType::undefined);
  auto precision = node.typeAttr("precision", DataType::undefined);
  if (node.has(2))
    to = node.in(2).dataType;
  else if (to == DataType::undefined)
    to = DataType::u8;
  DataType inner = precision != DataType::undefined ? precision : node.in(1).dataType;
  if (isSmallFloat(inner)) // a scale of powers of two: exact in any type
    inner = isFloat(node.in(0).dataType) ? node.in(0).dataType : DataType::f32;
  if (inner == DataType::i32) // quotients of integers are no integers
    inner = DataType::f64;
  if (!isFloat(inner))
    return node.error() << "cannot divide by a scale of type " << nameOf(inner);
  FailureOr<Part> scale = spread(node, with, with.input(1), node.in(0), axis, block);
  FailureOr<Part> zero = Part(nullptr);
  if (succeeded(scale) && node.has(2))
    zero = spread(node, with, with.input(2), node.in(0), axis, block);
  if (failed(scale) || failed(zero) || with.hasFailed())
    return failure();
  Part x = with("Div", {with.cast(with.input(0), inner), with.cast(*scale, inner)});
  if (isSmallFloat(to))
    return with.define(0, toSmallFloat(with, x, *zero, to, saturate));
  return define(with, saturated(node, with, x, *zero, to));
}

// q - zero point, in i32.
Part centred(Composer &with, Part q, Part zero) {
  Part made = with.cast(q, DataType::i32);
  return zero ? with("Sub", {made, with.cast(zero, DataType::i32)}) : made;
}

// The same in a floating-point type, also of small floats.
Part centredFloat(Composer &with, Part q, Part zero, DataType type) {
  if (isInteger(q->dataType))
    return with.cast(centred(with, q, zero), type);
  Part made = with.cast(q, type);
  return zero ? with("Sub", {made, with.cast(zero, type)}) : made;
}

LogicalResult importDequantizeLinear(NodeContext &node) {
  Composer with(node);
  int64_t axis = node.intAttr("axis", 1), block = node.sizeAttr("block_size", 0);
  auto to = node.typeAttr("output_dtype", DataType::undefined);
  DataType type = node.in(0).dataType, scaleType = node.in(1).dataType;
  if (to == DataType::undefined)
    to = isFloat(scaleType) ? scaleType : DataType::f32;
  bool isNumber = isInteger(type) || isSmallFloat(type);
  if (!isNumber || !(isFloat(scaleType) || isSmallFloat(scaleType)) || !isFloat(to) || block < 0)
    return node.error() << "element types " << nameOf(type) << ", " << nameOf(scaleType) << " and "
                        << nameOf(to) << " are not supported";
  FailureOr<Part> scale = spread(node, with, with.input(1), node.in(0), axis, block);
  FailureOr<Part> zero = Part(nullptr);
  if (succeeded(scale) && node.has(2))
    zero = spread(node, with, with.input(2), node.in(0), axis, block);
  if (failed(scale) || failed(zero) || with.hasFailed())
    return failure();
  // In f32 and more, so that it is rounded once.
  DataType inner = scaleType == DataType::f64 ? DataType::f64 : DataType::f32;
  Part x = centredFloat(with, with.input(0), *zero, inner);
  return with.define(0, with.cast(with("Mul", {x, with.cast(*scale, inner)}), to));
}

// Scale and zero point from the input's own range, which always has 0.
LogicalResult importDynamicQuantize(NodeContext &node) {
  Composer with(node);
  if (failed(checkFloat(node, 0)))
    return failure();
  Part x = with.input(0), none = with.scalar(0, x->dataType);
  // Rows first: their kernels are faster than one that reduces everything.
  auto overAll = [&](StringRef op) {
    NodeAttribute drop = attribute("keepdims", int64_t{0});
    Part rows = x->rank() > 1 ? with(op, {x, with.ints({-1})}, {drop}) : x;
    return with(op, {rows}, {drop});
  };
  Part low = with("Min", {overAll("ReduceMin"), none});
  Part high = with("Max", {overAll("ReduceMax"), none});
  Part scale = with("Div", {with("Sub", {high, low}), with.scalar(255, x->dataType)});
  // All zero: any scale does.
  Part divisor = with("Where", {with("Equal", {scale, none}), with.scalar(1, x->dataType), scale});
  // Of infinite elements there is none: the references then take the largest.
  Part place = with("Neg", {with("Div", {low, divisor})});
  place = with("Where", {with("IsNaN", {place}), with.scalar(255, x->dataType), place});
  FailureOr<Part> zero = saturated(node, with, place, nullptr, DataType::u8);
  if (failed(zero))
    return failure();
  FailureOr<Part> made = saturated(node, with, with("Div", {x, divisor}), *zero, DataType::u8);
  return success(succeeded(define(with, made)) && succeeded(with.define(1, scale)) &&
                 succeeded(with.define(2, *zero)));
}

LogicalResult checkQuantised(NodeContext &node, std::initializer_list<size_t> inputs,
                             bool allowFloats = false) {
  for (size_t index : inputs)
    if (DataType type = node.in(index).dataType;
        type != DataType::u8 && type != DataType::i8 &&
        !(allowFloats && isSmallFloat(type) && bitsOf(type) == 8 && type != DataType::f8e8m0))
      return node.error() << "input '" << node.node.inputs[index] << "' must be u8 or i8, got "
                          << nameOf(type);
  return success();
}

// Numbers of 8 or 32 bits.
int64_t integerAt(const Tensor &tensor, size_t index) {
  const std::byte *bytes = tensor.bytes.view.data();
  if (tensor.type == DataType::i32) {
    int32_t value;
    std::memcpy(&value, bytes + 4 * index, sizeof(value));
    return value;
  }
  auto byte = static_cast<uint8_t>(bytes[index]);
  return tensor.type == DataType::u8 ? byte : static_cast<int8_t>(byte);
}

// The type in which sums of products with bytes are exact, in any order: f32 where the constant
// operand's magnitudes are such that no sum leaves its integers. Dimension `outputs` of `w` is the
// result's; the zero points, if there are several, belong to it.
DataType exactSums(Part w, Part zero, size_t outputs, Part bias, DataType otherwise) {
  if (!w->constant || (zero && !zero->constant) || (bias && !bias->constant))
    return otherwise;
  const Tensor &weights = *w->constant;
  int64_t inner = 1, total = 1, extent = weights.dims[outputs];
  for (auto [axis, dim] : llvm::enumerate(weights.dims)) {
    total *= dim;
    inner *= axis > outputs ? dim : 1;
  }
  int64_t zeros = zero ? *zero->numElements() : 1;
  if (zeros != 1 && zeros != extent)
    return otherwise;
  SmallVector<int64_t> sums(static_cast<size_t>(extent), 0);
  for (int64_t i = 0; i < total; ++i) {
    int64_t output = i / inner % extent;
    int64_t from = zero ? integerAt(*zero->constant, zeros == 1 ? 0 : output) : 0;
    sums[output] += std::abs(integerAt(weights, i) - from);
  }
  int64_t most = sums.empty() ? 0 : *llvm::max_element(sums) * 255, added = 0;
  for (int64_t i = 0; bias && i < *bias->numElements(); ++i)
    added = std::max(added, std::abs(integerAt(*bias->constant, i)));
  return most + added <= int64_t{1} << 24 ? DataType::f32 : otherwise;
}

// A zero point a row of the left matrix, where it is a list.
Part byRow(Composer &with, Part factor) {
  return factor && factor->rank() == 1 && factor->numElements() != 1
             ? with("Unsqueeze", {factor, with.ints({-1})})
             : factor;
}

// Times the right matrix, in i32.
Part multiplied(Composer &with, Part left, Part right, Part zero) {
  DataType inner = right->rank() == 2 ? exactSums(right, zero, 1, nullptr, DataType::i32) : DataType::i32;
  Part factors = with.cast(centred(with, right, zero), inner);
  return with.cast(with("MatMul", {with.cast(left, inner), factors}), DataType::i32);
}

LogicalResult importMatMulInteger(NodeContext &node) {
  Composer with(node);
  if (failed(checkQuantised(node, {0, 1})))
    return failure();
  Part left = centred(with, with.input(0), byRow(with, with.input(2)));
  return with.define(0, multiplied(with, left, with.input(1), with.input(3)));
}

// a, scale, zero, b, scale, zero, result's scale, zero
LogicalResult importQLinearMatMul(NodeContext &node) {
  Composer with(node);
  if (failed(checkQuantised(node, {0, 3, 7}, true)))
    return failure();
  DataType f32 = DataType::f32, to = node.in(7).dataType;
  Part leftZero = byRow(with, with.input(2)), sums;
  if (isInteger(node.in(0).dataType) && isInteger(node.in(3).dataType))
    sums = multiplied(with, centred(with, with.input(0), leftZero), with.input(3), with.input(5));
  else
    sums = with("MatMul", {centredFloat(with, with.input(0), leftZero, f32),
                           centredFloat(with, with.input(3), with.input(5), f32)});
  Part scale =
      with("Mul", {with.cast(byRow(with, with.input(1)), f32), with.cast(with.input(4), f32)});
  Part made = with("Mul", {with.cast(sums, f32), scale});
  made = with("Div", {made, with.cast(byRow(with, with.input(6)), f32)});
  Part zero = byRow(with, with.input(7));
  if (isSmallFloat(to))
    return with.define(0, toSmallFloat(with, made, zero, to, 1));
  return define(with, saturated(node, with, made, zero, to));
}

// Attributes of a convolution, handed on.
SmallVector<NodeAttribute> windowAttributes(NodeContext &node) {
  SmallVector<NodeAttribute> made;
  for (StringRef name : {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"})
    if (const NodeAttribute *given = node.find(name))
      made.push_back(*given);
  return made;
}

// A factor of each of the filter's outputs, beside `after` more dimensions.
Part byOutput(Composer &with, Part factor, int64_t after) {
  if (!factor || factor->numElements() == 1)
    return factor;
  SmallVector<int64_t> shape(static_cast<size_t>(after) + 1, 1);
  shape.front() = -1;
  return with("Reshape", {factor, with.ints(shape)});
}

// Sums of integer products, and room for the bias, in f32 or f64, where they are exact.
Part convolved(NodeContext &node, Composer &with, Part x, Part xZero, Part w, Part wZero,
               Part bias) {
  DataType inner = exactSums(w, wZero, 0, bias, DataType::f64);
  Part input = with.cast(centred(with, x, xZero), inner);
  Part filter = centred(with, w, byOutput(with, wZero, w->rank() - 1));
  return with("Conv", {input, with.cast(filter, inner)}, windowAttributes(node));
}

LogicalResult importConvInteger(NodeContext &node) {
  Composer with(node);
  if (failed(checkQuantised(node, {0, 1})))
    return failure();
  Part made = convolved(node, with, with.input(0), with.input(2), with.input(1), with.input(3), nullptr);
  return with.define(0, with.cast(made, DataType::i32));
}

// x, scale, zero, w, scale, zero, result's scale, zero, bias
LogicalResult importQLinearConv(NodeContext &node) {
  Composer with(node);
  if (failed(checkQuantised(node, {0, 3, 7})))
    return failure();
  Part sums = convolved(node, with, with.input(0), with.input(2), with.input(3), with.input(5),
                        with.input(8));
  int64_t spatial = node.rank(0) - 2;
  if (node.has(8) && !with.hasFailed())
    sums = with("Add", {sums, byOutput(with, with.cast(with.input(8), sums->dataType), spatial)});
  DataType f32 = DataType::f32;
  Part scale = with("Mul", {with.cast(with.input(1), f32), with.cast(with.input(4), f32)});
  scale = byOutput(with, with("Div", {scale, with.cast(with.input(6), f32)}), spatial);
  Part made = with("Mul", {with.cast(sums, f32), scale});
  return define(with, saturated(node, with, made, with.input(7), node.in(7).dataType));
}

} // namespace

ArrayRef<OpImporter> quantizeOps() {
  static const OpImporter list[] = {
      {"ConvInteger", importConvInteger, 2, 4},
      {"DequantizeLinear", importDequantizeLinear, 2, 3},
      {"DynamicQuantizeLinear", importDynamicQuantize, 1, 1, 3},
      {"MatMulInteger", importMatMulInteger, 2, 4},
      {"QLinearConv", importQLinearConv, 8, 9},
      {"QLinearMatMul", importQLinearMatMul, 8, 8},
      {"QuantizeLinear", importQuantizeLinear, 2, 3},
  };
  return list;
}

} // namespace halcyon::onnx
