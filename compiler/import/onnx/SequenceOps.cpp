// Sequences: what can be, is resolved now; the rest goes to lists of the host program.
#include "dialect/host/Host.h"
#include "import/onnx/Compose.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Sequences.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {

LogicalResult importSequenceMap(NodeContext &node); // SequenceMap.cpp

namespace {

using P = arith::CmpIPredicate;

LogicalResult checkKind(NodeContext &node, size_t index, Imported::Kind kind) {
  if (node.in(index).kind == kind)
    return success();
  return node.error() << "input " << index << " is " << nameOf(node.in(index).kind)
                      << ", expected " << nameOf(kind);
}

LogicalResult importConstruct(NodeContext &node) {
  std::vector<Imported> items;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    if (!node.has(i))
      return node.error() << "input " << i << " is missing";
    if (node.in(i).dataType != node.in(0).dataType)
      return node.error() << "input " << i << " is of type " << nameOf(node.in(i).dataType)
                          << ", the others of " << nameOf(node.in(0).dataType);
    items.push_back(node.in(i));
  }
  DataType type = node.in(0).dataType;
  node.setAs(0, knownSequence(type, node.in(0).element, std::move(items)));
  return success();
}

LogicalResult importEmpty(NodeContext &node) {
  auto type = node.typeAttr("dtype", DataType::f32);
  Type element = node.elementType(type);
  if (!element)
    return node.error() << "element type " << nameOf(type) << " is not supported";
  node.setAs(0, knownSequence(type, element, {}));
  return success();
}

LogicalResult importLength(NodeContext &node) {
  if (failed(checkKind(node, 0, Imported::Kind::sequence)))
    return failure();
  OpFoldResult length = lengthOf(node.b, node.in(0));
  node.setElements(0, {}, DataType::i64, {toInteger(node.b, length, node.b.getI64Type())});
  return success();
}

// A position of a sequence; `limit` positions are right, counted from the end where negative.
struct Position {
  std::optional<int64_t> known;
  Value value; // where it is not known
};

FailureOr<Position> positionOf(NodeContext &node, size_t index, const Imported &sequence,
                               int64_t extra) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(index);
  if (!input.isTensor() || !isInteger(input.dataType) || input.numElements() != 1)
    return node.error() << "the position must be one integer";
  OpFoldResult given = toIndex(b, node.graph.elementsOf(b, input).front(), isUnsigned(input.dataType));
  OpFoldResult length = lengthOf(b, sequence);
  if (known(given) && known(length)) {
    const int64_t at = *known(given) < 0 ? *known(given) + *known(length) : *known(given);
    if (at < 0 || at >= *known(length) + extra)
      return node.error() << "position " << *known(given) << " is outside a sequence of "
                          << *known(length) << " elements";
    return Position{at, {}};
  }
  Value position = asValue(b, given), count = asValue(b, length);
  Value isNegative = b.create<arith::CmpIOp>(P::slt, position, constantIndex(b, 0));
  Value fromEnd = b.create<arith::AddIOp>(position, count);
  Value normal = b.create<arith::SelectOp>(isNegative, fromEnd, position);
  b.create<host::CheckPositionOp>(position, normal, asValue(b, add(b, length, fixed(b, extra))));
  return Position{std::nullopt, normal};
}

LogicalResult importAt(NodeContext &node) {
  if (failed(checkKind(node, 0, Imported::Kind::sequence)))
    return failure();
  Imported &sequence = node.in(0);
  FailureOr<Position> position = positionOf(node, 1, sequence, 0);
  if (failed(position))
    return failure();
  if (position->known) {
    node.setAs(0, (*sequence.items)[static_cast<size_t>(*position->known)]);
    return success();
  }
  FailureOr<Imported> item = itemAt(node, node.b, sequence, position->value);
  if (failed(item))
    return failure();
  node.setAs(0, *item);
  return success();
}

