#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/RuntimeAxes.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Whether data movement should happen on scalars.
bool movesOnHost(NodeContext &node, const Imported &input) {
  return input.isOnHost() || (node.isDemanded(0) && input.isSmall() && !isFloat(input.dataType));
}

// Row-major positions of every element of a shape, in order.
void forEachPosition(ArrayRef<int64_t> shape, llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  SmallVector<int64_t> at(shape.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    visit(at);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++at[axis] < shape[axis])
        break;
      at[axis] = 0;
    }
  }
}

SmallVector<int64_t> staticShape(ArrayRef<OpFoldResult> dims) {
  SmallVector<int64_t> shape;
  for (OpFoldResult dim : dims)
    shape.push_back(*known(dim));
  return shape;
}

bool allKnown(ArrayRef<OpFoldResult> dims) {
  return llvm::all_of(dims, [](OpFoldResult dim) { return known(dim).has_value(); });
}

int64_t flatIndex(ArrayRef<int64_t> at, ArrayRef<int64_t> shape) {
  int64_t flat = 0;
  for (auto [position, extent] : llvm::zip(at, shape))
    flat = flat * extent + position;
  return flat;
}

// One axis of a slice: `size` elements from `start`, `step` apart.
struct Range {
  OpFoldResult start, size;
  int64_t step = 1;
  OpFoldResult runtimeStep = {}; // instead of `step`, if it is not known
};

// A place that is known at run time only, counted from the begin; far ones are brought near first, so
// that no sum overflows.
OpFoldResult fromBegin(ImplicitLocOpBuilder &b, OpFoldResult at, OpFoldResult extent) {
  OpFoldResult zero = fixed(b, 0);
  OpFoldResult before = sub(b, fixed(b, -1), extent);
  Value near = asValue(b, max(b, min(b, at, extent), before));
  Value isNegative =
      b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, near, asValue(b, zero));
  return b.createOrFold<arith::SelectOp>(isNegative, asValue(b, add(b, near, extent)), near);
}

// ONNX's start and end: negative ones count from the end, then both are clamped.
Range rangeOf(ImplicitLocOpBuilder &b, OpFoldResult start, OpFoldResult end, int64_t step,
              OpFoldResult extent) {
  OpFoldResult zero = fixed(b, 0), one = fixed(b, 1);
  auto fromEnd = [&](OpFoldResult at) -> OpFoldResult {
    if (std::optional<int64_t> value = known(at))
      return *value < 0 ? add(b, at, extent) : at;
    return fromBegin(b, at, extent);
  };
  // Into [0, extent]. An extent is never negative, and exporters write a huge
  // number for "to the end": neither needs code.
  auto clamp = [&](OpFoldResult at) {
    std::optional<int64_t> value = known(at);
    if (value == 0 || at == extent)
      return at;
    if (value && *value >= 1'000'000'000)
      return extent;
    OpFoldResult low = min(b, at, extent);
    return value && *value > 0 ? low : max(b, low, zero);
  };
  if (step > 0) {
    start = clamp(fromEnd(start));
    end = clamp(fromEnd(end));
    OpFoldResult length = sub(b, end, start);
    if (known(start) != 0)
      length = max(b, length, zero);
    return {start, ceilDiv(b, length, fixed(b, step)), step};
  }
  // Towards the front: -1 is "before the first" only after clamping.
  OpFoldResult last = sub(b, extent, one), before = fixed(b, -1);
  start = max(b, min(b, fromEnd(start), last), zero);
  if (std::optional<int64_t> value = known(end); value && *value <= INT32_MIN + 1)
    end = before;
  else
    end = max(b, min(b, fromEnd(end), last), before);
  // Of an empty dimension nothing, though its start is clamped to 0.
  OpFoldResult length = min(b, max(b, sub(b, start, end), zero), extent);
  return {start, ceilDiv(b, length, fixed(b, -step)), step};
}

// As above, with a step that is known at run time only: both directions, and the one that its sign
// chooses.
Range rangeOf(ImplicitLocOpBuilder &b, OpFoldResult start, OpFoldResult end, OpFoldResult step,
              OpFoldResult extent) {
  if (std::optional<int64_t> value = known(step); value && *value != 0)
    return rangeOf(b, start, end, *value, extent);
  using P = arith::CmpIPredicate;
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1), size = asValue(b, extent);
  Value by = asValue(b, step);
  auto select = [&](Value test, Value yes, Value no) {
    return b.createOrFold<arith::SelectOp>(test, yes, no);
  };
  auto compare = [&](P predicate, Value l, Value r) {
    return b.createOrFold<arith::CmpIOp>(predicate, l, r);
  };
  auto fromEnd = [&](OpFoldResult at) { return asValue(b, fromBegin(b, at, extent)); };
  auto clamp = [&](Value at, Value low, Value high) {
    return b.createOrFold<arith::MaxSIOp>(b.createOrFold<arith::MinSIOp>(at, high), low);
  };
  Value isForward = compare(P::sgt, by, zero);
  Value last = b.createOrFold<arith::SubIOp>(size, one), before = constantIndex(b, -1);
  Value low = select(isForward, zero, before), high = select(isForward, size, last);
  Value first = clamp(fromEnd(start), zero, high), stop = clamp(fromEnd(end), low, high);
  first = b.createOrFold<arith::MaxSIOp>(first, zero);
  Value distance = select(isForward, b.createOrFold<arith::SubIOp>(stop, first),
                          b.createOrFold<arith::SubIOp>(first, stop));
  Value stride = select(isForward, by, b.createOrFold<arith::SubIOp>(zero, by));
  b.create<cf::AssertOp>(compare(P::ne, by, zero), "a step is zero");
  // ceil(distance / stride), where neither is negative
  distance = clamp(distance, zero, size); // of an empty dimension nothing, though its start is clamped to 0
  Value more = b.createOrFold<arith::SubIOp>(stride, one);
  Value count = b.create<arith::DivSIOp>(b.createOrFold<arith::AddIOp>(distance, more), stride);
  return {first, count, 1, by};
}

