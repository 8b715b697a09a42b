// codegen/cpu/PaddedReads.h -- where a block reads the source of a padded operand, and where there is nothing to read.
#pragma once
#include "codegen/cpu/Padding.h"

#include <utility>

namespace halcyon {

class PaddedReads {
public:
  // `rows`: the loop of a block's rows.
  PaddedReads(const Padding &padding, mlir::linalg::GenericOp op, std::optional<unsigned> rows,
              mlir::ImplicitLocOpBuilder &builder);

  // Of the source, on the op's loops and, behind them, `offsets`.
  mlir::AffineMap map() const { return sourceMap; }
  llvm::ArrayRef<mlir::Value> offsets() const { return sourceOffsets; }

  // The dimension whose window moves with the reduction loop; null if all of it is inside.
  const Padding::Dim *windowOn(unsigned reduction) const;
  bool alongRows(const Padding::Dim &dim) const { return dim.window && rows && dim.window->parallel == rows; }
  // Whether only the call knows which rows reach outside; else the next two tell.
  bool rowsAreUnknown() const;
  // The rows of a block at `start` for which this position of the reduction is outside.
  llvm::SmallBitVector outside(const Padding::Dim &dim, int64_t start, unsigned height, int64_t position) const;
  // Whether a row of the block reaches outside.
  bool crossesBorder(int64_t start, unsigned height) const;
  // From the first to behind the last row that has all of its window inside.
  std::pair<mlir::Value, mlir::Value> innerRows();
  // Whether the source has positions along the rows.
  mlir::Value hasPositions();
  // What a block reads whose rows may reach outside, of a source that has positions along them.
  TileEmitter::Tile load(TileShape shape, const TilePosition &position);
  // From the first to behind the last position of a reduction of `extent` that is inside, at a position of the loops.
  std::pair<mlir::Value, mlir::Value> insideOf(const Padding::Dim &dim, llvm::ArrayRef<mlir::Value> loops,
                                               mlir::Value extent);

private:
  mlir::Value index(int64_t value);
  mlir::Value firstOf(const Padding::Dim &dim); // the position that the window begins at, at none of the loops
  const Padding::Dim *dimOfRows() const;

  const Padding &padding;
  std::optional<unsigned> rows;
  mlir::ImplicitLocOpBuilder &b;
  llvm::SmallVector<int64_t> extents;
  mlir::AffineMap sourceMap;
  llvm::SmallVector<mlir::Value> sourceOffsets;
};

} // namespace halcyon
