// import/onnx/RecurrentActivations.h -- the functions inside RNN, LSTM and GRU, by their names.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

struct RecurrentActivation {
  std::string name; // in lower case
  double alpha = 0, beta = 0;

  mlir::Value apply(mlir::ImplicitLocOpBuilder &b, mlir::Value x) const;
};

// Attributes activations, activation_alpha and activation_beta: as many as `defaults` for each
// direction, one direction after another. One list for all directions is right, too.
llvm::FailureOr<llvm::SmallVector<RecurrentActivation>>
recurrentActivations(NodeContext &node, llvm::ArrayRef<llvm::StringRef> defaults,
                     int64_t directions);

} // namespace halcyon::onnx
