// import/onnx/RuntimeAxes.h -- axes whose number is known, and which dimensions they are only at
// run time.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

class RuntimeAxes {
public:
  // Of input `index`; of `rank` dimensions. At run time it is checked that each axis is one of
  // them, once.
  static llvm::FailureOr<RuntimeAxes> of(NodeContext &node, size_t index, int64_t rank);

  size_t size() const { return entries.size(); }
  int64_t rank() const { return static_cast<int64_t>(named.size()); }

  // As i1: whether any axis is this dimension.
  mlir::Value isNamed(int64_t dimension) const { return named[dimension]; }
  // `values[j]` where axis j is this dimension, else `otherwise`.
  OpFoldResult valueAt(NodeContext &node, int64_t dimension, llvm::ArrayRef<OpFoldResult> values,
                       OpFoldResult otherwise) const;
  // `yes` where the dimension is named, else `no`.
  OpFoldResult choose(NodeContext &node, int64_t dimension, OpFoldResult yes,
                      OpFoldResult no) const;
  // Of `rank` dims those that are not named, in order.
  Dims without(NodeContext &node, llvm::ArrayRef<OpFoldResult> dims) const;
  // `dims` at the dimensions that are not named, 1 at the others.
  Dims with(NodeContext &node, llvm::ArrayRef<OpFoldResult> dims) const;

private:
  llvm::SmallVector<mlir::Value> entries; // normalised: from the start
  llvm::SmallVector<mlir::Value> named;
};

// One axis of `input`, known now or at run time only.
class OneAxis {
public:
  // By input `index`, which holds one integer, where the node has it; else by `otherwise`.
  static llvm::FailureOr<OneAxis> of(NodeContext &node, const Imported &input, size_t index,
                                     int64_t otherwise);

  OpFoldResult extent;
  bool isKnown() const { return !runtime; }
  int64_t number() const { return axis; } // if known

  // Where the position is on the axis; the position with another place there; dims with another
  // extent there.
  mlir::Value place(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> at) const;
  llvm::SmallVector<mlir::Value> moved(mlir::ImplicitLocOpBuilder &b,
                                       llvm::ArrayRef<mlir::Value> at, mlir::Value to) const;
  Dims resized(NodeContext &node, llvm::ArrayRef<OpFoldResult> dims, OpFoldResult to) const;

private:
  int64_t axis = 0;
  std::optional<RuntimeAxes> runtime;
};

} // namespace halcyon::onnx
