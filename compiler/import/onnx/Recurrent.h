// import/onnx/Recurrent.h -- recurrent cells, which become loops over time.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

llvm::LogicalResult importLstm(NodeContext &node);
llvm::LogicalResult importGru(NodeContext &node);
llvm::LogicalResult importRnn(NodeContext &node);

} // namespace halcyon::onnx
