#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/RuntimeAxes.h"
#include "import/onnx/Scalar.h"
#include "import/onnx/ThroughF32.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

enum class Reduction { sum, mean, max, min, product, sumSquare, l1, l2, logSum, logSumExp };

// The loops of a reduction, and its result's dims with and without units. With axes of the run
// time, `kept` are those with units too, and `reduced` the extents of all dimensions: each
// dimension has extent 1 in one of them.
struct Plan {
  std::optional<RuntimeAxes> runtimeAxes;
  Dims kept, keptWithUnits, reduced;
  AffineMap whole, keptMap;
  SmallVector<utils::IteratorType> iterators;
};

Plan planOf(NodeContext &node, ArrayRef<int64_t> axes) {
  ImplicitLocOpBuilder &b = node.b;
  const Dims &dims = node.in(0).dims;
  auto rank = static_cast<unsigned>(dims.size());
  Plan plan;
  plan.iterators = parallelIterators(rank);
  SmallVector<AffineExpr> exprs;
  for (unsigned axis = 0; axis < rank; ++axis) {
    if (llvm::is_contained(axes, axis)) {
      plan.iterators[axis] = utils::IteratorType::reduction;
      plan.reduced.push_back(dims[axis]);
      plan.keptWithUnits.push_back(fixed(b, 1));
      continue;
    }
    exprs.push_back(b.getAffineDimExpr(axis));
    plan.kept.push_back(dims[axis]);
    plan.keptWithUnits.push_back(dims[axis]);
  }
  plan.whole = b.getMultiDimIdentityMap(rank);
  plan.keptMap = AffineMap::get(rank, 0, exprs, b.getContext());
  return plan;
}

Plan planAtRunTime(NodeContext &node, const RuntimeAxes &axes) {
  ImplicitLocOpBuilder &b = node.b;
  const Dims &dims = node.in(0).dims;
  auto rank = static_cast<unsigned>(dims.size());
  Plan plan;
  plan.runtimeAxes = axes;
  for (unsigned axis = 0; axis < rank; ++axis) {
    plan.kept.push_back(axes.choose(node, axis, fixed(b, 1), dims[axis]));
    plan.reduced.push_back(axes.choose(node, axis, dims[axis], fixed(b, 1)));
  }
  plan.keptWithUnits = plan.kept;
  return plan;
}

// Axes: input 1 (ReduceSum since 13, the others since 18), or the attribute.
// Nothing: all, or with noop_with_empty_axes none.
FailureOr<SmallVector<int64_t>> axesOf(NodeContext &node) {
  bool noop = node.intAttr("noop_with_empty_axes", 0) != 0;
  SmallVector<int64_t> axes;
  if (node.has(1)) {
    FailureOr<SmallVector<int64_t>> given = node.constantInts(1, "axes");
    if (failed(given))
      return failure();
    axes = *given;
  } else if (auto given = node.intsAttr("axes")) {
    axes = *given;
  }
  if (axes.empty() && !noop)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(0)));
  return node.normalizeAxes(axes, node.rank(0), node.has(1) ? "" : "axes");
}

FailureOr<Plan> planReduction(NodeContext &node) {
  if (node.has(1) && !node.isKnown(1)) {
    node.ignore(AttributeKind::i, {"noop_with_empty_axes"}); // they are not empty
    FailureOr<RuntimeAxes> axes = RuntimeAxes::of(node, 1, node.rank(0));
    return failed(axes) ? FailureOr<Plan>() : planAtRunTime(node, *axes);
  }
  FailureOr<SmallVector<int64_t>> axes = axesOf(node);
  return failed(axes) ? FailureOr<Plan>() : planOf(node, *axes);
}

