// codegen/cpu/OnlineSoftmax.h -- softmax between two contractions, as attentions have it, block by block of the keys.
#pragma once
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace halcyon {

inline constexpr int64_t keysOfBlock = 512;  // whose scores a worker holds at once
inline constexpr int64_t longestRow = 2048; // of scores that are held whole: rows enough to share packed columns stay in L2

// Whether rows of this length come in blocks. Of unknown length they do not: short ones would pay for it.
inline bool comesInBlocks(int64_t length) { return length > longestRow && !mlir::ShapedType::isDynamic(length); }

// values(exponentials of scores less their row's largest), and the sums of these rows. `division`: of the exponentials by
// these, before values; null where it comes later, as blocks need it.
struct OnlineSoftmax {
  mlir::linalg::GenericOp largest, exponentials, sums, division;
  mlir::linalg::LinalgOp values;
  unsigned operand = 0; // of values: the exponentials
};
// Null where rows are not read so, or anything else reads them.
std::optional<OnlineSoftmax> onlineSoftmaxOf(mlir::linalg::LinalgOp values);

// A division of rows by one value each.
bool dividesRows(mlir::linalg::GenericOp op);

} // namespace halcyon
