// Elements that change places: between channels and space, from the middle, by sequence, by rank.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Order.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// A Reshape that is given every dimension: 0 copies none.
const NodeAttribute whole = attribute("allowzero", int64_t{1});

LogicalResult checkBlocks(NodeContext &node, int64_t size, StringRef mode) {
  if (mode != "DCR" && mode != "CRD")
    return node.error() << "attribute 'mode' is '" << mode << "'";
  if (node.rank(0) != 4)
    return node.error() << "expected 4 dimensions, got " << node.rank(0);
  if (size < 1)
    return node.error("blocksize") << "the size of a block is " << size;
  if (size > 1 << 15)
    return node.error("blocksize") << "a block of " << size << " is too large";
  return success();
}

// [N, C, H, W] -> [N, C / b^2, H * b, W * b]; which part of the channels is the place in the block
// is the mode.
LogicalResult importDepthToSpace(NodeContext &node) {
  Composer with(node);
  int64_t size = node.sizeAttr("blocksize", 0);
  StringRef mode = node.stringAttr("mode", "DCR");
  if (failed(checkBlocks(node, size, mode)))
    return failure();
  ImplicitLocOpBuilder &b = node.b;
  const Dims &dims = node.in(0).dims;
  OpFoldResult block = fixed(b, size);
  OpFoldResult depth = floorDiv(b, dims[1], fixed(b, size * size));
  bool first = mode == "DCR"; // block, block, depth
  Dims apart = first ? Dims{dims[0], block, block, depth, dims[2], dims[3]}
                     : Dims{dims[0], depth, block, block, dims[2], dims[3]};
  SmallVector<int64_t> order =
      first ? SmallVector<int64_t>{0, 3, 4, 1, 5, 2} : SmallVector<int64_t>{0, 1, 4, 2, 5, 3};
  Part made = with("Reshape", {with.input(0), with.shape(apart)}, {whole});
  made = with("Transpose", {made}, {attribute("perm", order)});
  Dims result{dims[0], depth, mul(b, dims[2], block), mul(b, dims[3], block)};
  return with.define(0, with("Reshape", {made, with.shape(result)}, {whole}));
}

LogicalResult importSpaceToDepth(NodeContext &node) {
  Composer with(node);
  int64_t size = node.sizeAttr("blocksize", 0);
  StringRef mode = node.stringAttr("mode", "DCR");
  if (failed(checkBlocks(node, size, mode)))
    return failure();
  ImplicitLocOpBuilder &b = node.b;
  const Dims &dims = node.in(0).dims;
  OpFoldResult block = fixed(b, size);
  OpFoldResult height = floorDiv(b, dims[2], block), width = floorDiv(b, dims[3], block);
  Part made =
      with("Reshape", {with.input(0), with.shape({dims[0], dims[1], height, block, width, block})},
           {whole});
  SmallVector<int64_t> order = mode == "DCR" ? SmallVector<int64_t>{0, 3, 5, 1, 2, 4}
                                             : SmallVector<int64_t>{0, 1, 3, 5, 2, 4};
  made = with("Transpose", {made}, {attribute("perm", order)});
  Dims result{dims[0], mul(b, dims[1], fixed(b, size * size)), height, width};
  return with.define(0, with("Reshape", {made, with.shape(result)}, {whole}));
}

// The middle of what is too large, zeros around what is too small.
LogicalResult importCenterCropPad(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  FailureOr<Dims> shape = node.indices(1, "shape");
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, input.rank()));
  if (auto given = node.intsAttr("axes"))
    axes = *given;
  FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(axes, input.rank(), "axes");
  if (failed(shape) || failed(normal))
    return failure();
  if (shape->size() != normal->size())
    return (node.find("axes") ? node.error("axes") : node.error())
           << "has " << shape->size() << " sizes for " << normal->size() << " axes";
  Dims low(input.dims.size(), fixed(b, 0)), dims = input.dims;
  for (auto [axis, target] : llvm::zip(*normal, *shape)) {
    // Half of the difference, towards zero: before it is positive, cropped where it is negative.
    OpFoldResult more = sub(b, target, dims[axis]);
    if (std::optional<int64_t> count = known(more))
      low[axis] = fixed(b, *count / 2);
    else
      low[axis] = b.create<arith::DivSIOp>(asValue(b, more), constantIndex(b, 2)).getResult();
    dims[axis] = target;
  }
  Value zero = b.create<arith::ConstantOp>(b.getZeroAttr(input.element));
  node.set(0, padded(b, node.value(0), low, dims, zero), input.dataType, dims);
  return success();
}

