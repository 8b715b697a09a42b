// tensor/Products.h -- sums of products whose left side is read by several elements at once, as words of 32 bits.
#pragma once
#include "tensor/ByteWeights.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace halcyon {

// A sum of products of two operands.
struct Contraction {
  mlir::linalg::GenericOp op;
  unsigned left = 0, right = 1;
  ByteLoops loops;
  bool planes = false; // the left side's depth, at most four, is outermost: images
  int64_t products = 0; // of an element
};
// With the result's last dimension as columns, and whatever else its right side depends on as reductions.
std::optional<Contraction> anyContraction(mlir::linalg::GenericOp op, unsigned right);
// One of bytes whose depth can be taken by fours.
std::optional<Contraction> byteContraction(mlir::linalg::GenericOp op, unsigned right);
// One whose depth can be taken by twos: no planes.
std::optional<Contraction> pairContraction(mlir::linalg::GenericOp op, unsigned right);

// What the left side reads, behind views and padding with zeros.
struct Left {
  llvm::SmallVector<mlir::Operation *> views; // the last one first
  mlir::linalg::GenericOp padding;
  unsigned channel = 0; // the dimension of what is padded that is the padded tensor's depth
  mlir::Value source;
  mlir::linalg::GenericOp producer; // that dequantises; null from sourceOf
};
// Of an operand in `block`: what is behind the last such view.
Left sourceOf(mlir::Value value, mlir::Block *block, bool planes);
// Nothing where the source is not made by an elementwise operation in `block`.
std::optional<Left> leftOf(mlir::Value value, mlir::Block *block, bool planes);

// The same views of another tensor.
mlir::Value behindViews(mlir::Value tensor, const Left &left, mlir::RewriterBase &rewriter);
// The padding of another source; `depth`: a dimension of the result that has another extent now.
mlir::Value padded(mlir::linalg::GenericOp op, mlir::Value source, mlir::Value outside,
                   std::optional<std::pair<int64_t, int64_t>> depth, mlir::RewriterBase &rewriter);
// The elements of the innermost dimension as i32 that hold several.
mlir::Value wordsOf(mlir::Value tensor, mlir::RewriterBase &rewriter);

// An elementwise generic on tensors, all of the shape of the first but where a map says otherwise.
mlir::Value elementwise(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange inputs, llvm::ArrayRef<mlir::AffineMap> maps,
                        mlir::Type element, llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)> body);

} // namespace halcyon
