// com.microsoft: what onnxruntime's optimizer makes of several operators, taken apart again: fusion
// is decided later, by what follows.
#include "import/onnx/Compose.h"
#include "import/onnx/Constants.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// The node's attributes but for some, which the caller reads.
SmallVector<NodeAttribute> attributesBut(NodeContext &node, ArrayRef<StringRef> names) {
  SmallVector<NodeAttribute> made;
  for (const NodeAttribute &attribute : node.node.attributes)
    if (!llvm::is_contained(names, attribute.name)) {
      node.find(attribute.name);
      made.push_back(attribute);
    }
  return made;
}

SmallVector<Part> inputsOf(NodeContext &node, Composer &with) {
  SmallVector<Part> made;
  for (size_t i = 0; i < node.numInputs(); ++i)
    made.push_back(with.input(i));
  return made;
}

// An operator that ONNX has under the same name.
LogicalResult importSame(NodeContext &node) {
  Composer with(node);
  SmallVector<NodeAttribute> attributes = attributesBut(node, {});
  auto outputs = with.all(node.node.opType, inputsOf(node, with), attributes, node.numOutputs());
  if (with.hasFailed())
    return failure();
  for (auto [index, output] : llvm::enumerate(outputs))
    if (node.wants(index))
      node.setAs(index, *output);
  return success();
}

// ---- products -----------------------------------------------------------------------------------

// The last two dimensions change places; with `batch` the first one goes behind the batches before.
Part turned(Composer &with, Part x, bool matrix, bool batch) {
  if (with.hasFailed() || x->rank() < 2)
    return x;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, x->rank()));
  if (batch)
    std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  if (matrix)
    std::swap(order[order.size() - 1], order[order.size() - 2]);
  if (llvm::is_sorted(order))
    return x;
  return with("Transpose", {x}, {attribute("perm", order)});
}

Part product(NodeContext &node, Composer &with) {
  double alpha = node.floatAttr("alpha", 1);
  auto flag = [&](StringRef name) { return node.intAttr(name, 0) != 0; };
  Part left = turned(with, with.input(0), flag("transA"), flag("transBatchA"));
  Part right = turned(with, with.input(1), flag("transB"), flag("transBatchB"));
  Part made = with("MatMul", {left, right});
  if (alpha != 1 && !with.hasFailed())
    made = with("Mul", {made, with.scalar(alpha, made->dataType)});
  return made;
}

LogicalResult importFusedMatMul(NodeContext &node) {
  Composer with(node);
  return with.define(0, product(node, with));
}

// The activation that an attribute names, with its numbers by their order.
FailureOr<Part> activated(NodeContext &node, Composer &with, Part x, StringRef name,
                          ArrayRef<float> numbers) {
  static const std::pair<StringRef, SmallVector<StringRef>> table[] = {
      {"Relu", {}},
      {"Tanh", {}},
      {"Sigmoid", {}},
      {"Softplus", {}},
      {"Softsign", {}},
      {"Gelu", {}},
      {"HardSwish", {}},
      {"LeakyRelu", {"alpha"}},
      {"Elu", {"alpha"}},
      {"ThresholdedRelu", {"alpha"}},
      {"HardSigmoid", {"alpha", "beta"}},
      {"Selu", {"alpha", "gamma"}},
  };
  if (name.empty() || with.hasFailed())
    return x;
  if (name == "Clip") {
    if (numbers.size() != 2)
      return node.error() << "activation 'Clip' needs 2 numbers, got " << numbers.size();
    return with("Clip",
                {x, with.scalar(numbers[0], x->dataType), with.scalar(numbers[1], x->dataType)});
  }
  for (auto &[known, names] : table)
    if (known == name) {
      SmallVector<NodeAttribute> attributes;
      for (auto [each, number] : llvm::zip(names, numbers))
        attributes.push_back(attribute(each, static_cast<double>(number)));
      return with(name, {x}, attributes);
    }
  return node.error() << "attribute 'activation' is '" << name << "'";
}

// The numbers of activation_alpha, _beta and _gamma that the node has.
SmallVector<float> activationNumbers(NodeContext &node) {
  SmallVector<float> made;
  for (StringRef name : {"activation_alpha", "activation_beta", "activation_gamma"})
    if (const NodeAttribute *given = node.find(name, AttributeKind::f))
      made.push_back(given->f);
  node.ignore(AttributeKind::i, {"activation_axis"}); // of activations that are not read here
  return made;
}

