#include "import/onnx/Elementwise.h"
#include "import/onnx/Reshape.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

bool canBeOnHost(const Imported &input) {
  return input.isOnHost() ||
         (input.isSmall() && !isFloat(input.dataType) && !isSmallFloat(input.dataType));
}

bool belongsOnHost(NodeContext &node, ArrayRef<Imported *> inputs, const Imported &result) {
  if (!result.isSmall())
    return false;
  bool all = llvm::all_of(inputs, [](Imported *input) { return input->isOnHost(); });
  // The host program computes in f32 and wider.
  if (isSmallFloat(result.dataType) ||
      (isFloat(result.dataType) && bitsOf(result.dataType) < 32))
    return false;
  if (llvm::any_of(inputs, [](Imported *input) { return isSmallFloat(input->dataType); }))
    return false;
  bool any = llvm::any_of(inputs, [](Imported *input) { return input->elements.has_value(); });
  if (all && (any || !isFloat(result.dataType)))
    return true;
  return node.isDemanded(0) &&
         llvm::all_of(inputs, [](Imported *input) { return canBeOnHost(*input); });
}

// Where element `index` of the result comes from in a broadcast input.
int64_t sourceIndex(const Imported &input, const Imported &result, int64_t index) {
  int64_t source = 0, stride = 1;
  for (int64_t axis = result.rank() - 1, from = input.rank() - 1; from >= 0; --axis, --from) {
    int64_t extent = *known(result.dims[axis]), inputExtent = *known(input.dims[from]);
    if (inputExtent != 1)
      source += index % extent * stride;
    stride *= inputExtent;
    index /= extent;
  }
  return source;
}

bool runsOnHost(Operation &op) {
  return !isa<math::MathDialect>(op.getDialect()) || isa<math::FloorOp, math::CeilOp, math::AbsIOp>(op);
}

// False where the host program has no instruction for the function; what it made is dead then. A value that a shape needs
// stays, for the error to name it.
bool onHost(NodeContext &node, ArrayRef<Imported *> inputs, const Imported &result,
                     ScalarFunction function) {
  SmallVector<SmallVector<Value>> scalars;
  for (Imported *input : inputs)
    scalars.push_back(node.graph.elementsOf(node.b, *input));
  Block *block = node.b.getInsertionBlock();
  const Block::iterator end = node.b.getInsertionPoint();
  Operation *before = end == block->begin() ? nullptr : &*std::prev(end);
  SmallVector<Value> made;
  for (int64_t i = 0, count = *result.numElements(); i < count; ++i) {
    SmallVector<Value> arguments;
    for (auto [input, values] : llvm::zip(inputs, scalars))
      arguments.push_back(values[sourceIndex(*input, result, i)]);
    made.push_back(function(node.b, arguments));
  }
  auto first = before ? std::next(Block::iterator(before)) : block->begin();
  if (!node.isDemanded(0) && !llvm::all_of(llvm::make_range(first, end), runsOnHost))
    return false;
  node.setElements(0, result.dims, result.dataType, std::move(made));
  return true;
}

// A result without elements, where a size that turns out to be 1 is spread to none.
Value overNothing(NodeContext &node, ArrayRef<Imported *> inputs, ArrayRef<OpFoldResult> dims, Type element) {
  ImplicitLocOpBuilder &b = node.b;
  for (Imported *input : inputs)
    for (auto [extent, dim] : llvm::zip(input->dims, dims.take_back(input->dims.size()))) {
      if (known(extent) == 1)
        continue;
      if (known(dim) != 0)
        requireEqual(b, extent, dim);
      else if (!known(extent))
        require(b, b.create<arith::CmpIOp>(arith::CmpIPredicate::ule, asValue(b, extent), constantIndex(b, 1)),
                "a size is neither 0 nor 1");
    }
  return emptyTensor(b, dims, element);
}

} // namespace

AffineMap broadcastMap(MLIRContext *context, ArrayRef<OpFoldResult> from,
                       ArrayRef<OpFoldResult> dims) {
  SmallVector<AffineExpr> exprs;
  auto offset = static_cast<unsigned>(dims.size() - from.size());
  for (auto [axis, extent] : llvm::enumerate(from)) {
    unsigned loop = offset + static_cast<unsigned>(axis);
    bool spread = known(extent) == 1 && known(dims[loop]) != 1;
    exprs.push_back(spread ? getAffineConstantExpr(0, context) : getAffineDimExpr(loop, context));
  }
  return AffineMap::get(static_cast<unsigned>(dims.size()), 0, exprs, context);
}

