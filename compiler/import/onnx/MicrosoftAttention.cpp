// com.microsoft: attention as onnxruntime's transformer exporters write it, on top of ONNX's own.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

class MicrosoftAttention {
public:
  explicit MicrosoftAttention(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult attention() {
    readAttributes();
    bool shares = node.intAttr("past_present_share_buffer", 0) != 0;
    bool rotates = node.intAttr("do_rotary", 0) != 0;
    if (node.has(6))
      return node.error() << "past_sequence_length is not supported";
    node.ignore(AttributeKind::i, {"rotary_embedding_dim"}); // of do_rotary
    if (shares || rotates)
      return node.error() << "attribute '" << (shares ? "past_present_share_buffer" : "do_rotary")
                          << "' is not supported";
    std::optional<SmallVector<int64_t>> sizes = node.intsAttr("qkv_hidden_sizes");
    if (failed(checkFirst(3)))
      return failure();
    const Imported &weights = node.in(1);
    std::optional<int64_t> columns = weights.rank() == 2 ? known(weights.dims[1]) : std::nullopt;
    if (!columns || (!sizes && *columns % 3))
      return node.error() << "the weights must be a matrix for queries, keys and values";
    if (!sizes)
      sizes = SmallVector<int64_t>(3, *columns / 3);
    if (sizes->size() != 3 || (*sizes)[0] + (*sizes)[1] + (*sizes)[2] != *columns)
      return node.error() << "attribute 'qkv_hidden_sizes' does not give " << *columns
                          << " columns";
    Part all = with("MatMul", {with.input(0), with.input(1)});
    if (node.has(2))
      all = with("Add", {all, with.input(2)});
    auto parts = with.all("Split", {all, with.ints(*sizes)}, {attribute("axis", int64_t{-1})}, 3);
    for (Part &part : parts)
      part = byHeads(part);
    Part pastKey = nullptr, pastValue = nullptr;
    if (node.has(4)) {
      if (node.rank(4) != 5)
        return node.error() << "past must have 5 dimensions, got " << node.rank(4);
      pastKey = with("Gather", {with.input(4), with.scalar(0, DataType::i64)});
      pastValue = with("Gather", {with.input(4), with.scalar(1, DataType::i64)});
    }
    if (with.hasFailed())
      return failure();
    OpFoldResult total = parts[1]->dims[2];
    if (pastKey)
      total = add(b, total, pastKey->dims[2]);
    FailureOr<Part> bias = biasOf(3, 5, parts[0]->dims[2], total);
    if (failed(bias))
      return failure();
    auto made = apply(parts[0], parts[1], parts[2], *bias, pastKey, pastValue);
    if (node.wants(1)) {
      Part both[] = {with("Unsqueeze", {made[1], with.ints({0})}),
                     with("Unsqueeze", {made[2], with.ints({0})})};
      if (failed(with.define(1, with("Concat", both, {attribute("axis", int64_t{0})}))))
        return failure();
    }
    return with.define(0, made[0]);
  }

  LogicalResult multiHead() {
    readAttributes();
    if (node.has(8) || node.has(9))
      return node.error() << "past_sequence_length and cache_indirection are not supported";
    Part query = with.input(0), key = with.input(1), value = with.input(2);
    if (failed(checkFloat(node, 0)))
      return failure();
    if (heads < 1)
      return node.error() << "needs attribute num_heads";
    // Together: [B, S, N, 3, H], or keys and values [B, L, N, 2, H].
    auto apart = [&](Part packed, int64_t count) {
      SmallVector<Part> made;
      for (int64_t i = 0; i < count; ++i) {
        Part one = with("Gather", {packed, with.scalar(static_cast<double>(i), DataType::i64)},
                        {attribute("axis", int64_t{3})});
        made.push_back(
            with("Transpose", {one}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3})}));
      }
      return made;
    };
    if (node.rank(0) == 5) {
      if (key || value || node.has(3))
        return node.error() << "a query that has keys and values excludes inputs 1 to 3";
      auto parts = apart(query, 3);
      query = parts[0], key = parts[1], value = parts[2];
    } else if (node.rank(0) != 3 || !key) {
      return node.error() << "expected a query of 3 dimensions and a key, or a query of 5";
    } else if (key->rank() == 5) {
      if (value || node.has(3))
        return node.error() << "a key that has the values excludes inputs 2 and 3";
      auto parts = apart(key, 2);
      query = byHeads(query), key = parts[0], value = parts[1];
    } else {
      if (!value || value->rank() != key->rank() || (key->rank() != 3 && key->rank() != 4))
        return node.error() << "key and value must both have 3 or both have 4 dimensions";
      if (node.has(3) && failed(addBias(query, key, value)))
        return failure();
      query = byHeads(query), key = byHeads(key), value = byHeads(value);
    }
    if (with.hasFailed())
      return failure();
    if (node.has(6) != node.has(7) || (node.has(6) && (node.rank(6) != 4 || node.rank(7) != 4)))
      return node.error() << "past_key and past_value come together, of 4 dimensions";
    OpFoldResult total = key->dims[2];
    if (node.has(6))
      total = add(b, total, node.in(6).dims[2]);
    FailureOr<Part> bias = biasOf(4, 5, query->dims[2], total);
    if (failed(bias))
      return failure();
    auto made = apply(query, key, value, *bias, with.input(6), with.input(7));
    for (size_t i = 0; i < 3; ++i)
      if (node.wants(i) && failed(with.define(i, made[i])))
        return failure();
    return success();
  }