Value identityOf(ImplicitLocOpBuilder &b, Reduction reduction, Type element, DataType type) {
  auto floating = dyn_cast<FloatType>(element);
  bool isMax = reduction == Reduction::max;
  if (isMax || reduction == Reduction::min) {
    if (floating)
      return b.create<arith::ConstantOp>(
          b.getFloatAttr(floating, APFloat::getInf(floating.getFloatSemantics(), isMax)));
    unsigned bits = element.getIntOrFloatBitWidth();
    bool noSign = isUnsigned(type) || isBool(type);
    APInt value = isMax ? (noSign ? APInt::getMinValue(bits) : APInt::getSignedMinValue(bits))
                        : (noSign ? APInt::getMaxValue(bits) : APInt::getSignedMaxValue(bits));
    return b.create<arith::ConstantOp>(b.getIntegerAttr(element, value));
  }
  double value = reduction == Reduction::product ? 1 : 0;
  if (floating)
    return constantFloat(b, element, value);
  return b.create<arith::ConstantOp>(b.getIntegerAttr(element, static_cast<int64_t>(value)));
}

Value absolute(ImplicitLocOpBuilder &b, Value x) {
  if (isa<FloatType>(x.getType()))
    return b.createOrFold<math::AbsFOp>(x);
  return b.createOrFold<math::AbsIOp>(x);
}

// accumulator, element -> accumulator
Value step(ImplicitLocOpBuilder &b, Reduction reduction, Value total, Value x, DataType type) {
  switch (reduction) {
  case Reduction::sum:
  case Reduction::mean:
  case Reduction::logSum:
    return addScalars(b, total, x);
  case Reduction::logSumExp: // of elements less their maximum
    return addScalars(b, total, b.createOrFold<math::ExpOp>(x));
  case Reduction::max:
    return isBool(type) ? b.createOrFold<arith::OrIOp>(total, x) : maxScalars(b, total, x, type);
  case Reduction::min:
    return isBool(type) ? b.createOrFold<arith::AndIOp>(total, x) : minScalars(b, total, x, type);
  case Reduction::product:
    return mulScalars(b, total, x);
  case Reduction::sumSquare:
  case Reduction::l2:
    return addScalars(b, total, mulScalars(b, x, x));
  case Reduction::l1:
    return addScalars(b, total, absolute(b, x));
  }
  llvm_unreachable("every reduction is above");
}

Value reduceTensor(NodeContext &node, const Plan &plan, Reduction reduction, Value input,
                   DataType type) {
  Type element = cast<RankedTensorType>(input.getType()).getElementType();
  if (plan.runtimeAxes) {
    // Of the two positions in a dimension one is 0.
    Value zero = identityOf(node.b, reduction, element, type);
    return generate(node.b, emptyTensor(node.b, plan.kept, element),
                    [&](ImplicitLocOpBuilder &b, ArrayRef<Value> outer) {
                      return accumulate(
                          b, asValues(b, plan.reduced), zero,
                          [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> inner, Value total) {
                            SmallVector<Value> at;
                            for (auto [left, right] : llvm::zip(outer, inner))
                              at.push_back(deep.create<arith::AddIOp>(left, right));
                            Value x = deep.create<tensor::ExtractOp>(input, at);
                            return step(deep, reduction, total, x, type);
                          });
                    });
  }
  Value init = filledTensor(node.b, plan.kept, identityOf(node.b, reduction, element, type));
  return generic(
      node.b, {input}, init, {plan.whole, plan.keptMap}, plan.iterators,
      [&](ImplicitLocOpBuilder &b, ValueRange x) { return step(b, reduction, x[1], x[0], type); });
}

// A function of each element of a reduced tensor, which gives such elements or those of `element`.
Value mapKept(NodeContext &node, const Plan &plan, ValueRange inputs, Body body, Type element = {}) {
  auto rank = static_cast<unsigned>(plan.kept.size());
  SmallVector<AffineMap> maps(inputs.size() + 1, node.b.getMultiDimIdentityMap(rank));
  if (!element)
    element = cast<RankedTensorType>(inputs[0].getType()).getElementType();
  return generic(node.b, inputs, emptyTensor(node.b, plan.kept, element), maps,
                 parallelIterators(rank), body);
}

void setReduced(NodeContext &node, const Plan &plan, Value reduced, DataType type, bool keep) {
  if (plan.runtimeAxes) {
    Dims dims = keep ? plan.kept : plan.runtimeAxes->without(node, plan.kept);
    node.set(0, keep ? reduced : reshapeTensor(node.b, reduced, plan.kept, dims), type, dims);
    return;
  }
  if (keep)
    reduced = reshapeTensor(node.b, reduced, plan.kept, plan.keptWithUnits);
  node.set(0, reduced, type, keep ? plan.keptWithUnits : plan.kept);
}

