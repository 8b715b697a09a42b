#include "import/onnx/Boundary.h"
#include "dialect/host/Host.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Sequences.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using P = arith::CmpIPredicate;

constexpr int64_t columns = host::shapeRank;

void check(ImplicitLocOpBuilder &b, Value condition, StringRef what) {
  b.create<cf::AssertOp>(condition, what);
}

Value compare(ImplicitLocOpBuilder &b, P predicate, Value left, Value right) {
  return b.create<arith::CmpIOp>(predicate, left, right);
}

// 1 for a dimension that there is not.
Value orOne(ImplicitLocOpBuilder &b, Value dim) {
  Value isMissing = compare(b, P::slt, dim, constantIndex(b, 0));
  return b.create<arith::SelectOp>(isMissing, constantIndex(b, 1), dim);
}

// A row of the shapes, checked: dimensions, then -1.
SmallVector<Value> readRow(ImplicitLocOpBuilder &b, const ValueInfo &info, Value shapes, Value row) {
  SmallVector<Value> dims;
  Value none = constantIndex(b, -1), isGood = b.create<arith::ConstantIntOp>(1, 1);
  for (int64_t column = 0; column < columns; ++column) {
    Value entry = b.create<tensor::ExtractOp>(shapes, ValueRange{row, constantIndex(b, column)});
    Value dim = b.create<arith::IndexCastOp>(b.getIndexType(), entry);
    isGood = b.create<arith::AndIOp>(isGood, compare(b, P::sge, dim, none));
    if (column > 0) {
      Value isEnd = compare(b, P::eq, dim, none), goesOn = compare(b, P::ne, dims.back(), none);
      isGood = b.create<arith::AndIOp>(isGood, b.create<arith::OrIOp>(isEnd, goesOn));
    }
    dims.push_back(dim);
  }
  check(b, isGood, "a row of shapes is not dimensions and then -1");
  if (info.ranked) {
    const auto rank = info.dims.size();
    Value fits = b.create<arith::ConstantIntOp>(1, 1);
    if (rank > 0)
      fits = b.create<arith::AndIOp>(fits, compare(b, P::ne, dims[rank - 1], none));
    if (rank < static_cast<size_t>(columns))
      fits = b.create<arith::AndIOp>(fits, compare(b, P::eq, dims[rank], none));
    for (auto [dim, declared] : llvm::zip(dims, info.dims))
      if (declared.value >= 0)
        fits = b.create<arith::AndIOp>(fits, compare(b, P::eq, dim, constantIndex(b, declared.value)));
    check(b, fits, "an element of a sequence has another shape than the model declares");
  }
  return dims;
}

std::optional<int64_t> declaredRank(const ValueInfo &info) {
  return info.ranked ? std::optional<int64_t>(info.dims.size()) : std::nullopt;
}

Value unpackList(ImplicitLocOpBuilder &b, const ValueInfo &info, Value values, Value shapes) {
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1);
  Value length = b.create<tensor::DimOp>(shapes, 0), total = b.create<tensor::DimOp>(values, 0);
  Value empty = b.create<host::ListEmptyOp>(host::ListType::get(b.getContext()));
  auto loop = b.create<scf::ForOp>(zero, length, one, ValueRange{empty, zero});
  ImplicitLocOpBuilder inner(b.getLoc(), b);
  inner.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> dims = readRow(inner, info, shapes, loop.getInductionVar());
  Value count = one;
  for (Value dim : dims)
    count = inner.create<arith::MulIOp>(count, orOne(inner, dim));
  Value offset = loop.getRegionIterArg(1);
  Value end = inner.create<arith::AddIOp>(offset, count);
  // A product that wraps is negative here, or traps where bytes are counted.
  Value fits = inner.create<arith::AndIOp>(compare(inner, P::sge, end, offset), compare(inner, P::sle, end, total));
  check(inner, fits, "a sequence has fewer values than its shapes");
  auto type = RankedTensorType::get({ShapedType::kDynamic},
                                    cast<RankedTensorType>(values.getType()).getElementType());
  Value part = inner.create<tensor::ExtractSliceOp>(type, values, Dims{offset}, Dims{count},
                                                    Dims{fixed(inner, 1)});
  Value before = loop.getRegionIterArg(0), at = inner.create<host::ListLengthOp>(inner.getIndexType(), before);
  Value list = inner.create<host::ListInsertOp>(empty.getType(), before, at, part, dims);
  inner.create<scf::YieldOp>(ValueRange{list, end});
  check(b, compare(b, P::eq, loop.getResult(1), total), "a sequence has more values than its shapes");
  return loop.getResult(0);
}

