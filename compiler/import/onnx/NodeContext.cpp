#include "import/onnx/NodeContext.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {

int64_t NodeContext::opset() const {
  for (const Scope *at = &scope; at; at = at->outer)
    if (at->opsets) {
      auto found = at->opsets->find(node.domain);
      return found == at->opsets->end() ? 1 : found->second;
    }
  return 1;
}

bool NodeContext::isKnown(size_t index) const {
  Imported &input = in(index);
  if (input.numElements() == 0)
    return true;
  return input.isOnHost() && (isInteger(input.dataType) || isBool(input.dataType)) &&
         llvm::all_of(graph.elementsOf(b, input),
                      [&](Value element) { return matchPattern(element, m_Constant()); });
}

FailureOr<SmallVector<int64_t>> NodeContext::constantInts(size_t index, StringRef what) const {
  SmallVector<int64_t> made;
  Imported &input = in(index);
  if (input.numElements() == 0)
    return made;
  if (input.isOnHost() && (isInteger(input.dataType) || isBool(input.dataType))) {
    for (Value element : graph.elementsOf(b, input)) {
      std::optional<int64_t> value = known(toIndex(b, element, isUnsigned(input.dataType)));
      if (!value)
        break;
      made.push_back(*value);
    }
    if (static_cast<int64_t>(made.size()) == *input.numElements())
      return made;
  }
  return error() << what << " ('" << node.inputs[index] << "') must be constant";
}

FailureOr<SmallVector<double>> NodeContext::constantFloats(size_t index, StringRef what) const {
  SmallVector<double> made;
  Imported &input = in(index);
  if (input.isOnHost() && isFloat(input.dataType)) {
    for (Value element : graph.elementsOf(b, input)) {
      FloatAttr value;
      if (!matchPattern(element, m_Constant(&value)))
        break;
      made.push_back(value.getValueAsDouble());
    }
    if (static_cast<int64_t>(made.size()) == *input.numElements())
      return made;
  }
  return error() << what << " ('" << node.inputs[index] << "') must be constant";
}

FailureOr<Dims> NodeContext::indices(size_t index, StringRef what) const {
  Imported &input = in(index);
  if (!isInteger(input.dataType) || input.rank() > 1)
    return error() << what << " ('" << node.inputs[index] << "') must be a list of integers";
  if (!input.isSmall())
    return error() << what << " ('" << node.inputs[index] << "') must have a known length, at most "
                   << hostLimit;
  Dims made;
  for (Value element : graph.elementsOf(b, input))
    made.push_back(toIndex(b, element, isUnsigned(input.dataType)));
  return made;
}

const NodeAttribute *NodeContext::find(StringRef name) const {
  read.insert(name);
  for (const NodeAttribute &attribute : node.attributes)
    if (attribute.name == name)
      return &attribute;
  return nullptr;
}

const NodeAttribute *NodeContext::find(StringRef name, ArrayRef<AttributeKind> kinds) const {
  const NodeAttribute *attribute = find(name);
  if (!attribute || llvm::is_contained(kinds, attribute->kind))
    return attribute;
  if (!wrong)
    error(name) << "has another type than the operator's: " << nameOf(attribute->kind) << ", expected " << nameOf(kinds.front());
  wrong = true;
  return nullptr;
}

int64_t NodeContext::intAttr(StringRef name, int64_t otherwise) const {
  const NodeAttribute *attribute = find(name, AttributeKind::i);
  return attribute ? attribute->i : otherwise;
}

double NodeContext::floatAttr(StringRef name, double otherwise) const {
  const NodeAttribute *attribute = find(name, AttributeKind::f);
  return attribute ? attribute->f : otherwise;
}

StringRef NodeContext::stringAttr(StringRef name, StringRef otherwise) const {
  const NodeAttribute *attribute = find(name, AttributeKind::s);
  return attribute ? StringRef(attribute->s) : otherwise;
}

std::optional<SmallVector<int64_t>> NodeContext::intsAttr(StringRef name) const {
  const NodeAttribute *attribute = find(name, AttributeKind::ints);
  if (!attribute)
    return std::nullopt;
  return SmallVector<int64_t>(attribute->ints.begin(), attribute->ints.end());
}

