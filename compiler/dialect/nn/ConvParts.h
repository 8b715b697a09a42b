// dialect/nn/ConvParts.h -- what the decompositions of convolutions share.
#pragma once
#include "dialect/nn/LinalgBuilders.h"

namespace halcyon::nn {

mlir::Value zeroOf(mlir::ImplicitLocOpBuilder &b, mlir::Type type);

// `init` overwritten by zero or by the bias of each channel.
mlir::Value startAccumulator(mlir::ImplicitLocOpBuilder &b, mlir::Value init, mlir::Value bias, unsigned channelAxis);

// The body of a contraction: (left, right, sum) -> sum + left * right.
mlir::Value multiplyAdd(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange arguments);

} // namespace halcyon::nn
