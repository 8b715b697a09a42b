// tensor/DimPatterns.h -- tensor.dim of an operation's result becomes what the operation was given.
#pragma once

namespace mlir {
class RewritePatternSet;
}

namespace halcyon {

// Beside upstream's patterns: views whose groups have several dynamic dimensions are resolved too.
void populateDimPatterns(mlir::RewritePatternSet &patterns);

} // namespace halcyon
