// codegen/cpu/RegisterPlan.h -- which loops of a reduction a register block covers, and what is fused with it.
#pragma once
#include "codegen/cpu/TileEmitter.h"

namespace halcyon {

// The loops of a reduction, or of an elementwise op, on buffers.
struct RegisterPlan {
  mlir::linalg::GenericOp op;
  std::optional<unsigned> u;         // the block's rows
  unsigned v = 0;                    // the block's vectors
  llvm::SmallVector<unsigned> outer; // the other parallel loops
  llvm::SmallVector<unsigned> reductions;
  bool slides = false; // rows read each other's vectors at other positions of the innermost reduction, a window's

  mlir::Value output() const { return mlir::linalg::GenericOp(op).getDpsInits()[0]; }
  mlir::AffineMap outputMap() const {
    auto generic = mlir::linalg::GenericOp(op);
    return generic.getMatchingIndexingMap(generic.getDpsInitOperand(0));
  }
  // Some input is the same for all of v: a scalar that several vectors use.
  bool sharesScalars() const;
  // Rows of an input that each vector reads alone lie so that a column of them falls into few sets of the cache.
  bool columnsCollide() const;
  // The input that was packed at compile time for columns of v.
  std::optional<unsigned> inPlacePanel() const;
  // The input that all rows of a block read as vectors, if a copy of its columns for a block pays off: it has many
  // blocks of `rows` rows, and its own columns are far apart.
  std::optional<unsigned> panelOperand(unsigned rows) const;

private:
  // Columns that are so close that a copy of some of them would not pay off.
  bool isNear(mlir::Value memory, mlir::AffineMap map) const;
};

// Null where register blocks do not suit the op.
std::optional<RegisterPlan> planRegisters(mlir::linalg::GenericOp op);

// For an op that only has parallel loops: v alone, no reductions. Null where its memory is not read in whole vectors.
std::optional<RegisterPlan> planElementwise(mlir::linalg::GenericOp op);

// An elementwise op on the plan's output, whose loops are the plan's.
struct FusedOp {
  mlir::linalg::LinalgOp op;
  llvm::SmallVector<unsigned> loops; // of the plan, for each loop of `op`
};

// What can happen in the block's registers: an op that overwrites the output before the reduction, and ops after it.
struct Fusion {
  std::optional<FusedOp> first;
  llvm::SmallVector<FusedOp> after;
};
Fusion findFusion(const RegisterPlan &plan);

} // namespace halcyon
