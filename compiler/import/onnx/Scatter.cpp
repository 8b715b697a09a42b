// Writes at computed positions. One kernel goes over the updates in their order, so that of several
// at one position the last one wins and sums round as the standard's do.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// `ifLess` and `ifGreater` keep what is there unless the update compares so, which NaN never does.
enum class Update { replace, add, multiply, least, greatest, ifLess, ifGreater };

FailureOr<Update> updateOf(NodeContext &node) {
  StringRef name = node.stringAttr("reduction", "none");
  std::optional<Update> made = llvm::StringSwitch<std::optional<Update>>(name)
                                   .Case("none", Update::replace)
                                   .Case("add", Update::add)
                                   .Case("mul", Update::multiply)
                                   .Case("min", Update::least)
                                   .Case("max", Update::greatest)
                                   .Default(std::nullopt);
  if (!made)
    return node.error() << "attribute 'reduction' is '" << name << "'";
  return *made;
}

Value apply(ImplicitLocOpBuilder &b, Update update, Value have, Value more, DataType type) {
  bool isLogical = isBool(type);
  switch (update) {
  case Update::replace:
    return more;
  case Update::add:
    return isLogical ? b.create<arith::OrIOp>(have, more) : addScalars(b, have, more);
  case Update::multiply:
    return isLogical ? b.create<arith::AndIOp>(have, more) : mulScalars(b, have, more);
  case Update::least:
    return isLogical ? b.create<arith::AndIOp>(have, more) : minScalars(b, have, more, type);
  case Update::greatest:
    return isLogical ? b.create<arith::OrIOp>(have, more) : maxScalars(b, have, more, type);
  case Update::ifLess:
    return b.create<arith::SelectOp>(compareScalars(b, Comparison::less, more, have, type), more, have);
  case Update::ifGreater:
    return b.create<arith::SelectOp>(compareScalars(b, Comparison::greater, more, have, type), more, have);
  }
  llvm_unreachable("every update is above");
}

// One element of a tensor of `dims`, at a place of which some parts are computed.
class Target {
public:
  Target(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> dims) : b(b), dims(dims) {}

  // An index of the model's: counts from the end where it is negative, and may lead outside.
  void addComputed(Value index) {
    Value extent = asValue(b, dims[place.size()]), zero = constantIndex(b, 0);
    Value at = b.create<arith::IndexCastOp>(b.getIndexType(), index);
    Value isNegative = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, at, zero);
    at = b.create<arith::SelectOp>(isNegative, b.create<arith::AddIOp>(at, extent), at);
    Value isIn = b.create<arith::CmpIOp>(arith::CmpIPredicate::ult, at, extent);
    place.push_back(b.create<arith::SelectOp>(isIn, at, zero));
    inside = inside ? b.create<arith::AndIOp>(inside, isIn).getResult() : isIn;
  }
  void add(Value at) { place.push_back(at); }

  // `tensor` after the update; it stays as it is where the place is outside.
  Value updated(Value tensor, Update update, Value more, DataType type) {
    Value have = b.create<tensor::ExtractOp>(tensor, place);
    Value made = apply(b, update, have, more, type);
    return b.create<tensor::InsertOp>(b.create<arith::SelectOp>(inside, made, have), tensor, place);
  }

private:
  ImplicitLocOpBuilder &b;
  ArrayRef<OpFoldResult> dims;
  SmallVector<Value> place;
  Value inside;
};

// No updates where a dimension that indices name is empty: no place is inside.
Value noneIfEmpty(ImplicitLocOpBuilder &b, Value count, ArrayRef<OpFoldResult> named) {
  for (OpFoldResult extent : named) {
    Value zero = constantIndex(b, 0);
    Value isEmpty = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, asValue(b, extent), zero);
    count = b.createOrFold<arith::SelectOp>(isEmpty, zero, count);
  }
  return count;
}

LogicalResult checkTypes(NodeContext &node) {
  DataType index = node.in(1).dataType;
  if (index != DataType::i32 && index != DataType::i64)
    return node.error() << "indices must be i32 or i64, got " << nameOf(index);
  if (node.in(0).dataType != node.in(2).dataType)
    return node.error() << "data and updates differ in element type: "
                        << nameOf(node.in(0).dataType) << " and " << nameOf(node.in(2).dataType);
  return success();
}

// Each update goes to its own place, but for the axis, where the index says.
LogicalResult importScatterElements(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1), &updates = node.in(2);
  FailureOr<int64_t> axis = node.axisAttr("axis", 0, data.rank());
  FailureOr<Update> update = updateOf(node);
  if (failed(axis) || failed(update) || failed(checkTypes(node)))
    return failure();
  if (indices.rank() != data.rank() || updates.rank() != data.rank())
    return node.error() << "data, indices and updates differ in rank";
  if (isFloat(data.dataType) && *update == Update::least) // as both references have NaN, which ScatterND's pass on
    update = Update::ifLess;
  if (isFloat(data.dataType) && *update == Update::greatest)
    update = Update::ifGreater;
  SmallVector<Value> extents;
  for (int64_t i = 0; i < data.rank(); ++i) {
    if (failed(node.requireSame(indices.dims[i], updates.dims[i], "sizes of indices and updates")) ||
        (i != *axis && failed(node.requireWithin(indices.dims[i], data.dims[i], "a dimension of the indices"))))
      return failure();
    extents.push_back(asValue(b, indices.dims[i]));
  }
  extents[0] = noneIfEmpty(b, extents[0], data.dims[*axis]);
  Value at = node.value(1), from = node.value(2);
  Value made = accumulate(
      b, extents, node.value(0),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> source, Value tensor) -> Value {
        Target target(inner, data.dims);
        for (int64_t i = 0; i < data.rank(); ++i)
          if (i == *axis)
            target.addComputed(inner.create<tensor::ExtractOp>(at, source));
          else
            target.add(source[i]);
        Value more = inner.create<tensor::ExtractOp>(from, source);
        return target.updated(tensor, *update, more, data.dataType);
      });
  node.set(0, made, data.dataType, data.dims);
  return success();
}

