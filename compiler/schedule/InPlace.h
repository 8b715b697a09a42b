// schedule/InPlace.h -- whether a kernel may write where it, or a variable, already lies.
#pragma once
#include "dialect/dispatch/Dispatch.h"

namespace halcyon {

// Whether the kernel reads element i of tensor argument `input` only to compute elements i of what
// it computes, which has its type, and needs it for result `output`: that may then lie where the
// input does. Results that do not need it might be stored before it is loaded.
bool isPointwise(dispatch::ExecutableOp kernel, unsigned input, unsigned output);

// Whether `value`, or what launches of its block make of it in place, is stored to the variable,
// which the function loads once only: then it may be computed in the variable's memory.
bool storesBack(mlir::Value value, mlir::StringAttr variable);

} // namespace halcyon
