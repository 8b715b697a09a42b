// ai.onnx.ml: ensembles of decision trees. A row goes down each tree to a leaf; a leaf adds weights
// to targets.
#include "import/onnx/Constants.h"
#include "import/onnx/MlScores.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <map>

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

enum class Mode { lessOrEqual, less, greaterOrEqual, greater, equal, notEqual, member, leaf };

struct TreeNode {
  Mode mode = Mode::leaf;
  int64_t feature = 0;
  double split = 0;
  bool missingIsTrue = false;
  size_t yes = 0, no = 0; // a leaf's are itself
};
struct Weight {
  int64_t target;
  double value;
};
struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<std::vector<Weight>> weights; // of each node; none where it is no leaf
  std::vector<size_t> roots;
  int64_t targets = 1;
  DataType splitType = DataType::f32;
  std::string targetsName = "leaf_targetids"; // the attribute
};

enum class Aggregate { average, sum, least, greatest }; // TreeEnsemble's numbers

using Length = std::pair<StringRef, size_t>; // of an attribute

LogicalResult checkLengths(NodeContext &node, Length first, ArrayRef<Length> others) {
  for (auto [name, length] : others)
    if (length != first.second)
      return node.error() << "attributes '" << first.first << "' and '" << name << "' differ in length: " << first.second
                          << " and " << length;
  return success();
}

// The numbers of `name`, or of `name` + "_as_tensor".
FailureOr<std::vector<double>> numbers(NodeContext &node, StringRef name,
                                       DataType *type = nullptr) {
  std::vector<double> made;
  const NodeAttribute *tensor = node.find((name + "_as_tensor").str(), AttributeKind::tensor);
  const NodeAttribute *list = node.find(name, {AttributeKind::floats, AttributeKind::tensor});
  if (!tensor && list && list->kind == AttributeKind::tensor)
    tensor = list;
  if (tensor && !tensor->tensors.empty()) {
    const Tensor &values = *tensor->tensors[0];
    Type element = node.elementType(values.type);
    if (!element || !isFloat(values.type))
      return node.error() << "attribute '" << tensor->name << "' must hold floating-point numbers";
    for (int64_t i = 0; i < values.numElements(); ++i)
      made.push_back(cast<FloatAttr>(constantElement(element, values, i)).getValueAsDouble());
    if (type && bitsOf(values.type) > bitsOf(*type))
      *type = values.type;
  } else if (list) {
    made.assign(list->floats.begin(), list->floats.end());
  }
  return made;
}

// How many steps the longest way down takes; an error where nodes lead in a circle.
FailureOr<int64_t> depthOf(NodeContext &node, const Forest &forest) {
  constexpr int64_t unseen = -1, open = -2;
  std::vector<int64_t> depth(forest.nodes.size(), unseen);
  int64_t most = 0;
  for (size_t root : forest.roots) {
    SmallVector<size_t> path{root};
    while (!path.empty()) {
      const TreeNode &at = forest.nodes[path.back()];
      int64_t &own = depth[path.back()];
      if (at.mode == Mode::leaf || own >= 0) {
        own = std::max<int64_t>(own, 0);
        path.pop_back();
        continue;
      }
      own = open;
      size_t next = depth[at.yes] < 0 ? at.yes : at.no;
      if (depth[next] == open)
        return node.error() << "attributes 'nodes_truenodeids' and 'nodes_falsenodeids': node " << next
                            << " of a tree leads back to itself";
      if (depth[next] == unseen) {
        path.push_back(next);
        continue;
      }
      own = 1 + std::max(depth[at.yes], depth[at.no]);
      path.pop_back();
    }
    most = std::max(most, depth[root]);
  }
  return most;
}