// The only element of a list, or a tensor of the declared shape that nobody looks at.
Imported unpackTensor(GraphImporter &graph, ImplicitLocOpBuilder &b, const ValueInfo &info, Type element,
                      Value list, Value present) {
  Value zero = constantIndex(b, 0);
  const auto rank = static_cast<int64_t>(info.dims.size());
  SmallVector<int64_t> shape(info.dims.size(), ShapedType::kDynamic);
  auto type = RankedTensorType::get(shape, element);
  auto choice = b.create<scf::IfOp>(TypeRange{type}, present, /*addThenBlock=*/true, /*addElseBlock=*/true);
  ImplicitLocOpBuilder inner(b.getLoc(), b);
  inner.setInsertionPointToEnd(choice.thenBlock());
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < rank; ++axis)
    sizes.push_back(inner.create<host::ListDimOp>(list, zero, axis));
  Value tensor = inner.create<host::ListGetOp>(type, list, zero, sizes);
  inner.create<scf::YieldOp>(ValueRange{tensor});
  inner.setInsertionPointToEnd(choice.elseBlock());
  sizes.clear();
  for (const Dim &dim : info.dims)
    sizes.push_back(constantIndex(inner, std::max<int64_t>(dim.value, 0)));
  Value nothing = inner.create<tensor::EmptyOp>(type, sizes);
  inner.create<scf::YieldOp>(ValueRange{nothing});
  Imported made = graph.fromTensor(b, choice.getResult(0), info.type);
  // What is declared was checked.
  SmallVector<int64_t> known(shape);
  for (auto [axis, dim] : llvm::enumerate(info.dims))
    if (dim.value >= 0)
      known[axis] = dim.value;
  if (known == shape)
    return made;
  Value cast = b.create<tensor::CastOp>(RankedTensorType::get(known, element), choice.getResult(0));
  return graph.fromTensor(b, cast, info.type);
}

Imported i64List(ImplicitLocOpBuilder &b, ArrayRef<Value> elements, ArrayRef<int64_t> shape) {
  Imported made;
  made.dataType = DataType::i64;
  made.element = b.getI64Type();
  for (int64_t extent : shape)
    made.dims.push_back(fixed(b, extent));
  made.elements = llvm::to_vector(elements);
  return made;
}

std::vector<Imported> packKnown(GraphImporter &graph, ImplicitLocOpBuilder &b, const Imported &sequence) {
  SmallVector<Value> shapes;
  Dims sizes;
  OpFoldResult total = fixed(b, 0);
  for (const Imported &item : *sequence.items) {
    for (int64_t column = 0; column < columns; ++column)
      shapes.push_back(toInteger(b, column < item.rank() ? item.dims[static_cast<size_t>(column)] : fixed(b, -1),
                                 b.getI64Type()));
    sizes.push_back(product(b, item.dims));
    total = add(b, total, sizes.back());
  }
  Value values = emptyTensor(b, {total}, sequence.element);
  OpFoldResult offset = fixed(b, 0);
  for (auto [item, size] : llvm::zip(*sequence.items, sizes)) {
    Imported copied = item;
    Value flat = reshapeTensor(b, graph.tensorOf(b, copied), item.dims, {size});
    values = b.create<tensor::InsertSliceOp>(flat, values, Dims{offset}, Dims{size}, Dims{fixed(b, 1)});
    offset = add(b, offset, size);
  }
  const auto length = static_cast<int64_t>(sequence.items->size());
  return {graph.fromTensor(b, values, sequence.dataType, {total}), i64List(b, shapes, {length, columns})};
}

