#include "import/onnx/Reshape.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/RuntimeAxes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Dimensions [fromBegin, fromEnd) hold what [toBegin, toEnd) will hold.
struct Group {
  size_t fromBegin, fromEnd, toBegin, toEnd;
};

// The finest groups of equal products; one group for all where that cannot be
// seen. Unit dimensions join the group before them.
SmallVector<Group> groupsOf(ArrayRef<OpFoldResult> from, ArrayRef<OpFoldResult> to) {
  SmallVector<Group> groups;
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    Group group{i, i, j, j};
    Factors left, right;
    left.multiply(from[i++]);
    right.multiply(to[j++]);
    while (!(left == right)) {
      bool takeLeft = left.rest.size() < right.rest.size() ||
                      (left.rest.size() == right.rest.size() && left.fixedPart < right.fixedPart);
      if (takeLeft ? i < from.size() : j < to.size())
        takeLeft ? left.multiply(from[i++]) : right.multiply(to[j++]);
      else if (takeLeft ? j < to.size() : i < from.size())
        takeLeft ? right.multiply(to[j++]) : left.multiply(from[i++]);
      else
        return {{0, from.size(), 0, to.size()}};
    }
    group.fromEnd = i;
    group.toEnd = j;
    groups.push_back(group);
  }
  for (; i < from.size(); ++i)
    if (groups.empty() || known(from[i]) != 1)
      return {{0, from.size(), 0, to.size()}};
  for (; j < to.size(); ++j)
    if (groups.empty() || known(to[j]) != 1)
      return {{0, from.size(), 0, to.size()}};
  groups.back().fromEnd = from.size();
  groups.back().toEnd = to.size();
  return groups;
}

ReassociationIndices indicesBetween(size_t begin, size_t end) {
  return llvm::to_vector<2>(llvm::seq(static_cast<int64_t>(begin), static_cast<int64_t>(end)));
}

bool allKnown(ArrayRef<OpFoldResult> dims) {
  return llvm::all_of(dims, [](OpFoldResult dim) { return known(dim).has_value(); });
}

Value castTo(ImplicitLocOpBuilder &b, Value tensor, RankedTensorType type) {
  return tensor.getType() == type ? tensor : b.create<tensor::CastOp>(type, tensor).getResult();
}

} // namespace

Value reshapeTensor(ImplicitLocOpBuilder &b, Value tensor, ArrayRef<OpFoldResult> from,
                    ArrayRef<OpFoldResult> to) {
  auto type = cast<RankedTensorType>(tensor.getType());
  RankedTensorType result = tensorType(to, type.getElementType());
  if (llvm::equal(from, to))
    return castTo(b, tensor, result);
  // A scalar on one side: every dimension of the other is 1.
  if (to.empty()) {
    SmallVector<int64_t> ones(from.size(), 1);
    tensor = castTo(b, tensor, RankedTensorType::get(ones, type.getElementType()));
    return b.create<tensor::CollapseShapeOp>(result, tensor, ArrayRef<ReassociationIndices>{});
  }
  if (from.empty()) {
    SmallVector<int64_t> ones(to.size(), 1);
    auto expanded = RankedTensorType::get(ones, type.getElementType());
    Value made =
        b.create<tensor::ExpandShapeOp>(expanded, tensor, ArrayRef<ReassociationIndices>{});
    return castTo(b, made, result);
  }

  // [from] -> one dimension a group -> [to]
  SmallVector<Group> groups = groupsOf(from, to);
  SmallVector<ReassociationIndices> collapse, expand;
  SmallVector<int64_t> middle;
  for (const Group &group : groups) {
    collapse.push_back(indicesBetween(group.fromBegin, group.fromEnd));
    expand.push_back(indicesBetween(group.toBegin, group.toEnd));
    auto targets = to.slice(group.toBegin, group.toEnd - group.toBegin);
    int64_t extent = ShapedType::kDynamic;
    if (allKnown(targets)) {
      extent = 1;
      for (OpFoldResult dim : targets)
        extent *= *known(dim);
    }
    middle.push_back(extent);
  }
  if (groups.size() != from.size())
    tensor = b.create<tensor::CollapseShapeOp>(tensor, collapse);
  tensor = castTo(b, tensor, RankedTensorType::get(middle, type.getElementType()));
  if (groups.size() == to.size())
    return castTo(b, tensor, result);
  return b.create<tensor::ExpandShapeOp>(result, tensor, expand, to);
}

