// ai.onnx.ml: what is done to the features before a model sees them.
#include "import/onnx/Constants.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/MlScores.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

LogicalResult checkNumbers(NodeContext &node) {
  DataType type = node.in(0).dataType;
  if (isFloat(type) || isInteger(type))
    return success();
  return node.error() << "expected numbers, got " << nameOf(type);
}

// Of the last dimension the elements that the indices name, in their order.
LogicalResult importFeatureExtractor(NodeContext &node) {
  Composer with(node);
  if (node.rank(0) < 1)
    return node.error() << "the data have no dimensions";
  Part places = with("Reshape", {with.input(1), with.ints({-1})});
  Part made = with("Gather", {with.input(0), places}, {attribute("axis", int64_t{-1})});
  if (node.rank(0) == 1)
    made = with("Unsqueeze", {made, with.ints({0})});
  return with.define(0, made);
}

// 1 above the threshold, else 0
LogicalResult importBinarizer(NodeContext &node) {
  Composer with(node);
  double threshold = node.floatAttr("threshold", 0);
  DataType type = node.in(0).dataType;
  if (failed(checkNumbers(node)))
    return failure();
  DataType inner = isFloat(type) ? type : DataType::f64;
  Part above = with("Greater", {with.cast(with.input(0), inner), with.scalar(threshold, inner)});
  return with.define(0, with.cast(above, type));
}

// A list of one number, or one for each of the last dimension.
FailureOr<Part> perFeature(NodeContext &node, Composer &with, StringRef name, DataType type) {
  std::vector<float> given = floatList(node, name);
  auto count = static_cast<int64_t>(given.size());
  std::optional<int64_t> extent = known(node.in(0).dims.back());
  if (given.empty() || (count != 1 && extent && *extent != count))
    return node.error() << "attribute '" << name << "' has " << count << " numbers for "
                        << extent.value_or(1) << " features";
  std::vector<double> wide(given.begin(), given.end());
  return floatTensor(with, wide, {count}, type);
}

// (x - offset) * scale, as f32
LogicalResult importScaler(NodeContext &node) {
  Composer with(node);
  if (failed(checkNumbers(node)))
    return failure();
  if (node.rank(0) < 1)
    return node.error() << "the input has no dimensions";
  DataType inner = node.in(0).dataType == DataType::f64 ? DataType::f64 : DataType::f32;
  FailureOr<Part> offset = perFeature(node, with, "offset", inner);
  FailureOr<Part> scale = perFeature(node, with, "scale", inner);
  if (failed(offset) || failed(scale))
    return failure();
  Part made = with("Mul", {with("Sub", {with.cast(with.input(0), inner), *offset}), *scale});
  return with.define(0, with.cast(made, DataType::f32));
}

// Rows by their greatest element, the sum of sizes, or the root of the sum of squares; a row where
// that is 0 stays.
LogicalResult importNormalizer(NodeContext &node) {
  Composer with(node);
  StringRef norm = node.stringAttr("norm", "MAX");
  StringRef reduction = norm == "MAX"  ? "ReduceMax"
                        : norm == "L1" ? "ReduceL1"
                        : norm == "L2" ? "ReduceL2"
                                       : "";
  if (reduction.empty())
    return node.error() << "attribute 'norm' is '" << norm << "'";
  Part x = featuresOf(node, with);
  if (!x)
    return failure();
  Part size = with(reduction, {x, with.ints({1})});
  if (with.hasFailed())
    return failure();
  Part isZero = with("Equal", {size, with.scalar(0, x->dataType)});
  Part made = with("Where", {isZero, x, with("Div", {x, size})});
  return with.define(
      0, with.cast(with("Reshape", {made, with.shape(node.in(0).dims)}), DataType::f32));
}

// Elements that are one value become another, which may differ by feature. NaN stands for NaN.
LogicalResult importImputer(NodeContext &node) {
  Composer with(node);
  DataType type = node.in(0).dataType;
  double floatValue = node.floatAttr("replaced_value_float", 0);
  int64_t intValue = node.intAttr("replaced_value_int64", 0);
  ArrayRef<int64_t> ints = intList(node, "imputed_value_int64s");
  if (failed(checkNumbers(node)))
    return failure();
  if (node.rank(0) < 1)
    return node.error() << "the input has no dimensions";
  Part x = with.input(0), isIt, value;
  if (isFloat(type)) {
    FailureOr<Part> given = perFeature(node, with, "imputed_value_floats", type);
    if (failed(given))
      return failure();
    value = *given;
    isIt = std::isnan(floatValue) ? with("IsNaN", {x})
                                  : with("Equal", {x, with.scalar(floatValue, type)});
  } else {
    node.ignore(AttributeKind::floats, {"imputed_value_floats"});
    std::optional<int64_t> extent = known(node.in(0).dims.back());
    auto count = static_cast<int64_t>(ints.size());
    if (!count || (count != 1 && extent && *extent != count))
      return node.error() << "attribute 'imputed_value_int64s' has " << count << " numbers for "
                          << extent.value_or(1) << " features";
    value = with.cast(with.ints(ints), type);
    isIt = with("Equal", {x, with.cast(with("Squeeze", {with.ints({intValue})}), type)});
  }
  return with.define(0, with("Where", {isIt, value, x}));
}