LogicalResult defineActivated(NodeContext &node, Composer &with, Part x, ArrayRef<float> numbers) {
  FailureOr<Part> made = activated(node, with, x, node.stringAttr("activation", ""), numbers);
  return failed(made) ? failure() : with.define(0, *made);
}

LogicalResult importFusedMatMulActivation(NodeContext &node) {
  Composer with(node);
  return defineActivated(node, with, product(node, with), activationNumbers(node));
}

LogicalResult importFusedGemm(NodeContext &node) {
  Composer with(node);
  SmallVector<float> numbers = activationNumbers(node);
  auto attributes = attributesBut(node, {"activation", "activation_alpha", "activation_beta",
                                         "activation_gamma", "activation_axis"});
  return defineActivated(node, with, with("Gemm", inputsOf(node, with), attributes), numbers);
}

// Convolution, plus input 3, then an activation.
LogicalResult importFusedConv(NodeContext &node) {
  Composer with(node);
  const NodeAttribute *numbers = node.find("activation_params", AttributeKind::floats);
  auto attributes = attributesBut(node, {"activation", "activation_params"});
  Part made = with("Conv", {with.input(0), with.input(1), with.input(2)}, attributes);
  if (node.has(3))
    made = with("Add", {made, with.input(3)});
  return defineActivated(node, with, made,
                         numbers ? ArrayRef<float>(numbers->floats) : ArrayRef<float>());
}

// Between channels-last and channels-first.
Part channels(Composer &with, Part x, bool toFirst) {
  if (with.hasFailed() || x->rank() < 3)
    return x;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, x->rank()));
  if (toFirst)
    std::rotate(order.begin() + 1, order.end() - 1, order.end());
  else
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return with("Transpose", {x}, {attribute("perm", order)});
}

LogicalResult importNhwcConv(NodeContext &node) {
  Composer with(node);
  Part made = with(
      "Conv",
      {channels(with, with.input(0), true), channels(with, with.input(1), true), with.input(2)},
      attributesBut(node, {}));
  return with.define(0, channels(with, made, false));
}

// ---- activations --------------------------------------------------------------------------------

LogicalResult importBiasGelu(NodeContext &node) {
  Composer with(node);
  return with.define(0, with("Gelu", {with("Add", {with.input(0), with.input(1)})}));
}

LogicalResult importFastGelu(NodeContext &node) {
  Composer with(node);
  Part x = node.has(1) ? with("Add", {with.input(0), with.input(1)}) : with.input(0);
  return with.define(0, with("Gelu", {x}, {attribute("approximate", StringRef("tanh"))}));
}

// x * sigmoid(alpha * x)
LogicalResult importQuickGelu(NodeContext &node) {
  Composer with(node);
  double alpha = node.floatAttr("alpha", 1.702f);
  return with.define(0, with("Swish", {with.input(0)}, {attribute("alpha", alpha)}));
}

// The first half of the last dimension times Gelu of the other one.
LogicalResult importBiasSplitGelu(NodeContext &node) {
  Composer with(node);
  Part sum = with("Add", {with.input(0), with.input(1)});
  auto halves = with.all("Split", {sum},
                         {attribute("axis", int64_t{-1}), attribute("num_outputs", int64_t{2})}, 2);
  return with.define(0, with("Mul", {halves[0], with("Gelu", {halves[1]})}));
}

LogicalResult importBiasAdd(NodeContext &node) {
  Composer with(node);
  Part sum = with("Add", {with.input(0), with.input(1)});
  return with.define(0, with("Add", {sum, with.input(2)}));
}

// (data + bias) with dropout, plus the residual.
LogicalResult importBiasDropout(NodeContext &node) {
  Composer with(node);
  auto attributes = attributesBut(node, {});
  Part sum = with("Add", {with.input(0), with.input(1)});
  auto made = with.all("Dropout", {sum, with.input(3), with.input(4)}, attributes, 2);
  if (node.has(2))
    made[0] = with("Add", {made[0], with.input(2)});
  if (failed(with.define(0, made[0])))
    return failure();
  return node.wants(1) ? with.define(1, made[1]) : success();
}

// ---- normalisations -----------------------------------------------------------------------------

