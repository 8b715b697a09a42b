#include "import/onnx/ResizeAxes.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

Value number(ImplicitLocOpBuilder &b, double value) {
  return constantFloat(b, b.getF32Type(), value);
}
Value toFloat(ImplicitLocOpBuilder &b, Value index) {
  Value integer = b.create<arith::IndexCastOp>(b.getI64Type(), index);
  return b.create<arith::SIToFPOp>(b.getF32Type(), integer);
}
Value select(ImplicitLocOpBuilder &b, arith::CmpFPredicate predicate, Value left, Value right,
             Value yes, Value no) {
  return b.create<arith::SelectOp>(b.create<arith::CmpFOp>(predicate, left, right), yes, no);
}

// A filter's value at a distance, 0 from its radius on: 1 for linear, 2 for Keys' cubic.
Value filterAt(ImplicitLocOpBuilder &b, const ResizeFilter &filter, Value distance) {
  using P = arith::CmpFPredicate;
  Value d = b.create<math::AbsFOp>(distance), one = number(b, 1), zero = number(b, 0);
  if (!filter.isCubic)
    return b.create<arith::MaximumFOp>(b.create<arith::SubFOp>(one, d), zero);
  double a = filter.coefficient;
  auto polynomial = [&](std::array<double, 4> factors) { // of d, the highest power first
    Value made = number(b, factors[0]);
    for (double factor : ArrayRef<double>(factors).drop_front())
      made = addScalars(b, mulScalars(b, made, d), number(b, factor));
    return made;
  };
  Value far = select(b, P::OLT, d, number(b, 2), polynomial({a, -5 * a, 8 * a, -4 * a}), zero);
  return select(b, P::OLE, d, one, polynomial({a + 2, -(a + 3), 0, 1}), far);
}

// One axis.
class SmoothAxis {
public:
  SmoothAxis(NodeContext &node, const ResizedAxis &axis, const ResizeFilter &filter)
      : b(node.b), axis(axis), filter(filter) {
    Value one = number(b, 1);
    shrinks = b.createOrFold<arith::MinimumFOp>(axis.scale, one);
    // The filter's diameter in elements of the input, rounded up on each side.
    Value half = b.createOrFold<arith::DivFOp>(number(b, filter.isCubic ? 2 : 1), shrinks);
    half = b.createOrFold<math::CeilOp>(half);
    reach = toIndex(b, b.createOrFold<arith::FPToSIOp>(b.getI64Type(), half), false);
    taps = mul(b, reach, fixed(b, 2));
  }

