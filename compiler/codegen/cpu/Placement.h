// codegen/cpu/Placement.h -- slices of larger tensors: what a kernel writes where it goes, and reads where it lies.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace halcyon {

// A result, or a view of it with more dimensions, that nothing but the insertion uses.
struct Placement {
  mlir::linalg::LinalgOp maker;
  mlir::OpOperand *start = nullptr; // the first of its chain of destinations, a tensor.empty, which the place may replace
  mlir::tensor::ExpandShapeOp view; // null: none
  // Dimensions of the destination that are one of the result's each; empty without a view.
  llvm::SmallVector<mlir::ReassociationIndices> groups;
};

// Rows of the part are rows of the whole, or long parts of them: vectors stay whole. Which dimensions the part drops must be
// plain from its type, as on buffers there is nothing else to tell.
bool hasWholeRows(mlir::RankedTensorType part, mlir::RankedTensorType whole, const llvm::SmallBitVector &dropped);

// The part of the buffer `whole`, of `shape`.
mlir::Value viewOf(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value whole, llvm::ArrayRef<int64_t> shape,
                   llvm::ArrayRef<mlir::OpFoldResult> offsets, llvm::ArrayRef<mlir::OpFoldResult> sizes);

// Null where what is inserted cannot be computed in its place: there the slice's rows are whole, or long.
std::optional<Placement> placementOf(mlir::tensor::InsertSliceOp insert);

// The place: a part of `whole`, the destination's buffer, of the result's shape.
mlir::Value placeIn(mlir::OpBuilder &builder, const Placement &placement, mlir::tensor::InsertSliceOp insert, mlir::Value whole);

} // namespace halcyon
