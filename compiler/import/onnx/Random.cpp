#include "import/onnx/Random.h"
#include "import/onnx/Body.h"
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <bit>

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;
using Words = std::array<Value, 4>; // i64 that hold 32 bits

Value word(ImplicitLocOpBuilder &b, uint64_t value) {
  return b.create<arith::ConstantOp>(b.getI64IntegerAttr(static_cast<int64_t>(value)));
}

Words philox(ImplicitLocOpBuilder &b, uint64_t key, Value counter) {
  constexpr uint32_t factors[] = {0xD2511F53, 0xCD9E8D57}, steps[] = {0x9E3779B9, 0xBB67AE85};
  Value mask = word(b, 0xFFFFFFFF), half = word(b, 32), zero = word(b, 0);
  auto low = [&](Value x) { return b.create<arith::AndIOp>(x, mask).getResult(); };
  auto high = [&](Value x) { return b.create<arith::ShRUIOp>(x, half).getResult(); };
  auto mix = [&](Value x, Value y, uint32_t with) {
    return b.create<arith::XOrIOp>(b.create<arith::XOrIOp>(x, y), word(b, with)).getResult();
  };
  uint32_t keys[] = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
  Words c{low(counter), high(counter), zero, zero};
  for (int round = 0; round < 10; ++round) {
    Value first = b.create<arith::MulIOp>(c[0], word(b, factors[0]));
    Value second = b.create<arith::MulIOp>(c[2], word(b, factors[1]));
    c = {mix(high(second), c[1], keys[0]), low(second), mix(high(first), c[3], keys[1]),
         low(first)};
    keys[0] += steps[0];
    keys[1] += steps[1];
  }
  return c;
}

// (number of 24 or 53 bits + offset) / 2^bits, of one word or two.
Value fraction(ImplicitLocOpBuilder &b, Value first, Value second, uint64_t offset, Type element) {
  bool isWide = element.isF64();
  Value bits = b.create<arith::ShRUIOp>(first, word(b, isWide ? 5 : 8));
  if (isWide) {
    bits = b.create<arith::ShLIOp>(bits, word(b, 26));
    bits = b.create<arith::OrIOp>(bits, b.create<arith::ShRUIOp>(second, word(b, 6)));
  }
  if (offset)
    bits = b.create<arith::AddIOp>(bits, word(b, offset));
  Value number = b.create<arith::SIToFPOp>(element, bits);
  return mulScalars(b, number, constantFloat(b, element, isWide ? 0x1p-53 : 0x1p-24));
}

Value numberAt(ImplicitLocOpBuilder &b, uint64_t key, Distribution distribution, Value place,
               Type element) {
  Words w = philox(b, key, place);
  if (distribution == Distribution::uniform)
    return fraction(b, w[0], w[1], 0, element);
  bool isWide = element.isF64();
  Value radius = b.create<math::LogOp>(fraction(b, w[0], w[1], 1, element));
  radius = b.create<math::SqrtOp>(mulScalars(b, radius, constantFloat(b, element, -2)));
  Value angle = fraction(b, w[isWide ? 2 : 1], w[3], 0, element);
  angle = mulScalars(b, angle, constantFloat(b, element, 6.283185307179586476925));
  return mulScalars(b, radius, b.create<math::CosOp>(angle));
}

// The type to compute in: f64 for f64, f32 for every other one.
DataType innerType(DataType type) { return type == DataType::f64 ? type : DataType::f32; }

Part hold(NodeContext &node, Composer &with, Value tensor, DataType type, const Dims &dims) {
  return with.hold(node.graph.fromTensor(node.b, tensor, type, dims));
}

// Attribute dtype, else `otherwise`: a type of floating point.
FailureOr<DataType> floatTypeOf(NodeContext &node, DataType otherwise) {
  auto type = node.typeAttr("dtype", otherwise);
  if (!node.elementType(type) || !isFloat(type) || bitsOf(type) < 16)
    return node.error() << "random numbers of type " << nameOf(type) << " are not supported";
  return type;
}

