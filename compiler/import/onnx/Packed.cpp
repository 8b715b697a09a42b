#include "import/onnx/Packed.h"
#include "dialect/nn/Nn.h"
#include "import/onnx/Reshape.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

Value byteConstant(ImplicitLocOpBuilder &b, int64_t value) {
  return b.create<arith::ConstantIntOp>(value, 8);
}

bool fillsBytes(ArrayRef<OpFoldResult> dims, int64_t each) {
  return Factors(dims).fixedPart % each == 0;
}

OpFoldResult byteCount(ImplicitLocOpBuilder &b, DataType type, ArrayRef<OpFoldResult> dims) {
  int64_t each = 8 / bitsOf(type);
  OpFoldResult count = product(b, dims);
  return fillsBytes(dims, each) ? floorDiv(b, count, fixed(b, each))
                                : ceilDiv(b, count, fixed(b, each));
}

Value reinterpret(ImplicitLocOpBuilder &b, Value tensor, RankedTensorType type,
                  ArrayRef<OpFoldResult> dims) {
  SmallVector<Value> sizes;
  for (auto [axis, dim] : llvm::enumerate(dims))
    if (type.isDynamicDim(axis))
      sizes.push_back(asValue(b, dim));
  return b.create<nn::ReinterpretOp>(type, tensor, sizes);
}

} // namespace

Value keepLowBits(ImplicitLocOpBuilder &b, Value value, DataType type) {
  unsigned bits = bitsOf(type);
  if (isUnsigned(type) || isSmallFloat(type))
    return b.createOrFold<arith::AndIOp>(value, byteConstant(b, (1 << bits) - 1));
  Value room = byteConstant(b, 8 - bits);
  return b.createOrFold<arith::ShRSIOp>(b.createOrFold<arith::ShLIOp>(value, room), room);
}

Value unpack(ImplicitLocOpBuilder &b, Value bytes, DataType type, ArrayRef<OpFoldResult> dims) {
  int64_t bits = bitsOf(type), each = 8 / bits;
  OpFoldResult count = byteCount(b, type, dims), all = mul(b, count, fixed(b, each));
  Value lanes = generic(
      b, {bytes}, emptyTensor(b, {count, fixed(b, each)}, b.getIntegerType(8)),
      {AffineMap::get(2, 0, b.getAffineDimExpr(0)), b.getMultiDimIdentityMap(2)},
      parallelIterators(2), [&](ImplicitLocOpBuilder &inner, ValueRange arguments) {
        Value lane = inner.create<linalg::IndexOp>(1);
        lane = inner.create<arith::MulIOp>(lane, constantIndex(inner, bits));
        Value shift = inner.create<arith::IndexCastOp>(inner.getIntegerType(8), lane);
        return keepLowBits(inner, inner.create<arith::ShRUIOp>(arguments[0], shift), type);
      });
  Value flat = reshapeTensor(b, lanes, {count, fixed(b, each)}, {all});
  OpFoldResult elements = product(b, dims);
  if (!fillsBytes(dims, each)) {
    SmallVector<OpFoldResult> zero{fixed(b, 0)}, size{elements}, one{fixed(b, 1)};
    flat = b.create<tensor::ExtractSliceOp>(flat, zero, size, one);
  }
  return reshapeTensor(b, flat, {elements}, dims);
}

Value pack(ImplicitLocOpBuilder &b, Value tensor, DataType type, ArrayRef<OpFoldResult> dims) {
  int64_t bits = bitsOf(type), each = 8 / bits;
  OpFoldResult elements = product(b, dims), count = byteCount(b, type, dims);
  OpFoldResult all = mul(b, count, fixed(b, each));
  Value flat = reshapeTensor(b, tensor, dims, {elements});
  if (!fillsBytes(dims, each))
    flat = padded(b, flat, {fixed(b, 0)}, {all}, byteConstant(b, 0));
  SmallVector<Value> lanes;
  for (int64_t lane = 0; lane < each; ++lane) {
    SmallVector<OpFoldResult> from{fixed(b, lane)}, size{count}, step{fixed(b, each)};
    lanes.push_back(b.create<tensor::ExtractSliceOp>(flat, from, size, step));
  }
  SmallVector<AffineMap> maps(each + 1, b.getMultiDimIdentityMap(1));
  return generic(b, lanes, emptyTensor(b, {count}, b.getIntegerType(8)), maps, parallelIterators(1),
                 [&](ImplicitLocOpBuilder &inner, ValueRange arguments) {
                   Value low = byteConstant(inner, (1 << bits) - 1), made;
                   for (int64_t lane = 0; lane < each; ++lane) {
                     Value part = inner.create<arith::AndIOp>(arguments[lane], low);
                     part = inner.createOrFold<arith::ShLIOp>(part, byteConstant(inner, lane * bits));
                     made = made ? inner.create<arith::OrIOp>(made, part).getResult() : part;
                   }
                   return made;
                 });
}

Value bytesOf(ImplicitLocOpBuilder &b, Value tensor, DataType type, ArrayRef<OpFoldResult> dims) {
  OpFoldResult count = byteCount(b, type, dims);
  return reinterpret(b, tensor, tensorType({count}, b.getIntegerType(8)), {count});
}

Value packedOf(ImplicitLocOpBuilder &b, Value bytes, DataType type, ArrayRef<OpFoldResult> dims) {
  return reinterpret(b, bytes, tensorType(dims, interfaceType(*b.getContext(), type)), dims);
}

} // namespace halcyon::onnx