private:
  void readAttributes() {
    heads = node.intAttr("num_heads", 0);
    causal = node.intAttr("unidirectional", 0) != 0;
    scale = node.floatAttr("scale", 0);
    filter = node.floatAttr("mask_filter_value", -10000);
    type = node.in(0).dataType;
  }

  LogicalResult checkFirst(int64_t rank) {
    if (failed(checkFloat(node, 0)))
      return failure();
    if (node.rank(0) != rank || heads < 1)
      return node.error() << "expected " << rank << " dimensions and attribute num_heads, got "
                          << node.rank(0) << " and " << heads;
    return success();
  }

  // [B, S, N * H] -> [B, N, S, H]
  Part byHeads(Part x) {
    if (with.hasFailed() || x->rank() == 4)
      return x;
    x = with("Reshape", {x, with.ints({0, 0, heads, -1})});
    return with("Transpose", {x}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3})});
  }

  // Input 3: a bias for queries, keys and values, one after another.
  LogicalResult addBias(Part &query, Part &key, Part &value) {
    std::optional<int64_t> width = known(query->dims[2]), all;
    if (node.rank(3) == 1)
      all = known(node.in(3).dims[0]);
    if (!width || !all || *all < 2 * *width)
      return node.error() << "the bias must be a list for queries, keys and values";
    if (key->rank() == 4) // of another layer, with its bias
      return node.error() << "keys of 4 dimensions exclude a bias";
    auto parts = with.all("Split", {with.input(3), with.ints({*width, *width, *all - 2 * *width})},
                          {attribute("axis", int64_t{0})}, 3);
    query = with("Add", {query, parts[0]});
    key = with("Add", {key, parts[1]});
    value = with("Add", {value, parts[2]});
    return success(!with.hasFailed());
  }

  // What is added to the scores: attribute mask_filter_value where a key is padding, and a bias.
  FailureOr<Part> biasOf(size_t mask, size_t more, OpFoldResult queries, OpFoldResult keys) {
    Part made = nullptr;
    if (node.has(mask)) {
      Part given = with.input(mask);
      Part seen;
      if (given->rank() == 0 || given->rank() > 3)
        return node.error() << "a mask of " << given->rank() << " dimensions is not supported";
      if (given->rank() == 1 && given->dims[0] != node.in(0).dims[0])
        return node.error() << "a mask of one dimension must have a number for each of the batch";
      if (given->rank() == 1) { // lengths
        Part length = with.cast(with("Unsqueeze", {given, with.ints({1})}), DataType::i64);
        Part count = with("Squeeze", {with.shape({keys})});
        Part places =
            with("Range", {with.scalar(0, DataType::i64), count, with.scalar(1, DataType::i64)});
        seen = with("Less", {places, length});
      } else {
        seen = with("Greater", {given, with.scalar(0, given->dataType)});
      }
      seen = with("Unsqueeze", {seen, given->rank() == 3 ? with.ints({1}) : with.ints({1, 2})});
      made = with("Where", {seen, with.scalar(0, type), with.scalar(filter, type)});
    }
    if (node.has(more))
      made = made ? with("Add", {made, with.input(more)}) : with.input(more);
    return made;
  }

  // Output, present keys and present values.
  SmallVector<Part> apply(Part query, Part key, Part value, Part bias, Part pastKey,
                          Part pastValue) {
    SmallVector<NodeAttribute> attributes{attribute("is_causal", int64_t{causal})};
    if (scale != 0)
      attributes.push_back(attribute("scale", scale));
    auto made = with.all("Attention", {query, key, value, bias, pastKey, pastValue}, attributes, 3);
    made[0] = with("Transpose", {made[0]}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3})});
    made[0] = with("Reshape", {made[0], with.ints({0, 0, -1})});
    return made;
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  DataType type = DataType::undefined;
  int64_t heads = 0;
  bool causal = false;
  double scale = 0, filter = -10000;
};

