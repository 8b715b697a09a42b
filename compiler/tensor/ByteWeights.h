// tensor/ByteWeights.h -- constant weights of bytes, packed for sums of four products.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace halcyon {

// How a contraction reads its right side: an element for its columns and reductions, each a dimension.
struct ByteLoops {
  unsigned columns = 0, depth = 0;        // depth: the reduction that is taken by fours, the last ones perhaps fewer
  llvm::SmallVector<unsigned> reductions; // all, in their order
};

// What is the same for all rows of a product (x - zero) * w, with x unsigned bytes and w these weights.
struct ByteWeights {
  mlir::DenseResourceElementsAttr panels; // i32: [columns / 16] [reductions..] [16], zeros beyond the last column
  llvm::SmallVector<int32_t> sums;        // of a column's weights
  llvm::SmallVector<float> scales;        // of a column; empty: 1
};

// Nothing where `value`, read by `map` in loops of `extents`, is no constant, or not bytes after their zero point is
// subtracted, or its scale is no function of the column.
std::optional<ByteWeights> byteWeights(mlir::Value value, mlir::AffineMap map, const ByteLoops &loops,
                                       llvm::ArrayRef<int64_t> extents);

// The same as whole numbers, in the shape of `value`: for sums that are exact in f32, or of bytes.
struct WholeWeights {
  mlir::DenseResourceElementsAttr numbers; // f32
  mlir::DenseResourceElementsAttr bytes;   // signed; null where one is too large
  llvm::SmallVector<float> scales;         // of a column; empty: 1
  int64_t most = 0;                        // the largest sum of a column's magnitudes
};
// `loops.reductions`: all but the column that `map` depends on. Nothing where they are many.
std::optional<WholeWeights> wholeWeights(mlir::Value value, mlir::AffineMap map, const ByteLoops &loops,
                                         llvm::ArrayRef<int64_t> extents);

// The elements along the last dimension of a tensor that is the same along all others, and computed from constants.
std::optional<llvm::SmallVector<float>> constantRow(mlir::Value value);

} // namespace halcyon
