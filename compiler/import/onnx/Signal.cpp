// Windows and Fourier transforms. A transform whose length is known is made in passes (Fourier.h); one of an unknown length
// or axis is the sum that defines it: the work is the square of its length.
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/Fourier.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/RuntimeAxes.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

constexpr double twoPi = 6.283185307179586476925;
constexpr int64_t mostInPasses = int64_t{1} << 24; // there is a table of as many

FailureOr<OpFoldResult> lengthOf(NodeContext &node, size_t index, StringRef what) {
  FailureOr<Dims> given = node.indices(index, what);
  if (failed(given))
    return failure();
  if (given->size() != 1)
    return node.error() << what << " has " << given->size() << " elements";
  return given->front();
}

Value toFloat(ImplicitLocOpBuilder &b, Value index, Type type) {
  Value integer = b.create<arith::IndexCastOp>(b.getI64Type(), index);
  return b.create<arith::SIToFPOp>(type, integer);
}

struct Cosines {
  double constant, first, second;
};

// constant - first * cos(2 pi n / N) + second * cos(4 pi n / N); a periodic window's N is its
// length, else one less.
LogicalResult importWindow(NodeContext &node, Cosines factors) {
  ImplicitLocOpBuilder &b = node.b;
  auto type = node.typeAttr("output_datatype", DataType::f32);
  bool periodic = node.intAttr("periodic", 1) != 0;
  FailureOr<OpFoldResult> size = lengthOf(node, 0, "size");
  if (failed(size))
    return failure();
  Type element = node.elementType(type);
  if (!element || !(isFloat(type) || isInteger(type)))
    return node.error() << "element type " << nameOf(type) << " is not supported";
  Value made = generate(
      b, emptyTensor(b, {*size}, element),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        Type wide = inner.getF64Type();
        auto number = [&](double value) { return constantFloat(inner, wide, value); };
        Value length = asValue(inner, periodic ? *size : sub(inner, *size, fixed(inner, 1)));
        Value angle = mulScalars(inner, toFloat(inner, at[0], wide), number(twoPi));
        angle = inner.create<arith::DivFOp>(angle, toFloat(inner, length, wide));
        Value total = mulScalars(inner, inner.create<math::CosOp>(angle), number(-factors.first));
        total = addScalars(inner, total, number(factors.constant));
        if (factors.second != 0) {
          Value twice = inner.create<math::CosOp>(mulScalars(inner, angle, number(2)));
          total = addScalars(inner, total, mulScalars(inner, twice, number(factors.second)));
        }
        return castScalar(inner, total, DataType::f64, type, element);
      });
  node.set(0, made, type, {*size});
  return success();
}

LogicalResult importHann(NodeContext &node) { return importWindow(node, {0.5, 0.5, 0}); }
LogicalResult importHamming(NodeContext &node) {
  return importWindow(node, {25.0 / 46, 21.0 / 46, 0});
}
LogicalResult importBlackman(NodeContext &node) { return importWindow(node, {0.42, 0.5, 0.08}); }