LogicalResult setSliced(NodeContext &node, ArrayRef<Range> ranges, size_t output = 0) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  Dims offsets, sizes, strides;
  bool forward = true;
  for (const Range &range : ranges) {
    offsets.push_back(range.start);
    sizes.push_back(range.size);
    strides.push_back(fixed(b, range.step));
    forward &= range.step > 0 && !range.runtimeStep;
  }
  bool hasSteps = llvm::none_of(ranges, [](const Range &range) { return range.runtimeStep; });
  if (hasSteps && movesOnHost(node, input) && allKnown(offsets) && allKnown(sizes)) {
    SmallVector<Value> from = node.graph.elementsOf(b, input), made;
    SmallVector<int64_t> shape = staticShape(input.dims);
    forEachPosition(staticShape(sizes), [&](ArrayRef<int64_t> at) {
      SmallVector<int64_t> source;
      for (auto [position, range] : llvm::zip(at, ranges))
        source.push_back(*known(range.start) + position * range.step);
      made.push_back(from[flatIndex(source, shape)]);
    });
    node.setElements(output, sizes, input.dataType, std::move(made));
    return success();
  }
  Value source = node.graph.tensorOf(b, input);
  if (forward) {
    node.set(output, b.create<tensor::ExtractSliceOp>(source, offsets, sizes, strides),
             input.dataType, sizes);
    return success();
  }
  Value made = generate(b, emptyTensor(b, sizes, input.element),
                        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
                          SmallVector<Value> from;
                          for (auto [position, range] : llvm::zip(at, ranges)) {
                            OpFoldResult step =
                                range.runtimeStep ? range.runtimeStep : fixed(inner, range.step);
                            OpFoldResult moved = mul(inner, position, step);
                            from.push_back(asValue(inner, add(inner, moved, range.start)));
                          }
                          return inner.create<tensor::ExtractOp>(source, from).getResult();
                        });
  node.set(output, made, input.dataType, sizes);
  return success();
}

SmallVector<Range> wholeRanges(NodeContext &node) {
  SmallVector<Range> ranges;
  for (OpFoldResult dim : node.in(0).dims)
    ranges.push_back({fixed(node.b, 0), dim, 1});
  return ranges;
}