// x / sqrt(mean(x * x) + epsilon) * scale; output 1 is what x is multiplied by.
LogicalResult importSimplifiedNormalization(NodeContext &node) {
  Composer with(node);
  auto attributes = attributesBut(node, {});
  if (node.wants(1)) {
    FailureOr<int64_t> axis = node.axisAttr("axis", -1, node.rank(0));
    if (failed(axis))
      return failure();
    Part over = with.ints(llvm::to_vector(llvm::seq<int64_t>(*axis, node.rank(0))));
    Part wide = with.cast(with.input(0), DataType::f32);
    Part square = with("ReduceMean", {with("Mul", {wide, wide}), over});
    Part epsilon = with.scalar(node.floatAttr("epsilon", 1e-5f), DataType::f32);
    Part inverse = with("Reciprocal", {with("Sqrt", {with("Add", {square, epsilon})})});
    if (failed(with.define(1, inverse)))
      return failure();
  }
  return with.define(0, with("RMSNormalization", {with.input(0), with.input(1)}, attributes));
}

// The normalised sum of input, skip and bias; output 3 is the sum.
template <bool isSimplified> LogicalResult importSkipNormalization(NodeContext &node) {
  Composer with(node);
  constexpr size_t bias = isSimplified ? 3 : 4;
  NodeAttribute epsilon = attribute("epsilon", node.floatAttr("epsilon", 1e-12f));
  if (failed(checkFloat(node, 0)))
    return failure();
  Part sum = with("Add", {with.input(0), with.input(1)});
  if (node.has(bias))
    sum = with("Add", {sum, with.input(bias)});
  if (with.hasFailed())
    return failure();
  node.setAs(3, *sum);
  if constexpr (isSimplified) {
    if (node.wants(1) || node.wants(2))
      return node.error() << "outputs 1 and 2 are not supported";
    return with.define(0, with("RMSNormalization", {sum, with.input(2)}, {epsilon}));
  }
  auto made = with.all("LayerNormalization", {sum, with.input(2), with.input(3)}, {epsilon}, 3);
  for (size_t i = 0; i < 3; ++i)
    if (failed(with.define(i, made[i])))
      return failure();
  return success();
}

// The sum of a word's, a place's and a segment's embedding, normalised.
LogicalResult importEmbedding(NodeContext &node) {
  Composer with(node);
  NodeAttribute epsilon = attribute("epsilon", node.floatAttr("epsilon", 1e-12f));
  int64_t maskType = node.intAttr("mask_index_type", 1);
  const Imported &ids = node.in(0);
  if (ids.rank() != 2)
    return node.error() << "input_ids must have 2 dimensions, got " << ids.rank();
  if (node.has(1) != node.has(4))
    return node.error() << "segment_ids and segment_embedding come together";
  Part places = with.input(8);
  if (!places) {
    Part length = with("Squeeze", {with.shape({ids.dims[1]})});
    places = with("Range", {with.scalar(0, DataType::i64), length, with.scalar(1, DataType::i64)});
  }
  Part sum = with("Add", {with("Gather", {with.input(2), with.input(0)}),
                          with("Gather", {with.input(3), places})});
  if (node.has(1))
    sum = with("Add", {sum, with("Gather", {with.input(4), with.input(1)})});
  if (with.hasFailed())
    return failure();
  if (node.wants(1)) {
    Part counts = node.has(7) && maskType == 1
                      ? with("ReduceSum", {with.input(7), with.ints({1})},
                             {attribute("keepdims", int64_t{0})})
                      : with("Expand", {with.scalar(0, DataType::i32), with.shape({ids.dims[0]})});
    if (failed(with.define(1, counts)))
      return failure();
  }
  node.setAs(2, *sum);
  return with.define(0, with("LayerNormalization", {sum, with.input(5), with.input(6)}, {epsilon}));
}