LogicalResult importInsert(NodeContext &node) {
  if (failed(checkKind(node, 0, Imported::Kind::sequence)) ||
      failed(checkKind(node, 1, Imported::Kind::tensor)))
    return failure();
  Imported &sequence = node.in(0), &item = node.in(1);
  if (item.dataType != sequence.dataType)
    return node.error() << "a tensor of " << nameOf(item.dataType) << " in a sequence of "
                        << nameOf(sequence.dataType);
  OpFoldResult length = lengthOf(node.b, sequence);
  Position position{known(length), {}};
  if (node.has(2)) {
    FailureOr<Position> given = positionOf(node, 2, sequence, 1);
    if (failed(given))
      return failure();
    position = *given;
  } else if (!position.known) {
    position.value = asValue(node.b, length);
  }
  if (position.known) {
    std::vector<Imported> items = *sequence.items;
    items.insert(items.begin() + *position.known, item);
    node.setAs(0, knownSequence(sequence.dataType, sequence.element, std::move(items)));
    return success();
  }
  std::optional<int64_t> rank = joinItemRanks(itemRankOf(sequence), item.rank());
  Value list = insertItem(node.graph, node.b, listOf(node.graph, node.b, sequence), position.value, item);
  node.setAs(0, listedSequence(list, sequence.dataType, sequence.element, rank));
  return success();
}

LogicalResult importErase(NodeContext &node) {
  if (failed(checkKind(node, 0, Imported::Kind::sequence)))
    return failure();
  ImplicitLocOpBuilder &b = node.b;
  Imported &sequence = node.in(0);
  OpFoldResult length = lengthOf(b, sequence);
  Position position{known(length), {}};
  if (node.has(1)) {
    FailureOr<Position> given = positionOf(node, 1, sequence, 0);
    if (failed(given))
      return failure();
    position = *given;
  } else if (position.known == 0) {
    return node.error() << "the sequence is empty";
  } else if (position.known) {
    --*position.known;
  } else {
    Value last = asValue(b, sub(b, length, fixed(b, 1)));
    b.create<host::CheckPositionOp>(last, last, asValue(b, length));
    position.value = last;
  }
  if (position.known) {
    std::vector<Imported> items = *sequence.items;
    items.erase(items.begin() + *position.known);
    node.setAs(0, knownSequence(sequence.dataType, sequence.element, std::move(items)));
    return success();
  }
  Value list = b.create<host::ListEraseOp>(host::ListType::get(b.getContext()),
                                           listOf(node.graph, b, sequence), position.value);
  node.setAs(0, listedSequence(list, sequence.dataType, sequence.element, itemRankOf(sequence)));
  return success();
}

LogicalResult importConcatFrom(NodeContext &node) {
  if (failed(checkKind(node, 0, Imported::Kind::sequence)))
    return failure();
  Imported &sequence = node.in(0);
  const bool isNewAxis = node.intAttr("new_axis", 0) != 0;
  const NodeAttribute *given = node.find("axis", AttributeKind::i);
  if (!given)
    return node.error() << "has no attribute 'axis'";
  if (sequence.items && sequence.items->empty())
    return node.error() << "the sequence is empty";
  FailureOr<int64_t> rank = knownItemRank(node, sequence);
  if (failed(rank))
    return failure();
  FailureOr<int64_t> axis = node.normalizeAxis(given->i, *rank + isNewAxis, "axis");
  if (failed(axis))
    return failure();
  if (sequence.list) {
    FailureOr<Imported> made = joinedItems(node, sequence, *axis, isNewAxis);
    if (failed(made))
      return failure();
    node.setAs(0, *made);
    return success();
  }
  Composer with(node);
  SmallVector<Imported *> all;
  for (const Imported &item : *sequence.items) {
    all.push_back(with.hold(item));
    if (isNewAxis)
      all.back() = with("Unsqueeze", {all.back(), with.ints({*axis})});
  }
  return with.define(0, with("Concat", all, {attribute("axis", *axis)}));
}

// ---- SplitToSequence ----------------------------------------------------------------------------

// The parts' sizes where their number is known.
LogicalResult splitKnown(NodeContext &node, int64_t axis, ArrayRef<OpFoldResult> sizes, bool drops) {
  Imported &input = node.in(0);
  Composer with(node);
  std::vector<Imported> items;
  Imported *axes = with.ints({axis});
  OpFoldResult start = fixed(node.b, 0);
  for (OpFoldResult size : sizes) {
    OpFoldResult end = add(node.b, start, size);
    Imported *part = with("Slice", {&input, with.shape({start}), with.shape({end}), axes});
    if (drops)
      part = with("Squeeze", {part, axes});
    if (with.hasFailed())
      return failure();
    items.push_back(*part);
    start = end;
  }
  node.setAs(0, knownSequence(input.dataType, input.element, std::move(items)));
  return success();
}

