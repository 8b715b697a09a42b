// Whole layers of the domain com.microsoft with quantised weights: LSTM, attention, embedding. Their
// sums of products are exact where the activations are quantised, too.
#include "import/onnx/Compose.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

LogicalResult checkBytes(NodeContext &node, std::initializer_list<size_t> inputs) {
  for (size_t index : inputs) {
    if (!node.has(index))
      return node.error() << "input " << index << " is missing";
    if (DataType type = node.in(index).dataType; type != DataType::u8 && type != DataType::i8)
      return node.error() << "input '" << node.node.inputs[index] << "' must be u8 or i8, got "
                          << nameOf(type);
  }
  return success();
}

// (q - zero) * scale, where both belong to the first dimension or to the first and the last.
Part dequantized(NodeContext &node, Composer &with, Part q, Part scale, Part zero) {
  auto aligned = [&](Part factor) {
    if (factor->numElements() == 1)
      return with("Reshape", {factor, with.ints({})});
    return factor->rank() == 1 ? with("Unsqueeze", {factor, with.ints({1, 2})})
                               : with("Unsqueeze", {factor, with.ints({1})});
  };
  Part made = with.cast(q, DataType::i32);
  if (zero)
    made = with("Sub", {made, with.cast(aligned(zero), DataType::i32)});
  return with("Mul", {with.cast(made, DataType::f32), aligned(scale)});
}

// X, W, R, B, lengths, h, c, P, W's scale, zero, R's scale, zero; weights are [directions, inputs,
// gates]. onnxruntime quantises X and each state by its own range; here they stay f32.
LogicalResult importLstm(NodeContext &node) {
  Composer with(node);
  if (failed(checkBytes(node, {1, 2})))
    return failure();
  for (size_t index : {8, 10})
    if (!node.has(index))
      return node.error() << "input " << index << " is missing";
  SmallVector<NodeAttribute> attributes;
  for (StringRef name : {"activations", "activation_alpha", "activation_beta", "clip", "direction",
                         "hidden_size", "input_forget"})
    if (const NodeAttribute *given = node.find(name))
      attributes.push_back(*given);
  SmallVector<Part> inputs{with.input(0)};
  for (size_t index : {1, 2}) {
    size_t factors = 6 + 2 * index;
    if (node.rank(index) != 3)
      return node.error() << "input '" << node.node.inputs[index] << "' must have 3 dimensions";
    Part weights = dequantized(node, with, with.input(index), with.input(factors),
                               with.input(factors + 1));
    inputs.push_back(
        with("Transpose", {weights}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1})}));
  }
  for (size_t index = 3; index < 8; ++index)
    inputs.push_back(with.input(index));
  SmallVector<Part> results = with.all("LSTM", inputs, attributes, 3);
  for (auto [index, result] : llvm::enumerate(results))
    if (node.wants(index) && failed(with.define(index, result)))
      return failure();
  return success();
}

// Which keys count: [batch, 1, 1, keys] or [batch, 1, queries, keys] of bool.
FailureOr<Part> maskOf(NodeContext &node, Composer &with, Part given, OpFoldResult batch,
                       OpFoldResult keys) {
  if (given->rank() == 2 || given->rank() == 3) { // 1 where a key counts
    Part made = with.cast(given, DataType::boolean);
    return with("Unsqueeze", {made, given->rank() == 2 ? with.ints({1, 2}) : with.ints({1})});
  }
  if (given->rank() != 1)
    return node.error() << "a mask of " << given->rank() << " dimensions is not supported";
  if (given->dims[0] != batch && known(given->dims[0]) != known(batch))
    return node.error() << "a mask of one dimension must have the keys' number for each of the batch";
  Part limit = with.cast(with.shape({keys}), DataType::i32);
  Part places = with("Range", {with.scalar(0, DataType::i32),
                               with("Squeeze", {limit, with.ints({0})}), with.scalar(1, DataType::i32)});
  return with("Unsqueeze",
              {with("Less", {places, with("Unsqueeze", {given, with.ints({1})})}), with.ints({1, 2})});
}