// GroupNormalization, channels last unless an attribute says otherwise, then x * sigmoid(x) where
// attribute activation is 1. SkipGroupNorm adds first; output 1 is that sum.
LogicalResult importGroupNorm(NodeContext &node) {
  Composer with(node);
  bool last = node.intAttr("channels_last", 1) != 0;
  int64_t activation = node.intAttr("activation", 0);
  NodeAttribute epsilon = attribute("epsilon", node.floatAttr("epsilon", 1e-5f));
  NodeAttribute groups = attribute("num_groups", node.intAttr("groups", 0));
  Part x = with.input(0);
  if (activation != 0 && activation != 1)
    return node.error() << "attribute 'activation' is " << activation;
  if (node.has(3)) {
    Part skip = with.input(3);
    if (skip->rank() == 2) // [N, C]
      skip = with("Unsqueeze", {skip, last ? with.ints({1, 2}) : with.ints({2, 3})});
    x = with("Add", {x, skip});
    if (node.has(4))
      x = with("Add",
               {x, last ? with.input(4) : with("Unsqueeze", {with.input(4), with.ints({1, 2})})});
    if (with.hasFailed())
      return failure();
    node.setAs(1, *x);
  }
  if (last)
    x = channels(with, x, true);
  Part made = with("GroupNormalization",
                   {x, with.cast(with.input(1), node.in(0).dataType),
                    with.cast(with.input(2), node.in(0).dataType)},
                   {groups, epsilon});
  if (last)
    made = channels(with, made, false);
  if (activation)
    made = with("Swish", {made});
  return with.define(0, made);
}

// ---- others -------------------------------------------------------------------------------------

LogicalResult importExpandDims(NodeContext &node) {
  Composer with(node);
  Part axis = with("Reshape", {with.input(1), with.ints({1})});
  return with.define(0, with("Unsqueeze", {with.input(0), with.cast(axis, DataType::i64)}));
}

// Distances between the rows of two matrices.
LogicalResult importDistances(NodeContext &node) {
  Composer with(node);
  StringRef metric = node.stringAttr("metric", "sqeuclidean");
  if (metric != "sqeuclidean" && metric != "euclidean")
    return node.error() << "attribute 'metric' is '" << metric << "'";
  Part off = with("Sub", {with("Unsqueeze", {with.input(0), with.ints({1})}),
                          with("Unsqueeze", {with.input(1), with.ints({0})})});
  Part made = with("ReduceSumSquare", {off, with.ints({-1})}, {attribute("keepdims", int64_t{0})});
  return with.define(0, metric == "euclidean" ? with("Sqrt", {made}) : made);
}

// Whether no element is NaN or infinite; attributes leave out one of the two.
LogicalResult importIsAllFinite(NodeContext &node) {
  Composer with(node);
  bool onlyNan = node.intAttr("isnan_only", 0) != 0, onlyInf = node.intAttr("isinf_only", 0) != 0;
  Part all = with.scalar(1, DataType::boolean);
  for (Part x : inputsOf(node, with)) {
    Part bad = onlyInf   ? with("IsInf", {x})
               : onlyNan ? with("IsNaN", {x})
                         : with("Or", {with("IsInf", {x}), with("IsNaN", {x})});
    bad = with("ReduceMax", {with.cast(bad, DataType::i32)}, {attribute("keepdims", int64_t{0})});
    all = with("And", {all, with("Equal", {bad, with.scalar(0, DataType::i32)})});
  }
  return with.define(0, all);
}

