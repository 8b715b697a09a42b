// schedule/ArenaPlacement.h -- where transient buffers lie in one memory, so that none overlap that live at the same time.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace halcyon {

// A buffer: so many units of one space. A space is a product of sizes that are not known (or of none), and so is its unit.
struct ArenaItem {
  unsigned space = 0;
  int64_t units = 0;
  unsigned start = 0, end = 0; // positions in the block, both included
};

// A number of bytes: the largest of some sums, each of so many units of each space, and behind these of each of the
// placement's maxima. What a sum does not reach counts nothing.
using ArenaSum = llvm::SmallVector<int64_t, 2>;
using ArenaBytes = llvm::SmallVector<ArenaSum, 1>;

// Bytes of each space's unit, at sizes that stand for those that are not known.
using ArenaUnits = llvm::SmallVector<int64_t, 2>;

struct ArenaPlacement {
  llvm::SmallVector<ArenaBytes> maxima; // what many sums decide: a unit of what comes later, of the next maxima too
  llvm::SmallVector<ArenaBytes> offsets; // of each item
  ArenaBytes extent;
};

int64_t extentAt(const ArenaPlacement &placement, llvm::ArrayRef<int64_t> units);

// The most that is alive at once.
int64_t liveFloor(llvm::ArrayRef<ArenaItem> items, llvm::ArrayRef<int64_t> units);

// `assumed`: units at a few sizes, for which placements are compared. One size is enough where all are known.
ArenaPlacement placeItems(llvm::ArrayRef<ArenaItem> items, llvm::ArrayRef<ArenaUnits> assumed);

} // namespace halcyon
