// Writes at computed positions, made from the other side: an element of the result looks for what
// is written to it.
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

enum class Update { replace, add, multiply, least, greatest };

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
  }
  llvm_unreachable("every update is above");
}

// Whether an index, which counts from the end where it is negative, names `place`.
Value names(ImplicitLocOpBuilder &b, Value index, OpFoldResult extent, Value place) {
  Value at = b.create<arith::IndexCastOp>(b.getIndexType(), index);
  Value isNegative = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, at, constantIndex(b, 0));
  Value fromEnd = b.create<arith::AddIOp>(at, asValue(b, extent));
  at = b.create<arith::SelectOp>(isNegative, fromEnd, at);
  return b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, at, place);
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

// Updates of one line of the axis go to that line: loops over the result, and over a line of
// updates.
LogicalResult importScatterElements(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1);
  FailureOr<int64_t> axis = node.normalizeAxis(node.intAttr("axis", 0), data.rank());
  FailureOr<Update> update = updateOf(node);
  if (failed(axis) || failed(update) || failed(checkTypes(node)))
    return failure();
  if (indices.rank() != data.rank() || node.rank(2) != data.rank())
    return node.error() << "data, indices and updates differ in rank";
  auto rank = static_cast<unsigned>(data.rank());
  Value at = node.value(1), from = node.value(2);
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Value made =
      generic(b, {node.value(0)}, emptyTensor(b, data.dims, data.element), {identity, identity},
              parallelIterators(rank), [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
                SmallVector<Value> place;
                Value inside = inner.create<arith::ConstantIntOp>(1, 1);
                for (unsigned i = 0; i < rank; ++i) {
                  place.push_back(inner.create<linalg::IndexOp>(i));
                  if (i == *axis || indices.dims[i] == data.dims[i])
                    continue;
                  Value has = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, place.back(),
                                                          asValue(inner, indices.dims[i]));
                  inside = inner.create<arith::AndIOp>(inside, has);
                }
                // Where there is no line of updates, none is looked at.
                Value count = inner.create<arith::SelectOp>(
                    inside, asValue(inner, indices.dims[*axis]), constantIndex(inner, 0));
                return accumulate(
                    inner, {count}, x[0],
                    [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> line, Value total) -> Value {
                      SmallVector<Value> source(place);
                      source[*axis] = line[0];
                      Value index = deep.create<tensor::ExtractOp>(at, source);
                      Value hits = names(deep, index, data.dims[*axis], place[*axis]);
                      Value more = deep.create<tensor::ExtractOp>(from, source);
                      return deep.create<arith::SelectOp>(
                          hits, apply(deep, *update, total, more, data.dataType), total);
                    });
              });
  node.set(0, made, data.dataType, data.dims);
  return success();
}

// Index tuples of the last dimension, one for each slice of updates: loops over the result, and
// over tuples.
LogicalResult importScatterNd(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1);
  FailureOr<Update> update = updateOf(node);
  if (failed(update) || failed(checkTypes(node)))
    return failure();
  if (indices.rank() < 1 || !known(indices.dims.back()))
    return node.error() << "the indices' last dimension must be static: others are not supported";
  int64_t depth = *known(indices.dims.back());
  if (depth < 1 || depth > data.rank() || node.rank(2) != indices.rank() - 1 + data.rank() - depth)
    return node.error() << "indices name " << depth << " of " << data.rank()
                        << " dimensions, updates have " << node.rank(2);
  OpFoldResult count = product(b, ArrayRef(indices.dims).drop_back());
  Value at = reshapeTensor(b, node.value(1), indices.dims, {count, indices.dims.back()});
  Dims slices{count};
  slices.append(data.dims.begin() + depth, data.dims.end());
  Value from = reshapeTensor(b, node.value(2), node.in(2).dims, slices);
  auto rank = static_cast<unsigned>(data.rank());
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Value made =
      generic(b, {node.value(0)}, emptyTensor(b, data.dims, data.element), {identity, identity},
              parallelIterators(rank), [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
                SmallVector<Value> place;
                for (unsigned i = 0; i < rank; ++i)
                  place.push_back(inner.create<linalg::IndexOp>(i));
                return accumulate(
                    inner, {asValue(inner, count)}, x[0],
                    [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> tuple, Value total) -> Value {
                      Value hits;
                      for (int64_t i = 0; i < depth; ++i) {
                        Value index = deep.create<tensor::ExtractOp>(
                            at, ValueRange{tuple[0], constantIndex(deep, i)});
                        Value hit = names(deep, index, data.dims[i], place[i]);
                        hits = hits ? deep.create<arith::AndIOp>(hits, hit).getResult() : hit;
                      }
                      SmallVector<Value> source{tuple[0]};
                      source.append(place.begin() + depth, place.end());
                      Value more = deep.create<tensor::ExtractOp>(from, source);
                      return deep.create<arith::SelectOp>(
                          hits, apply(deep, *update, total, more, data.dataType), total);
                    });
              });
  node.set(0, made, data.dataType, data.dims);
  return success();
}

// A part of the axis is replaced, from a place of each batch's own on.
LogicalResult importTensorScatter(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &past = node.in(0), &update = node.in(1);
  StringRef mode = node.stringAttr("mode", "linear");
  FailureOr<int64_t> axis = node.normalizeAxis(node.intAttr("axis", -2), past.rank());
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
