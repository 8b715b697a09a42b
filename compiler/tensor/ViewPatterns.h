// tensor/ViewPatterns.h -- MLIR 19's patterns that go wrong: on views with several dynamic dimensions, and on loops.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace mlir {
class RewritePatternSet;
}

namespace halcyon {

// To be disabled by name wherever upstream's canonicalization patterns run.
llvm::SmallVector<std::string> brokenPatterns();

// What of them is right.
void populateViewPatterns(mlir::RewritePatternSet &patterns);

} // namespace halcyon