std::vector<Imported> packList(GraphImporter &graph, ImplicitLocOpBuilder &b, const Imported &sequence) {
  Value list = sequence.list, zero = constantIndex(b, 0), one = constantIndex(b, 1);
  Value length = b.create<host::ListLengthOp>(b.getIndexType(), list);
  auto dimsOf = [&](ImplicitLocOpBuilder &at, Value position) {
    SmallVector<Value> dims;
    for (int64_t column = 0; column < columns; ++column)
      dims.push_back(at.create<host::ListDimOp>(list, position, column));
    return dims;
  };
  auto countOf = [&](ImplicitLocOpBuilder &at, ArrayRef<Value> dims) {
    Value count = one;
    for (Value dim : dims)
      count = at.create<arith::MulIOp>(count, orOne(at, dim));
    return count;
  };
  auto sum = b.create<scf::ForOp>(zero, length, one, ValueRange{zero});
  ImplicitLocOpBuilder inner(b.getLoc(), b);
  inner.setInsertionPointToStart(sum.getBody());
  Value count = countOf(inner, dimsOf(inner, sum.getInductionVar()));
  Value end = inner.create<arith::AddIOp>(sum.getRegionIterArg(0), count);
  inner.create<scf::YieldOp>(ValueRange{end});
  Value total = sum.getResult(0);

  Value values = emptyTensor(b, {total}, sequence.element);
  Value shapes = emptyTensor(b, {length, fixed(b, columns)}, b.getI64Type());
  auto loop = b.create<scf::ForOp>(zero, length, one, ValueRange{values, shapes, zero});
  inner.setInsertionPointToStart(loop.getBody());
  Value at = loop.getInductionVar(), offset = loop.getRegionIterArg(2);
  SmallVector<Value> dims = dimsOf(inner, at);
  count = countOf(inner, dims);
  auto flat = RankedTensorType::get({ShapedType::kDynamic}, sequence.element);
  Value item = inner.create<host::ListGetOp>(flat, list, at, ValueRange{count});
  Value nextValues = inner.create<tensor::InsertSliceOp>(item, loop.getRegionIterArg(0), Dims{offset},
                                                         Dims{count}, Dims{fixed(inner, 1)});
  SmallVector<Value> entries;
  for (Value dim : dims)
    entries.push_back(inner.create<arith::IndexCastOp>(inner.getI64Type(), dim));
  Value row = inner.create<tensor::FromElementsOp>(
      RankedTensorType::get({columns}, inner.getI64Type()), entries);
  Value nextShapes = inner.create<tensor::InsertSliceOp>(
      row, loop.getRegionIterArg(1), Dims{at, fixed(inner, 0)},
      Dims{fixed(inner, 1), fixed(inner, columns)}, Dims{fixed(inner, 1), fixed(inner, 1)});
  Value next = inner.create<arith::AddIOp>(offset, count);
  inner.create<scf::YieldOp>(ValueRange{nextValues, nextShapes, next});
  return {graph.fromTensor(b, loop.getResult(0), sequence.dataType, {total}),
          graph.fromTensor(b, loop.getResult(1), DataType::i64, {length, fixed(b, columns)})};
}

std::vector<Imported> packSequence(GraphImporter &graph, ImplicitLocOpBuilder &b, const Imported &sequence) {
  return sequence.items ? packKnown(graph, b, sequence) : packList(graph, b, sequence);
}

// At most one element: a sequence of it.
Imported asSequence(GraphImporter &graph, ImplicitLocOpBuilder &b, const Imported &optional) {
  if (!optional.content || matchPattern(optional.present, m_Zero()))
    return knownSequence(optional.dataType, optional.element, {});
  const Imported &content = *optional.content;
  if (matchPattern(optional.present, m_One()))
    return knownSequence(content.dataType, content.element, {content});
  Type type = host::ListType::get(b.getContext());
  Value empty = b.create<host::ListEmptyOp>(type);
  auto choice = b.create<scf::IfOp>(TypeRange{type}, optional.present, /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
  ImplicitLocOpBuilder inner(b.getLoc(), b);
  inner.setInsertionPointToEnd(choice.thenBlock());
  Value list = appendItem(graph, inner, empty, content);
  inner.create<scf::YieldOp>(ValueRange{list});
  inner.setInsertionPointToEnd(choice.elseBlock());
  inner.create<scf::YieldOp>(ValueRange{empty});
  return listedSequence(choice.getResult(0), content.dataType, content.element, content.rank());
}

Imported present(ImplicitLocOpBuilder &b, Value flag) {
  Imported made;
  made.dataType = DataType::boolean;
  made.element = b.getI1Type();
  made.elements = SmallVector<Value>{flag};
  return made;
}

} // namespace

