// dialect/nn/HiddenIndex.h -- reading elements of constants that MLIR 19 cannot fold (see nn.hidden_index).
#pragma once
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"

namespace halcyon::nn {

// The dense_resource that `tensor`, behind casts, is; else null.
mlir::DenseResourceElementsAttr resourceOf(mlir::Value tensor);

} // namespace halcyon::nn