DataType NodeContext::typeAttr(StringRef name, DataType otherwise) const {
  int64_t given = intAttr(name, static_cast<int64_t>(otherwise));
  auto type = static_cast<DataType>(given);
  if (static_cast<int64_t>(type) == given && (type == otherwise || type == DataType::undefined || elementType(type)))
    return type;
  if (!wrong)
    error(name) << given << " is no element type that is supported";
  wrong = true;
  return otherwise;
}

int64_t NodeContext::sizeAttr(StringRef name, int64_t otherwise, int64_t least) const {
  int64_t given = intAttr(name, otherwise);
  if (given == otherwise || (given >= least && given <= INT32_MAX))
    return given;
  if (!wrong)
    error(name) << given << " is not from " << least << " to " << INT32_MAX;
  wrong = true;
  return otherwise;
}

void NodeContext::ignore(AttributeKind kind, std::initializer_list<StringRef> names) const {
  for (StringRef name : names)
    find(name, kind);
}

LogicalResult NodeContext::checkAllRead() const {
  for (const NodeAttribute &attribute : node.attributes)
    if (!wrong && !read.contains(attribute.name))
      return error() << "attribute '" << attribute.name << "' is not supported";
  return success(!wrong);
}

FailureOr<int64_t> NodeContext::normalizeAxis(int64_t axis, int64_t rank, StringRef attribute) const {
  int64_t made = axis < 0 ? axis + rank : axis;
  if (made < 0 || made >= rank)
    return error(attribute) << "axis " << axis << " is not one of " << rank << " dimensions";
  return made;
}

FailureOr<SmallVector<int64_t>> NodeContext::normalizeAxes(ArrayRef<int64_t> axes, int64_t rank,
                                                           StringRef attribute) const {
  SmallVector<int64_t> made;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normal = normalizeAxis(axis, rank, attribute);
    if (failed(normal))
      return failure();
    if (llvm::is_contained(made, *normal))
      return error(attribute) << "axis " << axis << " is named twice";
    made.push_back(*normal);
  }
  return made;
}

LogicalResult NodeContext::requireSame(OpFoldResult left, OpFoldResult right, StringRef what) {
  std::optional<int64_t> l = known(left), r = known(right);
  if (l && r && l != r)
    return error() << what << " differ: " << *l << " and " << *r;
  requireEqual(b, left, right);
  return success();
}

LogicalResult NodeContext::requireWithin(OpFoldResult size, OpFoldResult limit, StringRef what) {
  std::optional<int64_t> l = known(size), r = known(limit);
  if (size == limit || (l && r && *l <= *r))
    return success();
  if (l && r)
    return error() << what << " has " << *l << " elements, more than " << *r;
  require(b, b.create<arith::CmpIOp>(arith::CmpIPredicate::sle, asValue(b, size), asValue(b, limit)),
          "a size is too large");
  return success();
}

void NodeContext::set(size_t index, Value tensor, DataType dataType, Dims dims) {
  if (wants(index))
    graph.define(scope, node.outputs[index],
                 graph.fromTensor(b, tensor, dataType, std::move(dims)));
}

void NodeContext::setElements(size_t index, Dims dims, DataType dataType,
                              SmallVector<Value> elements) {
  if (!wants(index))
    return;
  Imported made;
  made.dataType = dataType;
  made.element = elementType(dataType);
  made.dims = std::move(dims);
  made.elements = std::move(elements);
  graph.define(scope, node.outputs[index], std::move(made));
}

void NodeContext::setAs(size_t index, const Imported &other) {
  if (wants(index))
    graph.define(scope, node.outputs[index], other);
}

InFlightDiagnostic NodeContext::error(StringRef attribute) const {
  InFlightDiagnostic made = emitError(b.getLoc()) << "node '" << node.name << "' (" << node.composed;
  made << (node.composed.empty() ? "" : ", in it ") << node.opType << "): ";
  if (!attribute.empty())
    made << "attribute '" << attribute << "': ";
  return made;
}

} // namespace halcyon::onnx
