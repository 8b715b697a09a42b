// dispatch/Statistics.h -- how much work a module's launches are, for --stats.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace halcyon::dispatch {

struct Statistics {
  llvm::SmallVector<int64_t> launches; // of each executable, in the module's order, as written: loops count once
  llvm::SmallVector<int64_t> flopsEach; // of one launch of each executable
  int64_t flops = 0;                   // of launches whose shapes are static; a multiply-add is two
};

Statistics collectStatistics(mlir::ModuleOp module);

} // namespace halcyon::dispatch