// The first elements of each sequence turn around, as many as its length says.
LogicalResult importReverseSequence(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0), &lengths = node.in(1);
  FailureOr<int64_t> time = node.axisAttr("time_axis", 0, input.rank());
  FailureOr<int64_t> batch = node.axisAttr("batch_axis", 1, input.rank());
  if (failed(time) || failed(batch))
    return failure();
  if (*time == *batch || lengths.rank() != 1 || !isInteger(lengths.dataType))
    return node.error() << "expected two different axes and a list of lengths";
  if (failed(node.requireSame(lengths.dims[0], input.dims[*batch], "the batch and the lengths")))
    return failure();
  Value source = node.value(0), counts = node.value(1);
  Value made = generate(
      b, emptyTensor(b, input.dims, input.element),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        SmallVector<Value> from(at);
        Value count = asValue(
            inner, toIndex(inner, inner.create<tensor::ExtractOp>(counts, at[*batch]), false));
        // A length that is none must not lead outside.
        count = inner.create<arith::MinSIOp>(count, asValue(inner, input.dims[*time]));
        Value turns = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, at[*time], count);
        Value last = inner.create<arith::SubIOp>(count, constantIndex(inner, 1));
        Value mirrored = inner.create<arith::SubIOp>(last, at[*time]);
        from[*time] = inner.create<arith::SelectOp>(turns, mirrored, at[*time]);
        return inner.create<tensor::ExtractOp>(source, from);
      });
  node.set(0, made, input.dataType, input.dims);
  return success();
}

// As many may all be compared to each other.
constexpr int64_t fewElements = 32;

// Whether left comes before right: NaN is the greatest, of equal ones the first place wins.
Value comesBefore(ImplicitLocOpBuilder &b, Value left, Value right, Value leftAt, Value rightAt,
                  bool largest, DataType type) {
  Comparison order = largest ? Comparison::greater : Comparison::less;
  Value wins = compareScalars(b, order, left, right, type);
  Value loses = compareScalars(b, order, right, left, type);
  if (isFloat(type)) {
    using P = arith::CmpFPredicate;
    Value leftNan = b.create<arith::CmpFOp>(P::UNO, left, left);
    Value rightNan = b.create<arith::CmpFOp>(P::UNO, right, right);
    Value one = b.create<arith::ConstantIntOp>(1, 1);
    Value onlyLeft = b.create<arith::AndIOp>(leftNan, b.create<arith::XOrIOp>(rightNan, one));
    Value onlyRight = b.create<arith::AndIOp>(rightNan, b.create<arith::XOrIOp>(leftNan, one));
    wins = b.create<arith::OrIOp>(wins, largest ? onlyLeft : onlyRight);
    loses = b.create<arith::OrIOp>(loses, largest ? onlyRight : onlyLeft);
  }
  Value isFirst = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, leftAt, rightAt);
  Value noWinner = b.create<arith::XOrIOp>(b.create<arith::OrIOp>(wins, loses),
                                           b.create<arith::ConstantIntOp>(1, 1));
  return b.create<arith::OrIOp>(wins, b.create<arith::AndIOp>(noWinner, isFirst));
}

// Each element's rank is how many come before it; the result's element r is the one of rank r. Many at once: for
// few elements.
Value placesByRank(ImplicitLocOpBuilder &b, Value source, Imported &input, int64_t axis, ArrayRef<OpFoldResult> dims,
                   bool largest) {
  auto rank = static_cast<unsigned>(input.rank());
  SmallVector<AffineExpr> own, other;
  for (unsigned i = 0; i < rank; ++i) {
    own.push_back(b.getAffineDimExpr(i));
    other.push_back(b.getAffineDimExpr(i == axis ? rank : i));
  }
  AffineMap ownMap = AffineMap::get(rank + 1, 0, own, b.getContext());
  AffineMap otherMap = AffineMap::get(rank + 1, 0, other, b.getContext());
  SmallVector<utils::IteratorType> iterators = parallelIterators(rank + 1);
  iterators.back() = utils::IteratorType::reduction;
  auto line = static_cast<uint64_t>(axis);
  Value zero = b.create<arith::ConstantOp>(b.getI64IntegerAttr(0));
  Value ranks =
      generic(b, {source, source}, filledTensor(b, input.dims, zero), {ownMap, otherMap, ownMap},
              iterators, [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
                Value before =
                    comesBefore(inner, x[1], x[0], inner.create<linalg::IndexOp>(rank),
                                inner.create<linalg::IndexOp>(line), largest, input.dataType);
                Value one = inner.create<arith::ExtUIOp>(inner.getI64Type(), before);
                return inner.create<arith::AddIOp>(x[2], one);
              });
  return generic(
      b, {ranks}, filledTensor(b, dims, zero), {otherMap, ownMap}, iterators,
      [&](ImplicitLocOpBuilder &inner, ValueRange x) -> Value {
        Value wantedRank = inner.create<arith::IndexCastOp>(inner.getI64Type(),
                                                            inner.create<linalg::IndexOp>(line));
        Value place = inner.create<arith::IndexCastOp>(inner.getI64Type(),
                                                       inner.create<linalg::IndexOp>(rank));
        Value hits = inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, x[0], wantedRank);
        return inner.create<arith::SelectOp>(hits, place, x[1]);
      });
}

