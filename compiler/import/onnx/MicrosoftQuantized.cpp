// Quantised operators of the domain com.microsoft, as onnxruntime's quantiser writes them: made of
// the standard's. Sums of products are exact; other arithmetic is in f32 between a
// DequantizeLinear and a QuantizeLinear.
#include "import/onnx/Compose.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// What a quantised tensor is: input `first` of the node, its scale and, if it has one, zero point.
Part dequantized(Composer &with, size_t first) {
  return with("DequantizeLinear", {with.input(first), with.input(first + 1), with.input(first + 2)},
              {attribute("axis", int64_t{0})});
}

// Scale and zero point are inputs `first` and `first` + 1; without a zero point it is 0 of `type`.
Part quantized(Composer &with, Part x, size_t first, DataType type) {
  Part zero = with.input(first + 1);
  if (!zero)
    zero = with.scalar(0, type);
  return with("QuantizeLinear", {x, with.input(first), zero}, {attribute("axis", int64_t{0})});
}

LogicalResult checkBytes(NodeContext &node, std::initializer_list<size_t> inputs) {
  for (size_t index : inputs) {
    if (!node.has(index))
      continue;
    if (DataType type = node.in(index).dataType; type != DataType::u8 && type != DataType::i8)
      return node.error() << "input '" << node.node.inputs[index] << "' must be u8 or i8, got "
                          << nameOf(type);
  }
  return success();
}

// Inputs behind optional ones.
LogicalResult checkPresent(NodeContext &node, std::initializer_list<size_t> inputs) {
  for (size_t index : inputs)
    if (!node.has(index))
      return node.error() << "input " << index << " is missing";
  return success();
}

// The node's attributes of these names, as they are.
SmallVector<NodeAttribute> taken(NodeContext &node, std::initializer_list<StringRef> names) {
  SmallVector<NodeAttribute> made;
  for (StringRef name : names)
    if (const NodeAttribute *given = node.find(name))
      made.push_back(*given);
  return made;
}

// Channels are last: `inner` sees them second.
Part channelsSecond(NodeContext &node, Composer &with, Part x, llvm::function_ref<Part(Part)> inner) {
  if (node.intAttr("channels_last", 0) == 0)
    return inner(x);
  int64_t rank = x->rank();
  SmallVector<int64_t> in{0, rank - 1}, out{0};
  for (int64_t axis = 1; axis < rank - 1; ++axis)
    in.push_back(axis), out.push_back(axis + 1);
  out.push_back(1);
  Part made = inner(with("Transpose", {x}, {attribute("perm", in)}));
  return with("Transpose", {made}, {attribute("perm", out)});
}

// ---- elementwise --------------------------------------------------------------------------------

// a, scale, zero, b, scale, zero, result's scale, zero
LogicalResult importBinary(NodeContext &node, StringRef op) {
  Composer with(node);
  if (failed(checkPresent(node, {3, 4, 6})) || failed(checkBytes(node, {0, 3})))
    return failure();
  Part made = with(op, {dequantized(with, 0), dequantized(with, 3)});
  return with.define(0, quantized(with, made, 6, node.in(0).dataType));
}
LogicalResult importAdd(NodeContext &node) { return importBinary(node, "Add"); }
LogicalResult importMul(NodeContext &node) { return importBinary(node, "Mul"); }

// x, scale, zero, result's scale, zero
LogicalResult importFunction(NodeContext &node, StringRef op, ArrayRef<NodeAttribute> attributes) {
  Composer with(node);
  if (failed(checkPresent(node, {3})) || failed(checkBytes(node, {0})))
    return failure();
  Part made = with(op, {dequantized(with, 0)}, attributes);
  return with.define(0, quantized(with, made, 3, node.in(0).dataType));
}

LogicalResult importSigmoid(NodeContext &node) { return importFunction(node, "Sigmoid", {}); }

LogicalResult importLeakyRelu(NodeContext &node) {
  return importFunction(node, "LeakyRelu", taken(node, {"alpha"}));
}

