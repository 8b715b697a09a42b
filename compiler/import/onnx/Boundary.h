// import/onnx/Boundary.h -- sequences and optionals at a function's boundary, where only tensors pass:
//   NAME          the values of all elements, one after another
//   NAME.shapes   i64, a row of 8 for each element: its dimensions, then -1
//   NAME.present  of an optional sequence: whether there is one
// An optional tensor is a sequence of at most one element.
#pragma once
#include "import/onnx/GraphImporter.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon::onnx {

struct BoundaryPart {
  const char *suffix; // of the name
  DataType dataType;
  llvm::SmallVector<int64_t, 2> shape;
};

// Null element type: not supported.
llvm::SmallVector<BoundaryPart, 3> boundaryParts(const ValueInfo &info);

// The value whose parts these tensors are. Checks at run time that they fit each other and the
// declared rank; fails after an error.
llvm::FailureOr<Imported> fromParts(GraphImporter &graph, mlir::ImplicitLocOpBuilder &b,
                                 const ValueInfo &info, mlir::ValueRange parts);

// The tensors that stand for a value; `info` is the declared type.
llvm::FailureOr<std::vector<Imported>> toParts(GraphImporter &graph, mlir::ImplicitLocOpBuilder &b,
                                            const ValueInfo &info, Imported value);

} // namespace halcyon::onnx
