// dialect/nn/Passes.h -- passes of the nn dialect.
#pragma once
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class RewritePatternSet;
}

namespace halcyon {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialect/nn/Passes.h.inc"

// What halcyon-decompose-nn applies.
void populateDecomposeNnPatterns(mlir::RewritePatternSet &patterns);

} // namespace halcyon
