// Pipeline.h -- the passes from an imported module to one that is ready for emission.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "Options.h"

namespace mlir {
class OpPassManager;
}

namespace halcyon {

struct Phase {
  const char *name; // the folder, and the key in --stats
  void (*build)(mlir::OpPassManager &passes, const Options &options);
};

// tensor, dispatch, schedule: in this order. compiler/README.md says what each pass is for.
llvm::ArrayRef<Phase> phases();

} // namespace halcyon