Value meanOf(NodeContext &node, const Plan &plan, Value sums, DataType type) {
  OpFoldResult count = product(node.b, plan.reduced);
  Value whole = toInteger(node.b, count, node.b.getI64Type());
  // In the kernel: the host has no floating point of 16 bits.
  return mapKept(node, plan, {sums}, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    Value divisor = castScalar(b, whole, DataType::i64, type, node.in(0).element);
    return divScalars(b, x[0], divisor, type);
  });
}

// The sum of integers is one of 64 bits; what it is divided by, and the quotient, are f64, as in the references.
Value meanOfIntegers(NodeContext &node, const Plan &plan) {
  const DataType type = node.in(0).dataType, wide = isUnsigned(type) ? DataType::u64 : DataType::i64;
  const Type f64 = node.b.getF64Type(), element = node.in(0).element;
  auto rank = static_cast<unsigned>(node.in(0).dims.size());
  Value x = node.value(0);
  if (type != wide)
    x = generic(node.b, {x}, emptyTensor(node.b, node.in(0).dims, node.b.getI64Type()),
                {node.b.getMultiDimIdentityMap(rank), node.b.getMultiDimIdentityMap(rank)}, parallelIterators(rank),
                [&](ImplicitLocOpBuilder &b, ValueRange each) { return castScalar(b, each[0], type, wide, b.getI64Type()); });
  Value whole = toInteger(node.b, product(node.b, plan.reduced), node.b.getI64Type());
  Value sums = reduceTensor(node, plan, Reduction::sum, x, wide);
  return mapKept(
      node, plan, {sums},
      [&](ImplicitLocOpBuilder &b, ValueRange sum) {
        Value quotient = b.create<arith::DivFOp>(castScalar(b, sum[0], wide, DataType::f64, f64),
                                                 castScalar(b, whole, DataType::i64, DataType::f64, f64));
        return castScalar(b, quotient, DataType::f64, type, element);
      },
      element);
}

// log(sum(exp(x))) with the maximum taken out first
Value logSumExp(NodeContext &node, const Plan &plan, DataType type) {
  Value input = node.value(0);
  Value maxima = reduceTensor(node, plan, Reduction::max, input, type);
  // An infinite one would leave nothing but NaN.
  maxima = mapKept(node, plan, {maxima}, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    auto floating = cast<FloatType>(x[0].getType());
    Value infinity = b.create<arith::ConstantOp>(
        b.getFloatAttr(floating, APFloat::getInf(floating.getFloatSemantics())));
    Value size = b.create<math::AbsFOp>(x[0]);
    Value isFar = b.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, size, infinity);
    return b.create<arith::SelectOp>(isFar, constantLike(b, x[0], 0), x[0]);
  });
  Value zero = identityOf(node.b, Reduction::sum, node.in(0).element, type);
  if (plan.runtimeAxes) {
    Value shifted = generate(
        node.b, emptyTensor(node.b, node.in(0).dims, node.in(0).element),
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
          SmallVector<Value> kept;
          for (auto [axis, place] : llvm::enumerate(at))
            kept.push_back(b.create<arith::SelectOp>(
                plan.runtimeAxes->isNamed(static_cast<int64_t>(axis)), constantIndex(b, 0), place));
          Value element = b.create<tensor::ExtractOp>(input, at);
          return subScalars(b, element, b.create<tensor::ExtractOp>(maxima, kept));
        });
    Value sums = reduceTensor(node, plan, Reduction::logSumExp, shifted, type);
    return mapKept(node, plan, {sums, maxima}, [](ImplicitLocOpBuilder &b, ValueRange x) {
      return addScalars(b, b.createOrFold<math::LogOp>(x[0]), x[1]);
    });
  }
  Value sums =
      generic(node.b, {input, maxima}, filledTensor(node.b, plan.kept, zero),
              {plan.whole, plan.keptMap, plan.keptMap}, plan.iterators,
              [&](ImplicitLocOpBuilder &b, ValueRange x) {
                return step(b, Reduction::logSumExp, x[2], subScalars(b, x[0], x[1]), type);
              });
  return mapKept(node, plan, {sums, maxima}, [](ImplicitLocOpBuilder &b, ValueRange x) {
    return addScalars(b, b.createOrFold<math::LogOp>(x[0]), x[1]);
  });
}

