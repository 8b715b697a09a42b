#include "import/onnx/RuntimeAxes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

Value isEqual(ImplicitLocOpBuilder &b, Value left, Value right) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, left, right);
}

Value asCount(ImplicitLocOpBuilder &b, Value flag) {
  return b.createOrFold<arith::SelectOp>(flag, constantIndex(b, 1), constantIndex(b, 0));
}

} // namespace

FailureOr<RuntimeAxes> RuntimeAxes::of(NodeContext &node, size_t index, int64_t rank) {
  ImplicitLocOpBuilder &b = node.b;
  FailureOr<Dims> given = node.indices(index, "axes");
  if (failed(given))
    return failure();
  if (static_cast<int64_t>(given->size()) > rank)
    return node.error() << "has " << given->size() << " axes for " << rank << " dimensions";
  RuntimeAxes made;
  Value zero = constantIndex(b, 0);
  for (OpFoldResult entry : *given) {
    Value axis = asValue(b, entry);
    Value isNegative = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, axis, zero);
    Value fromEnd = b.createOrFold<arith::AddIOp>(axis, constantIndex(b, rank));
    made.entries.push_back(b.createOrFold<arith::SelectOp>(isNegative, fromEnd, axis));
  }
  Value count = zero;
  for (int64_t dimension = 0; dimension < rank; ++dimension) {
    Value any = b.create<arith::ConstantIntOp>(0, 1);
    for (Value entry : made.entries)
      any = b.createOrFold<arith::OrIOp>(any, isEqual(b, entry, constantIndex(b, dimension)));
    made.named.push_back(any);
    count = b.createOrFold<arith::AddIOp>(count, asCount(b, any));
  }
  Value all = constantIndex(b, static_cast<int64_t>(made.entries.size()));
  b.create<cf::AssertOp>(isEqual(b, count, all), "an axis is no dimension, or named twice");
  return made;
}

OpFoldResult RuntimeAxes::valueAt(NodeContext &node, int64_t dimension,
                                  ArrayRef<OpFoldResult> values, OpFoldResult otherwise) const {
  ImplicitLocOpBuilder &b = node.b;
  Value made = asValue(b, otherwise);
  for (auto [entry, value] : llvm::zip(entries, values))
    made = b.createOrFold<arith::SelectOp>(isEqual(b, entry, constantIndex(b, dimension)),
                                           asValue(b, value), made);
  return getAsOpFoldResult(made);
}

OpFoldResult RuntimeAxes::choose(NodeContext &node, int64_t dimension, OpFoldResult yes,
                                 OpFoldResult no) const {
  if (yes == no)
    return yes;
  ImplicitLocOpBuilder &b = node.b;
  return b.create<arith::SelectOp>(named[dimension], asValue(b, yes), asValue(b, no)).getResult();
}

Dims RuntimeAxes::without(NodeContext &node, ArrayRef<OpFoldResult> dims) const {
  ImplicitLocOpBuilder &b = node.b;
  SmallVector<Value> made(dims.size() - entries.size(), constantIndex(b, 1));
  Value place = constantIndex(b, 0), one = constantIndex(b, 1);
  for (auto [dim, isOut] : llvm::zip(dims, named)) {
    for (auto [index, value] : llvm::enumerate(made)) {
      Value isHere = isEqual(b, place, constantIndex(b, static_cast<int64_t>(index)));
      // What is named stays behind: the next one that is not overwrites it.
      value = b.createOrFold<arith::SelectOp>(isHere, asValue(b, dim), value);
    }
    Value next = b.createOrFold<arith::AddIOp>(place, one);
    place = b.createOrFold<arith::SelectOp>(isOut, place, next);
  }
  return getAsOpFoldResult(made);
}

Dims RuntimeAxes::with(NodeContext &node, ArrayRef<OpFoldResult> dims) const {
  ImplicitLocOpBuilder &b = node.b;
  SmallVector<Value> made;
  Value place = constantIndex(b, 0), one = constantIndex(b, 1);
  for (Value isNew : named) {
    Value dim = one;
    for (auto [index, value] : llvm::enumerate(dims)) {
      Value isHere = isEqual(b, place, constantIndex(b, static_cast<int64_t>(index)));
      dim = b.createOrFold<arith::SelectOp>(isHere, asValue(b, value), dim);
    }
    made.push_back(b.createOrFold<arith::SelectOp>(isNew, one, dim));
    Value next = b.createOrFold<arith::AddIOp>(place, one);
    place = b.createOrFold<arith::SelectOp>(isNew, place, next);
  }
  return getAsOpFoldResult(made);
}

FailureOr<OneAxis> OneAxis::of(NodeContext &node, const Imported &input, size_t index,
                               int64_t otherwise) {
  OneAxis made;
  if (node.has(index) && !node.isKnown(index)) {
    FailureOr<RuntimeAxes> axes = RuntimeAxes::of(node, index, input.rank());
    if (failed(axes))
      return failure();
    if (axes->size() != 1)
      return node.error() << "expected one axis, got " << axes->size();
    made.runtime = *axes;
    made.extent = input.dims[0];
    for (int64_t i = 1; i < input.rank(); ++i)
      made.extent = axes->choose(node, i, input.dims[i], made.extent);
    return made;
  }
  if (node.has(index)) {
    FailureOr<SmallVector<int64_t>> given = node.constantInts(index, "axis");
    if (failed(given))
      return failure();
    if (given->size() != 1)
      return node.error() << "expected one axis, got " << given->size();
    otherwise = given->front();
  }
  FailureOr<int64_t> axis = node.normalizeAxis(otherwise, input.rank());
  if (failed(axis))
    return failure();
  made.axis = *axis;
  made.extent = input.dims[*axis];
  return made;
}

Value OneAxis::place(ImplicitLocOpBuilder &b, ArrayRef<Value> at) const {
  if (!runtime)
    return at[axis];
  Value made = at[0];
  for (int64_t i = 1; i < runtime->rank(); ++i)
    made = b.create<arith::SelectOp>(runtime->isNamed(i), at[i], made);
  return made;
}

SmallVector<Value> OneAxis::moved(ImplicitLocOpBuilder &b, ArrayRef<Value> at, Value to) const {
  SmallVector<Value> made(at);
  if (!runtime)
    made[axis] = to;
  else
    for (int64_t i = 0; i < runtime->rank(); ++i)
      made[i] = b.create<arith::SelectOp>(runtime->isNamed(i), to, at[i]);
  return made;
}

Dims OneAxis::resized(NodeContext &node, ArrayRef<OpFoldResult> dims, OpFoldResult to) const {
  Dims made(dims);
  if (!runtime)
    made[axis] = to;
  else
    for (int64_t i = 0; i < runtime->rank(); ++i)
      made[i] = runtime->choose(node, i, to, dims[i]);
  return made;
}

} // namespace halcyon::onnx