// Axes or steps that are known at run time only: each dimension takes the bounds of the axis that
// names it.
LogicalResult sliceAtRunTime(NodeContext &node, ArrayRef<OpFoldResult> starts,
                             ArrayRef<OpFoldResult> ends) {
  ImplicitLocOpBuilder &b = node.b;
  int64_t rank = node.rank(0);
  Dims steps(starts.size(), fixed(b, 1));
  if (node.has(4)) {
    FailureOr<Dims> given = node.indices(4, "steps");
    if (failed(given))
      return failure();
    steps = *given;
  }
  std::optional<RuntimeAxes> runtimeAxes;
  SmallVector<int64_t> axes =
      llvm::to_vector(llvm::seq<int64_t>(0, static_cast<int64_t>(starts.size())));
  if (node.has(3) && !node.isKnown(3)) {
    FailureOr<RuntimeAxes> given = RuntimeAxes::of(node, 3, rank);
    if (failed(given))
      return failure();
    runtimeAxes = *given;
  } else if (node.has(3)) {
    FailureOr<SmallVector<int64_t>> given = node.constantInts(3, "axes");
    if (failed(given))
      return failure();
    axes = *given;
  }
  FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(axes, rank);
  size_t count = runtimeAxes ? runtimeAxes->size() : axes.size();
  if (failed(normal))
    return failure();
  if (count != starts.size() || starts.size() != ends.size() || steps.size() != ends.size())
    return node.error() << "starts, ends, axes and steps differ in length";
  SmallVector<Range> ranges = wholeRanges(node);
  for (auto [axis, dim] : llvm::enumerate(node.in(0).dims)) {
    auto number = static_cast<int64_t>(axis);
    if (runtimeAxes) {
      OpFoldResult step = runtimeAxes->valueAt(node, number, steps, fixed(b, 1));
      if (llvm::all_of(steps, [](OpFoldResult given) { return known(given) == 1; }))
        step = fixed(b, 1);
      ranges[axis] = rangeOf(b, runtimeAxes->valueAt(node, number, starts, fixed(b, 0)),
                             runtimeAxes->valueAt(node, number, ends, dim), step, dim);
    } else if (auto *found = llvm::find(*normal, number); found != normal->end()) {
      auto at = found - normal->begin();
      ranges[axis] = rangeOf(b, starts[at], ends[at], steps[at], dim);
    }
  }
  return setSliced(node, ranges);
}

// Starts, ends, axes, steps: attributes before opset 10, then inputs.
LogicalResult importSlice(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Dims starts, ends;
  SmallVector<int64_t> axes, steps;
  auto fixedAll = [&](ArrayRef<int64_t> values) {
    Dims made;
    for (int64_t value : values)
      made.push_back(fixed(b, value));
    return made;
  };
  std::optional<SmallVector<int64_t>> axesAttr;
  if (node.opset() < 10) {
    auto startsAttr = node.intsAttr("starts"), endsAttr = node.intsAttr("ends");
    if (!startsAttr || !endsAttr)
      return node.error() << "has no attribute '" << (startsAttr ? "ends" : "starts") << "'";
    starts = fixedAll(*startsAttr);
    ends = fixedAll(*endsAttr);
    axesAttr = node.intsAttr("axes");
  } else {
    if (!node.has(1) || !node.has(2))
      return node.error() << "has no starts or ends";
    FailureOr<Dims> startsIn = node.indices(1, "starts"), endsIn = node.indices(2, "ends");
    if (failed(startsIn) || failed(endsIn))
      return failure();
    starts = *startsIn;
    ends = *endsIn;
    if ((node.has(3) && !node.isKnown(3)) || (node.has(4) && !node.isKnown(4)))
      return sliceAtRunTime(node, starts, ends);
    if (node.has(3)) {
      FailureOr<SmallVector<int64_t>> axesIn = node.constantInts(3, "axes");
      if (failed(axesIn))
        return failure();
      axesAttr = *axesIn;
    }
  }
  axes = axesAttr ? *axesAttr
                  : llvm::to_vector(llvm::seq<int64_t>(0, static_cast<int64_t>(starts.size())));
  steps.assign(starts.size(), 1);
  if (node.has(4)) {
    FailureOr<SmallVector<int64_t>> stepsIn = node.constantInts(4, "steps");
    if (failed(stepsIn))
      return failure();
    steps = *stepsIn;
  }
  if (node.opset() < 10 && (ends.size() != starts.size() || axes.size() != starts.size()))
    return node.error() << "attributes 'starts', 'ends' and 'axes' differ in length";
  FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(axes, node.rank(0), node.opset() < 10 ? "axes" : "");
  if (failed(normal))
    return failure();
  if (ends.size() != starts.size() || normal->size() != starts.size() ||
      steps.size() != starts.size())
    return node.error() << "starts, ends, axes and steps differ in length";
  SmallVector<Range> ranges = wholeRanges(node);
  for (auto [start, end, axis, step] : llvm::zip(starts, ends, *normal, steps)) {
    if (step == 0)
      return node.error() << "a step is zero";
    ranges[axis] = rangeOf(b, start, end, step, node.in(0).dims[axis]);
  }
  return setSliced(node, ranges);
}

