#include "import/onnx/MlScores.h"
#include "import/onnx/Constants.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// Elements that are 0 stay so, nearly: they count exp(-max) times themselves.
Part softmaxZero(Composer &with, Part x) {
  DataType type = x->dataType;
  Part over = with.ints({1});
  Part top = with("ReduceMax", {x, over});
  Part isZero = with("LessOrEqual", {with("Abs", {x}), with.scalar(1e-7, type)});
  Part small = with("Mul", {x, with("Exp", {with("Neg", {top})})});
  Part power = with("Exp", {with("Sub", {x, top})});
  Part weight = with("Where", {isZero, small, power});
  Part total = with("ReduceSum", {weight, over});
  return with("Where", {with("Equal", {total, with.scalar(0, type)}), with.scalar(0.5, type),
                        with("Div", {weight, total})});
}

// The inverse of the normal distribution's integral, by Winitzki's approximation as the standard's
// reference has it.
Part probit(Composer &with, Part x) {
  DataType type = x->dataType;
  auto number = [&](double value) { return with.scalar(value, type); };
  Part centred = with("Sub", {with("Mul", {x, number(2)}), number(1)});
  Part rest = with("Mul", {with("Sub", {number(1), centred}), with("Add", {number(1), centred})});
  Part log = with("Log", {rest});
  Part first =
      with("Add", {number(2 / (3.14159265358979323846 * 0.147)), with("Mul", {number(0.5), log})});
  Part second = with("Mul", {number(1 / 0.147), log});
  Part root = with("Sqrt", {with("Sub", {with("Mul", {first, first}), second})});
  Part size = with("Sqrt", {with("Sub", {root, first})});
  size = with("Where", {with("Equal", {rest, number(0)}), number(0), size});
  Part signs = with("Where", {with("Less", {centred, number(0)}), number(-1), number(1)});
  return with("Mul", {number(1.41421356), with("Mul", {signs, size})});
}

} // namespace

FailureOr<PostTransform> postTransformOf(NodeContext &node) {
  StringRef name = node.stringAttr("post_transform", "NONE");
  auto made = llvm::StringSwitch<std::optional<PostTransform>>(name)
                  .Case("NONE", PostTransform::none)
                  .Case("SOFTMAX", PostTransform::softmax)
                  .Case("LOGISTIC", PostTransform::logistic)
                  .Case("SOFTMAX_ZERO", PostTransform::softmaxZero)
                  .Case("PROBIT", PostTransform::probit)
                  .Default(std::nullopt);
  if (!made)
    return node.error() << "attribute 'post_transform' is '" << name << "'";
  return *made;
}

Part transformScores(Composer &with, Part scores, PostTransform transform) {
  if (with.hasFailed())
    return nullptr;
  switch (transform) {
  case PostTransform::none:
    return scores;
  case PostTransform::softmax:
    return with("Softmax", {scores}, {attribute("axis", int64_t{1})});
  case PostTransform::logistic:
    return with("Sigmoid", {scores});
  case PostTransform::softmaxZero:
    return softmaxZero(with, scores);
  case PostTransform::probit:
    return probit(with, scores);
  }
  return nullptr;
}

Part featuresOf(NodeContext &node, Composer &with) {
  const Imported &input = node.in(0);
  if (input.rank() != 1 && input.rank() != 2) {
    node.error() << "expected 1 or 2 dimensions, got " << input.rank();
    return nullptr;
  }
  if (!isFloat(input.dataType) && !isInteger(input.dataType)) {
    node.error() << "expected numbers, got " << nameOf(input.dataType);
    return nullptr;
  }
  Part x = with.input(0);
  if (input.rank() == 1)
    x = with("Unsqueeze", {x, with.ints({0})});
  if (with.hasFailed())
    return nullptr;
  return with.cast(x, x->dataType == DataType::f64 ? DataType::f64 : DataType::f32);
}

ArrayRef<int64_t> intList(NodeContext &node, StringRef name) {
  const NodeAttribute *attribute = node.find(name, AttributeKind::ints);
  return attribute ? ArrayRef<int64_t>(attribute->ints) : ArrayRef<int64_t>();
}

std::vector<float> floatList(NodeContext &node, StringRef name) {
  const NodeAttribute *attribute = node.find(name, AttributeKind::floats);
  return attribute ? attribute->floats : std::vector<float>();
}

Part floatTensor(Composer &with, ArrayRef<double> values, ArrayRef<int64_t> dims, DataType type) {
  if (type == DataType::f64)
    return with.constant(makeTensor<double>(type, values.vec(), dims.vec()));
  std::vector<float> narrow(values.begin(), values.end());
  return with.cast(with.constant(makeTensor<float>(DataType::f32, narrow, dims.vec())), type);
}

FailureOr<ClassLabels> ClassLabels::of(NodeContext &node, StringRef ints, StringRef strings) {
  ClassLabels made;
  made.numbers = intList(node, ints).vec();
  made.count = made.numbers.size();
  const NodeAttribute *words = node.find(strings, AttributeKind::strings);
  if (words && !words->strings.empty()) {
    if (made.count)
      return node.error() << "has attributes '" << ints << "' and '" << strings << "'";
    if (node.wants(0))
      return node.error() << "attribute '" << strings << "': strings are not supported";
    made.count = words->strings.size();
  }
  if (!made.count)
    return node.error() << "has no attribute '" << ints << "'";
  return made;
}

Part ClassLabels::best(Composer &with, Part scores) const {
  if (numbers.empty())
    return nullptr;
  Part top =
      with("ArgMax", {scores}, {attribute("axis", int64_t{1}), attribute("keepdims", int64_t{0})});
  return with("Gather", {with.constant(makeTensor(DataType::i64, numbers)), top});
}

Part ClassLabels::choose(Composer &with, Part condition) const {
  if (numbers.empty())
    return nullptr;
  Part no = with("Squeeze", {with.ints({numbers[0]})}),
       yes = with("Squeeze", {with.ints({numbers[1]})});
  return with("Where", {condition, yes, no});
}

} // namespace halcyon::onnx
