// tensor/Passes.h -- the passes of this folder; Passes.td is their contract.
#pragma once
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"
#include "tensor/Precision.h"

namespace halcyon {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "tensor/Passes.h.inc"

} // namespace halcyon