// Sizes: attribute before opset 13, then input 1; else equal parts, of which the last are smaller or
// empty.
LogicalResult importSplit(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  FailureOr<int64_t> axis = node.axisAttr("axis", 0, node.rank(0));
  if (failed(axis))
    return failure();
  OpFoldResult extent = node.in(0).dims[*axis];
  auto parts = static_cast<int64_t>(node.numOutputs());
  int64_t declared = node.intAttr("num_outputs", parts);
  if (declared != parts)
    return node.error("num_outputs") << declared << ", but there are " << parts;
  Dims sizes;
  bool isGiven = node.has(1) || node.find("split", AttributeKind::ints);
  if (node.has(1)) {
    FailureOr<Dims> given = node.indices(1, "split");
    if (failed(given))
      return failure();
    sizes = *given;
  } else if (auto given = node.intsAttr("split")) {
    for (int64_t size : *given)
      sizes.push_back(fixed(b, size));
  } else {
    OpFoldResult each = ceilDiv(b, extent, fixed(b, parts)), rest = extent;
    for (int64_t i = 0; i + 1 < parts; ++i) {
      sizes.push_back(i == 0 ? each : min(b, each, rest)); // one is never more than there is
      rest = sub(b, rest, sizes.back());
    }
    sizes.push_back(rest);
  }
  if (static_cast<int64_t>(sizes.size()) != parts)
    return node.error(node.has(1) ? "" : "split") << "has " << parts << " outputs and " << sizes.size() << " sizes";
  SmallVector<Range> ranges = wholeRanges(node);
  OpFoldResult start = fixed(b, 0);
  for (auto [output, size] : llvm::enumerate(sizes)) {
    ranges[*axis].start = start;
    ranges[*axis].size = size;
    if (failed(setSliced(node, ranges, output)))
      return failure();
    start = add(b, start, size);
  }
  if (known(start) && known(extent) && known(start) != known(extent))
    return node.error(isGiven && !node.has(1) ? "split" : "") << "parts of " << *known(start) << " in a dimension of " << *known(extent);
  if (isGiven)
    requireEqual(b, start, extent);
  return success();
}

LogicalResult importConcat(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  int64_t rank = node.rank(0);
  FailureOr<int64_t> axis = node.axisAttr("axis", 0, rank);
  if (failed(axis))
    return failure();
  Dims dims = node.in(0).dims;
  OpFoldResult total = fixed(b, 0);
  bool onHost = true;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    if (!node.has(i))
      return node.error() << "input " << i << " is missing";
    const Imported &input = node.in(i);
    if (input.rank() != rank || input.dataType != node.in(0).dataType)
      return node.error() << "input '" << node.node.inputs[i]
                          << "' differs from the first in rank or element type";
    for (int64_t other = 0; other < rank; ++other) {
      std::optional<int64_t> have = known(dims[other]), more = known(input.dims[other]);
      if (other == *axis || !more)
        continue;
      if (have && have != more)
        return node.error() << "inputs differ in dimension " << other << ": " << *have << " and "
                            << *more;
      dims[other] = input.dims[other];
    }
    total = add(b, total, input.dims[*axis]);
    onHost &= movesOnHost(node, input);
  }
  dims[*axis] = total;
  Imported result;
  result.dims = dims;
  if (onHost && result.isSmall()) {
    SmallVector<Value> made(*result.numElements());
    SmallVector<int64_t> shape = staticShape(dims);
    int64_t start = 0;
    for (size_t i = 0; i < node.numInputs(); ++i) {
      SmallVector<Value> from = node.graph.elementsOf(b, node.in(i));
      size_t next = 0;
      forEachPosition(staticShape(node.in(i).dims), [&](ArrayRef<int64_t> at) {
        SmallVector<int64_t> to(at);
        to[*axis] += start;
        made[flatIndex(to, shape)] = from[next++];
      });
      start += *known(node.in(i).dims[*axis]);
    }
    node.setElements(0, dims, node.in(0).dataType, std::move(made));
    return success();
  }
  for (size_t i = 0; i < node.numInputs(); ++i)
    for (int64_t other = 0; other < rank; ++other)
      if (other != *axis)
        requireEqual(b, dims[other], node.in(i).dims[other]);
  Value made = emptyTensor(b, dims, node.in(0).element);
  Dims offsets(rank, fixed(b, 0)), strides(rank, fixed(b, 1));
  for (size_t i = 0; i < node.numInputs(); ++i) {
    Dims sizes = node.in(i).dims;
    if (known(sizes[*axis]) == 0)
      continue;
    made = b.create<tensor::InsertSliceOp>(node.value(i), made, offsets, sizes, strides);
    offsets[*axis] = add(b, offsets[*axis], sizes[*axis]);
  }
  node.set(0, made, node.in(0).dataType, dims);
  return success();
}

