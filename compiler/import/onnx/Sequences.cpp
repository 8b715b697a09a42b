#include "import/onnx/Sequences.h"
#include "dialect/host/Host.h"
#include "import/onnx/Reshape.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using P = arith::CmpIPredicate;

Value dimOf(ImplicitLocOpBuilder &b, Value list, Value position, int64_t axis) {
  return b.create<host::ListDimOp>(list, position, axis);
}

} // namespace

Imported knownSequence(DataType dataType, Type element, std::vector<Imported> items) {
  Imported made;
  made.kind = Imported::Kind::sequence;
  made.dataType = dataType;
  made.element = element;
  made.items = std::make_shared<const std::vector<Imported>>(std::move(items));
  return made;
}

Imported listedSequence(Value list, DataType dataType, Type element,
                        std::optional<int64_t> itemRank) {
  Imported made;
  made.kind = Imported::Kind::sequence;
  made.dataType = dataType;
  made.element = element;
  made.list = list;
  made.itemRank = itemRank;
  return made;
}

std::optional<int64_t> itemRankOf(const Imported &sequence) {
  if (!sequence.items)
    return sequence.itemRank;
  std::optional<int64_t> rank = openRank;
  for (const Imported &item : *sequence.items)
    rank = joinItemRanks(rank, item.rank());
  return rank;
}

std::optional<int64_t> joinItemRanks(std::optional<int64_t> first, std::optional<int64_t> second) {
  if (first == openRank || first == second)
    return second;
  return second == openRank ? first : std::nullopt;
}

FailureOr<int64_t> knownItemRank(NodeContext &node, const Imported &sequence) {
  std::optional<int64_t> rank = itemRankOf(sequence);
  if (rank && *rank != openRank)
    return *rank;
  return node.error() << "the rank of the sequence's elements is not known";
}

OpFoldResult lengthOf(ImplicitLocOpBuilder &b, const Imported &sequence) {
  if (sequence.items)
    return fixed(b, static_cast<int64_t>(sequence.items->size()));
  return b.create<host::ListLengthOp>(b.getIndexType(), sequence.list).getLength();
}

Value insertItem(GraphImporter &graph, ImplicitLocOpBuilder &b, Value list, Value position,
                 Imported item) {
  Value tensor = graph.tensorOf(b, item);
  return b.create<host::ListInsertOp>(list.getType(), list, position, tensor,
                                      asValues(b, item.dims));
}

Value appendItem(GraphImporter &graph, ImplicitLocOpBuilder &b, Value list, Imported item) {
  return insertItem(graph, b, list, b.create<host::ListLengthOp>(b.getIndexType(), list), std::move(item));
}

Value listOf(GraphImporter &graph, ImplicitLocOpBuilder &b, const Imported &sequence) {
  if (sequence.list)
    return sequence.list;
  Value list = b.create<host::ListEmptyOp>(host::ListType::get(b.getContext()));
  for (const Imported &item : *sequence.items)
    list = appendItem(graph, b, list, item);
  return list;
}

FailureOr<Imported> itemAt(NodeContext &node, ImplicitLocOpBuilder &b, const Imported &sequence,
                           Value position) {
  FailureOr<int64_t> rank = knownItemRank(node, sequence);
  if (failed(rank))
    return failure();
  Value list = listOf(node.graph, b, sequence);
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < *rank; ++axis)
    sizes.push_back(dimOf(b, list, position, axis));
  auto type = RankedTensorType::get(SmallVector<int64_t>(static_cast<size_t>(*rank), ShapedType::kDynamic),
                                    sequence.element);
  Value tensor = b.create<host::ListGetOp>(type, list, position, sizes);
  return node.graph.fromTensor(b, tensor, sequence.dataType, getAsOpFoldResult(sizes));
}