// Side by side, each cut or filled with zeros to its number of columns.
LogicalResult importFeatureVectorizer(NodeContext &node) {
  Composer with(node);
  ArrayRef<int64_t> sizes = intList(node, "inputdimensions");
  if (sizes.size() != node.numInputs())
    return node.error() << "attribute 'inputdimensions' has " << sizes.size() << " sizes for "
                        << node.numInputs() << " inputs";
  SmallVector<Part> parts;
  for (auto [index, size] : llvm::enumerate(sizes)) {
    if (size < 0 || size > INT32_MAX)
      return node.error("inputdimensions") << "a size of " << size;
    if (!node.has(index) || node.rank(index) < 1 || node.rank(index) > 2)
      return node.error() << "input " << index << " must have 1 or 2 dimensions";
    Part x = with.cast(with.input(index), DataType::f32);
    if (node.rank(index) == 1)
      x = with("Unsqueeze", {x, with.ints({0})});
    std::optional<int64_t> extent = known(node.in(index).dims.back());
    if (!extent)
      return node.error() << "input " << index << " must have a static last dimension";
    if (*extent != size)
      x = with("Pad", {x, with.ints({0, 0, 0, size - *extent})});
    parts.push_back(x);
  }
  return with.define(0, with("Concat", parts, {attribute("axis", int64_t{1})}));
}

// The call fails unless each element has a category.
LogicalResult requireKnown(NodeContext &node, Composer &with, Part encoded) {
  ImplicitLocOpBuilder &b = node.b;
  Part most = with("ReduceMax", {encoded, with.ints({-1})}, {attribute("keepdims", int64_t{0})});
  Part least = with("ReduceMin", {with.cast(most, DataType::i64)}, {attribute("keepdims", int64_t{0})});
  if (with.hasFailed())
    return failure();
  Value found = node.graph.elementsOf(b, *least).front();
  Value one = b.create<arith::ConstantIntOp>(1, 64);
  require(b, b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, found, one), "an element is none of the categories");
  return success();
}

// A last dimension with 1 at the place of the element's category.
LogicalResult importCategories(NodeContext &node) {
  Composer with(node);
  bool zeros = node.intAttr("zeros", 1) != 0;
  const NodeAttribute *words = node.find("cats_strings", AttributeKind::strings);
  ArrayRef<int64_t> categories = intList(node, "cats_int64s");
  if (words && !words->strings.empty())
    return node.error() << "attribute 'cats_strings': strings are not supported";
  llvm::SmallDenseSet<int64_t> seen(categories.begin(), categories.end());
  if (categories.empty() || seen.size() != categories.size())
    return node.error() << "attribute 'cats_int64s' must list categories, each once";
  if (failed(checkNumbers(node)))
    return failure();
  Part x = with("Unsqueeze", {with.cast(with.input(0), DataType::i64), with.ints({-1})});
  Part list = with.constant(makeTensor(DataType::i64, categories.vec()));
  Part made = with.cast(with("Equal", {x, list}), DataType::f32);
  if (!zeros && !with.hasFailed() && failed(requireKnown(node, with, made)))
    return failure();
  return with.define(0, made);
}

std::string labelsName(NodeContext &node, StringRef side, DataType type) {
  const bool isTensor = node.find((side + "_tensor").str()) != nullptr;
  return (side + (isTensor ? "_tensor" : type == DataType::i64 ? "_int64s" : "_floats")).str();
}

// One side of a LabelEncoder: attributes of which one is there.
FailureOr<std::shared_ptr<const Tensor>> labels(NodeContext &node, StringRef side) {
  auto name = [&](StringRef kind) { return (side + "_" + kind).str(); };
  const NodeAttribute *words = node.find(name("strings"), AttributeKind::strings),
                      *ints = node.find(name("int64s"), AttributeKind::ints),
                      *floats = node.find(name("floats"), AttributeKind::floats),
                      *tensor = node.find(name("tensor"), AttributeKind::tensor);
  if ((words && !words->strings.empty()) ||
      (tensor && !tensor->tensors.empty() && tensor->tensors[0]->type == DataType::string))
    return node.error() << "attribute '" << name(words ? "strings" : "tensor")
                        << "': strings are not supported";
  bool hasInts = ints && !ints->ints.empty(), hasFloats = floats && !floats->floats.empty();
  bool hasTensor = tensor && !tensor->tensors.empty();
  if (hasInts + hasFloats + hasTensor != 1)
    return node.error() << "expected one of attributes '" << name("int64s") << "', '"
                        << name("floats") << "' and '" << name("tensor") << "'";
  if (hasInts)
    return makeTensor(DataType::i64, ints->ints);
  if (hasFloats)
    return makeTensor(DataType::f32, floats->floats);
  if (tensor->tensors[0]->dims.size() != 1)
    return node.error() << "attribute '" << name("tensor") << "' must be a list";
  return tensor->tensors[0];
}