// Parts of `size`, the last one what is left.
LogicalResult splitAtRunTime(NodeContext &node, int64_t axis, OpFoldResult size, bool drops) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  Value tensor = node.value(0), zero = constantIndex(b, 0), one = constantIndex(b, 1);
  OpFoldResult extent = input.dims[static_cast<size_t>(axis)];
  OpFoldResult count = ceilDiv(b, extent, max(b, size, fixed(b, 1)));
  Value start = b.create<host::ListEmptyOp>(host::ListType::get(b.getContext()));
  auto loop = b.create<scf::ForOp>(zero, asValue(b, count), one, ValueRange{start});
  ImplicitLocOpBuilder inner(b.getLoc(), b);
  inner.setInsertionPointToStart(loop.getBody());
  Dims offsets(input.dims.size(), fixed(inner, 0)), strides(input.dims.size(), fixed(inner, 1));
  Dims dims = input.dims;
  OpFoldResult first = mul(inner, loop.getInductionVar(), size);
  offsets[static_cast<size_t>(axis)] = first;
  dims[static_cast<size_t>(axis)] =
      drops ? fixed(inner, 1) : min(inner, size, sub(inner, extent, first));
  Value part = inner.create<tensor::ExtractSliceOp>(tensor, offsets, dims, strides);
  if (drops) {
    Dims kept = dims;
    kept.erase(kept.begin() + axis);
    part = reshapeTensor(inner, part, dims, kept);
    dims = kept;
  }
  Imported item = node.graph.fromTensor(inner, part, input.dataType, dims);
  Value list = appendItem(node.graph, inner, loop.getRegionIterArg(0), item);
  inner.create<scf::YieldOp>(ValueRange{list});
  node.setAs(0, listedSequence(loop.getResult(0), input.dataType, input.element,
                               static_cast<int64_t>(dims.size())));
  return success();
}

LogicalResult importSplitTo(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  FailureOr<int64_t> axis = node.axisAttr("axis", 0, node.rank(0));
  if (failed(axis))
    return failure();
  const bool drops = node.intAttr("keepdims", 1) == 0 && !node.has(1);
  OpFoldResult extent = input.dims[static_cast<size_t>(*axis)], size = fixed(b, 1);
  if (node.has(1)) {
    FailureOr<Dims> split = node.indices(1, "split");
    if (failed(split))
      return failure();
    for (OpFoldResult part : *split)
      if (known(part).value_or(0) < 0)
        return node.error() << "a part of " << *known(part);
    if (node.rank(1) == 1) {
      OpFoldResult sum = fixed(b, 0);
      for (OpFoldResult part : *split)
        sum = add(b, sum, part);
      if (known(sum) && known(extent) && known(sum) != known(extent))
        return node.error() << "parts of " << *known(sum) << " in a dimension of " << *known(extent);
      if (!known(sum) || !known(extent)) {
        Value isWhole = b.create<arith::CmpIOp>(P::eq, asValue(b, sum), asValue(b, extent));
        b.create<cf::AssertOp>(isWhole, "sizes differ");
      }
      return splitKnown(node, *axis, *split, false);
    }
    size = split->front();
    if (known(size) == 0)
      return node.error() << "parts of 0";
    if (!known(size)) {
      Value isGood = b.create<arith::CmpIOp>(P::sgt, asValue(b, size), constantIndex(b, 0));
      b.create<cf::AssertOp>(isGood, "parts of a sequence are not positive");
    }
  }
  if (!known(extent) || !known(size) || *known(extent) > hostLimit * *known(size))
    return splitAtRunTime(node, *axis, size, drops);
  Dims sizes;
  for (int64_t left = *known(extent); left > 0; left -= *known(size))
    sizes.push_back(fixed(b, std::min(left, *known(size))));
  return splitKnown(node, *axis, sizes, drops);
}

} // namespace

ArrayRef<OpImporter> sequenceOps() {
  static const OpImporter list[] = {
      {"ConcatFromSequence", importConcatFrom, 1, 1, 1, /*takesAnyKind=*/true},
      {"SequenceAt", importAt, 2, 2, 1, /*takesAnyKind=*/true},
      {"SequenceConstruct", importConstruct, 1, anyNumber},
      {"SequenceEmpty", importEmpty, 0, 0},
      {"SequenceErase", importErase, 1, 2, 1, /*takesAnyKind=*/true},
      {"SequenceInsert", importInsert, 2, 3, 1, /*takesAnyKind=*/true},
      {"SequenceLength", importLength, 1, 1, 1, /*takesAnyKind=*/true},
      {"SequenceMap", importSequenceMap, 1, anyNumber, anyNumber, /*takesAnyKind=*/true},
      {"SplitToSequence", importSplitTo, 1, 2},
  };
  return list;
}

} // namespace halcyon::onnx
