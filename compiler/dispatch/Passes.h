// dispatch/Passes.h -- the passes of this folder; Passes.td is their contract.
#pragma once
#include "dialect/dispatch/Dispatch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace halcyon {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dispatch/Passes.h.inc"

} // namespace halcyon