FailureOr<Imported> joinedItems(NodeContext &node, const Imported &sequence, int64_t axis,
                                bool isNewAxis) {
  ImplicitLocOpBuilder &b = node.b;
  FailureOr<int64_t> rank = knownItemRank(node, sequence);
  if (failed(rank))
    return failure();
  Value list = listOf(node.graph, b, sequence), zero = constantIndex(b, 0),
        one = constantIndex(b, 1);
  Value length = b.create<host::ListLengthOp>(b.getIndexType(), list);
  // The first element's shape, or zeros.
  Value isEmpty = b.create<arith::CmpIOp>(P::eq, length, zero);
  if (!isNewAxis) {
    Value isGood = b.create<arith::CmpIOp>(P::ne, length, zero);
    b.create<cf::AssertOp>(isGood, "a sequence to concatenate is empty");
  }
  SmallVector<Type> types(static_cast<size_t>(*rank), b.getIndexType());
  Dims first;
  if (*rank > 0) {
    auto choice = b.create<scf::IfOp>(types, isEmpty, /*addThenBlock=*/true, /*addElseBlock=*/true);
    ImplicitLocOpBuilder inner(b.getLoc(), b);
    inner.setInsertionPointToEnd(choice.thenBlock());
    inner.create<scf::YieldOp>(SmallVector<Value>(types.size(), zero));
    inner.setInsertionPointToEnd(choice.elseBlock());
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < *rank; ++i)
      sizes.push_back(dimOf(inner, list, zero, i));
    inner.create<scf::YieldOp>(sizes);
    first = getAsOpFoldResult(choice.getResults());
  }
  // All have it, but for the extent along `axis`, which adds up.
  Value total = length;
  {
    auto loop = b.create<scf::ForOp>(zero, length, one, ValueRange{zero});
    ImplicitLocOpBuilder inner(b.getLoc(), b);
    inner.setInsertionPointToStart(loop.getBody());
    Value sum = loop.getRegionIterArg(0);
    for (int64_t i = 0; i < *rank; ++i) {
      Value extent = dimOf(inner, list, loop.getInductionVar(), i);
      if (!isNewAxis && i == axis) {
        sum = inner.create<arith::AddIOp>(sum, extent);
        continue;
      }
      Value isEqual = inner.create<arith::CmpIOp>(P::eq, asValue(inner, first[static_cast<size_t>(i)]), extent);
      inner.create<cf::AssertOp>(isEqual, "sizes differ");
    }
    inner.create<scf::YieldOp>(ValueRange{sum});
    if (!isNewAxis)
      total = loop.getResult(0);
  }
  Dims dims = first;
  if (isNewAxis)
    dims.insert(dims.begin() + axis, total);
  else
    dims[static_cast<size_t>(axis)] = total;
  Value result = emptyTensor(b, dims, sequence.element);
  auto loop = b.create<scf::ForOp>(zero, length, one, ValueRange{result, zero});
  {
    ImplicitLocOpBuilder inner(b.getLoc(), b);
    inner.setInsertionPointToStart(loop.getBody());
    Imported known = sequence;
    known.items = nullptr;
    known.list = list;
    known.itemRank = *rank;
    FailureOr<Imported> item = itemAt(node, inner, known, loop.getInductionVar());
    if (failed(item))
      return failure();
    Dims sizes = item->dims;
    Value extent = one;
    if (isNewAxis)
      sizes.insert(sizes.begin() + axis, fixed(inner, 1));
    else
      extent = asValue(inner, sizes[static_cast<size_t>(axis)]);
    Dims offsets(sizes.size(), fixed(inner, 0)), strides(sizes.size(), fixed(inner, 1));
    offsets[static_cast<size_t>(axis)] = loop.getRegionIterArg(1);
    Value next = inner.create<tensor::InsertSliceOp>(item->tensor, loop.getRegionIterArg(0), offsets,
                                                     sizes, strides);
    Value end = inner.create<arith::AddIOp>(loop.getRegionIterArg(1), extent);
    inner.create<scf::YieldOp>(ValueRange{next, end});
  }
  return node.graph.fromTensor(b, loop.getResult(0), sequence.dataType, dims);
}

} // namespace halcyon::onnx