LogicalResult importAttention(NodeContext &node) { return MicrosoftAttention(node).attention(); }
LogicalResult importMultiHead(NodeContext &node) { return MicrosoftAttention(node).multiHead(); }

// As ONNX's, but the places may be one number, the first's.
LogicalResult importRotary(NodeContext &node) {
  Composer with(node);
  int64_t heads = node.intAttr("num_heads", 0), turned = node.intAttr("rotary_embedding_dim", 0);
  int64_t interleaved = node.intAttr("interleaved", 0);
  if (node.floatAttr("scale", 1) != 1 || node.intAttr("is_packed_batching", 0) != 0)
    return node.error() << "attributes scale and is_packed_batching are not supported";
  const Imported &input = node.in(0);
  if ((input.rank() != 3 && input.rank() != 4) || node.rank(2) != 2 || node.rank(3) != 2)
    return node.error() << "expected 3 or 4 dimensions and caches of 2, got " << input.rank();
  OpFoldResult batch = input.dims[0], length = input.dims[input.rank() == 3 ? 1 : 2];
  if (input.rank() == 3 && heads == 0) {
    std::optional<int64_t> width = known(input.dims[2]), half = known(node.in(2).dims.back());
    if (!width || !half || *half < 1 || *width % (2 * *half))
      return node.error() << "the number of heads is not known";
    heads = *width / (2 * *half);
  }
  Part places = with.input(1);
  if (node.rank(1) == 1) {
    Part count = with("Squeeze", {with.shape({length})});
    Part steps =
        with("Range", {with.scalar(0, DataType::i64), count, with.scalar(1, DataType::i64)});
    places = with("Add", {with.cast(places, DataType::i64), steps});
    places = with("Expand", {places, with.shape({batch, length})});
  }
  SmallVector<NodeAttribute> attributes{attribute("interleaved", interleaved),
                                        attribute("rotary_embedding_dim", turned)};
  if (heads)
    attributes.push_back(attribute("num_heads", heads));
  return with.define(0, with("RotaryEmbedding",
                             {with.input(0), with.input(2), with.input(3), places}, attributes));
}

