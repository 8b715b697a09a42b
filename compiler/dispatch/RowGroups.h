// dispatch/RowGroups.h -- softmax, normalisations and the like: rows that are reduced and then used again.
#pragma once
#include "dispatch/Grouping.h"

namespace halcyon::dispatch {

// The group that starts with the row reduction `root`: what needs its result row by row, up to one operation
// whose result is used elsewhere. Empty if there is none, or nothing but the root.
Group rowGroup(mlir::Operation *root);

// The row reduction `root` and what needs its result row by row, up to the first operation, `reader`, that does not.
struct RowChain {
  Group rows;
  mlir::Operation *reader = nullptr;
};
RowChain rowChain(mlir::Operation *root);

// How many leading loops of `group`'s last operation are rows; nothing if it is not a row group.
std::optional<unsigned> rowsOf(const Group &group);

} // namespace halcyon::dispatch