LogicalResult importTranspose(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  int64_t rank = input.rank();
  SmallVector<int64_t> order = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  if (auto given = node.intsAttr("perm")) {
    FailureOr<SmallVector<int64_t>> normal = node.normalizeAxes(*given, rank, "perm");
    if (failed(normal))
      return failure();
    order = *normal;
  }
  if (static_cast<int64_t>(order.size()) != rank)
    return node.error() << "attribute 'perm' has " << order.size() << " entries for " << rank
                        << " dimensions";
  if (llvm::is_sorted(order)) {
    node.setAs(0, input);
    return success();
  }
  Dims dims;
  for (int64_t axis : order)
    dims.push_back(input.dims[axis]);
  if (movesOnHost(node, input)) {
    SmallVector<Value> from = node.graph.elementsOf(b, input), made;
    SmallVector<int64_t> shape = staticShape(input.dims);
    forEachPosition(staticShape(dims), [&](ArrayRef<int64_t> at) {
      SmallVector<int64_t> source(shape.size());
      for (auto [position, axis] : llvm::zip(at, order))
        source[static_cast<size_t>(axis)] = position;
      made.push_back(from[static_cast<size_t>(flatIndex(source, shape))]);
    });
    node.setElements(0, dims, input.dataType, std::move(made));
    return success();
  }
  auto transpose =
      b.create<linalg::TransposeOp>(node.value(0), emptyTensor(b, dims, input.element), order);
  node.set(0, transpose->getResult(0), input.dataType, dims);
  return success();
}

// Axes of the input that may or may not be 1, where the target is something else.
SmallVector<int64_t> unsureAxes(const Dims &from, const Dims &target) {
  SmallVector<int64_t> made;
  for (size_t fromEnd = 1; fromEnd <= std::min(from.size(), target.size()); ++fromEnd) {
    OpFoldResult have = from[from.size() - fromEnd], want = target[target.size() - fromEnd];
    bool sure = have == want || known(have) == 1 || known(want) == 1 || (known(have) && known(want));
    if (!sure)
      made.push_back(static_cast<int64_t>(from.size() - fromEnd));
  }
  return made;
}

// Each element is read from where it is at the call: at 0 where the input's dimension is 1.
LogicalResult expandUnsure(NodeContext &node, const Dims &target, Dims dims,
                           ArrayRef<int64_t> unsure) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  using P = arith::CmpIPredicate;
  size_t more = dims.size() - input.dims.size();
  SmallVector<Value> spreads(input.dims.size());
  for (int64_t axis : unsure) {
    OpFoldResult &to = dims[static_cast<size_t>(axis) + more];
    Value have = asValue(b, input.dims[axis]);
    Value want = asValue(b, target[static_cast<size_t>(axis) + target.size() - input.dims.size()]);
    Value one = constantIndex(b, 1);
    Value isOne = b.create<arith::CmpIOp>(P::eq, have, one);
    Value keeps = b.create<arith::CmpIOp>(P::eq, want, one);
    Value fits = b.create<arith::OrIOp>(isOne, b.create<arith::CmpIOp>(P::eq, have, want));
    require(b, b.create<arith::OrIOp>(keeps, fits),
            "a dimension that is not 1 cannot become another");
    spreads[static_cast<size_t>(axis)] = isOne;
    to = b.create<arith::SelectOp>(keeps, have, want).getResult();
  }
  Value source = node.value(0);
  Value made = generate(
      b, emptyTensor(b, dims, input.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        SmallVector<Value> from;
        for (auto [axis, dim] : llvm::enumerate(input.dims)) {
          Value place = at[axis + more];
          if (known(dim) == 1)
            place = constantIndex(inner, 0);
          else if (spreads[axis])
            place = inner.create<arith::SelectOp>(spreads[axis], constantIndex(inner, 0), place);
          from.push_back(place);
        }
        return inner.create<tensor::ExtractOp>(source, from).getResult();
      });
  node.set(0, made, input.dataType, std::move(dims));
  return success();
}

