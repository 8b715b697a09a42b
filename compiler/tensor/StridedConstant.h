// tensor/StridedConstant.h -- the bytes behind a constant tensor that was reshaped or transposed on the way.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include <optional>

namespace halcyon {

// Element (i0, i1, ..) of the tensor is number i0 * strides[0] + i1 * strides[1] + .. from the beginning of `bytes`, which
// belong to an attribute of the context; where a stride is negative it may lie before that. A splat has strides of 0.
struct StridedConstant {
  llvm::ArrayRef<char> bytes;
  mlir::Type element;
  llvm::SmallVector<int64_t> shape, strides;
  llvm::StringRef name; // of the resource; empty where it has none
  int64_t whole = 0;    // bytes of the attribute
};

// The strides, in elements, of a tensor that lies as its shape says.
llvm::SmallVector<int64_t> contiguousStrides(llvm::ArrayRef<int64_t> shape);
// Copies each element to `to`, at strides of elements that each dimension of the constant has there.
void copyElements(const StridedConstant &constant, char *to, llvm::ArrayRef<int64_t> strides);

// The same elements, one at a time in the order of the shape.
void visitElements(const StridedConstant &constant, llvm::function_ref<void(const char *)> visit);

// Nothing where `value` is no constant of whole bytes, or went through an operation that moves elements otherwise.
std::optional<StridedConstant> stridedConstant(mlir::Value value);

// A tensor that one elementwise operation makes of constants alone: weights that are dequantised. The inputs are seen
// through what moves the result afterwards: all have the tensor's shape, with strides of 0 where they are spread.
struct ComputedConstant {
  mlir::linalg::GenericOp op; // null where the tensor is itself a constant, the one input
  llvm::SmallVector<StridedConstant> inputs;
};
std::optional<ComputedConstant> computedConstant(mlir::Value value);

} // namespace halcyon
