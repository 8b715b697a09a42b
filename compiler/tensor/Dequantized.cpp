#include "tensor/Dequantized.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace halcyon;

// The byte that `value` is, with more bits.
static bool readByte(Value value, Dequantized &made) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op) || !op->getOperand(0).getType().isInteger(8))
    return false;
  made.byte = op->getOperand(0);
  made.isSigned = isa<arith::ExtSIOp>(op);
  return true;
}

static bool readCentred(Value value, Dequantized &made) {
  if (!value.getType().isInteger(32))
    return false;
  auto sub = value.getDefiningOp<arith::SubIOp>();
  if (!sub)
    return readByte(value, made);
  made.zero = sub.getRhs();
  return readByte(sub.getLhs(), made);
}

static bool readFloat(Value value, Dequantized &made) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<arith::SIToFPOp, arith::UIToFPOp>(op))
    return false;
  if (op->getOperand(0).getType().isInteger(8)) {
    made.byte = op->getOperand(0);
    made.isSigned = isa<arith::SIToFPOp>(op);
    return true;
  }
  return isa<arith::SIToFPOp>(op) && readCentred(op->getOperand(0), made);
}

std::optional<Dequantized> halcyon::dequantized(Value value) {
  Dequantized made;
  if (value.getType().isInteger(32))
    return readCentred(value, made) ? std::optional(made) : std::nullopt;
  if (!value.getType().isF32())
    return {};
  if (readFloat(value, made))
    return made;
  auto scaled = value.getDefiningOp<arith::MulFOp>();
  if (!scaled)
    return {};
  for (bool turned : {false, true}) {
    Dequantized product;
    if (!readFloat(turned ? scaled.getRhs() : scaled.getLhs(), product))
      continue;
    product.scale = turned ? scaled.getLhs() : scaled.getRhs();
    return product;
  }
  return {};
}

bool halcyon::isElementwise(linalg::GenericOp op) {
  return op && op.hasPureTensorSemantics() && op.getNumResults() == 1 && op.getNumLoops() == op.getNumParallelLoops() &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() &&
         !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0));
}

Value halcyon::emptyLike(OpBuilder &builder, Value like, Type element) {
  Location loc = like.getLoc();
  if (auto generic = like.getDefiningOp<linalg::LinalgOp>(); generic && generic.getNumDpsInits() == 1)
    like = generic.getDpsInits()[0];
  if (auto empty = like.getDefiningOp<tensor::EmptyOp>())
    return builder.create<tensor::EmptyOp>(loc, empty.getMixedSizes(), element);
  return builder.create<tensor::EmptyOp>(loc, tensor::getMixedSizes(builder, loc, like), element);
}
