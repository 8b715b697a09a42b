// schedule/Passes.h -- the passes of this folder; Passes.td is their contract.
#pragma once
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

#include "dialect/host/Host.h"

namespace halcyon {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "schedule/Passes.h.inc"

} // namespace halcyon