LogicalResult setReshaped(NodeContext &node, Dims dims, StringRef attribute) {
  Imported &input = node.in(0);
  Imported result;
  result.dims = dims;
  std::optional<int64_t> before = input.numElements(), after = result.numElements();
  if (before && after && before != after)
    return node.error(attribute) << "cannot give " << *before << " elements a shape of " << *after;
  bool demanded = node.isDemanded(0) && input.isSmall() && !isFloat(input.dataType);
  if ((input.isOnHost() || demanded) && after) {
    node.setElements(0, dims, input.dataType, node.graph.elementsOf(node.b, input));
    return success();
  }
  if (input.constant && after) { // the same bytes
    auto made = std::make_shared<Tensor>(*input.constant);
    made->dims.clear();
    for (OpFoldResult dim : dims)
      made->dims.push_back(*known(dim));
    node.setAs(0, node.graph.fromConstant(std::move(made)));
    return success();
  }
  // What a reshape cannot be told to be the same by its factors is compared at the call.
  if (!(Factors(input.dims) == Factors(dims)))
    requireEqual(node.b, product(node.b, input.dims), product(node.b, dims));
  Value made = reshapeTensor(node.b, node.value(0), input.dims, dims);
  node.set(0, made, input.dataType, std::move(dims));
  return success();
}

namespace {

// Whether a shape's entry could be 0 or -1 at run time: it comes from data, not
// from dimensions.
bool comesFromData(OpFoldResult dim) {
  SmallVector<Value> open;
  if (auto value = dyn_cast<Value>(dim))
    open.push_back(value);
  DenseSet<Value> seen(open.begin(), open.end());
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (op && isa<tensor::DimOp>(op))
      continue;
    if (!op || !isa<arith::ArithDialect>(op->getDialect()))
      return true;
    for (Value operand : op->getOperands())
      if (seen.insert(operand).second)
        open.push_back(operand);
  }
  return false;
}

// The meaning of 0 and -1, for entries that are known at run time only.
void resolveAtRunTime(NodeContext &node, bool allowZero, MutableArrayRef<OpFoldResult> to) {
  ImplicitLocOpBuilder &b = node.b;
  const Dims &from = node.in(0).dims;
  auto replace = [&](OpFoldResult dim, int64_t special, OpFoldResult with) -> OpFoldResult {
    Value value = cast<Value>(dim);
    Value isSpecial =
        b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, value, constantIndex(b, special));
    return b.create<arith::SelectOp>(isSpecial, asValue(b, with), value).getResult();
  };
  SmallVector<bool> open;
  Dims divisors;
  for (auto [axis, dim] : llvm::enumerate(to)) {
    open.push_back(comesFromData(dim));
    if (open.back() && !allowZero && axis < from.size())
      dim = replace(dim, 0, from[axis]);
    divisors.push_back(open.back() ? replace(dim, -1, fixed(b, 1)) : dim);
  }
  // With a dimension of 0 there is nothing to share out, and no -1.
  OpFoldResult rest = floorDiv(b, product(b, from), max(b, product(b, divisors), fixed(b, 1)));
  for (auto [dim, isOpen] : llvm::zip(to, open))
    if (isOpen)
      dim = replace(dim, -1, rest);
}

// 0 copies a dimension (unless allowzero), -1 is what the others leave.
LogicalResult importReshape(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  bool allowZero = node.intAttr("allowzero", 0) != 0;
  FailureOr<Dims> shape = Dims();
  StringRef attribute = node.opset() < 5 ? "shape" : "";
  if (node.opset() < 5) { // an attribute
    node.ignore(AttributeKind::ints, {"consumed_inputs"});
    auto given = node.intsAttr("shape");
    if (!given)
      return node.error() << "has no attribute 'shape'";
    for (int64_t extent : *given) {
      if (extent > INT32_MAX)
        return node.error(attribute) << "a dimension of " << extent;
      shape->push_back(fixed(b, extent));
    }
  } else if (node.has(1)) {
    shape = node.indices(1, "shape");
  } else {
    return node.error() << "input 1 is missing";
  }
  if (failed(shape))
    return failure();
  const Dims &from = node.in(0).dims;
  Dims to, others;
  std::optional<size_t> inferred;
  for (auto [axis, dim] : llvm::enumerate(*shape)) {
    std::optional<int64_t> extent = known(dim);
    if (extent == -1) {
      if (inferred)
        return node.error(attribute) << "shape has two dimensions of -1";
      inferred = axis;
      to.push_back(dim);
      continue;
    }
    if (extent && *extent < 0)
      return node.error(attribute) << "shape has a dimension of " << *extent;
    if (extent == 0 && !allowZero) {
      if (axis >= from.size())
        return node.error(attribute) << "shape copies dimension " << axis << " of " << from.size();
      dim = from[axis];
    }
    to.push_back(dim);
    others.push_back(dim);
  }
  if (inferred)
    to[*inferred] = quotient(b, from, others);
  else if (llvm::any_of(to, comesFromData))
    resolveAtRunTime(node, allowZero, to);
  return setReshaped(node, std::move(to), attribute);
}

LogicalResult importFlatten(NodeContext &node) {
  const Dims &from = node.in(0).dims;
  int64_t rank = node.rank(0), axis = node.intAttr("axis", 1);
  if (axis < 0)
    axis += rank;
  if (axis < 0 || axis > std::max<int64_t>(rank, 1)) // a scalar is one row of one element for the default axis too
    return node.error("axis") << "axis " << axis << " is not one of " << rank << " dimensions";
  axis = std::min(axis, rank);
  ArrayRef<OpFoldResult> dims(from);
  return setReshaped(
      node, {product(node.b, dims.take_front(axis)), product(node.b, dims.drop_front(axis))});
}

