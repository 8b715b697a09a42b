// How many elements a result has depends on the data: the count is read by the host, which then
// knows the shape.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

Part hold(NodeContext &node, Composer &with, Value tensor, DataType type, Dims dims) {
  return with.hold(node.graph.fromTensor(node.b, tensor, type, std::move(dims)));
}

// How many of a list of bools hold, as a dimension.
OpFoldResult countOf(NodeContext &node, Composer &with, Part flags) {
  Part count =
      with("ReduceSum", {with.cast(flags, DataType::i64)}, {attribute("keepdims", int64_t{0})});
  if (with.hasFailed())
    return {};
  return toIndex(node.b, node.graph.elementsOf(node.b, *count).front(), false);
}

// Where a list of bools holds, in order: places [count] of i64.
Part placesOf(NodeContext &node, Composer &with, Part flags) {
  ImplicitLocOpBuilder &b = node.b;
  OpFoldResult count = countOf(node, with, flags);
  if (with.hasFailed())
    return nullptr;
  Value isIn = node.graph.tensorOf(b, *flags), made = emptyTensor(b, {count}, b.getI64Type());
  // One kernel that goes over the list; the next place is carried with the result. Without branches: what is not in the
  // list is written, too, and overwritten by the next.
  Value zero = constantIndex(b, 0), most = asValue(b, count);
  Value last = b.create<arith::SubIOp>(most, constantIndex(b, 1));
  Value isNone = b.create<arith::CmpIOp>(arith::CmpIPredicate::sle, most, zero);
  Value end = b.create<arith::SelectOp>(isNone, zero, asValue(b, flags->dims[0]));
  auto loop = b.create<scf::ForOp>(
      zero, end, constantIndex(b, 1), ValueRange{made, zero},
      [&](OpBuilder &nested, Location loc, Value i, ValueRange carried) {
        ImplicitLocOpBuilder inner(loc, nested);
        Value next = carried[1], isFull = inner.create<arith::CmpIOp>(arith::CmpIPredicate::sgt, next, last);
        Value at = inner.create<arith::SelectOp>(isFull, last, next);
        Value place = inner.create<arith::IndexCastOp>(inner.getI64Type(), i);
        place = inner.create<arith::SelectOp>(isFull, inner.create<tensor::ExtractOp>(carried[0], at), place);
        Value more = inner.create<tensor::InsertOp>(place, carried[0], at);
        Value isHere = inner.create<tensor::ExtractOp>(isIn, i);
        next = inner.create<arith::AddIOp>(next, inner.create<arith::IndexCastUIOp>(inner.getIndexType(), isHere));
        inner.create<scf::YieldOp>(ValueRange{more, next});
      });
  made = loop.getResult(0);
  return hold(node, with, made, DataType::i64, {count});
}

// Elements, or with an axis slices, whose condition holds; conditions that a short list lacks do
// not.
LogicalResult importCompress(NodeContext &node) {
  Composer with(node);
  const NodeAttribute *given = node.find("axis");
  if (!isBool(node.in(1).dataType) || node.rank(1) != 1)
    return node.error() << "the condition must be a list of bools";
  Part data = given ? with.input(0) : with("Reshape", {with.input(0), with.ints({-1})});
  Part places = placesOf(node, with, with.input(1));
  return with.define(
      0, with("Gather", {data, places}, {attribute("axis", given ? given->i : int64_t{0})}));
}

// Places of elements that are not zero, a row for each dimension.
LogicalResult importNonZero(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Composer with(node);
  const Dims dims = node.in(0).dims;
  auto rank = static_cast<int64_t>(dims.size());
  Part flags = with("Reshape", {with.cast(with.input(0), DataType::boolean), with.ints({-1})});
  Part places = placesOf(node, with, flags);
  if (with.hasFailed())
    return failure();
  Value flat = node.graph.tensorOf(b, *places);
  Dims result{fixed(b, rank), places->dims[0]};
  Value made = generate(b, emptyTensor(b, result, b.getI64Type()),
                        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
                          Value rest = inner.create<tensor::ExtractOp>(flat, at[1]);
                          Value place = inner.create<arith::ConstantOp>(inner.getI64IntegerAttr(0));
                          for (int64_t axis = rank; axis-- > 0;) {
                            Value extent = toInteger(inner, dims[axis], inner.getI64Type());
                            Value isThis = inner.create<arith::CmpIOp>(
                                arith::CmpIPredicate::eq, at[0], constantIndex(inner, axis));
                            Value part = inner.create<arith::RemUIOp>(rest, extent);
                            place = inner.create<arith::SelectOp>(isThis, part, place);
                            rest = inner.create<arith::DivUIOp>(rest, extent);
                          }
                          return place;
                        });
  node.set(0, made, DataType::i64, result);
  return success();
}