// scale * number + offset
LogicalResult random(NodeContext &node, Distribution distribution, const Dims &dims,
                     DataType otherwise) {
  Composer with(node);
  FailureOr<DataType> type = floatTypeOf(node, otherwise);
  double offset, scale;
  if (distribution == Distribution::uniform) {
    offset = node.floatAttr("low", 0);
    scale = node.floatAttr("high", 1) - offset;
  } else {
    offset = node.floatAttr("mean", 0);
    scale = node.floatAttr("scale", 1);
  }
  if (failed(type))
    return failure();
  DataType inner = innerType(*type);
  Value numbers = randomNumbers(node, randomKey(node), distribution, dims, inner);
  Part made = hold(node, with, numbers, inner, dims);
  made = with("Mul", {made, with.scalar(scale, inner)});
  return with.define(0, with.cast(with("Add", {made, with.scalar(offset, inner)}), *type));
}

template <Distribution distribution> LogicalResult importRandom(NodeContext &node) {
  std::optional<SmallVector<int64_t>> shape = node.intsAttr("shape");
  if (!shape || llvm::any_of(*shape, [](int64_t extent) { return extent < 0 || extent > INT32_MAX; }))
    return node.error() << "attribute 'shape' must list extents";
  Dims dims;
  for (int64_t extent : *shape)
    dims.push_back(fixed(node.b, extent));
  return random(node, distribution, dims, DataType::f32);
}

template <Distribution distribution> LogicalResult importRandomLike(NodeContext &node) {
  const Imported &input = node.in(0);
  return random(node, distribution, input.dims, input.dataType);
}

// 1 with the probability that the input gives
LogicalResult importBernoulli(NodeContext &node) {
  Composer with(node);
  const Imported &input = node.in(0);
  auto type = node.typeAttr("dtype", input.dataType);
  if (failed(checkFloat(node, 0)))
    return failure();
  DataType inner = innerType(input.dataType);
  Dims dims = input.dims;
  Value numbers = randomNumbers(node, randomKey(node), Distribution::uniform, dims, inner);
  Part below =
      with("Less", {hold(node, with, numbers, inner, dims), with.cast(with.input(0), inner)});
  return with.define(0, with.cast(below, type));
}

// Numbers of classes, each with a probability in proportion to exp(input): the class whose input
// plus -ln(-ln(u)) is the greatest.
LogicalResult importMultinomial(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Composer with(node);
  const Imported &input = node.in(0);
  auto type = node.typeAttr("dtype", DataType::i32);
  int64_t samples = node.sizeAttr("sample_size", 1);
  if (failed(checkFloat(node, 0)))
    return failure();
  if (type != DataType::i32 && type != DataType::i64)
    return node.error() << "attribute 'dtype' must be i32 or i64, got " << nameOf(type);
  if (input.rank() != 2)
    return node.error() << "expected 2 dimensions, got " << input.rank();
  Dims dims{input.dims[0], fixed(b, samples), input.dims[1]};
  // In f64, so that -ln(u) is never 0.
  DataType inner = DataType::f64;
  Value numbers = randomNumbers(node, randomKey(node), Distribution::uniform, dims, inner);
  Part u = with("Sub", {with.scalar(1, inner), hold(node, with, numbers, inner, dims)});
  Part least = with.scalar(0x1p-54, inner);
  Part noise = with("Log", {with("Max", {with("Neg", {with("Log", {u})}), least})});
  Part logits = with.cast(with("Unsqueeze", {with.input(0), with.ints({1})}), inner);
  Part top = with("ArgMax", {with("Sub", {logits, noise})},
                  {attribute("axis", int64_t{2}), attribute("keepdims", int64_t{0})});
  return with.define(0, with.cast(top, type));
}