  // `byDifferences`: from the element before the position, which what is the same everywhere stays then exactly.
  Value apply(Value source, Dims dims, Type element, bool byDifferences) {
    Value weights = makeWeights();
    dims[axis.number] = axis.out;
    return generate(
        b, emptyTensor(b, dims, element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
          Value place = at[axis.number];
          Value position = positionOf(inner, place);
          auto under = [&](ImplicitLocOpBuilder &builder, Value tap) {
            SmallVector<Value> from(at);
            from[axis.number] = clamped(builder, elementOf(builder, position, tap));
            return builder.create<tensor::ExtractOp>(source, from).getResult();
          };
          Value first = byDifferences ? under(inner, asValue(inner, sub(inner, reach, fixed(inner, 1))))
                                      : constantFloat(inner, element, 0);
          Value made = accumulate(
              inner, {asValue(inner, taps)}, first,
              [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> tap, Value total) {
                Value x = under(deep, tap[0]);
                if (byDifferences)
                  x = subScalars(deep, x, first);
                Value weight = deep.create<tensor::ExtractOp>(weights, ValueRange{place, tap[0]});
                if (weight.getType() != element)
                  weight = deep.create<arith::ExtFOp>(element, weight);
                return addScalars(deep, total, mulScalars(deep, x, weight));
              });
          if (filter.transform != "tf_crop_and_resize")
            return made;
          using P = arith::CmpFPredicate;
          Value outside = constantFloat(inner, element, filter.extrapolation);
          made = select(inner, P::OLT, position, number(inner, 0), outside, made);
          return select(inner, P::OGT, position, last(inner), outside, made);
        });
  }

private:
  Value last(ImplicitLocOpBuilder &b) {
    return toFloat(b, asValue(b, sub(b, axis.in, fixed(b, 1))));
  }
  Value positionOf(ImplicitLocOpBuilder &b, Value place) {
    return originalPosition(b, filter.transform, toFloat(b, place), axis);
  }
  // The input's element that a tap is over, which may be outside.
  Value elementOf(ImplicitLocOpBuilder &b, Value position, Value tap) {
    Value low = b.create<arith::FPToSIOp>(b.getI64Type(), b.create<math::FloorOp>(position));
    Value first = b.create<arith::IndexCastOp>(b.getIndexType(), low);
    first = b.create<arith::SubIOp>(first, asValue(b, sub(b, reach, fixed(b, 1))));
    return b.create<arith::AddIOp>(first, tap);
  }
  Value clamped(ImplicitLocOpBuilder &b, Value index) {
    index = b.create<arith::MinSIOp>(index, asValue(b, sub(b, axis.in, fixed(b, 1))));
    return b.create<arith::MaxSIOp>(index, constantIndex(b, 0));
  }
  Value weightOf(ImplicitLocOpBuilder &b, Value position, Value tap) {
    Value element = toFloat(b, elementOf(b, position, tap));
    Value distance = b.create<arith::SubFOp>(element, position);
    Value weight = filterAt(b, filter, mulScalars(b, distance, shrinks));
    if (!filter.excludesOutside)
      return weight;
    using P = arith::CmpFPredicate;
    weight = select(b, P::OLT, element, number(b, 0), number(b, 0), weight);
    return select(b, P::OGT, element, last(b), number(b, 0), weight);
  }

  // [out, taps]: for each output position what each tap counts, 1 in all.
  Value makeWeights() {
    return generate(b, emptyTensor(b, {axis.out, taps}, b.getF32Type()),
                    [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
                      Value position = positionOf(inner, at[0]);
                      Value total = accumulate(
                          inner, {asValue(inner, taps)}, number(inner, 0),
                          [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> tap, Value sum) {
                            return addScalars(deep, sum, weightOf(deep, position, tap[0]));
                          });
                      return inner.create<arith::DivFOp>(weightOf(inner, position, at[1]), total);
                    });
  }

  ImplicitLocOpBuilder &b;
  const ResizedAxis &axis;
  const ResizeFilter &filter;
  Value shrinks; // f32: the scale, at most 1
  OpFoldResult reach, taps;
};

} // namespace

Value resizeSmoothly(NodeContext &node, const Imported &input, ArrayRef<ResizedAxis> axes,
                     const ResizeFilter &filter) {
  ImplicitLocOpBuilder &b = node.b;
  DataType type = input.dataType, wide = sumType(type);
  Type element = node.elementType(wide);
  Dims dims = input.dims;
  auto converted = [&](Value from, DataType have, DataType want, Type to) {
    if (have == want)
      return from;
    AffineMap identity = b.getMultiDimIdentityMap(static_cast<unsigned>(dims.size()));
    return generic(b, {from}, emptyTensor(b, dims, to), {identity, identity},
                   parallelIterators(dims.size()), [&](ImplicitLocOpBuilder &inner, ValueRange x) {
                     return castScalar(inner, x[0], have, want, to);
                   });
  };
  Value made = converted(node.value(0), type, wide, element);
  for (const ResizedAxis &axis : axes) {
    made = SmoothAxis(node, axis, filter).apply(made, dims, element, isInteger(type));
    dims[axis.number] = axis.out;
  }
  return converted(made, wide, type, input.element);
}

} // namespace halcyon::onnx