// Axes: an attribute before opset 13, then input 1.
FailureOr<std::optional<SmallVector<int64_t>>> axesOf(NodeContext &node) {
  if (node.has(1)) {
    FailureOr<SmallVector<int64_t>> axes = node.constantInts(1, "axes");
    if (failed(axes))
      return failure();
    return std::optional(*axes);
  }
  return node.intsAttr("axes");
}

void checkIsOne(ImplicitLocOpBuilder &b, OpFoldResult dim) {
  Value isOne =
      b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, asValue(b, dim), constantIndex(b, 1));
  require(b, isOne, "a dimension to squeeze is not 1");
}

// Some of the dropped dimensions are known to be 1 only when the model runs. A cast says so, and which: to a reshape all
// dimensions would be one group, and of a slice that drops dimensions others may turn out to be 1, too.
LogicalResult squeezeUnknown(NodeContext &node, ArrayRef<int64_t> dropped,
                             ArrayRef<int64_t> unknown, Dims to) {
  ImplicitLocOpBuilder &b = node.b;
  const Dims &from = node.in(0).dims;
  for (int64_t axis : unknown)
    checkIsOne(b, from[axis]);
  Dims sizes = from;
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices units;
  for (int64_t axis = 0; axis < static_cast<int64_t>(from.size()); ++axis) {
    units.push_back(axis);
    if (llvm::is_contained(dropped, axis))
      sizes[axis] = fixed(b, 1);
    else
      groups.push_back(std::exchange(units, {}));
  }
  if (!groups.empty())
    llvm::append_range(groups.back(), units);
  Value cast = b.create<tensor::CastOp>(tensorType(sizes, node.in(0).element), node.value(0));
  Value made = b.create<tensor::CollapseShapeOp>(tensorType(to, node.in(0).element), cast, groups);
  node.set(0, made, node.in(0).dataType, std::move(to));
  return success();
}

LogicalResult importSqueeze(NodeContext &node) {
  const Dims &from = node.in(0).dims;
  if (node.has(1) && !node.isKnown(1)) {
    FailureOr<RuntimeAxes> axes = RuntimeAxes::of(node, 1, node.rank(0));
    if (failed(axes))
      return failure();
    for (auto [axis, dim] : llvm::enumerate(from)) {
      ImplicitLocOpBuilder &b = node.b;
      checkIsOne(b, axes->choose(node, static_cast<int64_t>(axis), dim, fixed(b, 1)));
    }
    return setReshaped(node, axes->without(node, from));
  }
  auto axes = axesOf(node);
  if (failed(axes))
    return failure();
  SmallVector<int64_t> dropped;
  if (*axes) {
    FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(**axes, node.rank(0), node.has(1) ? "" : "axes");
    if (failed(normal))
      return failure();
    dropped = *normal;
  } else {
    for (auto [axis, dim] : llvm::enumerate(from))
      if (known(dim) == 1)
        dropped.push_back(static_cast<int64_t>(axis));
  }
  Dims to;
  SmallVector<int64_t> unknown;
  for (auto [axis, dim] : llvm::enumerate(from)) {
    if (!llvm::is_contained(dropped, static_cast<int64_t>(axis)))
      to.push_back(dim);
    else if (!known(dim))
      unknown.push_back(static_cast<int64_t>(axis));
    else if (*known(dim) != 1)
      return node.error() << "dimension " << axis << " is " << *known(dim) << ", not 1";
  }
  if (unknown.empty())
    return setReshaped(node, std::move(to));
  return squeezeUnknown(node, dropped, unknown, std::move(to));
}

LogicalResult importUnsqueeze(NodeContext &node) {
  const Dims &from = node.in(0).dims;
  if (node.has(1) && !node.isKnown(1)) {
    std::optional<int64_t> count = node.in(1).numElements();
    if (!count)
      return node.error() << "the number of axes must be known";
    FailureOr<RuntimeAxes> axes = RuntimeAxes::of(node, 1, node.rank(0) + *count);
    return failed(axes) ? failure() : setReshaped(node, axes->with(node, from));
  }
  auto axes = axesOf(node);
  if (failed(axes))
    return failure();
  if (!*axes)
    return node.error() << "has no axes";
  int64_t rank = node.rank(0) + static_cast<int64_t>((*axes)->size());
  FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(**axes, rank, node.has(1) ? "" : "axes");
  if (failed(normal))
    return failure();
  Dims to;
  for (int64_t axis = 0, next = 0; axis < rank; ++axis)
    to.push_back(llvm::is_contained(*normal, axis) ? fixed(node.b, 1) : from[next++]);
  return setReshaped(node, std::move(to));
}

} // namespace

ArrayRef<OpImporter> reshapeOps() {
  static const OpImporter list[] = {
      {"Flatten", importFlatten, 1, 1},
      {"Reshape", importReshape, 1, 2},
      {"Squeeze", importSqueeze, 1, 2},
      {"Unsqueeze", importUnsqueeze, 1, 2},
  };
  return list;
}

} // namespace halcyon::onnx
