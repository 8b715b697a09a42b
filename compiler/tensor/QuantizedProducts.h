// tensor/QuantizedProducts.h -- sums of products whose sides are dequantised bytes.
#pragma once
#include "tensor/ByteWeights.h"
#include "tensor/Dequantized.h"
#include "tensor/Products.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace halcyon {

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