// The operator set in which it was a Softmax decides what 'axis' means.
LogicalResult importSoftmax(NodeContext &node) {
  bool isNew = node.intAttr("opset", 13) >= 13;
  int64_t axis = node.intAttr("axis", isNew ? -1 : 1);
  if (isNew)
    return importFunction(node, "Softmax", {attribute("axis", axis)});
  Composer with(node);
  if (failed(checkPresent(node, {3})) || failed(checkBytes(node, {0})))
    return failure();
  Part flat = with("Flatten", {dequantized(with, 0)}, {attribute("axis", axis)});
  Part made = with("Softmax", {flat}, {attribute("axis", int64_t{1})});
  made = with("Reshape", {made, with.shape(node.in(0).dims)}, {attribute("allowzero", int64_t{1})});
  return with.define(0, quantized(with, made, 3, node.in(0).dataType));
}

// condition, x, scale, zero, y, scale, zero, result's scale, zero
LogicalResult importWhere(NodeContext &node) {
  Composer with(node);
  if (failed(checkBytes(node, {1, 4, 8})))
    return failure();
  Part made = with("Where", {with.input(0), dequantized(with, 1), dequantized(with, 4)});
  return with.define(0, quantized(with, made, 7, node.in(8).dataType));
}

// Result's scale, zero; then x, scale, zero for each.
LogicalResult importConcat(NodeContext &node) {
  Composer with(node);
  if (node.numInputs() < 5 || (node.numInputs() - 2) % 3 != 0)
    return node.error() << "expected a scale, a zero point and three inputs for each tensor, got "
                        << node.numInputs() << " inputs";
  SmallVector<Part> parts;
  for (size_t first = 2; first < node.numInputs(); first += 3) {
    if (!node.has(first) || !node.has(first + 1))
      return node.error() << "input " << first << " or its scale is missing";
    if (failed(checkBytes(node, {first})))
      return failure();
    parts.push_back(dequantized(with, first));
  }
  Part made = with("Concat", parts, taken(node, {"axis"}));
  return with.define(0, quantized(with, made, 0, node.in(1).dataType));
}

// ---- means --------------------------------------------------------------------------------------

LogicalResult importGlobalAveragePool(NodeContext &node) {
  Composer with(node);
  if (failed(checkPresent(node, {3})) || failed(checkBytes(node, {0})))
    return failure();
  Part made = channelsSecond(node, with, dequantized(with, 0),
                             [&](Part x) { return with("GlobalAveragePool", {x}); });
  return with.define(0, quantized(with, made, 3, node.in(0).dataType));
}

LogicalResult importAveragePool(NodeContext &node) {
  Composer with(node);
  if (failed(checkPresent(node, {3})) || failed(checkBytes(node, {0})))
    return failure();
  SmallVector<NodeAttribute> attributes = taken(
      node, {"auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"});
  Part made = channelsSecond(node, with, dequantized(with, 0),
                             [&](Part x) { return with("AveragePool", {x}, attributes); });
  return with.define(0, quantized(with, made, 3, node.in(0).dataType));
}

LogicalResult importReduceMean(NodeContext &node) {
  Composer with(node);
  if (failed(checkPresent(node, {3})) || failed(checkBytes(node, {0})))
    return failure();
  auto axes = node.intsAttr("axes");
  Part made = with("ReduceMean", {dequantized(with, 0), axes ? with.ints(*axes) : nullptr},
                   taken(node, {"keepdims"}));
  return with.define(0, quantized(with, made, 3, node.in(0).dataType));
}

// ---- sums of products ---------------------------------------------------------------------------

Part transposedIf(Composer &with, Part x, bool turn) {
  return turn ? with("Transpose", {x}, {attribute("perm", ArrayRef<int64_t>{1, 0})}) : x;
}

// a, scale, zero, b, scale, zero, c in the product's scale, result's scale, zero. Without the last
// two the result is f32.
LogicalResult importGemm(NodeContext &node) {
  Composer with(node);
  if (failed(checkBytes(node, {0, 3, 8})))
    return failure();
  if (node.rank(0) != 2 || node.rank(3) != 2)
    return node.error() << "expected matrices, got " << node.rank(0) << " and " << node.rank(3)
                        << " dimensions";
  if (node.has(7) != node.has(8))
    return node.error() << "has one of the result's scale and zero point, not both";
  Part left = transposedIf(with, with.input(0), node.intAttr("transA", 0) != 0);
  Part right = transposedIf(with, with.input(3), node.intAttr("transB", 0) != 0);
  Part sums = with("MatMulInteger", {left, right, with.input(2), with.input(5)});
  if (node.has(6))
    sums = with("Add", {sums, with.input(6)});
  Part scale = with("Mul", {with.input(1), with.input(4)});
  if (double alpha = node.floatAttr("alpha", 1); alpha != 1)
    scale = with("Mul", {scale, with.scalar(alpha, DataType::f32)});
  Part made = with("Mul", {with.cast(sums, DataType::f32), scale});
  if (!node.has(8))
    return with.define(0, made);
  return with.define(0, quantized(with, made, 7, node.in(8).dataType));
}

