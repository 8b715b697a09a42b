#include "import/onnx/Compose.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// An index as ONNX means it: negative ones count from the end. Then clamped,
// so that a wrong one cannot read outside the tensor.
Value wrapIndex(ImplicitLocOpBuilder &b, Value index, OpFoldResult extent) {
  Value at = asValue(b, toIndex(b, index, false)), size = asValue(b, extent);
  Value zero = constantIndex(b, 0);
  Value isNegative = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, at, zero);
  Value moved = b.createOrFold<arith::AddIOp>(at, size);
  at = b.createOrFold<arith::SelectOp>(isNegative, moved, at);
  Value last = b.createOrFold<arith::SubIOp>(size, constantIndex(b, 1));
  at = b.createOrFold<arith::MinSIOp>(at, last);
  return b.createOrFold<arith::MaxSIOp>(at, zero);
}

LogicalResult checkIndices(NodeContext &node, size_t input) {
  DataType type = node.in(input).dataType;
  if (type == DataType::i32 || type == DataType::i64)
    return success();
  return node.error() << "indices must be i32 or i64, got " << nameOf(type);
}

// One constant index, or one that is a scalar: a slice, which is a view.
bool gatherSlice(NodeContext &node, int64_t axis) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1);
  if (!indices.isOnHost() || indices.numElements() != 1)
    return false;
  Value index = node.graph.elementsOf(b, indices).front();
  OpFoldResult at = getAsOpFoldResult(wrapIndex(b, index, data.dims[axis]));
  Dims offsets(data.dims.size(), fixed(b, 0)), strides(data.dims.size(), fixed(b, 1));
  Dims sizes = data.dims, dims = data.dims;
  offsets[axis] = at;
  sizes[axis] = fixed(b, 1);
  Value slice = b.create<tensor::ExtractSliceOp>(node.value(0), offsets, sizes, strides);
  dims.erase(dims.begin() + axis);
  dims.insert(dims.begin() + axis, indices.dims.begin(), indices.dims.end());
  node.set(0, reshapeTensor(b, slice, sizes, dims), data.dataType, dims);
  return true;
}

// Elements of the host at places that are known; nothing where they are not.
std::optional<LogicalResult> gatherElements(NodeContext &node, const Dims &dims) {
  ImplicitLocOpBuilder &b = node.b;
  SmallVector<Value> from = node.graph.elementsOf(b, node.in(0)), made;
  auto extent = static_cast<int64_t>(from.size());
  for (Value element : node.graph.elementsOf(b, node.in(1))) {
    std::optional<int64_t> index = known(toIndex(b, element, false));
    if (!index)
      return std::nullopt;
    if (*index < -extent || *index >= extent)
      return LogicalResult(node.error() << "index " << *index << " is outside " << extent << " elements");
    made.push_back(from[*index < 0 ? *index + extent : *index]);
  }
  node.setElements(0, dims, node.in(0).dataType, std::move(made));
  return success();
}

LogicalResult importGather(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1);
  FailureOr<int64_t> axis = node.axisAttr("axis", 0, data.rank());
  if (failed(axis) || failed(checkIndices(node, 1)))
    return failure();
  Dims dims(data.dims.begin(), data.dims.begin() + *axis);
  llvm::append_range(dims, indices.dims);
  dims.append(data.dims.begin() + *axis + 1, data.dims.end());

  bool demanded = node.isDemanded(0) && data.isSmall() && !isFloat(data.dataType);
  if ((data.isOnHost() || demanded) && data.rank() == 1 && indices.isOnHost())
    if (std::optional<LogicalResult> done = gatherElements(node, dims))
      return *done;
  if (gatherSlice(node, *axis))
    return success();

  Value source = node.value(0), positions = node.value(1);
  auto rank = static_cast<unsigned>(dims.size());
  auto first = static_cast<unsigned>(*axis);
  auto count = static_cast<unsigned>(indices.rank());
  SmallVector<AffineExpr> exprs;
  for (unsigned i = 0; i < count; ++i)
    exprs.push_back(b.getAffineDimExpr(first + i));
  Value made = generic(
      b, {positions}, emptyTensor(b, dims, data.element),
      {AffineMap::get(rank, 0, exprs, b.getContext()), b.getMultiDimIdentityMap(rank)},
      parallelIterators(rank), [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
        SmallVector<Value> from;
        for (unsigned i = 0; i < rank; ++i) {
          if (i == first)
            from.push_back(wrapIndex(inner, arguments[0], data.dims[*axis]));
          if (i < first || i >= first + count)
            from.push_back(inner.create<linalg::IndexOp>(i));
        }
        if (first == rank)
          from.push_back(wrapIndex(inner, arguments[0], data.dims[*axis]));
        return inner.create<tensor::ExtractOp>(source, from);
      });
  node.set(0, made, data.dataType, dims);
  return success();
}