// Index tuples of the last dimension, one for each slice of updates.
LogicalResult importScatterNd(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1), &updates = node.in(2);
  FailureOr<Update> update = updateOf(node);
  if (failed(update) || failed(checkTypes(node)))
    return failure();
  if (indices.rank() < 1 || !known(indices.dims.back()))
    return node.error() << "the indices' last dimension must be static: others are not supported";
  int64_t depth = *known(indices.dims.back());
  if (depth < 1 || depth > data.rank() || updates.rank() != indices.rank() - 1 + data.rank() - depth)
    return node.error() << "indices name " << depth << " of " << data.rank()
                        << " dimensions, updates have " << updates.rank();
  size_t leading = indices.dims.size() - 1;
  for (auto [i, extent] : llvm::enumerate(updates.dims)) {
    OpFoldResult expected = i < leading ? indices.dims[i] : data.dims[depth + i - leading];
    if (failed(node.requireSame(extent, expected, "sizes of updates and of what they replace")))
      return failure();
  }
  OpFoldResult count = product(b, ArrayRef(indices.dims).drop_back());
  Value at = reshapeTensor(b, node.value(1), indices.dims, {count, indices.dims.back()});
  Dims slices{count};
  llvm::append_range(slices, ArrayRef(data.dims).drop_front(depth));
  Value from = reshapeTensor(b, node.value(2), updates.dims, slices);
  SmallVector<Value> extents;
  for (OpFoldResult extent : slices)
    extents.push_back(asValue(b, extent));
  extents[0] = noneIfEmpty(b, extents[0], ArrayRef(data.dims).take_front(depth));
  Value made = accumulate(
      b, extents, node.value(0),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> source, Value tensor) -> Value {
        Target target(inner, data.dims);
        for (int64_t i = 0; i < depth; ++i)
          target.addComputed(
              inner.create<tensor::ExtractOp>(at, ValueRange{source[0], constantIndex(inner, i)}));
        for (Value each : source.drop_front())
          target.add(each);
        Value more = inner.create<tensor::ExtractOp>(from, source);
        return target.updated(tensor, *update, more, data.dataType);
      });
  node.set(0, made, data.dataType, data.dims);
  return success();
}

// A part of the axis is replaced, from a place of each batch's own on.
LogicalResult importTensorScatter(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &past = node.in(0), &update = node.in(1);
  StringRef mode = node.stringAttr("mode", "linear");
  FailureOr<int64_t> axis = node.axisAttr("axis", -2, past.rank());
  if (failed(axis))
    return failure();
  if (mode != "linear" && mode != "circular")
    return node.error() << "attribute 'mode' is '" << mode << "'";
  if (*axis == 0 || update.rank() != past.rank() || update.dataType != past.dataType)
    return node.error() << "the update must be like the cache, and the axis not the batch's";
  if (node.has(2) && (node.rank(2) != 1 || !isInteger(node.in(2).dataType)))
    return node.error() << "write_indices must be a list of integers";
  Value from = node.value(1), starts = node.has(2) ? node.value(2) : Value();
  auto rank = static_cast<unsigned>(past.rank());
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Value made =
      generic(b, {node.value(0)}, emptyTensor(b, past.dims, past.element), {identity, identity},
              parallelIterators(rank), [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
                SmallVector<Value> at;
                for (unsigned i = 0; i < rank; ++i)
                  at.push_back(inner.create<linalg::IndexOp>(i));
                Value &place = at[*axis];
                Value zero = constantIndex(inner, 0), size = asValue(inner, past.dims[*axis]);
                if (starts) {
                  Value start = inner.create<arith::IndexCastOp>(
                      inner.getIndexType(), inner.create<tensor::ExtractOp>(starts, at[0]));
                  if (mode == "circular")
                    start = inner.create<arith::RemSIOp>(start, size);
                  place = inner.create<arith::SubIOp>(place, start);
                }
                if (mode == "circular") {
                  Value isBefore =
                      inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, place, zero);
                  Value wrapped = inner.create<arith::AddIOp>(place, size);
                  place = inner.create<arith::SelectOp>(isBefore, wrapped, place);
                }
                Value after = inner.create<arith::CmpIOp>(arith::CmpIPredicate::sge, place, zero);
                Value before = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, place,
                                                           asValue(inner, update.dims[*axis]));
                Value inside = inner.create<arith::AndIOp>(after, before);
                return guardedExtract(inner, inside, from, at, x[0]);
              });
  node.set(0, made, past.dataType, past.dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> scatterOps() {
  static const OpImporter list[] = {
      {"Scatter", importScatterElements, 3, 3},
      {"ScatterElements", importScatterElements, 3, 3},
      {"ScatterND", importScatterNd, 3, 3},
      {"TensorScatter", importTensorScatter, 2, 3},
  };
  return list;
}

} // namespace halcyon::onnx