FailureOr<Dims> broadcastDims(NodeContext &node, ArrayRef<Imported *> inputs) {
  size_t rank = 0;
  for (Imported *input : inputs)
    rank = std::max(rank, input->dims.size());
  Dims made(rank, fixed(node.b, 1));
  for (Imported *input : inputs) {
    size_t offset = rank - input->dims.size();
    for (auto [axis, extent] : llvm::enumerate(input->dims)) {
      OpFoldResult &result = made[offset + axis];
      std::optional<int64_t> have = known(result), more = known(extent);
      if (more == 1)
        continue;
      if (have == 1 || (!have && more))
        result = extent;
      else if (have && more && have != more)
        return node.error() << "shapes do not broadcast: " << *have << " and " << *more
                            << " in dimension " << offset + axis;
    }
  }
  return made;
}

Value elementwiseTensor(NodeContext &node, ArrayRef<Imported *> inputs, ArrayRef<OpFoldResult> dims,
                        Type element, ScalarFunction function) {
  ImplicitLocOpBuilder &b = node.b;
  if (llvm::any_of(dims, [](OpFoldResult dim) { return known(dim) == 0; }))
    return overNothing(node, inputs, dims, element);
  SmallVector<Value> operands, scalars; // a scalar for each input that is one
  SmallVector<AffineMap> maps;
  for (Imported *input : inputs) {
    if (input->isOnHost() && input->numElements() == 1) {
      scalars.push_back(node.graph.elementsOf(b, *input).front());
      continue;
    }
    scalars.push_back(nullptr);
    operands.push_back(node.graph.tensorOf(b, *input));
    maps.push_back(broadcastMap(b.getContext(), input->dims, dims));
  }
  auto rank = static_cast<unsigned>(dims.size());
  maps.push_back(b.getMultiDimIdentityMap(rank));
  return generic(b, operands, emptyTensor(b, dims, element), maps, parallelIterators(rank),
                 [&](ImplicitLocOpBuilder &inner, ValueRange arguments) {
                   SmallVector<Value> all;
                   size_t next = 0;
                   for (Value scalar : scalars)
                     all.push_back(scalar ? scalar : arguments[next++]);
                   return function(inner, all);
                 });
}

LogicalResult elementwise(NodeContext &node, ArrayRef<Imported *> inputs, DataType resultType,
                          ScalarFunction function) {
  FailureOr<Dims> dims = broadcastDims(node, inputs);
  if (failed(dims))
    return failure();
  Imported result;
  result.dataType = resultType;
  result.element = node.elementType(resultType);
  result.dims = *dims;
  if (!result.element)
    return node.error() << "element type " << nameOf(resultType) << " is not supported";
  if (belongsOnHost(node, inputs, result) && onHost(node, inputs, result, function))
    return success();
  node.set(0, elementwiseTensor(node, inputs, *dims, result.element, function), resultType, *dims);
  return success();
}

FailureOr<SmallVector<Imported *>> alignedInputs(NodeContext &node) {
  SmallVector<Imported *> made{&node.in(0), &node.in(1)};
  if (node.opset() >= 7)
    return made;
  node.ignore(AttributeKind::ints, {"consumed_inputs"}); // a hint about memory
  Imported &left = *made[0], &right = *made[1];
  if (!node.intAttr("broadcast", 0)) {
    if (left.rank() != right.rank())
      return node.error() << "inputs differ in rank, and attribute 'broadcast' is not set";
    return made;
  }
  int64_t axis = node.intAttr("axis", left.rank() - right.rank());
  if (axis < 0)
    axis += left.rank();
  if (axis < 0 || axis + right.rank() > left.rank())
    return node.error("axis") << "axis " << axis << " leaves no room for " << right.rank() << " of "
                        << left.rank() << " dimensions";
  Dims dims = right.dims;
  dims.append(left.rank() - axis - right.rank(), fixed(node.b, 1));
  if (dims.size() == right.dims.size())
    return made;
  Value tensor = reshapeTensor(node.b, node.value(1), right.dims, dims);
  made[1] = &node.graph.hold(node.graph.fromTensor(node.b, tensor, right.dataType, dims));
  return made;
}

LogicalResult elementwiseSameType(NodeContext &node, ScalarFunction function) {
  SmallVector<Imported *> inputs;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    if (!node.has(i))
      return node.error() << "input " << i << " is missing";
    inputs.push_back(&node.in(i));
  }
  if (inputs.size() == 2 && node.opset() < 7) {
    FailureOr<SmallVector<Imported *>> aligned = alignedInputs(node);
    if (failed(aligned))
      return failure();
    inputs = *aligned;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]->dataType != inputs.front()->dataType)
      return node.error() << "inputs differ in element type: " << nameOf(inputs.front()->dataType)
                          << " and " << nameOf(inputs[i]->dataType);
  }
  return elementwise(node, inputs, inputs.front()->dataType, function);
}

LogicalResult checkFloat(NodeContext &node, size_t input) {
  if (isFloat(node.in(input).dataType))
    return success();
  return node.error() << "expected floating-point elements, got "
                      << nameOf(node.in(input).dataType);
}

} // namespace halcyon::onnx
