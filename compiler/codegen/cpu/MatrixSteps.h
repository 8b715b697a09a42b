// codegen/cpu/MatrixSteps.h -- sums of products whose rows and columns are taken by twos: AArch64's usmmla and bfmmla.
//
// One instruction adds to 2x2 sums the products of two rows by two columns, of 64 bits of the depth each: two words of four
// bytes, or of two bf16. That is twice what usdot and bfdot do.
#pragma once
#include "codegen/cpu/RegisterPlan.h"

namespace halcyon {

struct MatrixSteps {
  unsigned depth = 0;          // the reduction that is taken by two words
  unsigned left = 0, right = 1; // operands
  bool pairs = false;          // of bf16; else bytes
};
// Null where the op is no such product. `bytes`, `pairs`: whether the target has the instruction.
std::optional<MatrixSteps> planMatrixSteps(const RegisterPlan &plan, bool bytes, bool pairs);

// What the left side reads: the operand, or what it pads.
struct LeftRows {
  mlir::Value memory;
  mlir::AffineMap map;
  TilePosition position; // along the depth
};

class MatrixEmitter {
public:
  // Of whole vectors of four columns, and at least two rows.
  MatrixEmitter(mlir::ImplicitLocOpBuilder &builder, const MatrixSteps &steps, TileShape shape)
      : b(builder), steps(steps), shape(shape) {}

  // Rows of sums become sums of two rows by two columns; an odd row is twice in its own.
  TileEmitter::Tile matricesOf(const TileEmitter::Tile &rows);
  TileEmitter::Tile rowsOf(const TileEmitter::Tile &matrices);
  // With the products of `words` words, 2 or 1, of the depth.
  TileEmitter::Tile add(TileEmitter::Tile matrices, const LeftRows &left, TilePosition right, mlir::Value panels,
                        mlir::AffineMap map, unsigned words, const llvm::SmallBitVector &skipped);

private:
  mlir::Value shuffle(mlir::Value first, mlir::Value second, llvm::ArrayRef<int64_t> lanes);
  mlir::Value zero(int64_t lanes);
  TileEmitter::Tile leftPairs(const LeftRows &left, unsigned words, const llvm::SmallBitVector &skipped);
  TileEmitter::Tile rightPairs(TilePosition at, mlir::Value panels, mlir::AffineMap map, unsigned words);
  mlir::Value keepSkipped(mlir::Value before, mlir::Value after, unsigned row, const llvm::SmallBitVector &skipped);
  mlir::Value multiply(mlir::Value sum, mlir::Value left, mlir::Value right);

  mlir::ImplicitLocOpBuilder &b;
  const MatrixSteps &steps;
  TileShape shape;
};

} // namespace halcyon
