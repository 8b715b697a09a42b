#include "import/onnx/OpTable.h"
#include "import/onnx/RuntimeAxes.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Where position `at`, counted from the source's start, is read: reflect
// mirrors without repeating the edge, edge repeats it, wrap starts over.
// `isNear`: no further outside than the source reaches, so that none is mirrored twice; a remainder is no vector operation.
Value sourcePosition(ImplicitLocOpBuilder &b, StringRef mode, Value at, Value extent, bool isNear) {
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1);
  Value last = b.create<arith::SubIOp>(extent, one);
  auto select = [&](arith::CmpIPredicate predicate, Value left, Value right, Value yes, Value no) {
    Value holds = b.create<arith::CmpIOp>(predicate, left, right);
    return b.create<arith::SelectOp>(holds, yes, no).getResult();
  };
  if (mode == "edge")
    return b.create<arith::MaxSIOp>(b.create<arith::MinSIOp>(at, last), zero);
  auto sizeOf = [&](Value value) {
    return b.create<arith::MaxSIOp>(value, b.create<arith::SubIOp>(zero, value)).getResult();
  };
  if (isNear && mode == "reflect") // last - |last - |at||
    return b.create<arith::SubIOp>(last, sizeOf(b.create<arith::SubIOp>(last, sizeOf(at))));
  if (isNear) {
    Value below = select(arith::CmpIPredicate::slt, at, zero, b.create<arith::AddIOp>(at, extent), at);
    return select(arith::CmpIPredicate::sge, below, extent, b.create<arith::SubIOp>(below, extent), below);
  }
  if (mode == "wrap") {
    Value rest = b.create<arith::RemSIOp>(at, extent);
    Value moved = b.create<arith::AddIOp>(rest, extent);
    return select(arith::CmpIPredicate::slt, rest, zero, moved, rest);
  }
  // Reflect, with a period of 2 * (extent - 1).
  Value two = constantIndex(b, 2);
  Value period = b.create<arith::MaxSIOp>(b.create<arith::MulIOp>(last, two), one);
  Value rest = b.create<arith::RemSIOp>(at, period);
  Value moved = b.create<arith::AddIOp>(rest, period);
  rest = select(arith::CmpIPredicate::slt, rest, zero, moved, rest);
  Value mirrored = b.create<arith::SubIOp>(period, rest);
  return select(arith::CmpIPredicate::sgt, rest, last, mirrored, rest);
}

// Whether `low` positions before the source, and what is left of `padded` after it, are no more than it can give once.
bool areNear(OpFoldResult low, OpFoldResult padded, OpFoldResult extent, StringRef mode) {
  std::optional<int64_t> before = known(low), whole = known(padded), source = known(extent);
  if (!before || !whole || !source)
    return false;
  const int64_t most = mode == "reflect" ? *source - 1 : *source;
  return *before <= most && *whole - *source - *before <= most;
}

// Pads and value: attributes before opset 11, then inputs.
LogicalResult importPad(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  StringRef mode = node.stringAttr("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    return node.error() << "attribute 'mode' is '" << mode << "'";
  Dims pads;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, input.rank()));
  Value outside = b.create<arith::ConstantOp>(b.getZeroAttr(input.element));
  if (node.has(1)) {
    FailureOr<Dims> given = node.indices(1, "pads");
    if (failed(given))
      return failure();
    pads = *given;
  } else if (auto given = node.intsAttr(node.opset() < 2 ? "paddings" : "pads")) {
    for (int64_t pad : *given) {
      if (pad < INT32_MIN || pad > INT32_MAX)
        return node.error(node.opset() < 2 ? "paddings" : "pads") << "a pad of " << pad;
      pads.push_back(fixed(b, pad));
    }
    outside = constantLike(b, outside, node.floatAttr("value", 0));
  }
  if (node.has(2)) {
    if (node.in(2).numElements() != 1 || node.in(2).dataType != input.dataType)
      return node.error() << "the value must be one element of type " << nameOf(input.dataType);
    outside = node.graph.elementsOf(b, node.in(2)).front();
  }
  if (node.has(3) && !node.isKnown(3)) {
    // Each dimension takes the pads of the axis that names it.
    FailureOr<RuntimeAxes> named = RuntimeAxes::of(node, 3, input.rank());
    if (failed(named))
      return failure();
    if (pads.size() != 2 * named->size())
      return node.error() << "has " << pads.size() << " pads for " << named->size() << " axes";
    Dims all(2 * input.dims.size());
    for (int64_t axis = 0; axis < input.rank(); ++axis) {
      ArrayRef<OpFoldResult> given(pads);
      all[axis] = named->valueAt(node, axis, given.take_front(named->size()), fixed(b, 0));
      all[axis + input.rank()] =
          named->valueAt(node, axis, given.drop_front(named->size()), fixed(b, 0));
    }
    pads = all;
  } else if (node.has(3)) {
    FailureOr<SmallVector<int64_t>> given = node.constantInts(3, "axes");
    if (failed(given))
      return failure();
    FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(*given, input.rank());
    if (failed(normal))
      return failure();
    axes = *normal;
  }
  if (pads.size() != 2 * axes.size())
    return node.error(node.has(1) ? "" : node.opset() < 2 ? "paddings" : "pads") << "has " << pads.size() << " pads for " << axes.size() << " dimensions";
  Dims low(input.dims.size(), fixed(b, 0)), dims = input.dims;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    low[axis] = pads[i];
    dims[axis] = add(b, add(b, dims[axis], pads[i]), pads[i + axes.size()]);
  }
  if (llvm::equal(dims, input.dims) &&
      llvm::all_of(low, [](OpFoldResult pad) { return known(pad) == 0; })) {
    node.setAs(0, input);
    return success();
  }
  Value source = node.value(0);
  if (mode == "constant") {
    node.set(0, padded(b, source, low, dims, outside), input.dataType, dims);
    return success();
  }
  Value made = generate(
      b, emptyTensor(b, dims, input.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        SmallVector<Value> from;
        for (auto [axis, position] : llvm::enumerate(at)) {
          if (known(low[axis]) == 0 && dims[axis] == input.dims[axis]) {
            from.push_back(position);
            continue;
          }
          Value moved = asValue(inner, sub(inner, position, low[axis]));
          from.push_back(sourcePosition(inner, mode, moved, asValue(inner, input.dims[axis]),
                                        areNear(low[axis], dims[axis], input.dims[axis], mode)));
        }
        return inner.create<tensor::ExtractOp>(source, from).getResult();
      });
  node.set(0, made, input.dataType, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> padOps() {
  static const OpImporter list[] = {{"Pad", importPad, 1, 4}};
  return list;
}

} // namespace halcyon::onnx