// (a - its zero) (b - its zero), scaled, with a bias.
Part scaledProduct(Composer &with, Part a, Part aScale, Part aZero, Part b, Part bScale, Part bZero,
                   Part bias) {
  Part sums = with("MatMulInteger", {a, b, aZero, bZero});
  Part scale = with("Mul", {with.cast(aScale, DataType::f32), with.cast(bScale, DataType::f32)});
  Part made = with("Mul", {with.cast(sums, DataType::f32), scale});
  return bias ? with("Add", {made, with.cast(bias, DataType::f32)}) : made;
}

// a, b, a's scale, b's scale, a's zero, b's zero, bias
LogicalResult importMatMulToFloat(NodeContext &node) {
  Composer with(node);
  if (failed(checkBytes(node, {0, 1})))
    return failure();
  Part made =
      scaledProduct(with, with.input(0), with.input(2), with.input(4), with.input(1), with.input(3),
                    with.input(5), with.input(6));
  return with.hasFailed() ? failure() : with.define(0, with.cast(made, node.in(2).dataType));
}

// a, b, b's scale, b's zero, bias; a is quantised by its own range.
LogicalResult importDynamicMatMul(NodeContext &node) {
  Composer with(node);
  if (failed(checkBytes(node, {1})))
    return failure();
  SmallVector<Part> a = with.all("DynamicQuantizeLinear", {with.input(0)}, {}, 3);
  if (with.hasFailed())
    return failure();
  return with.define(0, scaledProduct(with, a[0], a[1], a[2], with.input(1), with.input(2),
                                      with.input(3), with.input(4)));
}

LogicalResult importConv(NodeContext &node) {
  Composer with(node);
  SmallVector<NodeAttribute> attributes =
      taken(node, {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"});
  Part made = channelsSecond(node, with, with.input(0), [&](Part x) {
    SmallVector<Part> inputs{x};
    for (size_t index = 1; index < 9; ++index)
      inputs.push_back(with.input(index));
    return with("QLinearConv", inputs, attributes);
  });
  return with.define(0, made);
}

// ---- what the standard has, too -----------------------------------------------------------------

LogicalResult importAsStandard(NodeContext &node, StringRef op) {
  Composer with(node);
  return with.define(0, with(op, {with.input(0), with.input(1), with.input(2)},
                             {attribute("axis", node.intAttr("axis", 1))}));
}
LogicalResult importQuantize(NodeContext &node) { return importAsStandard(node, "QuantizeLinear"); }
LogicalResult importDequantize(NodeContext &node) {
  return importAsStandard(node, "DequantizeLinear");
}

} // namespace

ArrayRef<OpImporter> microsoftQuantizedOps() {
  static const OpImporter list[] = {
      {"com.microsoft.DequantizeLinear", importDequantize, 2, 3},
      {"com.microsoft.DynamicQuantizeMatMul", importDynamicMatMul, 3, 5},
      {"com.microsoft.MatMulIntegerToFloat", importMatMulToFloat, 4, 7},
      {"com.microsoft.QGemm", importGemm, 6, 9},
      {"com.microsoft.QLinearAdd", importAdd, 2, 8},
      {"com.microsoft.QLinearAveragePool", importAveragePool, 2, 5},
      {"com.microsoft.QLinearConcat", importConcat, 5, anyNumber},
      {"com.microsoft.QLinearConv", importConv, 8, 9},
      {"com.microsoft.QLinearGlobalAveragePool", importGlobalAveragePool, 5, 5},
      {"com.microsoft.QLinearLeakyRelu", importLeakyRelu, 2, 5},
      {"com.microsoft.QLinearMul", importMul, 2, 8},
      {"com.microsoft.QLinearReduceMean", importReduceMean, 2, 5},
      {"com.microsoft.QLinearSigmoid", importSigmoid, 2, 5},
      {"com.microsoft.QLinearSoftmax", importSoftmax, 2, 5},
      {"com.microsoft.QLinearWhere", importWhere, 9, 9},
      {"com.microsoft.QuantizeLinear", importQuantize, 2, 3},
  };
  return list;
}

} // namespace halcyon::onnx
