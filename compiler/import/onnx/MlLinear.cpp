// ai.onnx.ml: linear models.
#include "import/onnx/MlScores.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// [N, targets]: a row of attribute coefficients for each target, and one of attribute intercepts.
FailureOr<Part> linearScores(NodeContext &node, Composer &with, std::optional<int64_t> targets) {
  std::vector<float> factors = floatList(node, "coefficients"),
                     offsets = floatList(node, "intercepts");
  Part x = featuresOf(node, with);
  if (!x)
    return failure();
  auto count = static_cast<int64_t>(factors.size());
  std::optional<int64_t> extent = known(x->dims[1]);
  if (!targets && extent && *extent > 0)
    targets = count / *extent;
  else if (!targets)
    targets = static_cast<int64_t>(offsets.size());
  if (*targets < 1 || count == 0 || count % *targets || (extent && *extent * *targets != count))
    return node.error() << "attribute 'coefficients' has " << count << " numbers for "
                        << extent.value_or(ShapedType::kDynamic) << " features";
  if (!offsets.empty() && static_cast<int64_t>(offsets.size()) != *targets)
    return node.error() << "attribute 'intercepts' has " << offsets.size() << " numbers for "
                        << *targets << " targets";
  std::vector<double> wide(factors.begin(), factors.end());
  Part matrix = floatTensor(with, wide, {*targets, count / *targets}, x->dataType);
  Part made = with("Gemm", {x, matrix}, {attribute("transB", int64_t{1})});
  if (!offsets.empty()) {
    wide.assign(offsets.begin(), offsets.end());
    made = with("Add", {made, floatTensor(with, wide, {*targets}, x->dataType)});
  }
  if (with.hasFailed())
    return failure();
  return made;
}

LogicalResult importLinearRegressor(NodeContext &node) {
  Composer with(node);
  FailureOr<PostTransform> transform = postTransformOf(node);
  FailureOr<Part> scores = linearScores(node, with, node.sizeAttr("targets", 1));
  if (failed(transform) || failed(scores))
    return failure();
  return with.define(0, with.cast(transformScores(with, *scores, *transform), DataType::f32));
}

LogicalResult importLinearClassifier(NodeContext &node) {
  Composer with(node);
  node.ignore(AttributeKind::i, {"multi_class"}); // of no effect, as in the standard's reference
  FailureOr<ClassLabels> labels = ClassLabels::of(node, "classlabels_ints", "classlabels_strings");
  FailureOr<PostTransform> transform = postTransformOf(node);
  FailureOr<Part> found = linearScores(node, with, std::nullopt);
  if (failed(labels) || failed(transform) || failed(found))
    return failure();
  Part scores = *found;
  auto targets = *known(scores->dims[1]);
  auto classes = static_cast<int64_t>(labels->count);
  if (targets == 1 && classes == 2) {
    scores = with("Concat", {with("Neg", {scores}), scores}, {attribute("axis", int64_t{1})});
    targets = 2;
  }
  if (targets != classes)
    return node.error() << "attributes 'classlabels_ints' or 'classlabels_strings' and 'coefficients' give " << classes
                        << " labels for " << targets << " scores";
  scores = transformScores(with, scores, *transform);
  if (failed(with.define(1, with.cast(scores, DataType::f32))))
    return failure();
  if (!node.wants(0))
    return success();
  if (targets > 1)
    return with.define(0, labels->best(with, scores));
  // One class, or 0.
  Part bound = with.scalar(*transform == PostTransform::none ? 0 : 0.5, scores->dataType);
  Part isIt = with("Squeeze", {with("GreaterOrEqual", {scores, bound}), with.ints({1})});
  Part label = with("Squeeze", {with.ints({labels->numbers[0]})});
  return with.define(0, with("Where", {isIt, label, with.scalar(0, DataType::i64)}));
}

} // namespace

ArrayRef<OpImporter> mlLinearOps() {
  static const OpImporter list[] = {
      {"ai.onnx.ml.LinearClassifier", importLinearClassifier, 1, 1, 2},
      {"ai.onnx.ml.LinearRegressor", importLinearRegressor, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