LogicalResult checkForest(NodeContext &node, const Forest &forest, const Part &x) {
  std::optional<int64_t> extent = known(x->dims[1]);
  for (const TreeNode &at : forest.nodes)
    if (at.mode != Mode::leaf && (at.feature < 0 || (extent && at.feature >= *extent)))
      return node.error() << "attribute 'nodes_featureids' names feature " << at.feature << " of "
                          << extent.value_or(0);
  for (const auto &weights : forest.weights)
    for (const Weight &weight : weights)
      if (weight.target < 0 || weight.target >= forest.targets)
        return node.error(forest.targetsName) << "a leaf adds to target " << weight.target << " of " << forest.targets;
  if (forest.roots.empty())
    return node.error() << "has no trees: attributes 'nodes_treeids' and 'tree_roots' name none";
  return success();
}

class ForestBuilder {
public:
  ForestBuilder(NodeContext &node, Composer &with, const Forest &forest)
      : node(node), b(node.b), with(with), forest(forest) {}

  // [N, targets] of `type`, from features [N, F].
  FailureOr<Part> run(Part features, Aggregate aggregate) {
    if (!features || with.hasFailed() || failed(checkForest(node, forest, features)))
      return failure();
    FailureOr<int64_t> steps = depthOf(node, forest);
    if (failed(steps))
      return failure();
    type = features->dataType;
    DataType compared = forest.splitType == DataType::f64 ? DataType::f64 : type;
    x = node.graph.tensorOf(b, *with.cast(features, compared));
    extent = features->dims[1];
    makeTables(compared);
    auto trees = static_cast<int64_t>(forest.roots.size());
    Value leaves = findLeaves(features->dims[0], *steps, compared);
    Dims dims{features->dims[0], fixed(b, forest.targets)};
    Part made =
        with.hold(node.graph.fromTensor(b, addWeights(leaves, dims, aggregate), type, dims));
    if (aggregate == Aggregate::average)
      made = with("Div", {made, with.scalar(static_cast<double>(trees), type)});
    return made;
  }

private:
  Value table(std::shared_ptr<const Tensor> tensor) {
    return node.graph.tensorOf(b, *with.constant(std::move(tensor)));
  }
  template <class Function> Value ints(Function function) {
    std::vector<int32_t> made;
    for (const TreeNode &at : forest.nodes)
      made.push_back(static_cast<int32_t>(function(at)));
    return table(makeTensor(DataType::i32, made));
  }
  Value floats(const std::vector<double> &values, DataType wanted) {
    return node.graph.tensorOf(
        b, *floatTensor(with, values, {static_cast<int64_t>(values.size())}, wanted));
  }

  void makeTables(DataType compared) {
    feature = ints([](const TreeNode &at) { return at.feature; });
    yes = ints([](const TreeNode &at) { return at.yes; });
    no = ints([](const TreeNode &at) { return at.no; });
    std::vector<double> splits;
    for (const TreeNode &at : forest.nodes) {
      splits.push_back(at.split);
      if (at.mode == Mode::leaf)
        continue;
      anyMissing |= at.missingIsTrue;
      oneMode = !oneMode || *oneMode == at.mode ? at.mode : Mode::leaf;
    }
    split = floats(splits, compared);
    // A table of modes only where they differ.
    if (oneMode == Mode::leaf)
      modes = ints([](const TreeNode &at) { return static_cast<int>(at.mode); });
    if (anyMissing)
      missing = ints([](const TreeNode &at) { return at.missingIsTrue; });
    std::vector<int32_t> roots(forest.roots.begin(), forest.roots.end()), begins{0}, targets;
    root = table(makeTensor(DataType::i32, roots));
    std::vector<double> values;
    for (const auto &weights : forest.weights) {
      for (const Weight &weight : weights) {
        targets.push_back(static_cast<int32_t>(weight.target));
        values.push_back(weight.value);
      }
      begins.push_back(static_cast<int32_t>(targets.size()));
    }
    if (targets.empty()) { // never read
      targets.push_back(0);
      values.push_back(0);
    }
    begin = table(makeTensor(DataType::i32, begins));
    target = table(makeTensor(DataType::i32, targets));
    weight = floats(values, type);
  }

  static Value at(ImplicitLocOpBuilder &b, Value list, Value place) {
    return b.create<tensor::ExtractOp>(list, place);
  }
  static Value index(ImplicitLocOpBuilder &b, Value integer) {
    return b.create<arith::IndexCastOp>(b.getIndexType(), integer);
  }

