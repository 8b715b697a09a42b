// schedule/AssumedSize.h -- sizes at which plans are compared, as only a call knows the real ones.
#pragma once
#include "mlir/IR/Value.h"

namespace halcyon {

// What `value` is where each size that others do not give is `size`: half of one is half of `size`.
int64_t assumedSize(mlir::Value value, int64_t size);

} // namespace halcyon