// Each slice of an axis once, sorted or in order of appearance. A matrix says of each two slices
// which is less.
class UniqueImporter {
public:
  explicit UniqueImporter(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    bool sorted = node.intAttr("sorted", 1) != 0;
    const NodeAttribute *given = node.find("axis");
    Part slices; // [n, elements of one]
    SmallVector<int64_t> order;
    if (given) {
      FailureOr<int64_t> axis = node.normalizeAxis(given->i, node.rank(0));
      if (failed(axis))
        return failure();
      order = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(0)));
      order.erase(order.begin() + *axis);
      order.insert(order.begin(), *axis);
      slices = with("Flatten", {with("Transpose", {with.input(0)}, {attribute("perm", order)})},
                    {attribute("axis", int64_t{1})});
    } else {
      slices = with("Reshape", {with.input(0), with.ints({-1, 1})});
    }
    if (with.hasFailed())
      return failure();
    extent = slices->dims[0];
    orderMatrix(*slices);
    Value first = firstOfEqual();
    Part isFirst = hold(node, with, compareTo(first), DataType::boolean, {extent});
    Part firsts = placesOf(node, with, isFirst);
    if (with.hasFailed())
      return failure();
    // Of each slice the number of its value: how many first ones come before its first one.
    Value number = numbers(node.graph.tensorOf(b, *firsts), firsts->dims[0], first, sorted);
    Value places = invert(number, node.graph.tensorOf(b, *isFirst), firsts->dims[0]);
    Part at = hold(node, with, places, DataType::i64, {firsts->dims[0]});
    Part made;
    if (given)
      made = with("Gather", {with.input(0), at}, {attribute("axis", order[0])});
    else
      made = with("Gather", {with("Reshape", {with.input(0), with.ints({-1})}), at});
    node.set(2, number, DataType::i64, {extent});
    if (node.wants(3))
      node.set(3, counts(number, firsts->dims[0]), DataType::i64, {firsts->dims[0]});
    return success(succeeded(with.define(0, made)) && succeeded(with.define(1, at)));
  }