// Queries whose heads share keys and values, in a buffer that may be longer than what is in it.
class GroupQuery {
public:
  explicit GroupQuery(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    if (failed(readAttributes()) || failed(splitInputs()))
      return failure();
    // Of each sequence of the batch the number of keys before, and where its queries are.
    queries = query->dims[2];
    FailureOr<Dims> total = node.indices(6, "total_sequence_length");
    if (failed(total))
      return failure();
    if (total->size() != 1 || node.rank(5) > 2)
      return node.error() << "expected one total_sequence_length and a list of lengths";
    Part lengths = with.cast(with("Reshape", {with.input(5), with.ints({-1})}), DataType::i64);
    Part first = with("Equal", {with.shape({queries}), with.shape({(*total)[0]})});
    Part before =
        with("Sub", {with("Add", {lengths, with.scalar(1, DataType::i64)}), with.shape({queries})});
    before = with("Where", {first, with.scalar(0, DataType::i64), before});
    Part steps =
        with("Range", {with.scalar(0, DataType::i64), with("Squeeze", {with.shape({queries})}),
                       with.scalar(1, DataType::i64)});
    Part places = with("Add", {with("Unsqueeze", {before, with.ints({1})}), steps}); // [B, S]
    if (rotates) {
      Part turned = node.has(9) ? with.input(9) : places;
      query = rotated(query, turned);
      key = rotated(key, turned);
    }
    if (with.hasFailed())
      return failure();
    capacity = (*total)[0];
    if (node.has(3))
      capacity = max(b, capacity, node.in(3).dims[2]);
    Value start = node.graph.tensorOf(b, *before);
    Part keys = present(3, *key, start), values = present(4, *value, start);
    Part bias = positionBias(node.graph.tensorOf(b, *places));
    if (node.has(10))
      bias = with("Add", {bias, with.input(10)});
    if (failed(with.define(1, keys)) || failed(with.define(2, values)))
      return failure();
    Part made = smooth || node.has(11) ? withSink(keys, values, bias) : plain(keys, values, bias);
    made = with("Transpose", {made}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3})});
    return with.define(0, with("Reshape", {made, with.ints({0, 0, -1})}));
  }