// In a wider type, and back: a root or a logarithm of integers loses what follows the point, and sums of narrow floats stop
// growing.
LogicalResult reduceIn(NodeContext &node, DataType wide) {
  if (isBool(node.in(0).dataType))
    return node.error() << "bool elements are not supported";
  Composer with(node);
  Composer::Part axes = with.input(1);
  if (auto given = node.intsAttr("axes"))
    axes = with.ints(*given);
  Composer::Part made =
      with(node.node.opType, {with.cast(with.input(0), wide), axes},
           {attribute("keepdims", node.intAttr("keepdims", 1)),
            attribute("noop_with_empty_axes", node.intAttr("noop_with_empty_axes", 0))});
  return with.define(0, with.cast(made, node.in(0).dataType));
}

template <Reduction reduction> LogicalResult importReduce(NodeContext &node) {
  constexpr bool needsFloat = reduction == Reduction::l2 || reduction == Reduction::logSum ||
                              reduction == Reduction::logSumExp;
  if (needsFloat && !isFloat(node.in(0).dataType))
    return reduceIn(node, DataType::f64);
  if (reduction != Reduction::max && reduction != Reduction::min && hasSmallFloats(node, 0))
    return reduceIn(node, DataType::f32);
  bool keep = node.intAttr("keepdims", 1) != 0;
  FailureOr<Plan> planned = planReduction(node);
  if (failed(planned))
    return failure();
  const Plan &plan = *planned;
  DataType type = node.in(0).dataType;
  constexpr bool allowsBool = reduction == Reduction::max || reduction == Reduction::min;
  if (isBool(type) && !allowsBool)
    return node.error() << "bool elements are not supported";

  // One host value of a few host values.
  bool isPlain = reduction == Reduction::sum || reduction == Reduction::product || allowsBool;
  if (isPlain && !plan.runtimeAxes && plan.kept.empty() && node.in(0).isSmall() && !isFloat(type) &&
      (node.in(0).elements || node.isDemanded(0))) {
    Value total = identityOf(node.b, reduction, node.in(0).element, type);
    for (Value element : node.graph.elementsOf(node.b, node.in(0)))
      total = step(node.b, reduction, total, element, type);
    node.setElements(0, keep ? plan.keptWithUnits : plan.kept, type, {total});
    return success();
  }
  if (reduction == Reduction::logSumExp) {
    setReduced(node, plan, logSumExp(node, plan, type), type, keep);
    return success();
  }
  if (reduction == Reduction::mean && !isFloat(type)) {
    setReduced(node, plan, meanOfIntegers(node, plan), type, keep);
    return success();
  }
  Value made = reduceTensor(node, plan, reduction, node.value(0), type);
  if (reduction == Reduction::mean)
    made = meanOf(node, plan, made, type);
  if (reduction == Reduction::l2)
    made = mapKept(node, plan, {made}, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      return b.createOrFold<math::SqrtOp>(x[0]);
    });
  if (reduction == Reduction::logSum)
    made = mapKept(node, plan, {made}, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      return b.createOrFold<math::LogOp>(x[0]);
    });
  setReduced(node, plan, made, type, keep);
  return success();
}

// Global pools reduce all spatial dimensions and keep them as units.
template <Reduction reduction> LogicalResult importGlobalPool(NodeContext &node) {
  if (node.rank(0) < 3)
    return node.error() << "expected at least 3 dimensions, got " << node.rank(0);
  if (failed(checkFloat(node, 0)))
    return failure();
  DataType type = node.in(0).dataType;
  Plan plan = planOf(node, llvm::to_vector(llvm::seq<int64_t>(2, node.rank(0))));
  Value made = reduceTensor(node, plan, reduction, node.value(0), type);
  if (reduction == Reduction::mean)
    made = meanOf(node, plan, made, type);
  setReduced(node, plan, made, type, true);
  return success();
}

