// dispatch/Insertions.h -- where what is concatenated goes into the whole.
#pragma once
#include "dispatch/Dimensions.h"
#include "mlir/IR/Block.h"

namespace halcyon::dispatch {

// Of the insertions that fill an empty tensor, those that a kernel does where it computes what is inserted move right
// behind that, in its order, and the tensor with them: a group runs where its insertion stands, and what it reads lives
// until then. The others stay behind, at the end.
void hoistInsertions(mlir::Block &block, Dimensions &dimensions);

} // namespace halcyon::dispatch
