// codegen/cpu/BlockWriter.h -- a planned reduction or elementwise op as loops around register blocks.
#pragma once
#include "codegen/cpu/Padding.h"
#include "codegen/cpu/RegisterPlan.h"

namespace halcyon {

// Window loops up to so many iterations are unrolled: their addresses fold into the loads.
inline constexpr int64_t unrollLimit = 9;

struct Registers {
  unsigned lanes, rows, columns; // rows: with `columns` vectors each
  bool masks;                    // partial vectors cost no more than whole ones
  bool byteMatrices = false, pairMatrices = false; // instructions for products of them (MatrixSteps.h)
};

// Before the builder's insertion point; the ops stay.
void writeBlocks(const RegisterPlan &plan, const Fusion &fusion, const std::optional<Padding> &padding,
                 Registers registers, mlir::ImplicitLocOpBuilder &builder);

} // namespace halcyon
