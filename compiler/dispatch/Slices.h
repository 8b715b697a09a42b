// dispatch/Slices.h -- parts of tensors that kernels read where they lie.
#pragma once
#include "dispatch/Dimensions.h"
#include "mlir/IR/Block.h"

namespace halcyon::dispatch {

// A copy of a part of a tensor, with whole or long rows, that only kernels of this block read becomes a
// tensor.extract_slice, which each of them takes; views of it become views of the tensor.
void readSlices(mlir::Block &block, Dimensions &dimensions);

} // namespace halcyon::dispatch
