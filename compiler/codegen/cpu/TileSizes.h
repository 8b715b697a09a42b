// codegen/cpu/TileSizes.h -- how much of a kernel's workload one workgroup does.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace halcyon {

inline constexpr int64_t wholeWorkload = 0xffffffff; // the schema's largest tile

// Of the root's leading `rank` loops.
llvm::SmallVector<int64_t> chooseTile(mlir::func::FuncOp function, mlir::TilingInterface root, unsigned rank);

// Of the leading `rank` dimensions of a tensor that is copied. A small one is one tile.
llvm::SmallVector<int64_t> chooseCopyTile(mlir::RankedTensorType source, unsigned rank);

// The size of an op's result is that of its destination: what only asks for the size keeps no op alive.
void dropDimsOfResults(mlir::func::FuncOp function);

} // namespace halcyon
