// codegen/cpu/winograd/WinogradTransforms.h -- a Winograd convolution's transforms of inputs and sums, as arithmetic on vectors.
#pragma once
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon {

// Row by row.
using WinogradGrid = llvm::SmallVector<llvm::SmallVector<mlir::Value>>;

// B^T d B of a x a inputs, a = tile + 2. The points are those of dialect/nn/Winograd.h.
WinogradGrid transformInputs(mlir::ImplicitLocOpBuilder &b, WinogradGrid inputs);
// A^T m A: tile x tile results of a x a sums.
WinogradGrid transformSums(mlir::ImplicitLocOpBuilder &b, WinogradGrid sums);

// With contraction allowed.
mlir::Value multiplyAdd(mlir::ImplicitLocOpBuilder &b, mlir::Value left, mlir::Value right, mlir::Value sum);

} // namespace halcyon
