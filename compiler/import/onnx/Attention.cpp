#include "import/onnx/Body.h"
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

Value lowest(ImplicitLocOpBuilder &b, Type element) {
  auto type = cast<FloatType>(element);
  return b.create<arith::ConstantOp>(
      b.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics(), true)));
}

// Attention over [batch, heads, sequence, size]; inputs of 3 dimensions have their heads in the
// last.
class AttentionImporter {
public:
  explicit AttentionImporter(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    if (failed(readAttributes()) || failed(checkInputs()))
      return failure();
    query = split(0, queryHeads);
    key = extended(split(1, keyHeads), 4);
    value = extended(split(2, keyHeads), 5);
    if (with.hasFailed() || failed(with.define(1, key)) || failed(with.define(2, value)) ||
        failed(repeatHeads()))
      return failure();
    Part scores = scaledProduct();
    setScores(0, scores);
    if (softcap != 0) {
      Part cap = with.scalar(softcap, type);
      scores = with("Mul", {with("Tanh", {with("Div", {scores, cap})}), cap});
    }
    setScores(1, scores);
    FailureOr<Part> bias = makeBias();
    if (failed(bias))
      return failure();
    if (*bias)
      scores = with("Add", {scores, *bias});
    setScores(2, scores);
    Part weights = softmax(scores, *bias);
    setScores(3, weights);
    // Values may be of another type than queries and keys.
    Part made = with("MatMul", {weights, with.cast(value, type)});
    if (node.rank(0) == 3) {
      made = with("Transpose", {made}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3})});
      made = with("Reshape", {made, with.ints({0, 0, -1})});
    }
    return with.define(0, made);
  }