template <class Item>
std::shared_ptr<const Tensor> orderedBy(ArrayRef<size_t> order, DataType type,
                                        llvm::function_ref<Item(size_t)> item) {
  std::vector<Item> made;
  for (size_t place : order)
    made.push_back(item(place));
  return makeTensor(type, made);
}

// A table, sorted by key, that is searched by halves.
LogicalResult importLabelEncoder(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Composer with(node);
  const Imported &input = node.in(0);
  if (const NodeAttribute *words = node.find("classes_strings", AttributeKind::strings); words && !words->strings.empty())
    return node.error() << "attribute 'classes_strings': strings are not supported";
  FailureOr<std::shared_ptr<const Tensor>> keys = labels(node, "keys"),
                                           values = labels(node, "values");
  if (failed(keys) || failed(values))
    return failure();
  DataType keyType = (*keys)->type, type = (*values)->type;
  Type element = node.elementType(type);
  if ((*keys)->numElements() != (*values)->numElements() || (*keys)->numElements() == 0)
    return node.error() << "attributes '" << labelsName(node, "keys", keyType) << "' and '"
                        << labelsName(node, "values", type) << "' have " << (*keys)->numElements() << " keys and "
                        << (*values)->numElements() << " values";
  if (keyType != input.dataType || !(isFloat(keyType) || isInteger(keyType)) || !element)
    return node.error() << "keys of type " << nameOf(keyType) << " and values of type "
                        << nameOf(type) << " for elements of type " << nameOf(input.dataType)
                        << " are not supported";
  // What stands for every other key.
  Part otherwise;
  const NodeAttribute *tensor = node.find("default_tensor", AttributeKind::tensor);
  int64_t defaultInt = node.intAttr("default_int64", -1);
  double defaultFloat = node.floatAttr("default_float", -0.0);
  node.ignore(AttributeKind::s, {"default_string"});
  if (tensor && !tensor->tensors.empty()) {
    if (tensor->tensors[0]->type != type || tensor->tensors[0]->numElements() != 1)
      return node.error() << "attribute 'default_tensor' must be one " << nameOf(type);
    otherwise = with.constant(tensor->tensors[0]);
  } else {
    otherwise =
        isFloat(type) ? with.scalar(defaultFloat, type) : with.cast(with.ints({defaultInt}), type);
  }
  if (with.hasFailed())
    return failure();
  // Sorted; of equal keys the last one counts. NaN is a key of its own.
  bool hasFloats = isFloat(keyType);
  Imported keyTensor = node.graph.fromConstant(*keys);
  std::vector<double> floats;
  std::vector<int64_t> ints;
  std::optional<size_t> nan;
  SmallVector<size_t> order;
  for (int64_t i = 0; i < (*keys)->numElements(); ++i) {
    TypedAttr key = constantElement(keyTensor.element, **keys, i);
    if (hasFloats)
      floats.push_back(cast<FloatAttr>(key).getValueAsDouble());
    else
      ints.push_back(isUnsigned(keyType)
                         ? static_cast<int64_t>(cast<IntegerAttr>(key).getValue().getZExtValue())
                         : cast<IntegerAttr>(key).getInt());
    if (hasFloats && std::isnan(floats.back()))
      nan = static_cast<size_t>(i);
    else
      order.push_back(static_cast<size_t>(i));
  }
  auto less = [&](size_t l, size_t r) {
    return hasFloats ? floats[l] < floats[r] : ints[l] < ints[r];
  };
  std::stable_sort(order.begin(), order.end(), less);
  SmallVector<size_t> last;
  for (size_t place : order) {
    if (!last.empty() && !less(last.back(), place))
      last.back() = place;
    else
      last.push_back(place);
  }
  if (last.empty()) // only NaN: a key that it equals by its place alone
    last.push_back(*nan);
  auto count = static_cast<int64_t>(last.size());
  DataType wide = hasFloats ? DataType::f64 : DataType::i64;
  Part sorted =
      hasFloats ? with.constant(orderedBy<double>(last, wide, [&](size_t i) { return floats[i]; }))
                : with.constant(orderedBy<int64_t>(last, wide, [&](size_t i) { return ints[i]; }));
  // Which value belongs to each key.
  Part places = with.constant(
      orderedBy<int64_t>(last, DataType::i64, [&](size_t i) { return static_cast<int64_t>(i); }));
  Part list = with("Gather", {with.constant(*values), places});
  Part nanValue =
      nan ? with("Gather", {with.constant(*values), with.ints({static_cast<int64_t>(*nan)})})
          : otherwise;
  Part wanted = with.cast(with.input(0), wide);
  if (with.hasFailed())
    return failure();
  Value from = node.graph.tensorOf(b, *wanted), table = node.graph.tensorOf(b, *sorted);
  int64_t steps = llvm::Log2_64_Ceil(static_cast<uint64_t>(count) + 1);
  Value found = generate(
      b, emptyTensor(b, input.dims, b.getI64Type()),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        Value x = inner.create<tensor::ExtractOp>(from, at);
        auto keyAt = [&](ImplicitLocOpBuilder &b, Value place) {
          return b.create<tensor::ExtractOp>(table, place).getResult();
        };
        Value end = constantIndex(inner, count - 1), zero = constantIndex(inner, 0);
        // How many keys are less.
        Value before = accumulate(
            inner, {constantIndex(inner, steps)}, zero,
            [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value have) -> Value {
              Value shift = deep.create<arith::SubIOp>(constantIndex(deep, steps - 1), i[0]);
              Value step = deep.create<arith::ShLIOp>(constantIndex(deep, 1), shift);
              Value next = deep.create<arith::AddIOp>(have, step);
              Value place = deep.create<arith::SubIOp>(next, constantIndex(deep, 1));
              Value isIn = deep.create<arith::CmpIOp>(arith::CmpIPredicate::sle, place, end);
              place = deep.create<arith::MinSIOp>(place, end);
              Value isLess = compareScalars(deep, Comparison::less, keyAt(deep, place), x, wide);
              isIn = deep.create<arith::AndIOp>(isIn, isLess);
              return deep.create<arith::SelectOp>(isIn, next, have);
            });
        Value place = inner.create<arith::MinSIOp>(before, end);
        Value hits = compareScalars(inner, Comparison::equal, keyAt(inner, place), x, wide);
        place = inner.create<arith::IndexCastOp>(inner.getI64Type(), place);
        Value none = inner.create<arith::ConstantOp>(inner.getI64IntegerAttr(-1));
        return inner.create<arith::SelectOp>(hits, place, none);
      });
  Part at = with.hold(node.graph.fromTensor(b, found, DataType::i64, input.dims));
  Part none = with("Less", {at, with.scalar(0, DataType::i64)});
  Part made = with("Gather", {list, with("Max", {at, with.scalar(0, DataType::i64)})});
  made = with("Where", {none, with("Reshape", {otherwise, with.ints({})}), made});
  if (nan && hasFloats)
    made = with("Where",
                {with("IsNaN", {with.input(0)}), with("Reshape", {nanValue, with.ints({})}), made});
  return with.define(0, made);
}