// [dft_length / 2 + 1, num_mel_bins]: triangles between frequencies that are evenly spread on the
// mel scale, 2595 log10(1 + hertz / 700). A triangle of no width is its one bin.
LogicalResult importMelWeights(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  auto type = node.typeAttr("output_datatype", DataType::f32);
  Type element = node.elementType(type), wide = b.getF64Type();
  if (!element || !(isFloat(type) || isInteger(type)))
    return node.error() << "element type " << nameOf(type) << " is not supported";
  FailureOr<OpFoldResult> bins = lengthOf(node, 0, "num_mel_bins");
  FailureOr<OpFoldResult> length = lengthOf(node, 1, "dft_length");
  FailureOr<OpFoldResult> rate = lengthOf(node, 2, "sample_rate");
  if (failed(bins) || failed(length) || failed(rate))
    return failure();
  Composer with(node);
  for (size_t edge : {3, 4})
    if (node.in(edge).numElements() != 1 || !isFloat(node.in(edge).dataType))
      return node.error() << "input '" << node.node.inputs[edge] << "' must be one frequency";
  Part edges[] = {with.cast(with.input(3), DataType::f64), with.cast(with.input(4), DataType::f64)};
  if (with.hasFailed())
    return failure();
  Value low = node.graph.elementsOf(b, *edges[0]).front();
  Value high = node.graph.elementsOf(b, *edges[1]).front();
  Dims dims{add(b, floorDiv(b, *length, fixed(b, 2)), fixed(b, 1)), *bins};
  Value made = generate(
      b, emptyTensor(b, dims, element),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        auto number = [&](double value) { return constantFloat(inner, wide, value); };
        auto div = [&](Value l, Value r) { return inner.create<arith::DivFOp>(l, r).getResult(); };
        auto mel = [&](Value hertz) {
          Value grown = addScalars(inner, div(hertz, number(700)), number(1));
          return mulScalars(inner, inner.create<math::Log10Op>(grown), number(2595));
        };
        Value from = mel(low);
        Value count = toFloat(inner, asValue(inner, add(inner, *bins, fixed(inner, 2))), wide);
        Value step = div(subScalars(inner, mel(high), from), count);
        Value scale = toFloat(inner, asValue(inner, add(inner, *length, fixed(inner, 1))), wide);
        // The bin of a corner, a whole number.
        auto corner = [&](int64_t which) {
          Value place = inner.create<arith::AddIOp>(at[1], constantIndex(inner, which));
          Value hertz =
              addScalars(inner, mulScalars(inner, toFloat(inner, place, wide), step), from);
          hertz = inner.create<math::PowFOp>(number(10), div(hertz, number(2595)));
          hertz = mulScalars(inner, subScalars(inner, hertz, number(1)), number(700));
          hertz = div(mulScalars(inner, hertz, scale), toFloat(inner, asValue(inner, *rate), wide));
          return inner.create<math::FloorOp>(hertz).getResult();
        };
        Value left = corner(0), top = corner(1), right = corner(2);
        Value bin = toFloat(inner, at[0], wide);
        using P = arith::CmpFPredicate;
        auto is = [&](P predicate, Value l, Value r) {
          return inner.create<arith::CmpFOp>(predicate, l, r).getResult();
        };
        auto select = [&](Value condition, Value yes, Value no) {
          return inner.create<arith::SelectOp>(condition, yes, no).getResult();
        };
        auto both = [&](Value l, Value r) { return inner.create<arith::AndIOp>(l, r).getResult(); };
        Value rise = div(subScalars(inner, bin, left), subScalars(inner, top, left));
        rise = select(is(P::OEQ, left, top), number(1), rise);
        Value fall = div(subScalars(inner, right, bin), subScalars(inner, right, top));
        Value weight = select(both(is(P::OGE, bin, left), is(P::OLE, bin, top)), rise, number(0));
        Value falls = both(is(P::OGE, bin, top), is(P::OLT, bin, right));
        weight = select(falls, fall, weight);
        return castScalar(inner, weight, DataType::f64, type, element);
      });
  node.set(0, made, type, dims);
  return success();
}

// A signal whose last dimension is a real number, or a complex number's two parts.
class Transform {
public:
  Transform(NodeContext &node, Imported &signal, OneAxis axis)
      : node(node), b(node.b), signal(signal), axis(axis) {}

  bool inverse = false, onesided = false;
  OpFoldResult length; // null: as the signal's

  LogicalResult define(size_t output) {
    std::optional<int64_t> parts = known(signal.dims.back());
    if (!isFloat(signal.dataType))
      return node.error() << "element type " << nameOf(signal.dataType) << " is not supported";
    if (!parts)
      return node.error() << "the last dimension must be declared, as 1 or 2: others are not supported";
    if (parts != 1 && parts != 2)
      return node.error() << "the last dimension must be 1 or 2, got " << *parts;
    isComplex = parts == 2;
    OpFoldResult extent = axis.extent, one = fixed(b, 1), two = fixed(b, 2);
    isHermitian = inverse && onesided;
    if (!length)
      length = isHermitian ? mul(b, sub(b, extent, one), two) : extent;
    OpFoldResult count = onesided && !inverse ? add(b, floorDiv(b, length, two), one) : length;
    Dims dims = axis.resized(node, signal.dims, count);
    dims.back() = fixed(b, isHermitian ? 1 : 2);
    std::optional<int64_t> size = known(length);
    Value made = size && *size > 0 && *size <= mostInPasses && axis.isKnown() ? inPasses(dims, *size)
                                                     : sum(dims, isHermitian ? length : min(b, extent, length));
    node.set(output, made, signal.dataType, dims);
    return success();
  }

private:
  // [outer, axis, inner, parts]: what of `dims` lies before and behind the axis is one dimension each.
  Dims lines(ArrayRef<OpFoldResult> dims) {
    return {product(b, dims.take_front(axis.number())), dims[axis.number()],
            product(b, dims.drop_front(axis.number() + 1).drop_back()), dims.back()};
  }