  // Where a row goes from a node.
  Value step(ImplicitLocOpBuilder &b, Value row, Value place, DataType compared) {
    Value column = index(b, at(b, feature, place));
    if (!known(extent))
      column = b.create<arith::MinSIOp>(column, asValue(b, sub(b, extent, fixed(b, 1))));
    Value have = b.create<tensor::ExtractOp>(x, ValueRange{row, column});
    Value bound = at(b, split, place);
    using P = arith::CmpFPredicate;
    auto compare = [&](Mode mode) -> Value {
      P predicate = mode == Mode::lessOrEqual      ? P::OLE
                    : mode == Mode::less           ? P::OLT
                    : mode == Mode::greaterOrEqual ? P::OGE
                    : mode == Mode::greater        ? P::OGT
                    : mode == Mode::equal          ? P::OEQ
                                                   : P::UNE;
      return b.create<arith::CmpFOp>(predicate, have, bound);
    };
    Value goes;
    if (modes) {
      Value mode = at(b, modes, place);
      for (Mode each : {Mode::lessOrEqual, Mode::less, Mode::greaterOrEqual, Mode::greater,
                        Mode::equal, Mode::notEqual}) {
        Value number = b.create<arith::ConstantOp>(b.getI32IntegerAttr(static_cast<int>(each)));
        Value isIt = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, mode, number);
        Value holds = b.create<arith::AndIOp>(isIt, compare(each));
        goes = goes ? b.create<arith::OrIOp>(goes, holds).getResult() : holds;
      }
    } else {
      goes = compare(oneMode.value_or(Mode::lessOrEqual));
    }
    if (anyMissing) {
      Value isMissing = b.create<arith::CmpFOp>(P::UNO, have, have);
      Value tracks = b.create<arith::TruncIOp>(b.getI1Type(), at(b, missing, place));
      goes = b.create<arith::OrIOp>(goes, b.create<arith::AndIOp>(isMissing, tracks));
    }
    Value next = b.create<arith::SelectOp>(goes, at(b, yes, place), at(b, no, place));
    return index(b, next);
  }

  // [N, trees] of i32
  Value findLeaves(OpFoldResult rows, int64_t steps, DataType compared) {
    Dims dims{rows, fixed(b, static_cast<int64_t>(forest.roots.size()))};
    return generate(b, emptyTensor(b, dims, b.getI32Type()),
                    [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> where) -> Value {
                      Value from = index(inner, at(inner, root, where[1]));
                      Value leaf =
                          accumulate(inner, {constantIndex(inner, steps)}, from,
                                     [&](ImplicitLocOpBuilder &deep, ArrayRef<Value>, Value place) {
                                       return step(deep, where[0], place, compared);
                                     });
                      return inner.create<arith::IndexCastOp>(inner.getI32Type(), leaf);
                    });
  }

  Value addWeights(Value leaves, const Dims &dims, Aggregate aggregate) {
    auto element = cast<FloatType>(node.elementType(type));
    bool least = aggregate == Aggregate::least, greatest = aggregate == Aggregate::greatest;
    // A target that no leaf names keeps the start.
    auto start = [&](ImplicitLocOpBuilder &b) -> Value {
      if (!least && !greatest)
        return constantFloat(b, element, 0);
      return b.create<arith::ConstantOp>(b.getFloatAttr(
          element, APFloat::getLargest(element.getFloatSemantics(), /*Negative=*/greatest)));
    };
    auto trees = static_cast<int64_t>(forest.roots.size());
    return generate(
        b, emptyTensor(b, dims, element),
        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> where) -> Value {
          return accumulate(
              inner, {constantIndex(inner, trees)}, start(inner),
              [&](ImplicitLocOpBuilder &b, ArrayRef<Value> tree, Value total) -> Value {
                Value leaf =
                    index(b, b.create<tensor::ExtractOp>(leaves, ValueRange{where[0], tree[0]}));
                Value after = b.create<arith::AddIOp>(leaf, constantIndex(b, 1));
                Value first = index(b, at(b, begin, leaf)), end = index(b, at(b, begin, after));
                return accumulate(
                    b, {b.create<arith::SubIOp>(end, first)}, total,
                    [&](ImplicitLocOpBuilder &b, ArrayRef<Value> i, Value total) -> Value {
                      Value place = b.create<arith::AddIOp>(first, i[0]);
                      Value isIt = b.create<arith::CmpIOp>(
                          arith::CmpIPredicate::eq, index(b, at(b, target, place)), where[1]);
                      Value more = at(b, weight, place);
                      Value next = least      ? minScalars(b, total, more, type)
                                   : greatest ? maxScalars(b, total, more, type)
                                              : addScalars(b, total, more);
                      return b.create<arith::SelectOp>(isIt, next, total);
                    });
              });
        });
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer &with;
  const Forest &forest;
  DataType type = DataType::f32;
  OpFoldResult extent;
  bool anyMissing = false;
  std::optional<Mode> oneMode; // leaf: several
  Value x, feature, split, yes, no, modes, missing, root, begin, target, weight;
};

