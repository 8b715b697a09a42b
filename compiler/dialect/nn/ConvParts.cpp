#include "dialect/nn/ConvParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

Value halcyon::nn::zeroOf(ImplicitLocOpBuilder &b, Type type) {
  return b.create<arith::ConstantOp>(b.getZeroAttr(type));
}

Value halcyon::nn::startAccumulator(ImplicitLocOpBuilder &b, Value init, Value bias, unsigned channelAxis) {
  if (!bias)
    return filledLike(b, init, zeroOf(b, cast<RankedTensorType>(init.getType()).getElementType()));
  auto rank = static_cast<unsigned>(cast<RankedTensorType>(init.getType()).getRank());
  AffineMap channel = AffineMap::get(rank, 0, b.getAffineDimExpr(channelAxis));
  return generic(b, {bias}, init, {channel, b.getMultiDimIdentityMap(rank)},
                 parallelIterators(rank),
                 [](ImplicitLocOpBuilder &, ValueRange arguments) { return arguments[0]; });
}

Value halcyon::nn::multiplyAdd(ImplicitLocOpBuilder &b, ValueRange arguments) {
  if (isa<FloatType>(arguments[0].getType())) {
    Value product = b.create<arith::MulFOp>(arguments[0], arguments[1]);
    return b.create<arith::AddFOp>(arguments[2], product);
  }
  Value product = b.create<arith::MulIOp>(arguments[0], arguments[1]);
  return b.create<arith::AddIOp>(arguments[2], product);
}

Value halcyon::nn::addInside(ImplicitLocOpBuilder &b, Value inside, Value input, ValueRange from, Value filter,
                             ValueRange weight, Value total) {
  auto branch = b.create<scf::IfOp>(
      inside,
      [&](OpBuilder &nested, Location loc) {
        ImplicitLocOpBuilder then(loc, nested);
        Value x = then.create<tensor::ExtractOp>(input, from), w = then.create<tensor::ExtractOp>(filter, weight);
        then.create<scf::YieldOp>(multiplyAdd(then, {x, w, total}));
      },
      [&](OpBuilder &nested, Location loc) { nested.create<scf::YieldOp>(loc, total); });
  return branch.getResult(0);
}