// GatherND at one place that is known: a slice of the leading dimensions. Batches of 1 are leading dimensions too.
LogicalResult sliceAt(NodeContext &node, const Dims &dims, int64_t batch, int64_t depth) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0);
  FailureOr<SmallVector<int64_t>> places = node.constantInts(1, "indices");
  if (failed(places))
    return failure();
  Dims offsets(data.rank(), fixed(b, 0)), sizes(data.dims), strides(data.rank(), fixed(b, 1));
  int64_t first = 0; // in whole slices
  for (int64_t i = 0; i < depth; ++i) {
    int64_t extent = *known(data.dims[batch + i]), place = (*places)[i];
    place = std::clamp<int64_t>(place < 0 ? place + extent : place, 0, extent - 1);
    first = first * extent + place;
    offsets[batch + i] = fixed(b, place);
    sizes[batch + i] = fixed(b, 1);
  }
  if (batch == 0 && data.constant && bitsOf(data.dataType) >= 8) {
    auto made = std::make_shared<Tensor>();
    made->type = data.dataType;
    for (OpFoldResult dim : dims)
      made->dims.push_back(*known(dim));
    size_t bytes = static_cast<size_t>(made->numElements()) * bitsOf(data.dataType) / 8;
    made->bytes.view = data.constant->bytes.view.subspan(static_cast<size_t>(first) * bytes, bytes);
    made->bytes.owner = data.constant;
    Composer with(node);
    return with.define(0, with.constant(made));
  }
  Value slice = b.create<tensor::ExtractSliceOp>(node.value(0), offsets, sizes, strides);
  node.set(0, reshapeTensor(b, slice, sizes, dims), data.dataType, dims);
  return success();
}

// Index element i of the last dimension of `indices`, at the loops' position.
LogicalResult importGatherND(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1);
  int64_t batch = node.intAttr("batch_dims", 0);
  if (failed(checkIndices(node, 1)))
    return failure();
  if (indices.rank() == 0 || !known(indices.dims.back()))
    return node.error() << "the indices' last dimension must be static: others are not supported";
  int64_t depth = *known(indices.dims.back());
  if (batch < 0 || batch >= indices.rank() || batch + depth > data.rank())
    return node.error() << "attribute 'batch_dims' is " << batch << ", indices name " << depth
                        << " of " << data.rank() << " dimensions";
  for (auto [own, theirs] : llvm::zip(ArrayRef(data.dims).take_front(batch),
                                      ArrayRef(indices.dims).take_front(batch)))
    if (failed(node.requireSame(own, theirs, "the batch dimensions")))
      return failure();
  Dims dims(indices.dims.begin(), indices.dims.end() - 1);
  auto loops = static_cast<unsigned>(dims.size()); // those over index tuples
  dims.append(data.dims.begin() + batch + depth, data.dims.end());
  bool isWhole = llvm::all_of(ArrayRef(data.dims).slice(batch, depth),
                              [](OpFoldResult extent) { return known(extent).value_or(0) > 0; });
  if (isWhole && indices.constant && indices.isOnHost() &&
      known(product(b, ArrayRef(indices.dims).drop_back())) == 1)
    return sliceAt(node, dims, batch, depth);
  Value source = node.value(0), positions = node.value(1);
  Value made = generate(
      b, emptyTensor(b, dims, data.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        SmallVector<Value> from(at.take_front(batch)), tuple(at.take_front(loops));
        tuple.push_back(nullptr);
        for (int64_t i = 0; i < depth; ++i) {
          tuple.back() = constantIndex(inner, i);
          Value index = inner.create<tensor::ExtractOp>(positions, tuple);
          from.push_back(wrapIndex(inner, index, data.dims[batch + i]));
        }
        llvm::append_range(from, at.drop_front(loops));
        return inner.create<tensor::ExtractOp>(source, from).getResult();
      });
  node.set(0, made, data.dataType, dims);
  return success();
}

LogicalResult importGatherElements(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &data = node.in(0), &indices = node.in(1);
  FailureOr<int64_t> axis = node.axisAttr("axis", 0, data.rank());
  if (failed(axis) || failed(checkIndices(node, 1)))
    return failure();
  if (data.rank() != indices.rank())
    return node.error() << "data and indices differ in rank";
  Value source = node.value(0), positions = node.value(1);
  auto rank = static_cast<unsigned>(data.rank());
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  Value made = generic(
      b, {positions}, emptyTensor(b, indices.dims, data.element), {identity, identity},
      parallelIterators(rank), [&](ImplicitLocOpBuilder &inner, ValueRange arguments) -> Value {
        SmallVector<Value> from;
        for (unsigned i = 0; i < rank; ++i)
          from.push_back(i == *axis ? wrapIndex(inner, arguments[0], data.dims[*axis])
                                    : inner.create<linalg::IndexOp>(i).getResult());
        return inner.create<tensor::ExtractOp>(source, from);
      });
  node.set(0, made, data.dataType, indices.dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> gatherOps() {
  static const OpImporter list[] = {
      {"Gather", importGather, 2, 2},
      {"GatherElements", importGatherElements, 2, 2},
      {"GatherND", importGatherND, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
