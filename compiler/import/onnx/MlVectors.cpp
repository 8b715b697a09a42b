// ai.onnx.ml: support vector machines.
#include "import/onnx/MlScores.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// Of each row of [N, F] and each vector of [V, F] how near they are: [N, V].
FailureOr<Part> kernel(NodeContext &node, Composer &with, Part x, Part vectors) {
  StringRef name = node.stringAttr("kernel_type", "LINEAR");
  std::vector<float> given = floatList(node, "kernel_params");
  if (!given.empty() && given.size() != 3)
    return node.error() << "attribute 'kernel_params' has " << given.size() << " numbers, not 3";
  given.resize(3);
  DataType type = x->dataType;
  Part gamma = with.scalar(given[0], type), offset = with.scalar(given[1], type);
  auto products = [&] { return with("Gemm", {x, vectors}, {attribute("transB", int64_t{1})}); };
  auto line = [&] { return with("Add", {with("Mul", {products(), gamma}), offset}); };
  if (name == "LINEAR")
    return products();
  if (name == "POLY")
    return with("Pow", {line(), with.scalar(std::trunc(given[2]), type)});
  if (name == "SIGMOID")
    return with("Tanh", {line()});
  if (name != "RBF")
    return node.error() << "attribute 'kernel_type' is '" << name << "'";
  Part off = with("Sub", {with("Unsqueeze", {x, with.ints({1})}),
                          with("Unsqueeze", {vectors, with.ints({0})})});
  Part square = with("ReduceSumSquare", {off, with.ints({2})}, {attribute("keepdims", int64_t{0})});
  return with("Exp", {with("Neg", {with("Mul", {square, gamma})})});
}

// Attribute `name` as a matrix of rows as long as the features.
FailureOr<Part> rows(NodeContext &node, Composer &with, StringRef name, int64_t count, Part x) {
  std::vector<float> given = floatList(node, name);
  auto all = static_cast<int64_t>(given.size());
  std::optional<int64_t> extent = known(x->dims[1]);
  if (count < 1 || all == 0 || all % count || (extent && *extent * count != all))
    return node.error() << "attribute '" << name << "' has " << all << " numbers for " << count
                        << " rows of " << extent.value_or(ShapedType::kDynamic) << " features";
  std::vector<double> wide(given.begin(), given.end());
  return floatTensor(with, wide, {count, all / count}, x->dataType);
}

LogicalResult importRegressor(NodeContext &node) {
  Composer with(node);
  int64_t count = node.sizeAttr("n_supports", 0);
  bool oneClass = node.intAttr("one_class", 0) != 0;
  std::vector<float> offsets = floatList(node, "rho"), factors = floatList(node, "coefficients");
  FailureOr<PostTransform> transform = postTransformOf(node);
  Part x = featuresOf(node, with);
  if (!x || failed(transform))
    return failure();
  if (offsets.empty())
    return node.error() << "attribute 'rho' must have a number";
  Part made;
  if (count > 0) {
    FailureOr<Part> vectors = rows(node, with, "support_vectors", count, x);
    if (failed(vectors))
      return failure();
    FailureOr<Part> near = kernel(node, with, x, *vectors);
    if (failed(near))
      return failure();
    if (static_cast<int64_t>(factors.size()) != count)
      return node.error() << "attribute 'coefficients' has " << factors.size() << " numbers for "
                          << count << " vectors";
    std::vector<double> wide(factors.begin(), factors.end());
    made = with("MatMul", {*near, floatTensor(with, wide, {count, 1}, x->dataType)});
  } else {
    node.ignore(AttributeKind::floats, {"support_vectors", "kernel_params"}); // there is none
    node.ignore(AttributeKind::s, {"kernel_type"});
    FailureOr<Part> line = rows(node, with, "coefficients", 1, x);
    if (failed(line))
      return failure();
    made = with("Gemm", {x, *line}, {attribute("transB", int64_t{1})});
  }
  made = with("Add", {made, with.scalar(offsets[0], x->dataType)});
  if (oneClass)
    made = with("Where", {with("Greater", {made, with.scalar(0, x->dataType)}),
                          with.scalar(1, x->dataType), with.scalar(-1, x->dataType)});
  return with.define(0, with.cast(transformScores(with, made, *transform), DataType::f32));
}

