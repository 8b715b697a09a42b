#include "import/onnx/RecurrentActivations.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Which of the two numbers a function takes, and what they are where none is given.
struct Known {
  StringRef name;
  std::optional<double> alpha, beta;
};
constexpr Known table[] = {
    {"relu", {}, {}},        {"tanh", {}, {}},
    {"sigmoid", {}, {}},     {"softsign", {}, {}},
    {"softplus", {}, {}},    {"affine", 1, 0},
    {"leakyrelu", 0.01, {}}, {"thresholdedrelu", 1, {}},
    {"scaledtanh", 1, 1},    {"hardsigmoid", 0.2, 0.5},
    {"elu", 1, {}},
};

} // namespace

Value RecurrentActivation::apply(ImplicitLocOpBuilder &b, Value x) const {
  Value zero = constantLike(b, x, 0), one = constantLike(b, x, 1);
  Value a = constantLike(b, x, alpha), c = constantLike(b, x, beta);
  auto below = [&](arith::CmpFPredicate predicate, Value bound, Value yes, Value no) -> Value {
    return b.create<arith::SelectOp>(b.create<arith::CmpFOp>(predicate, x, bound), yes, no);
  };
  using P = arith::CmpFPredicate;
  if (name == "tanh")
    return b.create<math::TanhOp>(x);
  if (name == "sigmoid")
    return logistic(b, x);
  if (name == "relu")
    return b.create<arith::MaximumFOp>(x, zero);
  if (name == "softsign")
    return b.create<arith::DivFOp>(x, addScalars(b, one, b.create<math::AbsFOp>(x)));
  if (name == "softplus") { // max(x, 0) + log1p(exp(-|x|))
    Value power = b.create<math::ExpOp>(b.create<arith::NegFOp>(b.create<math::AbsFOp>(x)));
    return addScalars(b, b.create<arith::MaximumFOp>(x, zero), b.create<math::Log1pOp>(power));
  }
  if (name == "affine")
    return addScalars(b, mulScalars(b, a, x), c);
  if (name == "leakyrelu")
    return below(P::OLT, zero, mulScalars(b, a, x), x);
  if (name == "thresholdedrelu")
    return below(P::OGT, a, x, zero);
  if (name == "scaledtanh")
    return mulScalars(b, a, b.create<math::TanhOp>(mulScalars(b, c, x)));
  if (name == "elu")
    return below(P::OLT, zero, mulScalars(b, a, b.create<math::ExpM1Op>(x)), x);
  Value line = addScalars(b, mulScalars(b, a, x), c); // hardsigmoid
  return b.create<arith::MinimumFOp>(b.create<arith::MaximumFOp>(line, zero), one);
}

FailureOr<SmallVector<RecurrentActivation>>
recurrentActivations(NodeContext &node, ArrayRef<StringRef> defaults, int64_t directions) {
  const NodeAttribute *names = node.find("activations", AttributeKind::strings),
                      *alpha = node.find("activation_alpha", AttributeKind::floats),
                      *beta = node.find("activation_beta", AttributeKind::floats);
  size_t wanted = defaults.size() * static_cast<size_t>(directions);
  size_t given = names ? names->strings.size() : defaults.size();
  if (given != wanted && given != defaults.size())
    return node.error() << "attribute 'activations' has " << given << " names, expected " << wanted;
  SmallVector<RecurrentActivation> made;
  // The numbers are for those that take any, in order.
  size_t alphas = 0, betas = 0;
  for (size_t i = 0; i < given; ++i) {
    RecurrentActivation one;
    one.name = names ? StringRef(names->strings[i]).lower() : defaults[i].lower();
    const Known *found = llvm::find_if(table, [&](const Known &k) { return k.name == one.name; });
    if (found == std::end(table))
      return node.error("activations") << "activation '" << names->strings[i] << "' is not supported";
    auto take = [](const std::optional<double> &usual, const NodeAttribute *list, size_t &place) {
      if (!usual)
        return 0.0;
      bool has = list && place < list->floats.size();
      return has ? static_cast<double>(list->floats[place++]) : *usual;
    };
    one.alpha = take(found->alpha, alpha, alphas);
    one.beta = take(found->beta, beta, betas);
    made.push_back(one);
  }
  if ((alpha && alphas < alpha->floats.size()) || (beta && betas < beta->floats.size()))
    return node.error() << "attributes 'activation_alpha' and 'activation_beta' have more numbers "
                           "than the activations take";
  for (size_t i = made.size(); i < wanted; ++i)
    made.push_back(made[i - defaults.size()]);
  return made;
}

} // namespace halcyon::onnx