// Maps are no tensors, and strings none that a program here can hold.
LogicalResult refuseMaps(NodeContext &node) {
  return node.error() << "maps are not supported: take the scores that it would name";
}
LogicalResult refuseMapInput(NodeContext &node) { return node.error() << "maps are not supported"; }
LogicalResult refuseCategoryMapper(NodeContext &node) {
  return node.error() << "attribute 'cats_strings': strings are not supported";
}

} // namespace

ArrayRef<OpImporter> mlFeatureOps() {
  static const OpImporter list[] = {
      {"ai.onnx.ml.ArrayFeatureExtractor", importFeatureExtractor, 2, 2},
      {"ai.onnx.ml.Binarizer", importBinarizer, 1, 1},
      {"ai.onnx.ml.CastMap", refuseMapInput, 1, 1},
      {"ai.onnx.ml.CategoryMapper", refuseCategoryMapper, 1, 1},
      {"ai.onnx.ml.DictVectorizer", refuseMapInput, 1, 1},
      {"ai.onnx.ml.FeatureVectorizer", importFeatureVectorizer, 1, anyNumber},
      {"ai.onnx.ml.Imputer", importImputer, 1, 1},
      {"ai.onnx.ml.LabelEncoder", importLabelEncoder, 1, 1},
      {"ai.onnx.ml.Normalizer", importNormalizer, 1, 1},
      {"ai.onnx.ml.OneHotEncoder", importCategories, 1, 1},
      {"ai.onnx.ml.Scaler", importScaler, 1, 1},
      {"ai.onnx.ml.ZipMap", refuseMaps, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