// Probabilities of classes from those of each pair, as LIBSVM finds them: steps until they are near
// enough, at most 100 or one a class.
class Probabilities {
public:
  Probabilities(NodeContext &node, Part pairs, int64_t classes, ArrayRef<float> a,
                ArrayRef<float> b)
      : node(node), b(node.b), pairs(pairs), classes(classes), slopes(a), offsets(b) {}

  // [N, classes]
  Value run() {
    element = node.elementType(pairs->dataType);
    Value source = node.graph.tensorOf(b, *pairs);
    return generate(b, emptyTensor(b, {pairs->dims[0], fixed(b, classes)}, element),
                    [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
                      readPairs(inner, source, at[0]);
                      SmallVector<Value> found = solve(inner);
                      Value made = found[0];
                      for (int64_t i = 1; i < classes; ++i) {
                        Value isIt = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, at[1],
                                                                 constantIndex(inner, i));
                        made = inner.create<arith::SelectOp>(isIt, found[i], made);
                      }
                      return made;
                    });
  }

private:
  Value number(ImplicitLocOpBuilder &b, double value) { return constantFloat(b, element, value); }
  static Value div(ImplicitLocOpBuilder &b, Value l, Value r) {
    return b.create<arith::DivFOp>(l, r);
  }

  // q[t][u] of the form that is least where the probabilities fit the pairs'.
  void readPairs(ImplicitLocOpBuilder &b, Value source, Value row) {
    SmallVector<SmallVector<Value>> r(classes, SmallVector<Value>(classes));
    size_t pair = 0;
    for (int64_t i = 0; i < classes; ++i)
      for (int64_t j = i + 1; j < classes; ++j, ++pair) {
        Value score = b.create<tensor::ExtractOp>(
            source, ValueRange{row, constantIndex(b, static_cast<int64_t>(pair))});
        Value x =
            addScalars(b, mulScalars(b, score, number(b, slopes[pair])), number(b, offsets[pair]));
        Value p = logistic(b, b.create<arith::NegFOp>(x));
        p = b.create<arith::MaximumFOp>(p, number(b, 1e-7));
        p = b.create<arith::MinimumFOp>(p, number(b, 1 - 1e-7));
        r[i][j] = p;
        r[j][i] = subScalars(b, number(b, 1), p);
      }
    q.assign(classes, SmallVector<Value>(classes));
    for (int64_t t = 0; t < classes; ++t)
      for (int64_t u = 0; u < classes; ++u) {
        if (u == t)
          continue;
        Value square = mulScalars(b, r[u][t], r[u][t]);
        q[t][t] = q[t][t] ? addScalars(b, q[t][t], square) : square;
        q[t][u] = b.create<arith::NegFOp>(mulScalars(b, r[u][t], r[t][u]));
      }
  }

  SmallVector<Value> solve(ImplicitLocOpBuilder &b) {
    auto k = static_cast<double>(classes);
    SmallVector<Value> start(classes, number(b, 1 / k));
    start.push_back(b.create<arith::ConstantIntOp>(0, 1));
    auto loop =
        b.create<scf::ForOp>(constantIndex(b, 0), constantIndex(b, std::max<int64_t>(100, classes)),
                             constantIndex(b, 1), start);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> before(loop.getRegionIterArgs());
      SmallVector<Value> after = step(b, before, 0.005 / k);
      b.create<scf::YieldOp>(after);
    }
    return SmallVector<Value>(loop.getResults().drop_back());
  }

  // All probabilities, and whether they are near enough; then they stay.
  SmallVector<Value> step(ImplicitLocOpBuilder &b, ArrayRef<Value> before, double epsilon) {
    SmallVector<Value> p(before.drop_back()), qp;
    Value total, error;
    for (int64_t t = 0; t < classes; ++t) {
      Value sum;
      for (int64_t u = 0; u < classes; ++u) {
        Value more = mulScalars(b, q[t][u], p[u]);
        sum = sum ? addScalars(b, sum, more) : more;
      }
      qp.push_back(sum);
      Value more = mulScalars(b, p[t], sum);
      total = total ? addScalars(b, total, more) : more;
    }
    for (int64_t t = 0; t < classes; ++t) {
      Value off = b.create<math::AbsFOp>(subScalars(b, qp[t], total));
      error = error ? b.create<arith::MaximumFOp>(error, off).getResult() : off;
    }
    Value near = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, error, number(b, epsilon));
    Value done = b.create<arith::OrIOp>(before.back(), near);
    Value one = number(b, 1), two = number(b, 2);
    for (int64_t t = 0; t < classes; ++t) {
      Value diff = div(b, subScalars(b, total, qp[t]), q[t][t]);
      Value grown = addScalars(b, one, diff);
      p[t] = addScalars(b, p[t], diff);
      Value more = addScalars(b, mulScalars(b, diff, q[t][t]), mulScalars(b, two, qp[t]));
      total = addScalars(b, total, mulScalars(b, diff, more));
      total = div(b, total, mulScalars(b, grown, grown));
      for (int64_t u = 0; u < classes; ++u) {
        qp[u] = div(b, addScalars(b, qp[u], mulScalars(b, diff, q[t][u])), grown);
        p[u] = div(b, p[u], grown);
      }
    }
    SmallVector<Value> made;
    for (auto [had, has] : llvm::zip(before, p))
      made.push_back(b.create<arith::SelectOp>(done, had, has));
    made.push_back(done);
    return made;
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Part pairs;
  int64_t classes;
  ArrayRef<float> slopes, offsets;
  Type element;
  SmallVector<SmallVector<Value>> q;
};

