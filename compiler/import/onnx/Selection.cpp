// How many elements a result has depends on the data: the count is read by the host, which then
// knows the shape.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Order.h"
#include "import/onnx/Reshape.h"
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
  const NodeAttribute *given = node.find("axis", AttributeKind::i);
  if (!isBool(node.in(1).dataType) || node.rank(1) != 1)
    return node.error() << "the condition must be a list of bools";
  Part data = given ? with.input(0) : with("Reshape", {with.input(0), with.ints({-1})});
  if (with.hasFailed())
    return failure();
  FailureOr<int64_t> axis = node.normalizeAxis(given ? given->i : 0, data->rank(), "axis");
  if (failed(axis) || failed(node.requireWithin(node.in(1).dims[0], data->dims[*axis], "the condition")))
    return failure();
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

// Each slice of an axis once, sorted or in order of appearance: sorted, equal slices are neighbours, the first of
// them first.
class UniqueImporter {
public:
  explicit UniqueImporter(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    const NodeAttribute *given = node.find("axis", AttributeKind::i);
    const bool sorted = node.intAttr("sorted", 1) != 0;
    SmallVector<int64_t> order;
    if (given) {
      FailureOr<int64_t> axis = node.normalizeAxis(given->i, node.rank(0), "axis");
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
    sort();
    // Of each group, in the order of values: where it begins, and its first place.
    Part begins = placesOf(node, with, starts);
    if (with.hasFailed())
      return failure();
    Part firsts = with("Gather", {places, begins});
    Part counts = hold(node, with, sizes(*begins), DataType::i64, begins->dims);
    Part group = numbered(starts);
    if (!sorted) {
      // How many first places come before a group's.
      Part number = with("Gather", {numbered(moved(starts, places, starts)), firsts});
      group = with("Gather", {number, group});
      firsts = moved(firsts, number, firsts);
      counts = moved(counts, number, counts);
    }
    Part values = given ? with("Gather", {with.input(0), firsts}, {attribute("axis", order[0])})
                        : with("Gather", {with("Reshape", {with.input(0), with.ints({-1})}), firsts});
    Part inverse = moved(group, places, group);
    const Part results[] = {values, firsts, inverse, counts};
    for (size_t i = 0; i < 4; ++i)
      if (failed(with.define(i, results[i])))
        return failure();
    return success();
  }

private:
  Value number(ImplicitLocOpBuilder &at, int64_t value) {
    return at.create<arith::ConstantOp>(at.getI64IntegerAttr(value));
  }

  // -1 where the left slice is less than the right one, 1 where it is greater, else 0. All NaN are equal.
  Value compared(ImplicitLocOpBuilder &at, Value source, Value left, Value right) {
    return accumulate(
        at, {asValue(at, slices->dims[1])}, number(at, 0),
        [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value found) -> Value {
          Value x = deep.create<tensor::ExtractOp>(source, ValueRange{left, i[0]});
          Value y = deep.create<tensor::ExtractOp>(source, ValueRange{right, i[0]});
          Value less = lessWithNan(deep, x, y, slices->dataType), more = lessWithNan(deep, y, x, slices->dataType);
          Value here = deep.create<arith::SelectOp>(less, number(deep, -1), number(deep, 0));
          here = deep.create<arith::SelectOp>(more, number(deep, 1), here);
          Value open = deep.create<arith::CmpIOp>(arith::CmpIPredicate::eq, found, number(deep, 0));
          return deep.create<arith::SelectOp>(open, here, found);
        });
  }

  // The places of slices in order, and whether another group starts there.
  void sort() {
    Value source = node.graph.tensorOf(b, *slices);
    Value sorted = firstInOrder(
        b, fixed(b, 1), extent, extent, [&](ImplicitLocOpBuilder &at, Value, Value left, Value right) -> Value {
          Value order = compared(at, source, left, right), zero = number(at, 0);
          Value less = at.create<arith::CmpIOp>(arith::CmpIPredicate::slt, order, zero);
          Value equal = at.create<arith::CmpIOp>(arith::CmpIPredicate::eq, order, zero);
          Value isFirst = at.create<arith::CmpIOp>(arith::CmpIPredicate::slt, left, right);
          return at.create<arith::OrIOp>(less, at.create<arith::AndIOp>(equal, isFirst));
        });
    Value line = reshapeTensor(b, sorted, {fixed(b, 1), extent}, {extent});
    places = hold(node, with, line, DataType::i64, {extent});
    Value isStart = generate(
        b, emptyTensor(b, {extent}, b.getI1Type()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
          auto place = [&](Value from) -> Value {
            return inner.create<arith::IndexCastOp>(inner.getIndexType(), inner.create<tensor::ExtractOp>(line, from));
          };
          Value zero = constantIndex(inner, 0), isFirst = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, at[0], zero);
          Value before = inner.create<arith::SubIOp>(at[0], constantIndex(inner, 1));
          before = inner.create<arith::SelectOp>(isFirst, at[0], before);
          Value order = compared(inner, source, place(before), place(at[0]));
          Value differs = inner.create<arith::CmpIOp>(arith::CmpIPredicate::ne, order, number(inner, 0));
          return inner.create<arith::OrIOp>(isFirst, differs);
        });
    starts = hold(node, with, isStart, DataType::boolean, {extent});
  }

  // At each place the number of the last flag before it or there, from 0.
  Part numbered(Part flags) {
    Part total = with("CumSum", {with.cast(flags, DataType::i64), with.ints({0})});
    return with("Sub", {total, with.ints({1})});
  }

  // `to` with `from[i]` at `at[i]`.
  Part moved(Part to, Part at, Part from) { return with("ScatterElements", {to, at, from}); }

  // From each beginning to the next one.
  Value sizes(Imported &begins) {
    Value from = node.graph.tensorOf(b, begins);
    return generate(
        b, emptyTensor(b, begins.dims, b.getI64Type()), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
          Value next = inner.create<arith::AddIOp>(at[0], constantIndex(inner, 1));
          Value isIn = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, next, asValue(inner, begins.dims[0]));
          Value end = guardedExtract(inner, isIn, from, {next}, toInteger(inner, extent, inner.getI64Type()));
          return inner.create<arith::SubIOp>(end, inner.create<tensor::ExtractOp>(from, at[0]));
        });
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  OpFoldResult extent;
  Part slices = nullptr; // [n, elements of one]
  Part places = nullptr, starts = nullptr;
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