private:
  LogicalResult readAttributes() {
    queryHeads = node.sizeAttr("q_num_heads", 0);
    keyHeads = node.sizeAttr("kv_num_heads", 0);
    causal = node.intAttr("is_causal", 0) != 0;
    softcap = node.floatAttr("softcap", 0);
    left = node.sizeAttr("left_window_size", -1, 0);
    right = node.sizeAttr("right_window_size", -1, 0);
    mode = node.intAttr("qk_matmul_output_mode", 0);
    precision = node.typeAttr("softmax_precision", DataType::undefined);
    if (mode < 0 || mode > 3)
      return node.error() << "attribute 'qk_matmul_output_mode' is " << mode;
    if (precision != DataType::undefined && !isFloat(precision))
      return node.error() << "attribute 'softmax_precision' is " << static_cast<int>(precision);
    return success();
  }

  LogicalResult checkInputs() {
    type = node.in(0).dataType;
    if (failed(checkFloat(node, 0)))
      return failure();
    int64_t rank = node.rank(0);
    if ((rank != 3 && rank != 4) || node.rank(1) != rank || node.rank(2) != rank)
      return node.error() << "query, key and value must all have 3 or all have 4 dimensions";
    if (rank == 3 && (queryHeads < 1 || keyHeads < 1))
      return node.error() << "inputs of 3 dimensions need attributes q_num_heads and kv_num_heads";
    if (node.has(4) != node.has(5))
      return node.error() << "past_key and past_value come together";
    if (node.has(4) && (node.rank(4) != 4 || node.rank(5) != 4))
      return node.error() << "past_key and past_value must have 4 dimensions";
    if (node.has(6) && node.has(4))
      return node.error() << "nonpad_kv_seqlen and past_key exclude each other";
    if (node.has(6) && (node.rank(6) != 1 || node.in(6).dataType != DataType::i64))
      return node.error() << "nonpad_kv_seqlen must be a list of i64";
    return success();
  }

  Part split(size_t index, int64_t heads) {
    if (node.rank(index) == 4)
      return with.input(index);
    Part made = with("Reshape", {with.input(index), with.ints({0, 0, heads, -1})});
    return with("Transpose", {made}, {attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3})});
  }

  Part extended(Part present, size_t past) {
    if (!node.has(past))
      return present;
    return with("Concat", {with.input(past), present}, {attribute("axis", int64_t{2})});
  }

  // Each head of keys and values serves as many heads of queries, one after another.
  LogicalResult repeatHeads() {
    if (query->dims[1] == key->dims[1])
      return success();
    std::optional<int64_t> queries = known(query->dims[1]), keys = known(key->dims[1]);
    if (!queries || !keys || *keys < 1 || *queries % *keys)
      return node.error() << "the heads of queries must be a static multiple of those of keys: others are not supported";
    for (Part *part : {&key, &value}) {
      Dims dims = (*part)->dims;
      dims.insert(dims.begin() + 2, fixed(b, *queries / *keys));
      Part spread = with("Unsqueeze", {*part, with.ints({2})});
      spread = with("Expand", {spread, with.shape(dims)});
      dims.erase(dims.begin() + 2);
      dims[1] = fixed(b, *queries);
      *part = with("Reshape", {spread, with.shape(dims)});
    }
    return success(!with.hasFailed());
  }

  // Both sides are scaled by the root, so that neither overflows.
  Part scaledProduct() {
    const NodeAttribute *given = node.find("scale", AttributeKind::f);
    Part root;
    if (given) {
      root = with.scalar(std::sqrt(static_cast<double>(given->f)), type);
    } else if (std::optional<int64_t> size = known(query->dims[3])) {
      root = with.scalar(1 / std::sqrt(std::sqrt(static_cast<double>(*size))), type);
    } else {
      Part length = with.cast(with("Squeeze", {with.shape({query->dims[3]})}), DataType::f32);
      root = with("Sqrt", {with("Reciprocal", {with("Sqrt", {length})})});
      root = with.cast(root, type);
    }
    Part turned = with("Transpose", {key}, {attribute("perm", ArrayRef<int64_t>{0, 1, 3, 2})});
    return with("MatMul", {with("Mul", {query, root}), with("Mul", {turned, root})});
  }

  // What is added to the scores: -infinity where a key may not be seen. Null: nothing.
  FailureOr<Part> makeBias() {
    Part bias = nullptr;
    if (node.has(3)) {
      FailureOr<Part> mask = maskBias();
      if (failed(mask))
        return failure();
      bias = *mask;
    }
    if (!causal && left < 0 && right < 0 && !node.has(6))
      return bias;
    Part position = positionBias();
    return bias ? with("Add", {bias, position}) : position;
  }

  FailureOr<Part> maskBias() {
    Part mask = with.input(3);
    if (mask->rank() == 0)
      return node.error() << "the mask has no dimensions";
    if (isBool(mask->dataType)) {
      mask = with("Where", {mask, with.scalar(0, type), infinity()});
    } else {
      mask = with.cast(mask, type);
    }
    // A mask of fewer keys hides the others.
    std::optional<int64_t> have = known(mask->dims.back()), want = known(key->dims[2]);
    if (have && want && *have < *want) {
      SmallVector<int64_t> pads(2 * mask->dims.size(), 0);
      pads.back() = *want - *have;
      mask = with("Pad", {mask, with.ints(pads), infinity()});
    }
    return mask;
  }

  Part infinity() {
    Part made = with.scalar(0, type);
    made->elements->front() = lowest(b, made->element);
    return made;
  }

  // By where query and key are: causal, inside the window, and no padding.
  Part positionBias() {
    Type element = query->element;
    Dims dims{node.has(6) ? query->dims[0] : fixed(b, 1), fixed(b, 1), query->dims[2],
              key->dims[2]};
    Value lengths = node.has(6) ? node.value(6) : Value();
    OpFoldResult past = node.has(4) ? node.in(4).dims[2] : OpFoldResult(fixed(b, 0));
    Value made = generate(
        b, emptyTensor(b, dims, element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
          Value length, offset = asValue(inner, past);
          if (lengths) {
            length = inner.create<arith::IndexCastOp>(
                inner.getIndexType(), inner.create<tensor::ExtractOp>(lengths, at[0]));
            offset = inner.create<arith::SubIOp>(length, asValue(inner, query->dims[2]));
          }
          Value place = inner.create<arith::AddIOp>(at[2], offset);
          Value sees = inner.create<arith::ConstantIntOp>(1, 1);
          auto require = [&](arith::CmpIPredicate predicate, Value l, Value r) {
            sees = inner.create<arith::AndIOp>(sees, inner.create<arith::CmpIOp>(predicate, l, r));
          };
          auto moved = [&](int64_t by) {
            return inner.create<arith::AddIOp>(place, constantIndex(inner, by));
          };
          if (causal)
            require(arith::CmpIPredicate::sle, at[3], place);
          if (left >= 0)
            require(arith::CmpIPredicate::sge, at[3], moved(-left));
          if (right >= 0)
            require(arith::CmpIPredicate::sle, at[3], moved(right));
          if (length)
            require(arith::CmpIPredicate::slt, at[3], length);
          Value zero = constantFloat(inner, element, 0);
          return inner.create<arith::SelectOp>(sees, zero, lowest(inner, element)).getResult();
        });
    return with.hold(node.graph.fromTensor(b, made, type, dims));
  }

  // A query that sees no key has weights of 0.
  Part softmax(Part scores, Part bias) {
    if (with.hasFailed())
      return nullptr;
    DataType inner = precision == DataType::undefined ? type : precision;
    Part weights = with("Softmax", {with.cast(scores, inner)}, {attribute("axis", int64_t{-1})});
    if (bias) {
      Part top = with("ReduceMax", {bias, with.ints({-1})});
      weights = with("Where", {with("Equal", {top, infinity()}), with.scalar(0, inner), weights});
    }
    return with.cast(weights, type);
  }

  void setScores(int64_t stage, Part scores) {
    if (mode == stage && !with.hasFailed())
      node.setAs(3, *scores);
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  DataType type = DataType::undefined, precision = DataType::undefined;
  int64_t queryHeads = 0, keyHeads = 0, left = -1, right = -1, mode = 0;
  bool causal = false;
  double softcap = 0;
  Part query = nullptr, key = nullptr, value = nullptr;
};