class Classifier {
public:
  explicit Classifier(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    FailureOr<ClassLabels> found = ClassLabels::of(node, "classlabels_ints", "classlabels_strings");
    FailureOr<PostTransform> transform = postTransformOf(node);
    x = featuresOf(node, with);
    if (failed(found) || failed(transform) || !x)
      return failure();
    labels = *found;
    classes = static_cast<int64_t>(labels.count);
    coefficients = floatList(node, "coefficients");
    rho = floatList(node, "rho");
    if (classes < 2)
      return node.error() << "expected at least 2 classes, got " << classes;
    ArrayRef<int64_t> perClass = intList(node, "vectors_per_class");
    if (failed(perClass.empty() ? linear() : byPairs(perClass)))
      return failure();
    if (with.hasFailed())
      return failure();
    if (node.wants(0) && failed(defineLabel()))
      return failure();
    // One score of two classes becomes two.
    if (known(scores->dims[1]) == 1) {
      Part other = *transform == PostTransform::probit ? with("Sub", {number(1), scores})
                                                       : with("Neg", {scores});
      scores = with("Concat", {other, scores}, {attribute("axis", int64_t{1})});
    }
    scores = transformScores(with, scores, *transform);
    return with.define(1, with.cast(scores, DataType::f32));
  }

private:
  Part number(double value) { return with.scalar(value, x->dataType); }
  Part matrix(ArrayRef<double> values, int64_t rowCount) {
    return floatTensor(with, values, {rowCount, static_cast<int64_t>(values.size()) / rowCount},
                       x->dataType);
  }

  // A line for each class.
  LogicalResult linear() {
    node.ignore(AttributeKind::floats, {"support_vectors", "kernel_params", "prob_a", "prob_b"});
    node.ignore(AttributeKind::s, {"kernel_type"});
    FailureOr<Part> lines = rows(node, with, "coefficients", classes, x);
    if (failed(lines))
      return failure();
    if (rho.empty())
      return node.error() << "attribute 'rho' must have a number";
    scores = with("Gemm", {x, *lines}, {attribute("transB", int64_t{1})});
    scores = with("Add", {scores, number(rho[0])});
    top = scores;
    return success();
  }

