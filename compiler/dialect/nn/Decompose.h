// dialect/nn/Decompose.h -- one populate function a family of nn ops.
#pragma once
#include "mlir/IR/PatternMatch.h"

namespace halcyon::nn {

void populateDecomposeConvPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeConvTransposePatterns(mlir::RewritePatternSet &patterns); // to nn.conv
void populateDecomposePoolPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeNormPatterns(mlir::RewritePatternSet &patterns);

} // namespace halcyon::nn
