// dialect/nn/ConvBorders.h -- what infinite weights make of padding.
#pragma once
#include "dialect/nn/Nn.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon::nn {

// Whether padding may be multiplied, or left out: zero times a finite weight is zero.
enum class Weights { finite, infinite, unknown };
Weights weightsOf(ConvOp op);

// The convolution as a sum, for each element, over taps, exactly as the op says. With a `result`, which is right for finite
// weights, it is computed only where a weight turns out to be infinite or NaN.
mlir::Value exactly(mlir::ImplicitLocOpBuilder &b, ConvOp op, mlir::Value result);

} // namespace halcyon::nn