SmallVector<BoundaryPart, 3> boundaryParts(const ValueInfo &info) {
  SmallVector<BoundaryPart, 3> parts{{"", info.type, {ShapedType::kDynamic}},
                                   {".shapes", DataType::i64, {ShapedType::kDynamic, columns}}};
  if (info.kind == ValueKind::optionalSequence)
    parts.push_back({".present", DataType::boolean, {}});
  return parts;
}

FailureOr<Imported> fromParts(GraphImporter &graph, ImplicitLocOpBuilder &b, const ValueInfo &info,
                           ValueRange parts) {
  if (info.dims.size() > static_cast<size_t>(columns))
    return emitError(b.getLoc()) << "input '" << info.name << "': elements of " << info.dims.size()
                                 << " dimensions; " << columns << " is the limit";
  Type element = elementType(*b.getContext(), info.type);
  Value list = unpackList(b, info, parts[0], parts[1]);
  Imported sequence = listedSequence(list, info.type, element, declaredRank(info));
  if (info.kind == ValueKind::sequence)
    return sequence;
  Imported made;
  made.kind = Imported::Kind::optional;
  made.dataType = info.type;
  made.element = element;
  if (info.kind == ValueKind::optionalSequence) {
    made.present = b.create<tensor::ExtractOp>(parts[2], ValueRange{});
    made.content = std::make_shared<const Imported>(sequence);
    return made;
  }
  if (!info.ranked)
    return emitError(b.getLoc()) << "input '" << info.name << "': the rank of what is in it is not known";
  Value length = b.create<host::ListLengthOp>(b.getIndexType(), list);
  check(b, compare(b, P::sle, length, constantIndex(b, 1)), "an optional has more than one element");
  made.present = compare(b, P::ne, length, constantIndex(b, 0));
  made.content = std::make_shared<const Imported>(unpackTensor(graph, b, info, element, list, made.present));
  return made;
}

FailureOr<std::vector<Imported>> toParts(GraphImporter &graph, ImplicitLocOpBuilder &b, const ValueInfo &info,
                                      Imported value) {
  const bool isOptional = info.kind == ValueKind::optional || info.kind == ValueKind::optionalSequence;
  if (isOptional && value.kind != Imported::Kind::optional) {
    Imported made;
    made.kind = Imported::Kind::optional;
    made.dataType = value.dataType;
    made.element = value.element;
    made.present = b.create<arith::ConstantIntOp>(1, 1);
    made.content = std::make_shared<const Imported>(std::move(value));
    value = std::move(made);
  } else if (!isOptional && value.kind == Imported::Kind::optional && value.content) {
    if (!matchPattern(value.present, m_One()))
      check(b, value.present, "an optional has no element");
    value = Imported(*value.content);
  }
  const Imported *inner = value.kind == Imported::Kind::optional ? value.content.get() : &value;
  const auto expected = info.kind == ValueKind::optional ? Imported::Kind::tensor : Imported::Kind::sequence;
  if ((inner && inner->kind != expected) || !value.element)
    return emitError(b.getLoc()) << "output '" << info.name << "' is " << nameOf(value.kind)
                                 << ", which is not what the model declares";
  if (info.kind == ValueKind::sequence)
    return packSequence(graph, b, value);
  if (info.kind == ValueKind::optional)
    return packSequence(graph, b, asSequence(graph, b, value));
  auto parts = packSequence(graph, b, inner ? *inner : knownSequence(value.dataType, value.element, {}));
  parts.push_back(present(b, value.present));
  return parts;
}

} // namespace halcyon::onnx
