// codegen/cpu/TileEmitter.h -- a linalg op's scalar region on a tile of vectors.
//
// A tile covers `rows` positions of one parallel loop (u) by `columns` vectors of another (v), whose addresses are
// adjacent in the output. Every other loop has one position.
#pragma once
#include "codegen/cpu/Panels.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/SmallBitVector.h"

#include <optional>

namespace halcyon {

// How an operand's address moves with one step of a loop.
struct Step {
  enum Kind { invariant, contiguous, panel, strided, irregular } kind = invariant; // panel: contiguous inside of one
  unsigned result = 0;     // the operand's dimension that moves
  int64_t coefficient = 0; // by so many positions
  int64_t elements = mlir::ShapedType::kDynamic; // and so many elements
};
// A scalar, which has no memory, is invariant.
Step stepOf(mlir::AffineMap map, mlir::Type memory, unsigned loop);

struct TileShape {
  unsigned rows = 1, columns = 1, lanes = 1; // lanes of a vector; 1: scalars
};

struct TilePosition {
  llvm::SmallVector<mlir::Value> loops; // of each loop of the op; of u and v the first position
  std::optional<unsigned> u;
  unsigned v = 0;
  mlir::Value lanesLeft; // with it, only so many lanes exist, of which the last column has the last
};

class TileEmitter {
public:
  TileEmitter(mlir::ImplicitLocOpBuilder &builder, TileShape shape) : b(builder), shape(shape) {}

  // Values row by row, column by column; one that does not depend on u or v is repeated. Skipped rows have none.
  using Tile = llvm::SmallVector<mlir::Value>;
  Tile load(mlir::Value memory, mlir::AffineMap map, const TilePosition &position);
  void prefetch(mlir::Value memory, mlir::AffineMap map, const TilePosition &position); // what load reads, into L1
  void store(const Tile &tile, mlir::Value memory, mlir::AffineMap map, const TilePosition &position);
  Tile splat(mlir::Value scalar);
  void skipRows(llvm::SmallBitVector rows) { skipped = std::move(rows); }
  // The region's yielded values for arguments given as tiles, one for each block argument.
  llvm::SmallVector<Tile> body(mlir::linalg::LinalgOp op, llvm::ArrayRef<Tile> arguments);

private:
  mlir::Type vectorOf(mlir::Type element) const;
  mlir::Value index(int64_t value);
  mlir::Value vector(mlir::Value scalar);
  llvm::SmallVector<mlir::Value> indices(mlir::AffineMap map, const TilePosition &position, unsigned row,
                                         unsigned column);
  void panelIndices(const Panel &panel, const TilePosition &position, unsigned column,
                    llvm::SmallVectorImpl<mlir::Value> &at);
  mlir::Value loadOne(mlir::Value memory, mlir::AffineMap map, const TilePosition &position, unsigned row,
                      unsigned column, const Step &step);
  mlir::Value loadEven(mlir::Value memory, llvm::ArrayRef<mlir::Value> at, mlir::VectorType type, mlir::Value left);
  mlir::Value lanesOf(const TilePosition &position, unsigned column); // null: all
  mlir::Value mask(mlir::Value lanes);
  bool skips(unsigned row) const { return row < skipped.size() && skipped.test(row); }

  mlir::ImplicitLocOpBuilder &b;
  TileShape shape;
  llvm::SmallBitVector skipped;
};

// Whether `body` can be emitted for the op.
bool canEmitBody(mlir::linalg::LinalgOp op);

} // namespace halcyon
