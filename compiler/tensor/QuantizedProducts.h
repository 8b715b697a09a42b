// tensor/QuantizedProducts.h -- sums of products whose sides are dequantised bytes.
#pragma once
#include "tensor/ByteWeights.h"
#include "tensor/Dequantized.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace halcyon {

// A sum of products of two operands.
struct Contraction {
  mlir::linalg::GenericOp op;
  unsigned left = 0, right = 1;
  ByteLoops loops;
  bool planes = false; // the left side's depth, at most four, is outermost: images
};
// With the result's last dimension as columns, and whatever else its right side depends on as reductions.
std::optional<Contraction> anyContraction(mlir::linalg::GenericOp op, unsigned right);
// One whose depth can be taken by fours.
std::optional<Contraction> byteContraction(mlir::linalg::GenericOp op, unsigned right);

// What the left side reads: bytes, behind views and padding with the zero point.
struct Left {
  llvm::SmallVector<mlir::Operation *> views; // the last one first
  mlir::linalg::GenericOp padding;
  unsigned channel = 0;             // the dimension of what is padded that is the padded tensor's depth
  mlir::linalg::GenericOp producer; // that dequantises
};
// Of an operand in `block`; nothing where something else is between.
std::optional<Left> leftOf(mlir::Value value, mlir::Block *block, bool planes);

// The zero point of unsigned bytes, and the scale, of what a producer makes: the same for all elements.
struct Uniform {
  int32_t zero = 0;
  float scale = 1;
  bool hasScale = false;
  mlir::Value zeroAtRun; // instead of `zero`: a value of the producer's body, later a tensor of one i32
};
std::optional<Uniform> uniformOf(const Dequantized &form, mlir::linalg::GenericOp producer);
// A value of the body that comes from inputs of one element alone, as a tensor.
mlir::Value tensorOf(mlir::Value value, mlir::linalg::GenericOp op, mlir::RewriterBase &rewriter);
// The operand that already has the bytes, unsigned and in the loops' order; or null.
mlir::Value bytesOf(mlir::linalg::GenericOp op, const Dequantized &form);
// What a byte stands for; `in`: it, and the zero point where that is known at the call.
mlir::Value dequantize(mlir::ImplicitLocOpBuilder &b, const Uniform &form, mlir::ValueRange in, mlir::Type type);

} // namespace halcyon
