// codegen/cpu/Panels.h -- operands packed at compile time: the columns of a matrix in panels of 16, [N/16]..[16].
//
// Their map is (.., n floordiv 16, .., n mod 16): other results are loops or do not depend on n. Panels are whole:
// what is past the last column is zero, and readable.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace halcyon {

struct Panel {
  unsigned loop = 0;   // whose positions are columns
  unsigned result = 0; // that counts panels; the last one is the column in a panel
  int64_t width = 0;
};
std::optional<Panel> panelOf(mlir::AffineMap map);

// linalg's tiling cuts `n mod 16` as if it rose with n. Whole panels replace such slices: offsets are multiples of
// a panel's width because tiles are.
void takeWholePanels(mlir::func::FuncOp function);

} // namespace halcyon
