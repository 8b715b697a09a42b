// dispatch/Statistics.h -- how much work a module's launches are, for --stats.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace halcyon::dispatch {

// Of one launch; nothing where shapes are not static.
struct Work {
  bool known = false;
  int64_t flops = 0; // a multiply-add is two
  int64_t bytes = 0; // read and written
};

struct Statistics {
  llvm::SmallVector<int64_t> launches; // of each executable, in the module's order, as written: loops count once
  llvm::SmallVector<Work> each;        // of each executable
  int64_t flops = 0, bytes = 0;        // of all launches whose work is known
};

Statistics collectStatistics(mlir::ModuleOp module);

} // namespace halcyon::dispatch
