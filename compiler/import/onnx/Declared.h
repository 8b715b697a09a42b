// import/onnx/Declared.h -- what a file says of its values, against what they are.
#pragma once
#include "import/onnx/GraphImporter.h"

namespace halcyon::onnx {

// Types, ranks and extents of the main graph's values and outputs. A file that contradicts itself is damaged, or not
// the model that was meant.
llvm::LogicalResult checkDeclared(const Model &model, const GraphImporter &graph, const Scope &scope);

} // namespace halcyon::onnx