// Each line of the axis is a row, and sorted as far as it must be.
Part placesByHeap(NodeContext &node, Composer &with, int64_t axis, ArrayRef<OpFoldResult> dims, bool largest) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  OpFoldResult outer = product(b, ArrayRef(input.dims).take_front(axis));
  OpFoldResult inner = product(b, ArrayRef(input.dims).drop_front(axis + 1));
  OpFoldResult extent = input.dims[axis], count = dims[axis];
  Value source = reshapeTensor(b, node.value(0), input.dims, {outer, extent, inner});
  auto before = [&](ImplicitLocOpBuilder &at, Value row, Value left, Value right) {
    Value part = constantIndex(at, 0);
    if (known(inner) != 1) {
      part = at.create<arith::RemUIOp>(row, asValue(at, inner));
      row = at.create<arith::DivUIOp>(row, asValue(at, inner));
    }
    Value leftValue = at.create<tensor::ExtractOp>(source, ValueRange{row, left, part});
    Value rightValue = at.create<tensor::ExtractOp>(source, ValueRange{row, right, part});
    return comesBefore(at, leftValue, rightValue, left, right, largest, input.dataType);
  };
  OpFoldResult rows = mul(b, outer, inner);
  Value places = firstInOrder(b, rows, extent, count, before);
  Part made = with.hold(node.graph.fromTensor(b, places, DataType::i64, {rows, count}));
  if (known(inner) != 1)
    made = with("Transpose", {with("Reshape", {made, with.shape({outer, inner, count})}, {whole})},
                {attribute("perm", SmallVector<int64_t>{0, 2, 1})});
  return with("Reshape", {made, with.shape(dims)}, {whole});
}

LogicalResult importTopK(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  bool largest = node.intAttr("largest", 1) != 0;
  node.ignore(AttributeKind::i, {"sorted"}); // always
  FailureOr<int64_t> axis = node.axisAttr("axis", -1, input.rank());
  if (failed(axis))
    return failure();
  OpFoldResult count;
  if (node.has(1)) {
    FailureOr<Dims> given = node.indices(1, "k");
    if (failed(given))
      return failure();
    if (given->size() != 1)
      return node.error() << "k has " << given->size() << " elements";
    count = given->front();
  } else {
    count = fixed(b, node.sizeAttr("k", -1, 0));
  }
  std::optional<int64_t> extent = known(input.dims[*axis]), wanted = known(count);
  if (wanted && (*wanted < 0 || (extent && *wanted > *extent)))
    return node.error(node.has(1) ? "" : "k") << "k is " << *wanted << " in a dimension of "
                        << (extent ? *extent : ShapedType::kDynamic);
  requireSize(b, count);
  if (!(wanted && extent)) {
    using P = arith::CmpIPredicate;
    require(b, b.create<arith::CmpIOp>(P::sle, asValue(b, count), asValue(b, input.dims[*axis])),
            "k is greater than the dimension");
  }
  Dims dims = input.dims;
  dims[*axis] = count;
  Composer with(node);
  Part at = extent && *extent <= fewElements
                ? with.hold(node.graph.fromTensor(b, placesByRank(b, node.value(0), input, *axis, dims, largest),
                                                  DataType::i64, dims))
                : placesByHeap(node, with, *axis, dims, largest);
  if (with.hasFailed())
    return failure();
  node.setAs(1, *at);
  return with.define(0, with("GatherElements", {with.input(0), at}, {attribute("axis", *axis)}));
}

} // namespace

ArrayRef<OpImporter> blockOps() {
  static const OpImporter list[] = {
      {"CenterCropPad", importCenterCropPad, 2, 2},
      {"DepthToSpace", importDepthToSpace, 1, 1},
      {"ReverseSequence", importReverseSequence, 2, 2},
      {"SpaceToDepth", importSpaceToDepth, 1, 1},
      {"TopK", importTopK, 1, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