// T5's bias by the distance of a query and a key: near distances have buckets of their own, far
// ones share them by logarithm.
LogicalResult importRelativeBias(NodeContext &node) {
  Composer with(node);
  int64_t farthest = node.intAttr("max_distance", 128);
  bool both = node.intAttr("is_bidirectional", 0) != 0;
  FailureOr<Dims> queries = node.indices(1, "query_length"), keys = node.indices(2, "key_length");
  if (failed(queries) || failed(keys))
    return failure();
  std::optional<int64_t> rows =
      node.rank(0) == 2 ? known(node.in(0).dims[0]) : std::optional<int64_t>();
  if (!rows || queries->size() != 1 || keys->size() != 1)
    return node.error() << "expected a table of static extent and two lengths";
  int64_t buckets = both ? *rows / 2 : *rows, exact = buckets / 2;
  if (exact < 1 || farthest <= exact || farthest > 1 << 20)
    return node.error() << "attribute 'max_distance' is " << farthest << " for " << *rows
                        << " buckets";
  std::vector<int64_t> table;
  for (int64_t distance = 0; distance <= farthest; ++distance) {
    auto ratio = [&](int64_t of) {
      return std::log(static_cast<float>(of) / static_cast<float>(exact));
    };
    int64_t bucket = distance;
    if (distance >= exact)
      bucket = exact + static_cast<int64_t>(ratio(distance) / ratio(farthest) *
                                            static_cast<float>(buckets - exact));
    table.push_back(std::min(bucket, buckets - 1));
  }
  auto places = [&](OpFoldResult length, int64_t axis) {
    Part count = with("Squeeze", {with.shape({length})});
    Part made =
        with("Range", {with.scalar(0, DataType::i64), count, with.scalar(1, DataType::i64)});
    return with("Unsqueeze", {made, with.ints({axis})});
  };
  Part zero = with.scalar(0, DataType::i64);
  Part before = with("Sub", {places(queries->front(), 1), places(keys->front(), 0)});
  Part distance = both ? with("Abs", {before}) : with("Max", {before, zero});
  distance = with("Min", {distance, with("Squeeze", {with.ints({farthest})})});
  Part bucket = with("Gather", {with.constant(makeTensor(DataType::i64, table)), distance});
  if (both) // keys behind the query have the other half
    bucket =
        with("Where", {with("Less", {before, zero}),
                       with("Add", {bucket, with("Squeeze", {with.ints({buckets})})}), bucket});
  Part made = with("Transpose", {with("Gather", {with.input(0), bucket})},
                   {attribute("perm", ArrayRef<int64_t>{2, 0, 1})});
  return with.define(0, with("Unsqueeze", {made, with.ints({0})}));
}

// As ONNX's, whose newer versions have other names for the modes.
LogicalResult importGridSample(NodeContext &node) {
  Composer with(node);
  StringRef mode = node.stringAttr("mode", "bilinear");
  mode = mode == "bilinear" ? "linear" : mode == "bicubic" ? "cubic" : mode;
  auto attributes = attributesBut(node, {"mode"});
  attributes.push_back(attribute("mode", mode));
  return with.define(0, with("GridSample", {with.input(0), with.input(1)}, attributes));
}

} // namespace

ArrayRef<OpImporter> microsoftFusedOps() {
  static const OpImporter list[] = {
      {"SimplifiedLayerNormalization", importSimplifiedNormalization, 2, 2, 2},
      {"com.microsoft.BiasAdd", importBiasAdd, 3, 3},
      {"com.microsoft.BiasDropout", importBiasDropout, 2, 5, 2},
      {"com.microsoft.BiasGelu", importBiasGelu, 2, 2},
      {"com.microsoft.BiasSplitGelu", importBiasSplitGelu, 2, 2},
      {"com.microsoft.CDist", importDistances, 2, 2},
      {"com.microsoft.EmbedLayerNormalization", importEmbedding, 1, 9, 3},
      {"com.microsoft.ExpandDims", importExpandDims, 2, 2},
      {"com.microsoft.FastGelu", importFastGelu, 1, 2},
      {"com.microsoft.FusedConv", importFusedConv, 2, 4},
      {"com.microsoft.FusedGemm", importFusedGemm, 2, 3},
      {"com.microsoft.FusedMatMul", importFusedMatMul, 2, 2},
      {"com.microsoft.FusedMatMulActivation", importFusedMatMulActivation, 2, 2},
      {"com.microsoft.GatherND", importSame, 2, 2},
      {"com.microsoft.Gelu", importSame, 1, 1},
      {"com.microsoft.GridSample", importGridSample, 2, 2},
      {"com.microsoft.GroupNorm", importGroupNorm, 3, 3},
      {"com.microsoft.IsAllFinite", importIsAllFinite, 1, anyNumber},
      {"com.microsoft.NhwcConv", importNhwcConv, 2, 3},
      {"com.microsoft.Pad", importSame, 2, 3},
      {"com.microsoft.QuickGelu", importQuickGelu, 1, 1},
      {"com.microsoft.RelativePositionBias", importRelativeBias, 3, 3},
      {"com.microsoft.SkipGroupNorm", importGroupNorm, 4, 5, 2},
      {"com.microsoft.SkipLayerNormalization", importSkipNormalization<false>, 3, 5, 4},
      {"com.microsoft.SkipSimplifiedLayerNormalization", importSkipNormalization<true>, 3, 4, 4},
      {"com.microsoft.TransposeMatMul", importFusedMatMul, 2, 2},
      {"com.microsoft.Trilu", importSame, 1, 2},
  };
  return list;
}

} // namespace halcyon::onnx