private:
  LogicalResult readAttributes() {
    heads = node.intAttr("num_heads", 0);
    keyHeads = node.intAttr("kv_num_heads", 0);
    scale = node.floatAttr("scale", 0);
    softcap = node.floatAttr("softcap", 0);
    window = node.intAttr("local_window_size", -1);
    rotates = node.intAttr("do_rotary", 0) != 0;
    interleaved = node.intAttr("rotary_interleaved", 0);
    int64_t smoothed = node.intAttr("smooth_softmax", 0);
    smooth = smoothed > 0;
    type = node.in(0).dataType;
    if (failed(checkFloat(node, 0)))
      return failure();
    if (heads < 1 || keyHeads < 1 || heads % keyHeads)
      return node.error() << "attributes num_heads and kv_num_heads are " << heads << " and "
                          << keyHeads;
    for (StringRef name : {"k_quant_type", "v_quant_type"})
      if (node.stringAttr(name, "NONE") != "NONE")
        return node.error() << "attribute '" << name << "' is not supported";
    if (node.intAttr("qk_output", 0) || node.intAttr("kv_cache_bit_width", 0) ||
        node.intAttr("sliding_window_cache", 0) || node.intAttr("causal", 1) != 1)
      return node.error() << "attributes qk_output, kv_cache_bit_width, sliding_window_cache and "
                             "causal are not supported";
    node.ignore(AttributeKind::f, {"k_norm_epsilon", "q_norm_epsilon", "qk_norm_epsilon"}); // of inputs 14 and 15
    for (size_t i = 12; i < node.numInputs(); ++i)
      if (node.has(i))
        return node.error() << "input " << i << " is not supported";
    if (node.has(3) != node.has(4) || (node.has(3) && (node.rank(3) != 4 || node.rank(4) != 4)))
      return node.error() << "past_key and past_value come together, of 4 dimensions";
    if (rotates && (!node.has(7) || !node.has(8) || node.rank(7) != 2 || node.rank(8) != 2))
      return node.error() << "attribute 'do_rotary' needs cos_cache and sin_cache, of 2 dimensions";
    return success();
  }

  LogicalResult splitInputs() {
    if (node.rank(0) != 3)
      return node.error() << "expected a query of 3 dimensions, got " << node.rank(0);
    if (!node.has(5) || !node.has(6))
      return node.error() << "inputs seqlens_k and total_sequence_length are missing";
    query = with.input(0), key = with.input(1), value = with.input(2);
    if (!key != !value)
      return node.error() << "key and value come together";
    std::optional<int64_t> width = known(node.in(0).dims[2]);
    int64_t parts = key ? heads : heads + 2 * keyHeads;
    if (!width || *width % parts)
      return node.error() << "the width of the query must be static and fit its heads";
    size = *width / parts;
    if (!key) {
      auto made =
          with.all("Split", {query, with.ints({heads * size, keyHeads * size, keyHeads * size})},
                   {attribute("axis", int64_t{-1})}, 3);
      query = made[0], key = made[1], value = made[2];
    }
    query = byHeads(query, heads), key = byHeads(key, keyHeads), value = byHeads(value, keyHeads);
    return success(!with.hasFailed());
  }

  Part byHeads(Part x, int64_t count) {
    if (with.hasFailed() || x->rank() == 4)
      return x;
    x = with("Reshape", {x, with.ints({0, 0, count, -1})});
    return with("Transpose", {x}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3})});
  }

  Part rotated(Part x, Part places) {
    std::optional<int64_t> half = known(node.in(7).dims.back());
    int64_t turned = half && 2 * *half < size ? 2 * *half : 0;
    return with("RotaryEmbedding", {x, with.input(7), with.input(8), places},
                {attribute("interleaved", interleaved), attribute("rotary_embedding_dim", turned)});
  }

  // [B, heads, capacity, H]: what was there before, then what is new, behind it what was there.
  Part present(size_t past, Imported &fresh, Value start) {
    Dims dims = fresh.dims;
    dims[2] = capacity;
    Value now = node.graph.tensorOf(b, fresh);
    Value old = node.has(past) ? node.value(past) : Value();
    OpFoldResult have = old ? node.in(past).dims[2] : OpFoldResult(fixed(b, 0));
    OpFoldResult count = fresh.dims[2];
    Value made = generate(
        b, emptyTensor(b, dims, fresh.element),
        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
          Value zero = constantFloat(inner, fresh.element, 0);
          SmallVector<Value> from(at);
          Value first = inner.create<arith::IndexCastOp>(
              inner.getIndexType(), inner.create<tensor::ExtractOp>(start, at[0]));
          from[2] = inner.create<arith::SubIOp>(at[2], first);
          using P = arith::CmpIPredicate;
          Value after = inner.create<arith::CmpIOp>(P::sge, from[2], constantIndex(inner, 0));
          Value until = inner.create<arith::CmpIOp>(P::slt, from[2], asValue(inner, count));
          Value isNew = inner.create<arith::AndIOp>(after, until);
          Value otherwise = zero;
          if (old) {
            Value isOld = inner.create<arith::CmpIOp>(P::slt, at[2], asValue(inner, have));
            otherwise = guardedExtract(inner, isOld, old, at, zero);
          }
          return guardedExtract(inner, isNew, now, from, otherwise);
        });
    return with.hold(node.graph.fromTensor(b, made, fresh.dataType, dims));
  }

  // [B, 1, S, capacity]: 0 where a query sees a key.
  Part positionBias(Value places) {
    auto element = cast<FloatType>(query->element);
    Dims dims{query->dims[0], fixed(b, 1), queries, capacity};
    Value made = generate(
        b, emptyTensor(b, dims, element),
        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
          Value place = inner.create<arith::IndexCastOp>(
              inner.getIndexType(),
              inner.create<tensor::ExtractOp>(places, ValueRange{at[0], at[2]}));
          Value sees = inner.create<arith::CmpIOp>(arith::CmpIPredicate::sle, at[3], place);
          if (window > 0) {
            Value begin = inner.create<arith::SubIOp>(place, constantIndex(inner, window));
            Value inside = inner.create<arith::CmpIOp>(arith::CmpIPredicate::sgt, at[3], begin);
            sees = inner.create<arith::AndIOp>(sees, inside);
          }
          Value lowest = inner.create<arith::ConstantOp>(inner.getFloatAttr(
              element, APFloat::getInf(element.getFloatSemantics(), /*Negative=*/true)));
          return inner.create<arith::SelectOp>(sees, constantFloat(inner, element, 0), lowest);
        });
    return with.hold(node.graph.fromTensor(b, made, type, dims));
  }

  Part plain(Part keys, Part values, Part bias) {
    SmallVector<NodeAttribute> attributes{attribute("softcap", softcap)};
    if (scale != 0)
      attributes.push_back(attribute("scale", scale));
    return with("Attention", {query, keys, values, bias}, attributes);
  }

  // One more score that no key has: a head's number, or 0.
  Part withSink(Part keys, Part values, Part bias) {
    if (with.hasFailed())
      return nullptr;
    auto grouped = [&](Part x, int64_t group) { // [B, kv heads, group, .., H]
      return with("Reshape", {x, with.shape({x->dims[0], fixed(b, keyHeads), fixed(b, group),
                                             x->dims[2], fixed(b, size)})});
    };
    int64_t group = heads / keyHeads;
    double factor = scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(size));
    Part turned = with("Transpose", {grouped(keys, 1)},
                       {attribute("perm", ArrayRef<int64_t>{0, 1, 2, 4, 3})});
    Part scaled = with("Mul", {grouped(query, group), with.scalar(factor, type)});
    Part scores = with("MatMul", {scaled, turned});
    Dims dims{query->dims[0], fixed(b, heads), queries, capacity};
    scores = with("Reshape", {scores, with.shape(dims)});
    if (softcap != 0) {
      Part cap = with.scalar(softcap, type);
      scores = with("Mul", {with("Tanh", {with("Div", {scores, cap})}), cap});
    }
    scores = with("Add", {scores, bias});
    Part sink = node.has(11) ? with("Reshape", {with.input(11), with.ints({1, heads, 1, 1})})
                             : with.scalar(0, type);
    dims[3] = fixed(b, 1);
    sink = with("Expand", {sink, with.shape(dims)});
    Part weights =
        with("Softmax", {with("Concat", {scores, sink}, {attribute("axis", int64_t{3})})},
             {attribute("axis", int64_t{3})});
    weights = with("Slice", {weights, with.ints({0}), with.shape({capacity}), with.ints({3})});
    weights = with("Reshape", {weights, with.shape({query->dims[0], fixed(b, keyHeads),
                                                    fixed(b, group), queries, capacity})});
    Part made = with("MatMul", {weights, grouped(values, 1)});
    return with("Reshape", {made, with.shape(query->dims)});
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  DataType type = DataType::undefined;
  int64_t heads = 0, keyHeads = 0, size = 0, window = -1, interleaved = 0;
  double scale = 0, softcap = 0;
  bool rotates = false, smooth = false;
  Part query = nullptr, key = nullptr, value = nullptr;
  OpFoldResult queries, capacity;
};

LogicalResult importGroupQuery(NodeContext &node) { return GroupQuery(node).run(); }

} // namespace

ArrayRef<OpImporter> microsoftAttentionOps() {
  static const OpImporter list[] = {
      {"com.microsoft.Attention", importAttention, 2, 7, 2},
      {"com.microsoft.GroupQueryAttention", importGroupQuery, 1, 17, 3},
      {"com.microsoft.MultiHeadAttention", importMultiHead, 1, 10, 3},
      {"com.microsoft.RotaryEmbedding", importRotary, 4, 4},
  };
  return list;
}

} // namespace halcyon::onnx