// Position of the greatest or least element along one axis: of equal ones the
// first, or the last with select_last_index.
template <bool isMax> LogicalResult importArg(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  bool keep = node.intAttr("keepdims", 1) != 0, last = node.intAttr("select_last_index", 0) != 0;
  FailureOr<int64_t> axis = node.axisAttr("axis", 0, node.rank(0));
  if (failed(axis))
    return failure();
  Imported &input = node.in(0);
  DataType type = input.dataType;
  Plan plan = planOf(node, {*axis});
  Value best = filledTensor(
      b, plan.kept, identityOf(b, isMax ? Reduction::max : Reduction::min, input.element, type));
  Value none = b.create<arith::ConstantOp>(b.getI64IntegerAttr(-1));
  Value at = filledTensor(b, plan.kept, none);
  auto loops = b.create<linalg::GenericOp>(
      TypeRange{best.getType(), at.getType()}, ValueRange{node.value(0)}, ValueRange{best, at},
      ArrayRef<AffineMap>{plan.whole, plan.keptMap, plan.keptMap}, plan.iterators,
      [&](OpBuilder &nested, Location loc, ValueRange x) {
        ImplicitLocOpBuilder inner(loc, nested);
        Comparison comparison = isMax ? (last ? Comparison::greaterOrEqual : Comparison::greater)
                                      : (last ? Comparison::lessOrEqual : Comparison::less);
        Value better = compareScalars(inner, comparison, x[0], x[1], type);
        // The first element always counts, even one that equals the start value.
        Value isFirst = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, x[2],
                                                    constantLike(inner, x[2], 0));
        better = inner.create<arith::OrIOp>(better, isFirst);
        if (isFloat(type)) { // the first NaN wins, as in the standard's reference
          using P = arith::CmpFPredicate;
          Value isNan = inner.create<arith::CmpFOp>(P::UNO, x[0], x[0]);
          if (!last)
            isNan = inner.create<arith::AndIOp>(isNan,
                                                inner.create<arith::CmpFOp>(P::ORD, x[1], x[1]));
          better = inner.create<arith::OrIOp>(better, isNan);
        }
        Value position = inner.create<arith::IndexCastOp>(
            inner.getI64Type(), inner.create<linalg::IndexOp>(static_cast<uint64_t>(*axis)));
        Value value = inner.create<arith::SelectOp>(better, x[0], x[1]);
        position = inner.create<arith::SelectOp>(better, position, x[2]);
        inner.create<linalg::YieldOp>(ValueRange{value, position});
      });
  setReduced(node, plan, loops.getResult(1), DataType::i64, keep);
  return success();
}

} // namespace

ArrayRef<OpImporter> reduceOps() {
  static const OpImporter list[] = {
      {"ArgMax", importArg<true>, 1, 1},
      {"ArgMin", importArg<false>, 1, 1},
      {"GlobalAveragePool", importGlobalPool<Reduction::mean>, 1, 1},
      {"GlobalMaxPool", importGlobalPool<Reduction::max>, 1, 1},
      {"ReduceL1", importReduce<Reduction::l1>, 1, 2},
      {"ReduceL2", importReduce<Reduction::l2>, 1, 2},
      {"ReduceLogSum", importReduce<Reduction::logSum>, 1, 2},
      {"ReduceLogSumExp", importReduce<Reduction::logSumExp>, 1, 2},
      {"ReduceMax", importReduce<Reduction::max>, 1, 2},
      {"ReduceMean", importReduce<Reduction::mean>, 1, 2},
      {"ReduceMin", importReduce<Reduction::min>, 1, 2},
      {"ReduceProd", importReduce<Reduction::product>, 1, 2},
      {"ReduceSum", importReduce<Reduction::sum>, 1, 2},
      {"ReduceSumSquare", importReduce<Reduction::sumSquare>, 1, 2},
  };
  return list;
}

} // namespace halcyon::onnx