LogicalResult importAttention(NodeContext &node) { return AttentionImporter(node).run(); }

// Applies a graph that a model gives for it, if any, to the whole tensor.
FailureOr<Part> modified(NodeContext &node, Composer &with, StringRef name, Part x) {
  if (!node.find(name))
    return x;
  const Graph *body = bodyOf(node, name);
  if (!body || with.hasFailed())
    return failure();
  Block *block = node.b.getInsertionBlock();
  auto outputs = importBody(node, *body, block, {*x});
  if (failed(outputs))
    return failure();
  node.b.setInsertionPointToEnd(block);
  if (outputs->size() != 1 || outputs->front()->dataType != x->dataType ||
      outputs->front()->rank() != x->rank())
    return node.error() << "graph '" << name << "' must give one tensor like its input";
  return outputs->front();
}

// Attention whose scores and weights graphs of the model change.
LogicalResult importFlexAttention(NodeContext &node) {
  Composer with(node);
  DataType type = node.in(0).dataType;
  if (failed(checkFloat(node, 0)))
    return failure();
  for (size_t i = 0; i < 3; ++i)
    if (node.rank(i) != 4)
      return node.error() << "query, key and value must have 4 dimensions";
  DataType usual = type == DataType::f64 ? type : DataType::f32;
  auto inner =
      node.typeAttr("softmax_precision", usual);
  if (!isFloat(inner))
    return node.error() << "attribute 'softmax_precision' is " << static_cast<int>(inner);
  std::optional<int64_t> size = known(node.in(0).dims[3]), queries = known(node.in(0).dims[1]),
                         keys = known(node.in(1).dims[1]);
  if (!size || !queries || !keys || *keys < 1 || *queries % *keys)
    return node.error() << "the head size and the numbers of heads must be static and fit: others are not supported";
  double scale = node.floatAttr("scale", 1 / std::sqrt(static_cast<double>(*size)));
  // A head of keys serves a group of heads of queries: [B, Hk, group, L, D] beside [B, Hk, 1, S,
  // D].
  auto grouped = [&](Part x, int64_t group) {
    return with("Reshape",
                {with.cast(x, inner), with.shape({x->dims[0], fixed(node.b, *keys),
                                                  fixed(node.b, group), x->dims[2], x->dims[3]})});
  };
  int64_t group = *queries / *keys;
  Part q = with("Mul", {grouped(with.input(0), group), with.scalar(scale, inner)});
  Part k = with("Transpose", {grouped(with.input(1), 1)},
                {attribute("perm", ArrayRef<int64_t>{0, 1, 2, 4, 3})});
  Dims dims = node.in(0).dims;
  dims[3] = node.in(1).dims[2];
  FailureOr<Part> scores = modified(node, with, "score_mod",
                                    with("Reshape", {with("MatMul", {q, k}), with.shape(dims)}));
  if (failed(scores))
    return failure();
  FailureOr<Part> weights = modified(node, with, "prob_mod",
                                     with("Softmax", {*scores}, {attribute("axis", int64_t{-1})}));
  if (failed(weights) || with.hasFailed())
    return failure();
  Part made = with("MatMul", {grouped(*weights, group), grouped(with.input(2), 1)});
  dims[3] = node.in(2).dims[3];
  return with.define(0, with.cast(with("Reshape", {made, with.shape(dims)}), type));
}