// input, weight, bias, input's scale, weight's scale, mask, input's zero, weight's zero, past
LogicalResult importAttention(NodeContext &node) {
  Composer with(node);
  ImplicitLocOpBuilder &b = node.b;
  node.ignore(AttributeKind::i, {"past_present_share_buffer"});
  node.ignore(AttributeKind::f, {"mask_filter_value"}); // what is masked counts nothing
  if (failed(checkBytes(node, {0, 1})))
    return failure();
  int64_t heads = node.intAttr("num_heads", 0);
  if (node.intAttr("do_rotary", 0) != 0)
    return node.error() << "attribute 'do_rotary' is not supported";
  if (node.rank(0) != 3 || node.rank(1) != 2 || heads < 1)
    return node.error() << "expected an input of 3 dimensions, weights of 2 and num_heads";
  std::optional<int64_t> columns = known(node.in(1).dims[1]);
  if (!columns || *columns % (3 * heads))
    return node.error() << "the weights' columns must be three times the heads' sizes";
  Part sums = with("MatMulInteger", {with.input(0), with.input(1), with.input(6), with.input(7)});
  Part scale = with("Mul", {with.input(3), with.input(4)});
  Part all = with("Add", {with("Mul", {with.cast(sums, DataType::f32), scale}), with.input(2)});
  SmallVector<Part> qkv =
      with.all("Split", {all}, {attribute("axis", int64_t{-1}), attribute("num_outputs", int64_t{3})}, 3);
  OpFoldResult keys = node.in(0).dims[1];
  Part pastKey = nullptr, pastValue = nullptr;
  if (node.has(8)) {
    if (node.rank(8) != 5)
      return node.error() << "the past must have 5 dimensions";
    keys = add(b, keys, node.in(8).dims[3]);
    auto half = [&](int64_t index) {
      return with("Gather", {with.input(8), with.scalar(static_cast<double>(index), DataType::i64)},
                  {attribute("axis", int64_t{0})});
    };
    pastKey = half(0), pastValue = half(1);
  }
  Part mask = nullptr;
  if (node.has(5)) {
    FailureOr<Part> made = maskOf(node, with, with.input(5), node.in(0).dims[0], keys);
    if (failed(made))
      return failure();
    mask = *made;
  }
  SmallVector<NodeAttribute> attributes{attribute("q_num_heads", heads),
                                        attribute("kv_num_heads", heads),
                                        attribute("is_causal", node.intAttr("unidirectional", 0))};
  if (double given = node.floatAttr("scale", 0); given != 0)
    attributes.push_back(attribute("scale", given));
  SmallVector<Part> made =
      with.all("Attention", {qkv[0], qkv[1], qkv[2], mask, pastKey, pastValue}, attributes, 3);
  if (node.wants(1)) {
    Part present = with("Concat", {with("Unsqueeze", {made[1], with.ints({0})}),
                                   with("Unsqueeze", {made[2], with.ints({0})})},
                        {attribute("axis", int64_t{0})});
    if (failed(with.define(1, present)))
      return failure();
  }
  return with.define(0, made[0]);
}

// ids, segments, words, positions, segment table, gamma, beta, mask; the five tables' scales; their
// zero points.
LogicalResult importEmbedding(NodeContext &node) {
  Composer with(node);
  if (failed(checkBytes(node, {2, 3, 5, 6})))
    return failure();
  for (size_t index : {8, 9, 11, 12})
    if (!node.has(index))
      return node.error() << "input " << index << " is missing";
  if (node.has(1) != node.has(4) || (node.has(4) && !node.has(10)))
    return node.error() << "segments need ids, a table and its scale";
  if (node.rank(0) != 2)
    return node.error() << "the ids must have 2 dimensions, got " << node.rank(0);
  auto real = [&](Part rows, size_t scale) {
    return with("DequantizeLinear", {rows, with.input(scale), with.input(scale + 5)});
  };
  // Rows are chosen first: the tables are large.
  auto chosen = [&](size_t table, size_t ids, size_t scale) {
    return real(with("Gather", {with.input(table), with.input(ids)}), scale);
  };
  Part made = chosen(2, 0, 8);
  Part first = with("Slice", {with.input(3), with.ints({0}), with.shape({node.in(0).dims[1]}),
                              with.ints({0})});
  made = with("Add", {made, real(first, 9)});
  if (node.has(4))
    made = with("Add", {made, chosen(4, 1, 10)});
  made = with("LayerNormalization", {made, real(with.input(5), 11), real(with.input(6), 12)},
              {attribute("epsilon", node.floatAttr("epsilon", 1e-12))});
  if (node.wants(1)) {
    Part counts = node.has(7)
                      ? with("ReduceSum", {with.input(7), with.ints({1})}, {attribute("keepdims", int64_t{0})})
                      : with("Expand", {with.scalar(0, DataType::i32), with.shape({node.in(0).dims[0]})});
    if (failed(with.define(1, counts)))
      return failure();
  }
  return with.define(0, made);
}

} // namespace

ArrayRef<OpImporter> microsoftQuantizedLayerOps() {
  static const OpImporter list[] = {
      {"com.microsoft.DynamicQuantizeLSTM", importLstm, 3, 12, 3},
      {"com.microsoft.QAttention", importAttention, 5, 9, 2},
      {"com.microsoft.QEmbedLayerNormalization", importEmbedding, 1, 18, 2},
  };
  return list;
}

} // namespace halcyon::onnx