private:
  Type i64() { return b.getI64Type(); }
  Value number(ImplicitLocOpBuilder &at, int64_t value) {
    return at.create<arith::ConstantOp>(at.getI64IntegerAttr(value));
  }

  // [n, n]: -1 where the row's slice is less than the column's, 1 where it is greater, else 0.
  void orderMatrix(Imported &slices) {
    Value source = node.graph.tensorOf(b, slices);
    DataType type = slices.dataType;
    OpFoldResult length = slices.dims[1];
    matrix = generate(
        b, emptyTensor(b, {extent, extent}, i64()),
        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
          return accumulate(
              inner, {asValue(inner, length)}, number(inner, 0),
              [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value found) -> Value {
                Value left = deep.create<tensor::ExtractOp>(source, ValueRange{at[0], i[0]});
                Value right = deep.create<tensor::ExtractOp>(source, ValueRange{at[1], i[0]});
                Value less = compareScalars(deep, Comparison::less, left, right, type);
                Value more = compareScalars(deep, Comparison::greater, left, right, type);
                Value here = deep.create<arith::SelectOp>(less, number(deep, -1), number(deep, 0));
                here = deep.create<arith::SelectOp>(more, number(deep, 1), here);
                Value open =
                    deep.create<arith::CmpIOp>(arith::CmpIPredicate::eq, found, number(deep, 0));
                return deep.create<arith::SelectOp>(open, here, found);
              });
        });
  }

  // Of each slice the place of the first one that is equal.
  Value firstOfEqual() {
    return generate(
        b, emptyTensor(b, {extent}, i64()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
          Value own = inner.create<arith::IndexCastOp>(inner.getI64Type(), at[0]);
          return accumulate(
              inner, {at[0]}, own,
              [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value found) -> Value {
                Value order = deep.create<tensor::ExtractOp>(matrix, ValueRange{at[0], i[0]});
                Value same =
                    deep.create<arith::CmpIOp>(arith::CmpIPredicate::eq, order, number(deep, 0));
                Value place = deep.create<arith::IndexCastOp>(deep.getI64Type(), i[0]);
                Value least = deep.create<arith::MinSIOp>(found, place);
                return deep.create<arith::SelectOp>(same, least, found);
              });
        });
  }

  Value compareTo(Value first) {
    return generate(b, emptyTensor(b, {extent}, b.getI1Type()),
                    [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
                      Value own = inner.create<arith::IndexCastOp>(inner.getI64Type(), at[0]);
                      return inner.create<arith::CmpIOp>(
                          arith::CmpIPredicate::eq, own,
                          inner.create<tensor::ExtractOp>(first, at[0]));
                    });
  }

  Value numbers(Value firsts, OpFoldResult count, Value first, bool sorted) {
    return generate(
        b, emptyTensor(b, {extent}, i64()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
          Value own = inner.create<tensor::ExtractOp>(first, at[0]);
          Value row = inner.create<arith::IndexCastOp>(inner.getIndexType(), own);
          return accumulate(
              inner, {asValue(inner, count)}, number(inner, 0),
              [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value total) -> Value {
                Value other = deep.create<tensor::ExtractOp>(firsts, i[0]);
                Value before;
                if (sorted) {
                  Value column = deep.create<arith::IndexCastOp>(deep.getIndexType(), other);
                  Value order = deep.create<tensor::ExtractOp>(matrix, ValueRange{row, column});
                  before =
                      deep.create<arith::CmpIOp>(arith::CmpIPredicate::sgt, order, number(deep, 0));
                } else {
                  before = deep.create<arith::CmpIOp>(arith::CmpIPredicate::slt, other, own);
                }
                Value one = deep.create<arith::ExtUIOp>(deep.getI64Type(), before);
                return deep.create<arith::AddIOp>(total, one);
              });
        });
  }

  // The first place of each number.
  Value invert(Value numberOf, Value isFirst, OpFoldResult count) {
    return generate(
        b, emptyTensor(b, {count}, i64()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
          Value wanted = inner.create<arith::IndexCastOp>(inner.getI64Type(), at[0]);
          return accumulate(
              inner, {asValue(inner, extent)}, number(inner, 0),
              [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value found) -> Value {
                Value has = deep.create<tensor::ExtractOp>(numberOf, i[0]);
                Value hits = deep.create<arith::CmpIOp>(arith::CmpIPredicate::eq, has, wanted);
                hits =
                    deep.create<arith::AndIOp>(hits, deep.create<tensor::ExtractOp>(isFirst, i[0]));
                Value place = deep.create<arith::IndexCastOp>(deep.getI64Type(), i[0]);
                return deep.create<arith::SelectOp>(hits, place, found);
              });
        });
  }

  Value counts(Value numberOf, OpFoldResult count) {
    return generate(
        b, emptyTensor(b, {count}, i64()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
          Value wanted = inner.create<arith::IndexCastOp>(inner.getI64Type(), at[0]);
          return accumulate(
              inner, {asValue(inner, extent)}, number(inner, 0),
              [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value total) -> Value {
                Value has = deep.create<tensor::ExtractOp>(numberOf, i[0]);
                Value hits = deep.create<arith::CmpIOp>(arith::CmpIPredicate::eq, has, wanted);
                Value one = deep.create<arith::ExtUIOp>(deep.getI64Type(), hits);
                return deep.create<arith::AddIOp>(total, one);
              });
        });
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  OpFoldResult extent;
  Value matrix;
};

LogicalResult importUnique(NodeContext &node) { return UniqueImporter(node).run(); }

} // namespace

ArrayRef<OpImporter> selectionOps() {
  static const OpImporter list[] = {
      {"Compress", importCompress, 2, 2},
      {"NonZero", importNonZero, 1, 1},
      {"Unique", importUnique, 1, 1, 4},
  };
  return list;
}

} // namespace halcyon::onnx