  Value inPasses(const Dims &dims, int64_t size) {
    Dims from = lines(signal.dims), to = lines(dims);
    Value source = reshapeTensor(b, node.graph.tensorOf(b, signal), signal.dims, from);
    Value spectrum = fourierTransform(node, source, from, signal.dataType, {size, inverse, isHermitian});
    Value made = generate(
        b, emptyTensor(b, to, signal.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
          Value row = inner.create<arith::MulIOp>(at[0], asValue(inner, to[2]));
          row = inner.create<arith::AddIOp>(row, at[2]);
          Value x = inner.create<tensor::ExtractOp>(spectrum, ValueRange{row, at[1], at[3]});
          if (inverse)
            x = inner.create<arith::DivFOp>(x, constantFloat(inner, inner.getF64Type(), static_cast<double>(size)));
          return castScalar(inner, x, DataType::f64, signal.dataType, signal.element);
        });
    return reshapeTensor(b, made, to, dims);
  }

  // In f64: sums that cancel stay exact enough.
  Value sum(const Dims &dims, OpFoldResult terms) {
    Value source = node.graph.tensorOf(b, signal);
    Type wide = b.getF64Type();
    return generate(
        b, emptyTensor(b, dims, signal.element),
        [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
          Value total =
              accumulate(inner, {asValue(inner, terms)}, constantFloat(inner, wide, 0),
                         [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> n, Value sumBefore) {
                           return addScalars(deep, sumBefore, term(deep, source, at, n[0]));
                         });
          if (inverse)
            total =
                inner.create<arith::DivFOp>(total, toFloat(inner, asValue(inner, length), wide));
          return castScalar(inner, total, DataType::f64, signal.dataType, signal.element);
        });
  }

  // x[n] * e^(-+ 2 pi i k n / N): its real or imaginary part.
  Value term(ImplicitLocOpBuilder &inner, Value source, ArrayRef<Value> at, Value n) {
    Type element = inner.getF64Type();
    Value size = asValue(inner, length), zero = constantFloat(inner, signal.element, 0);
    Value k = axis.place(inner, at);
    // The angle of a whole number of turns less: exact, and small.
    Value turn = inner.create<arith::RemSIOp>(inner.create<arith::MulIOp>(k, n), size);
    Value angle =
        inner.create<arith::DivFOp>(toFloat(inner, turn, element), toFloat(inner, size, element));
    angle = mulScalars(inner, angle, constantFloat(inner, element, twoPi));
    Value cosine = inner.create<math::CosOp>(angle), sine = inner.create<math::SinOp>(angle);
    if (!inverse)
      sine = inner.create<arith::NegFOp>(sine);
    // The second half of a hermitian spectrum mirrors the first.
    Value from = n, mirrored;
    if (isHermitian) {
      Value half = inner.create<arith::DivSIOp>(size, constantIndex(inner, 2));
      mirrored = inner.create<arith::CmpIOp>(arith::CmpIPredicate::sgt, n, half);
      from = inner.create<arith::SelectOp>(mirrored, inner.create<arith::SubIOp>(size, n), n);
    }
    Value inside =
        inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, from, asValue(inner, axis.extent));
    auto part = [&](int64_t which) {
      SmallVector<Value> place = axis.moved(inner, at, from);
      place.back() = constantIndex(inner, which);
      return castScalar(inner, guardedExtract(inner, inside, source, place, zero), signal.dataType,
                        DataType::f64, element);
    };
    Value real = part(0), imaginary = isComplex ? part(1) : constantFloat(inner, element, 0);
    if (mirrored)
      imaginary = inner.create<arith::SelectOp>(mirrored, inner.create<arith::NegFOp>(imaginary),
                                                imaginary);
    Value realPart =
        subScalars(inner, mulScalars(inner, real, cosine), mulScalars(inner, imaginary, sine));
    Value imaginaryPart =
        addScalars(inner, mulScalars(inner, real, sine), mulScalars(inner, imaginary, cosine));
    Value isReal =
        inner.create<arith::CmpIOp>(arith::CmpIPredicate::eq, at.back(), constantIndex(inner, 0));
    return inner.create<arith::SelectOp>(isReal, realPart, imaginaryPart);
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Imported &signal;
  OneAxis axis;
  bool isComplex = false, isHermitian = false;
};

