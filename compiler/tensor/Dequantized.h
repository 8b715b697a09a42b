// tensor/Dequantized.h -- the form of dequantised numbers in the body of an elementwise operation.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace halcyon {

// (byte - zero) * scale, of type f32; or byte - zero, of type i32.
struct Dequantized {
  mlir::Value byte; // an i8
  bool isSigned = false;
  mlir::Value zero;  // of type i32; null: 0
  mlir::Value scale; // of type f32; null: 1
};
std::optional<Dequantized> dequantized(mlir::Value value);

// One result, an element for each position of the loops, from the inputs alone.
bool isElementwise(mlir::linalg::GenericOp op);

// A tensor of the shape of `like` whose values do not matter.
mlir::Value emptyLike(mlir::OpBuilder &builder, mlir::Value like, mlir::Type element);

} // namespace halcyon
