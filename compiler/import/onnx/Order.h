// import/onnx/Order.h -- places of elements in an order.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

// As i1: whether place `left` of a row comes before place `right`. A strict order in which no two places are equal.
using ComesBefore = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &b, mlir::Value row, mlir::Value left,
                                                   mlir::Value right)>;

// [rows, count] of i64: the places of each row, which are 0 to extent - 1, that come first, in order. 0 where a row has
// fewer. By a heap: in extent * log(count) steps.
mlir::Value firstInOrder(mlir::ImplicitLocOpBuilder &b, OpFoldResult rows, OpFoldResult extent, OpFoldResult count,
                         ComesBefore before);

// Whether NaN is greater than any number, then the greater.
mlir::Value lessWithNan(mlir::ImplicitLocOpBuilder &b, mlir::Value left, mlir::Value right, DataType type);

} // namespace halcyon::onnx