// The target's dimension wins where the input's is 1; a target of 1 keeps it.
LogicalResult importExpand(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  FailureOr<Dims> shape = node.indices(1, "shape");
  if (failed(shape))
    return failure();
  Imported &input = node.in(0);
  Imported target;
  target.dims = *shape;
  FailureOr<Dims> dims = broadcastDims(node, {&input, &target});
  if (failed(dims))
    return failure();
  SmallVector<int64_t> unsure = unsureAxes(input.dims, *shape);
  if (!unsure.empty())
    return expandUnsure(node, *shape, *dims, unsure);
  Imported result;
  result.dims = *dims;
  if (llvm::equal(*dims, input.dims)) {
    node.setAs(0, input);
    return success();
  }
  if (movesOnHost(node, input) && result.isSmall()) {
    SmallVector<Value> from = node.graph.elementsOf(b, input), made;
    SmallVector<int64_t> shape = staticShape(input.dims);
    forEachPosition(staticShape(*dims), [&](ArrayRef<int64_t> at) {
      SmallVector<int64_t> source(at.take_back(shape.size()));
      for (auto [position, extent] : llvm::zip(source, shape))
        position = extent == 1 ? 0 : position;
      made.push_back(from[flatIndex(source, shape)]);
    });
    node.setElements(0, *dims, input.dataType, std::move(made));
    return success();
  }
  node.set(0,
           elementwiseTensor(node, {&input}, *dims, input.element,
                             [](ImplicitLocOpBuilder &, ValueRange x) { return x[0]; }),
           input.dataType, *dims);
  return success();
}

// Every dimension after one for its repeats, then both as one: copies of whole rows, no division.
Value repeated(ImplicitLocOpBuilder &b, Value source, const Imported &input, ArrayRef<OpFoldResult> repeats,
               const Dims &dims) {
  Dims apart;
  SmallVector<AffineExpr> read;
  SmallVector<ReassociationIndices> groups;
  for (auto [dim, repeat] : llvm::zip(input.dims, repeats)) {
    groups.emplace_back();
    auto append = [&](OpFoldResult size) {
      groups.back().push_back(apart.size());
      apart.push_back(size);
    };
    const bool once = known(repeat) == 1, spread = known(dim) == 1 && !once;
    if (!once)
      append(repeat);
    read.push_back(spread ? b.getAffineConstantExpr(0) : b.getAffineDimExpr(apart.size()));
    if (!spread)
      append(dim);
  }
  const unsigned loops = apart.size();
  AffineMap maps[] = {AffineMap::get(loops, 0, read, b.getContext()), b.getMultiDimIdentityMap(loops)};
  Value out = emptyTensor(b, apart, input.element);
  SmallVector<utils::IteratorType> iterators(loops, utils::IteratorType::parallel);
  Value made = b.create<linalg::GenericOp>(out.getType(), source, out, maps, iterators,
                                           [](OpBuilder &inner, Location loc, ValueRange x) {
                                             inner.create<linalg::YieldOp>(loc, x[0]);
                                           })
                   .getResult(0);
  if (loops == dims.size())
    return made;
  Value joined = b.create<tensor::CollapseShapeOp>(made, groups);
  RankedTensorType type = tensorType(dims, input.element);
  return joined.getType() == type ? joined : b.create<tensor::CastOp>(type, joined).getResult();
}

LogicalResult importTile(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  FailureOr<Dims> repeats = node.indices(1, "repeats");
  if (failed(repeats))
    return failure();
  Imported &input = node.in(0);
  if (static_cast<int64_t>(repeats->size()) != input.rank())
    return node.error() << "has " << repeats->size() << " repeats for " << input.rank()
                        << " dimensions";
  Dims dims;
  for (auto [dim, repeat] : llvm::zip(input.dims, *repeats)) {
    requireSize(b, repeat);
    dims.push_back(mul(b, dim, repeat));
  }
  node.set(0, repeated(b, node.value(0), input, *repeats, dims), input.dataType, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> sliceOps() {
  static const OpImporter list[] = {
      {"Concat", importConcat, 1, anyNumber},
      {"Expand", importExpand, 2, 2},
      {"Slice", importSlice, 1, 5},
      {"Split", importSplit, 1, 2, anyNumber},
      {"Tile", importTile, 2, 2},
      {"Transpose", importTranspose, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
