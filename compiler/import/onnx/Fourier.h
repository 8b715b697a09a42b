// import/onnx/Fourier.h -- discrete Fourier transforms of lengths that are known.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

struct Fourier {
  int64_t length;
  bool inverse = false;   // without the division by the length
  bool hermitian = false; // the signal is the first half of a spectrum whose second mirrors it
};

// `signal` is [outer, extent, inner, 1 or 2], with real numbers or both parts of complex ones; it ends with zeros or is
// cut. Gives [outer * inner, length, 2] of f64. In length * (the sum of the length's prime factors) steps.
mlir::Value fourierTransform(NodeContext &node, mlir::Value signal, llvm::ArrayRef<OpFoldResult> dims, DataType type,
                             const Fourier &how);

} // namespace halcyon::onnx
