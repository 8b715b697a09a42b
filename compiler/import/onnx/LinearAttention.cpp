// Attention with a state instead of scores: a Scan over time, written in the standard's operators.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

class LinearAttentionImporter {
public:
  explicit LinearAttentionImporter(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    if (failed(readAttributes()))
      return failure();
    Part keys = heads(1, keyHeads), values = heads(2, keyHeads);
    if (with.hasFailed())
      return failure();
    Dims stateDims{batch, fixed(b, keyHeads), keys->dims[4], values->dims[4]};
    Part state = node.has(3) ? with.cast(with.input(3), inner)
                             : with("Expand", {with.scalar(0, inner), with.shape(stateDims)});
    SmallVector<Part> inputs{state, queries(), keys, values};
    body.inputs = {value("state"), value("q"), value("k"), value("v")};
    std::string before = "state";
    if (decays) {
      // One factor a head, or one a row of its state.
      inputs.push_back(with("Exp", {perHead(4)}));
      body.inputs.push_back(value("decay"));
      add("Mul", {"state", "decay"}, "decayed");
      before = "decayed";
    }
    add("Transpose", {"k"}, "column")
        .attributes.push_back(attribute("perm", ArrayRef<int64_t>{0, 1, 3, 2}));
    std::string change = "v";
    if (corrects) {
      inputs.push_back(perHead(5));
      body.inputs.push_back(value("rate"));
      add("MatMul", {"k", before}, "known");
      add("Sub", {"v", "known"}, "news");
      add("Mul", {"rate", "news"}, "change");
      change = "change";
    }
    add("Mul", {"column", change}, "product");
    add("Add", {before, "product"}, "next");
    add("MatMul", {"q", "next"}, "answer");
    body.outputs = {value("next"), value("answer")};

    NodeAttribute graph;
    graph.name = "body";
    graph.kind = AttributeKind::graph;
    graph.graphs.push_back(std::make_shared<Graph>(body));
    SmallVector<int64_t> axes(inputs.size() - 1, 1);
    SmallVector<Part> made = with.all(
        "Scan", inputs,
        {graph, attribute("num_scan_inputs", static_cast<int64_t>(axes.size())),
         attribute("scan_input_axes", axes), attribute("scan_output_axes", ArrayRef<int64_t>{1})},
        2);
    Part output = with("Reshape", {made[1], with.ints({0, 0, -1})});
    return success(succeeded(with.define(0, with.cast(output, type))) &&
                   succeeded(with.define(1, with.cast(made[0], type))));
  }

private:
  LogicalResult readAttributes() {
    node.ignore(AttributeKind::i, {"chunk_size"}); // a hint
    queryHeads = node.sizeAttr("q_num_heads", 0);
    keyHeads = node.sizeAttr("kv_num_heads", 0);
    scale = node.floatAttr("scale", 0);
    StringRef rule = node.stringAttr("update_rule", "gated_delta");
    if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta")
      return node.error() << "attribute 'update_rule' is '" << rule << "'";
    decays = rule.starts_with("gated");
    corrects = rule.ends_with("delta");
    if (failed(checkFloat(node, 0)))
      return failure();
    if (keyHeads < 1 || queryHeads < 1 || queryHeads % keyHeads)
      return node.error() << "attributes 'q_num_heads' and 'kv_num_heads': " << queryHeads
                          << " heads of queries are no multiple of " << keyHeads;
    if (node.rank(0) != 3 || node.rank(1) != 3 || node.rank(2) != 3)
      return node.error() << "query, key and value must have 3 dimensions";
    if ((decays && !node.has(4)) || (corrects && !node.has(5)))
      return node.error() << "attribute 'update_rule' is '" << rule << "', which needs input "
                          << (decays && !node.has(4) ? "decay" : "beta");
    type = node.in(0).dataType;
    inner = bitsOf(type) < 32 ? DataType::f32 : type;
    batch = node.in(0).dims[0];
    return success();
  }

  static ValueInfo value(StringRef name) {
    ValueInfo made;
    made.name = name.str();
    return made;
  }

  Node &add(StringRef op, std::vector<std::string> inputs, StringRef output) {
    Node made;
    made.name = node.node.name;
    made.opType = op.str();
    made.inputs = std::move(inputs);
    made.outputs.push_back(output.str());
    body.nodes.push_back(std::move(made));
    return body.nodes.back();
  }

  // [B, T, H * D] -> [B, T, H, 1, D]
  Part heads(size_t index, int64_t count) {
    Part x = with.cast(with.input(index), inner);
    return with("Reshape", {x, with.ints({0, 0, count, 1, -1})});
  }

  // [B, T, Hq * D] -> [B, T, Hk, Hq / Hk, D], scaled
  Part queries() {
    Part x = with.cast(with.input(0), inner);
    x = with("Reshape", {x, with.ints({0, 0, keyHeads, queryHeads / keyHeads, -1})});
    if (with.hasFailed())
      return nullptr;
    Part factor;
    if (scale != 0) {
      factor = with.scalar(scale, inner);
    } else {
      Part size = with.cast(with("Squeeze", {with.shape({x->dims[4]})}), inner);
      factor = with("Reciprocal", {with("Sqrt", {size})});
    }
    return with("Mul", {x, factor});
  }

  // [B, T, H * n] -> [B, T, H, n, 1], where H may be 1
  Part perHead(size_t index) {
    Part x = with.cast(with.input(index), inner);
    if (with.hasFailed())
      return nullptr;
    bool shared = known(x->dims.back()) == 1;
    return with("Reshape", {x, with.ints({0, 0, shared ? 1 : keyHeads, -1, 1})});
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  Graph body;
  DataType type = DataType::undefined, inner = DataType::undefined;
  int64_t queryHeads = 0, keyHeads = 0;
  double scale = 0;
  bool decays = false, corrects = false;
  OpFoldResult batch;
};

LogicalResult importLinearAttention(NodeContext &node) {
  return LinearAttentionImporter(node).run();
}

} // namespace

ArrayRef<OpImporter> linearAttentionOps() {
  static const OpImporter list[] = {{"LinearAttention", importLinearAttention, 3, 6, 2}};
  return list;
}

} // namespace halcyon::onnx
