// dialect/nn/LinalgBuilders.h -- short ways to build linalg on tensors.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon {

using Dims = llvm::SmallVector<mlir::OpFoldResult>; // of index type

// A tensor whose values do not matter.
mlir::Value emptyTensor(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::OpFoldResult> dims,
                        mlir::Type element);

// A tensor of that shape, filled with one scalar.
mlir::Value filledTensor(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::OpFoldResult> dims,
                         mlir::Value scalar);
mlir::Value filledLike(mlir::ImplicitLocOpBuilder &b, mlir::Value init, mlir::Value scalar);

mlir::Value constantIndex(mlir::ImplicitLocOpBuilder &b, int64_t value);
mlir::Value constantFloat(mlir::ImplicitLocOpBuilder &b, mlir::Type type, double value);

// Called inside a linalg body with its block arguments; gives what it yields.
using Body = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>;

// One linalg.generic with one result. `maps` are those of inputs, then init.
mlir::Value generic(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange inputs, mlir::Value init,
                    llvm::ArrayRef<mlir::AffineMap> maps,
                    llvm::ArrayRef<mlir::utils::IteratorType> iterators, Body body);

// A generic over every element of `init`, which reads nothing: its body makes
// an element from linalg.index values.
mlir::Value generate(mlir::ImplicitLocOpBuilder &b, mlir::Value init,
                     llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                                    llvm::ArrayRef<mlir::Value> indices)>
                         body);

// Inside a body: loops over `extents`, the last one fastest, in which a value goes from step to step.
mlir::Value accumulate(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> extents,
                       mlir::Value start,
                       llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                                      llvm::ArrayRef<mlir::Value> at,
                                                      mlir::Value total)>
                           step);

// `source` at `indices` where `inside` holds, else `outside`; never reads
// elsewhere.
mlir::Value guardedExtract(mlir::ImplicitLocOpBuilder &b, mlir::Value inside, mlir::Value source,
                           mlir::ValueRange indices, mlir::Value outside);

// `source` placed at `low` in a tensor of shape `dims`, `outside` around it.
// Negative `low` crops.
mlir::Value padded(mlir::ImplicitLocOpBuilder &b, mlir::Value source,
                   llvm::ArrayRef<mlir::OpFoldResult> low, llvm::ArrayRef<mlir::OpFoldResult> dims,
                   mlir::Value outside);

llvm::SmallVector<mlir::utils::IteratorType> parallelIterators(size_t count);

} // namespace halcyon
