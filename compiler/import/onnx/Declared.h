// import/onnx/Declared.h -- what a file says of its values, against what they are.
#pragma once
#include "import/onnx/GraphImporter.h"

namespace halcyon::onnx {

// Types, ranks and extents of values that are `scope`'s own, of which `nodes` made some; `error` begins what is said of
// others. A file that contradicts itself is damaged, or not the model that was meant.
llvm::LogicalResult checkDeclared(const GraphImporter &graph, const Scope &scope, llvm::ArrayRef<ValueInfo> infos,
                                  llvm::ArrayRef<Node> nodes, llvm::function_ref<mlir::InFlightDiagnostic()> error);
// Types and ranks of a body's inputs: one element may have any rank. What extents a loop carries is its own matter.
llvm::LogicalResult checkDeclaredInputs(const Scope &scope, llvm::ArrayRef<ValueInfo> infos,
                                        llvm::function_ref<mlir::InFlightDiagnostic()> error);

} // namespace halcyon::onnx