// The axis: an attribute before opset 20, then input 2.
LogicalResult importDft(NodeContext &node) {
  bool old = node.opset() < 20;
  int64_t otherwise = old ? node.intAttr("axis", 1) : -2;
  if (node.rank(0) < 2)
    return node.error() << "expected at least 2 dimensions, got " << node.rank(0);
  if (old && failed(node.normalizeAxis(otherwise, node.rank(0), "axis")))
    return failure();
  FailureOr<OneAxis> axis = OneAxis::of(node, node.in(0), 2, otherwise);
  if (failed(axis))
    return failure();
  Transform transform(node, node.in(0), *axis);
  transform.inverse = node.intAttr("inverse", 0) != 0;
  transform.onesided = node.intAttr("onesided", 0) != 0;
  if (node.has(1)) {
    FailureOr<OpFoldResult> length = lengthOf(node, 1, "dft_length");
    if (failed(length))
      return failure();
    transform.length = *length;
  }
  return transform.define(0);
}

// The transform of frames of the signal, `step` apart, each weighted by the window.
LogicalResult importStft(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &signal = node.in(0);
  bool onesided = node.intAttr("onesided", 1) != 0;
  if (signal.rank() != 3 || failed(checkFloat(node, 0)))
    return node.error() << "expected a signal of 3 dimensions, got " << signal.rank();
  FailureOr<OpFoldResult> step = lengthOf(node, 1, "frame_step");
  if (failed(step))
    return failure();
  OpFoldResult length;
  if (node.has(3)) {
    FailureOr<OpFoldResult> given = lengthOf(node, 3, "frame_length");
    if (failed(given))
      return failure();
    length = *given;
  } else if (node.has(2) && node.rank(2) == 1) {
    length = node.in(2).dims[0];
  } else {
    return node.error() << "needs a window or a frame length";
  }
  if (node.has(2) && (node.rank(2) != 1 || node.in(2).dataType != signal.dataType))
    return node.error() << "the window must be a list of " << nameOf(signal.dataType);
  OpFoldResult room = sub(b, signal.dims[1], length);
  OpFoldResult frames = add(b, floorDiv(b, room, *step), fixed(b, 1));
  frames = max(b, frames, fixed(b, 0));
  Dims dims{signal.dims[0], frames, length, signal.dims[2]};
  Value source = node.value(0), window = node.has(2) ? node.value(2) : Value();
  Value made = generate(
      b, emptyTensor(b, dims, signal.element),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        Value begin = inner.create<arith::MulIOp>(at[1], asValue(inner, *step));
        Value place = inner.create<arith::AddIOp>(begin, at[2]);
        Value element = inner.create<tensor::ExtractOp>(source, ValueRange{at[0], place, at[3]});
        return window ? mulScalars(inner, element, inner.create<tensor::ExtractOp>(window, at[2]))
                      : element;
      });
  Imported held = node.graph.fromTensor(b, made, signal.dataType, dims);
  FailureOr<OneAxis> axis = OneAxis::of(node, held, SIZE_MAX, 2);
  if (failed(axis))
    return failure();
  Transform transform(node, held, *axis);
  transform.onesided = onesided;
  return transform.define(0);
}

} // namespace

ArrayRef<OpImporter> signalOps() {
  static const OpImporter list[] = {
      {"BlackmanWindow", importBlackman, 1, 1}, {"DFT", importDft, 1, 3},
      {"HammingWindow", importHamming, 1, 1},   {"MelWeightMatrix", importMelWeights, 5, 5},
      {"HannWindow", importHann, 1, 1},         {"STFT", importStft, 2, 4},
  };
  return list;
}

} // namespace halcyon::onnx