  // Each two classes are told apart by vectors of both; the class that wins most is the label.
  LogicalResult byPairs(ArrayRef<int64_t> perClass) {
    if (static_cast<int64_t>(perClass.size()) != classes ||
        llvm::any_of(perClass, [](int64_t count) { return count < 0 || count > INT32_MAX; }))
      return node.error() << "attribute 'vectors_per_class' has " << perClass.size()
                          << " numbers for " << classes << " classes";
    int64_t vectors = std::accumulate(perClass.begin(), perClass.end(), int64_t{0});
    int64_t pairs = classes * (classes - 1) / 2;
    if (static_cast<int64_t>(coefficients.size()) != vectors * (classes - 1) ||
        static_cast<int64_t>(rho.size()) != pairs)
      return node.error() << "attributes 'coefficients' and 'rho' have " << coefficients.size()
                          << " and " << rho.size() << " numbers for " << vectors << " vectors of "
                          << classes << " classes";
    FailureOr<Part> support = rows(node, with, "support_vectors", vectors, x);
    if (failed(support))
      return failure();
    FailureOr<Part> near = kernel(node, with, x, *support);
    if (failed(near))
      return failure();
    // Of each vector what it counts for each pair; of each pair who wins where its score is
    // positive, and who otherwise.
    std::vector<double> weights(vectors * pairs), first(pairs * classes), second(pairs * classes);
    SmallVector<int64_t> starts{0};
    for (int64_t count : perClass)
      starts.push_back(starts.back() + count);
    int64_t pair = 0;
    for (int64_t i = 0; i < classes; ++i)
      for (int64_t j = i + 1; j < classes; ++j, ++pair) {
        for (int64_t v = starts[i]; v < starts[i + 1]; ++v)
          weights[v * pairs + pair] = coefficients[(j - 1) * vectors + v];
        for (int64_t v = starts[j]; v < starts[j + 1]; ++v)
          weights[v * pairs + pair] = coefficients[i * vectors + v];
        first[pair * classes + i] = second[pair * classes + j] = 1;
      }
    std::vector<double> offsets(rho.begin(), rho.end());
    scores = with("Add", {with("MatMul", {*near, matrix(weights, vectors)}), matrix(offsets, 1)});
    Part wins = with("Greater", {scores, number(0)});
    auto counted = [&](Part flags, ArrayRef<double> who) {
      return with("MatMul", {with.cast(flags, x->dataType), matrix(who, pairs)});
    };
    top = with("Add", {counted(wins, first), counted(with("Not", {wins}), second)});
    return probabilities(pairs);
  }

  LogicalResult probabilities(int64_t pairs) {
    slopes = floatList(node, "prob_a");
    offsets = floatList(node, "prob_b");
    if (slopes.empty())
      return success();
    constexpr int64_t most = 16; // the equations are written out
    if (static_cast<int64_t>(slopes.size()) != pairs || offsets.size() != slopes.size())
      return node.error() << "attributes 'prob_a' and 'prob_b' have " << slopes.size() << " and "
                          << offsets.size() << " numbers for " << pairs << " pairs";
    if (classes > most)
      return node.error() << "probabilities of more than " << most << " classes are not supported";
    if (with.hasFailed())
      return failure();
    Value made = Probabilities(node, scores, classes, slopes, offsets).run();
    scores = with.hold(node.graph.fromTensor(b, made, x->dataType));
    return success();
  }

  LogicalResult defineLabel() {
    // Of two classes whose coefficients are not negative the second one, as LIBSVM's callers
    // expect.
    bool isPositive = llvm::all_of(coefficients, [](float value) { return value >= 0; });
    if (classes == 2 && rho.size() == 1 && isPositive && slopes.empty()) {
      Part best = with("ReduceMax", {top, with.ints({1})}, {attribute("keepdims", int64_t{0})});
      Part second = with("GreaterOrEqual", {best, number(0.5)});
      Part label = with("Squeeze", {with.ints({labels.numbers[1]})});
      return with.define(0, with("Where", {second, label, labels.best(with, top)}));
    }
    return with.define(0, labels.best(with, top));
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  ClassLabels labels;
  int64_t classes = 0;
  std::vector<float> coefficients, rho, slopes, offsets;
  Part x = nullptr, scores = nullptr, top = nullptr;
};

LogicalResult importClassifier(NodeContext &node) { return Classifier(node).run(); }

} // namespace

ArrayRef<OpImporter> mlVectorOps() {
  static const OpImporter list[] = {
      {"ai.onnx.ml.SVMClassifier", importClassifier, 1, 1, 2},
      {"ai.onnx.ml.SVMRegressor", importRegressor, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