// In training mode elements become 0 with probability `ratio`, and the others grow so that the mean
// stays. The mask, of bool since opset 7, says what stayed.
LogicalResult importDropout(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Composer with(node);
  const Imported &input = node.in(0);
  DataType type = input.dataType, maskType = node.opset() < 7 ? type : DataType::boolean;
  uint64_t key = randomKey(node);
  double ratio = node.floatAttr("ratio", 0.5);
  if (failed(checkFloat(node, 0)))
    return failure();
  // Inputs since opset 12; from 7 on there was no training mode.
  Part training = nullptr, given = nullptr;
  if (node.opset() < 7) {
    bool trains = node.intAttr("is_test", 0) == 0;
    training = with.scalar(trains ? 1 : 0, DataType::boolean);
  } else {
    training = node.has(2) ? with("Reshape", {with.input(2), with.ints({})})
                           : with.scalar(0, DataType::boolean);
  }
  DataType inner = node.has(1) ? innerType(node.in(1).dataType) : DataType::f32;
  given = node.has(1) ? with.cast(with("Reshape", {with.input(1), with.ints({})}), inner)
                      : with.scalar(ratio, inner);
  if (with.hasFailed())
    return failure();
  std::optional<bool> known = knownBool(node, *training);
  Dims dims = input.dims;
  if (known == false) {
    node.setAs(0, input);
    Part one = with.scalar(1, maskType);
    if (node.wants(1))
      return with.define(1, with("Expand", {one, with.shape(dims)}));
    return success();
  }
  Value numbers = randomNumbers(node, key, Distribution::uniform, dims, inner);
  Part stays = with("GreaterOrEqual", {hold(node, with, numbers, inner, dims), given});
  stays = with("Or", {with("Not", {training}), stays});
  Part one = with.scalar(1, inner);
  Part scale = with("Where", {training, with("Div", {one, with("Sub", {one, given})}), one});
  DataType wide = bitsOf(type) > bitsOf(inner) ? type : inner;
  Part grown = with("Mul", {with.cast(with.input(0), wide), with.cast(scale, wide)});
  Part made = with("Where", {stays, with.cast(grown, type), with.scalar(0, type)});
  if (failed(with.define(0, made)))
    return failure();
  return node.wants(1) ? with.define(1, with.cast(stays, maskType)) : success();
}

} // namespace

uint64_t randomKey(NodeContext &node) {
  if (const NodeAttribute *seed =
          node.find("seed", node.node.opType == "Dropout" ? AttributeKind::i : AttributeKind::f))
    return seed->kind == AttributeKind::i ? static_cast<uint64_t>(seed->i)
                                          : std::bit_cast<uint32_t>(seed->f);
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : node.node.name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

Value randomNumbers(NodeContext &node, uint64_t key, Distribution distribution,
                    ArrayRef<OpFoldResult> dims, DataType type) {
  ImplicitLocOpBuilder &b = node.b;
  Type element = node.elementType(type);
  return generate(b, emptyTensor(b, dims, element),
                  [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
                    Value place = word(inner, 0);
                    for (auto [dim, index] : llvm::zip(dims, at)) {
                      Value extent = toInteger(inner, dim, inner.getI64Type());
                      Value here = inner.create<arith::IndexCastOp>(inner.getI64Type(), index);
                      place = inner.create<arith::MulIOp>(place, extent);
                      place = inner.create<arith::AddIOp>(place, here);
                    }
                    return numberAt(inner, key, distribution, place, element);
                  });
}

ArrayRef<OpImporter> randomOps() {
  static const OpImporter list[] = {
      {"Bernoulli", importBernoulli, 1, 1},
      {"Dropout", importDropout, 1, 3, 2},
      {"Multinomial", importMultinomial, 1, 1},
      {"RandomNormal", importRandom<Distribution::normal>, 0, 0},
      {"RandomNormalLike", importRandomLike<Distribution::normal>, 1, 1},
      {"RandomUniform", importRandom<Distribution::uniform>, 0, 0},
      {"RandomUniformLike", importRandomLike<Distribution::uniform>, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