// The lists of TreeEnsembleRegressor and TreeEnsembleClassifier, in which a node is known by its
// tree and its number; `prefix` is that of the leaves' lists.
FailureOr<Forest> readForest(NodeContext &node, StringRef prefix) {
  Forest made;
  auto ints = [&](StringRef name) { return intList(node, name); };
  ArrayRef<int64_t> trees = ints("nodes_treeids"), ids = ints("nodes_nodeids"),
                    features = ints("nodes_featureids"), yes = ints("nodes_truenodeids"),
                    no = ints("nodes_falsenodeids"),
                    missing = ints("nodes_missing_value_tracks_true");
  const NodeAttribute *modes = node.find("nodes_modes", AttributeKind::strings);
  node.ignore(AttributeKind::floats, {"nodes_hitrates"}); // how often, for speed
  node.ignore(AttributeKind::tensor, {"nodes_hitrates_as_tensor"});
  FailureOr<std::vector<double>> splits = numbers(node, "nodes_values", &made.splitType);
  FailureOr<std::vector<double>> weights = numbers(node, (prefix + "_weights").str());
  ArrayRef<int64_t> targets = ints((prefix + "_ids").str()),
                    leafTrees = ints((prefix + "_treeids").str()),
                    leafIds = ints((prefix + "_nodeids").str());
  if (failed(splits) || failed(weights))
    return failure();
  size_t count = ids.size();
  std::string weightsName = prefix.str() + "_weights", targetsName = prefix.str() + "_ids",
              leafTreesName = prefix.str() + "_treeids", leafIdsName = prefix.str() + "_nodeids";
  if (failed(checkLengths(node, {"nodes_nodeids", count},
                          {{"nodes_treeids", trees.size()},
                           {"nodes_featureids", features.size()},
                           {"nodes_truenodeids", yes.size()},
                           {"nodes_falsenodeids", no.size()},
                           {"nodes_modes", modes ? modes->strings.size() : 0},
                           {"nodes_values", splits->size()},
                           {"nodes_missing_value_tracks_true", missing.empty() ? count : missing.size()}})) ||
      failed(checkLengths(node, {targetsName, targets.size()},
                          {{weightsName, weights->size()},
                           {leafTreesName, leafTrees.size()},
                           {leafIdsName, leafIds.size()}})))
    return failure();
  made.targetsName = targetsName;
  static constexpr StringRef names[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  std::map<std::pair<int64_t, int64_t>, size_t> places;
  std::map<int64_t, size_t> roots; // a tree's first node
  for (size_t i = 0; i < count; ++i) {
    if (!places.try_emplace({trees[i], ids[i]}, i).second)
      return node.error() << "attributes 'nodes_treeids' and 'nodes_nodeids': tree " << trees[i] << " has node "
                          << ids[i] << " twice";
    roots.try_emplace(trees[i], i);
  }
  for (size_t i = 0; i < count; ++i) {
    TreeNode at;
    at.yes = at.no = i;
    const std::string &mode = modes->strings[i];
    if (mode != "LEAF") {
      const auto *found = llvm::find(names, mode);
      if (found == std::end(names))
        return node.error() << "attribute 'nodes_modes' has '" << mode << "'";
      at.mode = static_cast<Mode>(found - std::begin(names));
      at.feature = features[i];
      at.split = (*splits)[i];
      at.missingIsTrue = !missing.empty() && missing[i] != 0;
      auto yesPlace = places.find({trees[i], yes[i]}), noPlace = places.find({trees[i], no[i]});
      if (yesPlace == places.end() || noPlace == places.end())
        return node.error() << "attribute '"
                            << (yesPlace == places.end() ? "nodes_truenodeids" : "nodes_falsenodeids") << "' (with "
                            << "'nodes_nodeids' and 'nodes_treeids'): node " << ids[i] << " of tree " << trees[i]
                            << " leads to a node that is not there";
      at.yes = yesPlace->second;
      at.no = noPlace->second;
    }
    made.nodes.push_back(at);
  }
  made.weights.resize(count);
  for (size_t i = 0; i < targets.size(); ++i) {
    auto place = places.find({leafTrees[i], leafIds[i]});
    if (place == places.end())
      return node.error() << "attributes '" << leafTreesName << "', '" << leafIdsName
                          << "', 'nodes_treeids' and 'nodes_nodeids': tree " << leafTrees[i] << " has no node "
                          << leafIds[i];
    if (made.nodes[place->second].mode == Mode::leaf) // others never add
      made.weights[place->second].push_back({targets[i], (*weights)[i]});
  }
  for (auto &[tree, place] : roots)
    made.roots.push_back(place);
  return made;
}

// Adds attribute base_values: one a target, or one for all.
FailureOr<Part> withBase(NodeContext &node, Composer &with, Part scores, int64_t targets) {
  FailureOr<std::vector<double>> base = numbers(node, "base_values");
  if (failed(base))
    return failure();
  if (base->empty() || with.hasFailed())
    return scores;
  auto count = static_cast<int64_t>(base->size());
  if (count != targets && count != 1)
    return node.error() << "attribute 'base_values' has " << count << " numbers for " << targets
                        << " targets";
  return with("Add", {scores, floatTensor(with, *base, {1, count}, scores->dataType)});
}

LogicalResult importTreeRegressor(NodeContext &node) {
  Composer with(node);
  FailureOr<Forest> forest = readForest(node, "target");
  FailureOr<PostTransform> transform = postTransformOf(node);
  StringRef name = node.stringAttr("aggregate_function", "SUM");
  if (failed(forest) || failed(transform))
    return failure();
  static constexpr StringRef names[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const auto *found = llvm::find(names, name);
  if (found == std::end(names))
    return node.error() << "attribute 'aggregate_function' is '" << name << "'";
  forest->targets = node.sizeAttr("n_targets", 1);
  FailureOr<Part> made =
      ForestBuilder(node, with, *forest)
          .run(featuresOf(node, with), static_cast<Aggregate>(found - std::begin(names)));
  if (failed(made))
    return failure();
  FailureOr<Part> scores = withBase(node, with, *made, forest->targets);
  if (failed(scores))
    return failure();
  return with.define(0, with.cast(transformScores(with, *scores, *transform), DataType::f32));
}

// Two classes of which the leaves name only one: its score is the second class's. Where no weight
// is negative it is a probability, else it is compared with 0.
LogicalResult defineBinary(NodeContext &node, Composer &with, const ClassLabels &labels, Part score,
                           bool isProbability, PostTransform transform) {
  DataType type = score->dataType;
  Part bound = with.scalar(isProbability ? 0.5 : 0, type);
  Part isSecond = with("Squeeze", {with("Greater", {score, bound}), with.ints({1})});
  Part other = isProbability ? with("Sub", {with.scalar(1, type), score}) : with("Neg", {score});
  Part both = with("Concat", {other, score}, {attribute("axis", int64_t{1})});
  if (node.wants(0) && failed(with.define(0, labels.choose(with, isSecond))))
    return failure();
  return with.define(1, with.cast(transformScores(with, both, transform), DataType::f32));
}

LogicalResult importTreeClassifier(NodeContext &node) {
  Composer with(node);
  FailureOr<ClassLabels> labels =
      ClassLabels::of(node, "classlabels_int64s", "classlabels_strings");
  FailureOr<Forest> forest = readForest(node, "class");
  FailureOr<PostTransform> transform = postTransformOf(node);
  if (failed(labels) || failed(forest) || failed(transform))
    return failure();
  auto classes = static_cast<int64_t>(labels->count);
  if (classes < 2)
    return node.error() << "expected at least 2 classes, got " << classes;
  forest->targets = classes;
  std::map<int64_t, size_t> named;
  bool isPositive = true;
  for (const auto &weights : forest->weights)
    for (const Weight &weight : weights) {
      ++named[weight.target];
      isPositive &= weight.value >= 0;
    }
  bool isBinary = classes == 2 && named.size() == 1;
  if (isBinary) {
    forest->targets = 1;
    for (auto &weights : forest->weights)
      for (Weight &weight : weights)
        weight.target = 0;
  }
  FailureOr<Part> made =
      ForestBuilder(node, with, *forest).run(featuresOf(node, with), Aggregate::sum);
  if (failed(made))
    return failure();
  if (isBinary) {
    // Of two base values the second is that of the score.
    FailureOr<std::vector<double>> base = numbers(node, "base_values");
    if (failed(base))
      return failure();
    if (base->size() > 2)
      return node.error() << "attribute 'base_values' has " << base->size()
                          << " numbers for 2 classes";
    Part score = *made;
    if (!base->empty() && !with.hasFailed())
      score = with("Add", {score, with.scalar(base->back(), score->dataType)});
    if (with.hasFailed())
      return failure();
    return defineBinary(node, with, *labels, score, isPositive, *transform);
  }
  FailureOr<Part> scores = withBase(node, with, *made, classes);
  if (failed(scores) || (node.wants(0) && failed(with.define(0, labels->best(with, *scores)))))
    return failure();
  return with.define(1, with.cast(transformScores(with, *scores, *transform), DataType::f32));
}

// TreeEnsemble (version 5 of the domain): inner nodes and leaves in lists of their own.
FailureOr<Forest> readEnsemble(NodeContext &node) {
  Forest made;
  auto ints = [&](StringRef name) { return intList(node, name); };
  ArrayRef<int64_t> features = ints("nodes_featureids"), yes = ints("nodes_truenodeids"),
                    no = ints("nodes_falsenodeids"), yesLeaf = ints("nodes_trueleafs"),
                    noLeaf = ints("nodes_falseleafs"), roots = ints("tree_roots"),
                    missing = ints("nodes_missing_value_tracks_true"),
                    targets = ints("leaf_targetids");
  node.ignore(AttributeKind::tensor, {"nodes_hitrates"});
  FailureOr<std::vector<double>> splits = numbers(node, "nodes_splits", &made.splitType),
                                 weights = numbers(node, "leaf_weights"),
                                 members = numbers(node, "membership_values");
  const NodeAttribute *modes = node.find("nodes_modes", AttributeKind::tensor);
  if (failed(splits) || failed(weights) || failed(members))
    return failure();
  size_t count = features.size();
  if (!modes || modes->tensors.empty() || modes->tensors[0]->type != DataType::u8)
    return node.error() << "attribute 'nodes_modes' must be a tensor of u8";
  if (failed(checkLengths(node, {"nodes_featureids", count},
                          {{"nodes_modes", modes->tensors[0]->bytes.view.size()},
                           {"nodes_truenodeids", yes.size()},
                           {"nodes_falsenodeids", no.size()},
                           {"nodes_trueleafs", yesLeaf.size()},
                           {"nodes_falseleafs", noLeaf.size()},
                           {"nodes_splits", splits->size()},
                           {"nodes_missing_value_tracks_true", missing.empty() ? count : missing.size()}})) ||
      failed(checkLengths(node, {"leaf_targetids", targets.size()}, {{"leaf_weights", weights->size()}})))
    return failure();
  made.targets = node.sizeAttr("n_targets", 1);
  // Inner nodes, then leaves, then what sets of members need.
  made.nodes.resize(count + targets.size());
  made.weights.resize(made.nodes.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    made.nodes[count + i].yes = made.nodes[count + i].no = count + i;
    made.weights[count + i].push_back({targets[i], (*weights)[i]});
  }
  auto place = [&](int64_t number, bool isLeaf) -> std::optional<size_t> {
    if (number < 0 || static_cast<size_t>(number) >= (isLeaf ? targets.size() : count))
      return std::nullopt;
    return static_cast<size_t>(number) + (isLeaf ? count : 0);
  };
  size_t member = 0;
  for (size_t i = 0; i < count; ++i) {
    auto mode = std::to_integer<unsigned>(modes->tensors[0]->bytes.view[i]);
    std::optional<size_t> yesPlace = place(yes[i], yesLeaf[i] != 0),
                          noPlace = place(no[i], noLeaf[i] != 0);
    if (mode > static_cast<unsigned>(Mode::member))
      return node.error() << "attribute 'nodes_modes' has " << mode;
    if (!yesPlace || !noPlace)
      return node.error() << "attributes '" << (yesPlace ? "nodes_falsenodeids" : "nodes_truenodeids") << "' and '"
                          << (yesPlace ? "nodes_falseleafs" : "nodes_trueleafs") << "': node " << i
                          << " leads to a node that is not there";
    TreeNode at{static_cast<Mode>(mode),
                features[i],
                (*splits)[i],
                !missing.empty() && missing[i] != 0,
                *yesPlace,
                *noPlace};
    if (at.mode != Mode::member) {
      made.nodes[i] = at;
      continue;
    }
    // A chain of nodes that compare with one member each; NaN ends the list, and equals nothing.
    at.mode = Mode::equal;
    size_t here = i;
    for (bool isFirst = true;; isFirst = false) {
      if (member >= members->size())
        return node.error() << "attribute 'membership_values' has too few sets";
      at.split = (*members)[member++];
      bool ends = std::isnan(at.split);
      if (ends && !isFirst)
        break;
      made.nodes[here] = at;
      bool more = !ends && member < members->size() && !std::isnan((*members)[member]);
      if (ends)
        break;
      if (more) {
        size_t next = made.nodes.size();
        made.nodes[here].no = next;
        made.nodes.emplace_back();
        made.weights.emplace_back();
        here = next;
      }
    }
  }
  for (int64_t root : roots) {
    if (root < 0 || static_cast<size_t>(root) >= count)
      return node.error() << "attribute 'tree_roots' names node " << root << " of " << count;
    auto at = static_cast<size_t>(root);
    made.roots.push_back(at);
  }
  return made;
}

LogicalResult importTreeEnsemble(NodeContext &node) {
  Composer with(node);
  FailureOr<Forest> forest = readEnsemble(node);
  int64_t aggregate = node.intAttr("aggregate_function", 1),
          transform = node.intAttr("post_transform", 0);
  if (failed(forest))
    return failure();
  if (aggregate < 0 || aggregate > 3)
    return node.error() << "attribute 'aggregate_function' is " << aggregate;
  if (transform < 0 || transform > 4)
    return node.error() << "attribute 'post_transform' is " << transform;
  FailureOr<Part> made = ForestBuilder(node, with, *forest)
                             .run(featuresOf(node, with), static_cast<Aggregate>(aggregate));
  if (failed(made))
    return failure();
  Part scores = transformScores(with, *made, static_cast<PostTransform>(transform));
  return with.define(0, with.cast(scores, node.in(0).dataType));
}

} // namespace

ArrayRef<OpImporter> mlTreeOps() {
  static const OpImporter list[] = {
      {"ai.onnx.ml.TreeEnsemble", importTreeEnsemble, 1, 1},
      {"ai.onnx.ml.TreeEnsembleClassifier", importTreeClassifier, 1, 1, 2},
      {"ai.onnx.ml.TreeEnsembleRegressor", importTreeRegressor, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