// Turns pairs of features, by halves or one after the other, by an angle of their position.
LogicalResult importRotaryEmbedding(NodeContext &node) {
  Composer with(node);
  int64_t heads = node.sizeAttr("num_heads", 0), turned = node.sizeAttr("rotary_embedding_dim", 0);
  bool interleaved = node.intAttr("interleaved", 0) != 0;
  int64_t rank = node.rank(0);
  if (failed(checkFloat(node, 0)))
    return failure();
  if (rank != 4 && (rank != 3 || heads < 1))
    return node.error() << "expected 4 dimensions, or 3 and attribute num_heads";
  NodeAttribute perm = attribute("perm", ArrayRef<int64_t>{0, 2, 1, 3});
  NodeAttribute last = attribute("axis", int64_t{-1});
  // [batch, sequence, heads, size]
  Part x = rank == 4 ? with("Transpose", {with.input(0)}, {perm})
                     : with("Reshape", {with.input(0), with.ints({0, 0, heads, -1})});
  if (with.hasFailed())
    return failure();
  std::optional<int64_t> size = known(x->dims[3]);
  if (!size)
    return node.error() << "the head size must be static: others are not supported";
  turned = turned ? turned : *size;
  if (turned < 0 || turned > *size || turned % 2)
    return node.error(turned ? "rotary_embedding_dim" : "") << "cannot turn " << turned << " of " << *size << " features";
  auto slice = [&](Part from, int64_t begin, int64_t end, int64_t step) {
    return with("Slice",
                {from, with.ints({begin}), with.ints({end}), with.ints({-1}), with.ints({step})});
  };
  auto angles = [&](size_t index) {
    Part cache = with.input(index);
    if (node.has(3))
      cache = with("Gather", {cache, with.input(3)}, {attribute("axis", int64_t{0})});
    return with("Unsqueeze", {cache, with.ints({2})});
  };
  Part cosine = angles(1), sine = angles(2);
  Part first = interleaved ? slice(x, 0, turned, 2) : slice(x, 0, turned / 2, 1);
  Part second = interleaved ? slice(x, 1, turned, 2) : slice(x, turned / 2, turned, 1);
  Part real = with("Sub", {with("Mul", {cosine, first}), with("Mul", {sine, second})});
  Part imaginary = with("Add", {with("Mul", {sine, first}), with("Mul", {cosine, second})});
  Part made;
  if (interleaved) {
    Part axes = with.ints({-1});
    made = with("Concat", {with("Unsqueeze", {real, axes}), with("Unsqueeze", {imaginary, axes})},
                {last});
    made = with("Reshape", {made, with.ints({0, 0, 0, turned})});
  } else {
    made = with("Concat", {real, imaginary}, {last});
  }
  if (turned < *size)
    made = with("Concat", {made, slice(x, turned, *size, 1)}, {last});
  made = rank == 4 ? with("Transpose", {made}, {perm})
                   : with("Reshape", {made, with.shape(node.in(0).dims)});
  return with.define(0, made);
}

// A depthwise convolution over this and earlier positions; the last ones are the next call's state.
LogicalResult importCausalConv(NodeContext &node) {
  Composer with(node);
  StringRef activation = node.stringAttr("activation", "none");
  if (failed(checkFloat(node, 0)))
    return failure();
  if (node.rank(0) != 3 || node.rank(1) != 3)
    return node.error() << "expected input and weight of 3 dimensions";
  std::optional<int64_t> channels = known(node.in(1).dims[0]), size = known(node.in(1).dims[2]);
  if (!channels || !size)
    return node.error() << "the weight's shape must be static: others are not supported";
  if (activation != "none" && activation != "silu" && activation != "swish")
    return node.error() << "attribute 'activation' is '" << activation << "'";
  Part x = with.input(0);
  if (node.has(3)) {
    x = with("Concat", {with.input(3), x}, {attribute("axis", int64_t{2})});
  } else {
    Part zero = with.scalar(0, x->dataType);
    x = with("Pad", {x, with.ints({0, 0, *size - 1, 0, 0, 0}), zero});
  }
  Part made = with("Conv", {x, with.input(1), with.input(2)}, {attribute("group", *channels)});
  if (activation != "none")
    made = with("Swish", {made});
  if (with.hasFailed() || failed(with.define(0, made)))
    return failure();
  OpFoldResult length = x->dims[2];
  Part state = with("Slice", {x, with.shape({sub(node.b, length, fixed(node.b, *size - 1))}),
                              with.shape({length}), with.ints({2})});
  return with.define(1, state);
}

} // namespace

ArrayRef<OpImporter> attentionOps() {
  static const OpImporter list[] = {
      {"Attention", importAttention, 3, 7, 4},
      {"ai.onnx.preview.FlexAttention", importFlexAttention, 3, 3},
      {"CausalConvWithState", importCausalConv, 2, 4, 2},
      {"RotaryEmbedding", importRotaryEmbedding, 3, 4},
  };
  return list;
}

} // namespace halcyon::onnx
