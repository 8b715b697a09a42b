#include "schedule/ArenaPlacement.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

using namespace llvm;
using namespace halcyon;

namespace {

SmallVector<int64_t> sizesAt(ArrayRef<ArenaItem> items, ArrayRef<int64_t> units) {
  return llvm::map_to_vector(items, [&](const ArenaItem &item) { return item.units * units[item.space]; });
}

bool live(const ArenaItem &a, const ArenaItem &b) { return a.start <= b.end && b.start <= a.end; }

// ---- sizes that are known -----------------------------------------------------------------------

int64_t liveFloorOf(ArrayRef<ArenaItem> items, ArrayRef<int64_t> sizes) {
  int64_t most = 0;
  for (const ArenaItem &at : items) {
    int64_t sum = 0;
    for (auto [item, size] : llvm::zip(items, sizes))
      if (item.start <= at.start && at.start <= item.end)
        sum += size;
    most = std::max(most, sum);
  }
  return most;
}

struct Packing {
  SmallVector<int64_t> offsets; // of all items
  int64_t extent = 0;
  double excess = 0; // by how much items end above the floor, together
};

// Each item in `order` goes to the lowest offset that is free while it lives.
Packing firstFit(ArrayRef<ArenaItem> items, ArrayRef<int64_t> sizes, ArrayRef<unsigned> order, int64_t floor) {
  Packing packing;
  SmallVector<int64_t> &offsets = packing.offsets;
  offsets.resize(items.size());
  SmallVector<unsigned> settled; // by offset
  for (unsigned i : order) {
    int64_t offset = 0;
    for (unsigned other : settled) {
      if (!live(items[i], items[other]))
        continue;
      if (offset + sizes[i] <= offsets[other])
        break;
      offset = std::max(offset, offsets[other] + sizes[other]);
    }
    offsets[i] = offset;
    packing.extent = std::max(packing.extent, offset + sizes[i]);
    packing.excess += std::max<int64_t>(0, offset + sizes[i] - floor);
    settled.insert(llvm::upper_bound(settled, i, [&](unsigned a, unsigned b) { return offsets[a] < offsets[b]; }), i);
  }
  return packing;
}

constexpr uint64_t pairsLookedAt = 30'000'000; // some tens of milliseconds

// Tries items in a few orders; then, while an item ends above the floor, orders with one such item first, and some with
// one that lives with it elsewhere. What alternates from layer to layer is found one layer at a time: each makes the
// excess less, the last alone the extent. Where that gets no further, another of the first orders is where it goes on.
SmallVector<int64_t> pack(ArrayRef<ArenaItem> items, ArrayRef<int64_t> sizes, uint64_t most) {
  struct Attempt {
    SmallVector<unsigned> order;
    Packing packing;
  };
  const int64_t floor = liveFloorOf(items, sizes);
  Packing best;
  auto attemptOf = [&](SmallVector<unsigned> order) {
    Packing packing = firstFit(items, sizes, order, floor);
    if (best.offsets.empty() || packing.extent < best.extent)
      best = packing;
    return Attempt{std::move(order), std::move(packing)};
  };
  const std::function<double(unsigned)> ranks[] = {
      [&](unsigned i) { return double(sizes[i]); },
      [&](unsigned i) { return -double(items[i].start); },
      [&](unsigned i) { return double(items[i].end - items[i].start); },
      [&](unsigned i) { return double(sizes[i]) * (items[i].end - items[i].start + 1); },
  };
  SmallVector<Attempt> first;
  for (const auto &rank : ranks) {
    SmallVector<unsigned> order(items.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::stable_sort(order, [&](unsigned a, unsigned b) {
      return std::pair(rank(a), sizes[a]) > std::pair(rank(b), sizes[b]);
    });
    first.push_back(attemptOf(std::move(order)));
  }
  llvm::stable_sort(first, [](const Attempt &a, const Attempt &b) { return a.packing.excess < b.packing.excess; });
  const uint64_t count = items.size();
  uint64_t state = 1; // the same plan for the same function
  auto random = [&](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state >> 33) % below);
  };
  constexpr unsigned patience = 16;
  const uint64_t limit = std::min<uint64_t>(2000, most / (count * count));
  Attempt kept = first[0];
  for (uint64_t tried = 0, idle = 0, turn = 0; best.extent > floor && tried < limit; ++tried) {
    if (idle == patience) {
      kept = first[++turn % first.size()];
      idle = 0;
    }
    SmallVector<unsigned> order = kept.order;
    SmallVector<unsigned> above; // places in the order
    for (auto [place, i] : llvm::enumerate(order))
      if (kept.packing.offsets[i] + sizes[i] > floor)
        above.push_back(place);
    unsigned from = above[random(above.size())], to = 0;
    if (tried % 4 == 3) {
      const ArenaItem &item = items[order[from]];
      SmallVector<unsigned> beside;
      for (auto [place, i] : llvm::enumerate(order))
        if (live(item, items[i]))
          beside.push_back(place);
      from = beside[random(beside.size())];
      to = random(from + 1);
    }
    std::rotate(order.begin() + to, order.begin() + from, order.begin() + from + 1);
    Attempt next = attemptOf(std::move(order));
    idle = next.packing.excess < kept.packing.excess ? 0 : idle + 1;
    if (next.packing.excess <= kept.packing.excess)
      kept = std::move(next);
  }
  return best.offsets;
}

// ---- several spaces -----------------------------------------------------------------------------

// Of two sums one may be at least the other whatever the units are.
bool covers(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return llvm::all_of(llvm::enumerate(b), [&](auto each) { return each.value() <= (each.index() < a.size() ? a[each.index()] : 0); });
}

void include(ArenaBytes &bytes, ArrayRef<int64_t> sum) {
  if (llvm::any_of(bytes, [&](ArrayRef<int64_t> other) { return covers(other, sum); }))
    return;
  llvm::erase_if(bytes, [&](ArrayRef<int64_t> other) { return covers(sum, other); });
  bytes.emplace_back(sum);
}

ArenaBytes endOf(const ArenaItem &item, ArenaBytes offset) {
  for (ArenaSum &sum : offset)
    sum[item.space] += item.units;
  return offset;
}

// Each space by itself, one after the other.
ArenaPlacement placeApart(ArrayRef<ArenaItem> items, unsigned spaces) {
  ArenaPlacement placement;
  placement.offsets.resize(items.size());
  ArenaSum base(spaces, 0);
  for (unsigned space = 0; space < spaces; ++space) {
    SmallVector<ArenaItem> members;
    SmallVector<unsigned> numbers;
    for (auto [i, item] : llvm::enumerate(items))
      if (item.space == space)
        members.push_back(item), numbers.push_back(i);
    SmallVector<int64_t> sizes = llvm::map_to_vector(members, [](const ArenaItem &item) { return item.units; });
    int64_t extent = 0;
    if (members.empty())
      continue;
    for (auto [number, offset, size] : llvm::zip(numbers, pack(members, sizes, pairsLookedAt), sizes)) {
      placement.offsets[number] = {base};
      placement.offsets[number][0][space] += offset;
      extent = std::max(extent, offset + size);
    }
    base[space] += extent;
  }
  placement.extent = {base};
  return placement;
}

constexpr size_t sumsLimit = 2; // of an offset, which the host program computes in each call

// Each item in `order` goes behind all before it that live with it: which of these ends last is known when sizes are.
ArenaPlacement placeBehind(ArrayRef<ArenaItem> items, ArrayRef<unsigned> order, unsigned spaces) {
  ArenaPlacement placement;
  placement.offsets.resize(items.size());
  SmallVector<BitVector> below(items.size(), BitVector(items.size())); // of each item, that item too
  // The largest end of those that are below no other of these.
  auto behind = [&](ArrayRef<unsigned> before, auto &&counts, BitVector &seen) {
    ArenaBytes bytes = {ArenaSum(spaces, 0)};
    for (unsigned other : llvm::reverse(before)) {
      if (seen.test(other) || !counts(other))
        continue;
      seen |= below[other];
      for (const ArenaSum &sum : endOf(items[other], placement.offsets[other]))
        include(bytes, sum);
    }
    return bytes;
  };
  for (auto [settled, i] : llvm::enumerate(order)) {
    ArenaBytes &offset = placement.offsets[i];
    offset = behind(order.take_front(settled), [&, i = i](unsigned other) { return live(items[i], items[other]); }, below[i]);
    if (offset.size() > sumsLimit) {
      placement.maxima.push_back(offset);
      offset = {ArenaSum(spaces + placement.maxima.size(), 0)};
      offset[0].back() = 1;
    }
    below[i].set(i);
  }
  BitVector all(items.size());
  placement.extent = behind(order, [](unsigned) { return true; }, all);
  return placement;
}

// Items of all spaces together, or none where that is no better than `apart` by enough. At one of the assumed sizes items
// are packed into whatever holes there are; which is below which there holds at every size.
std::optional<ArenaPlacement> placeTogether(ArrayRef<ArenaItem> items, ArrayRef<ArenaUnits> assumed, const ArenaPlacement &apart) {
  SmallVector<int64_t> floors = llvm::map_to_vector(assumed, [&](ArrayRef<int64_t> units) { return std::max<int64_t>(1, liveFloor(items, units)); });
  std::optional<ArenaPlacement> best;
  constexpr double worthwhile = 0.02; // of the floor
  double gained = worthwhile * assumed.size();
  for (ArrayRef<int64_t> packed : assumed) {
    SmallVector<int64_t> offsets = pack(items, sizesAt(items, packed), pairsLookedAt / assumed.size());
    SmallVector<unsigned> order(items.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::stable_sort(order, [&](unsigned a, unsigned b) { return offsets[a] < offsets[b]; });
    ArenaPlacement together = placeBehind(items, order, packed.size());
    double gain = 0; // the sum of what each size gains, by its floor
    bool isWorse = false;
    for (auto [units, floor] : llvm::zip(assumed, floors)) {
      const int64_t before = extentAt(apart, units), after = extentAt(together, units);
      isWorse |= after > before;
      gain += double(before - after) / floor;
    }
    if (!isWorse && gain > gained) {
      best = std::move(together);
      gained = gain;
    }
  }
  return best;
}

} // namespace

int64_t halcyon::extentAt(const ArenaPlacement &placement, ArrayRef<int64_t> units) {
  ArenaUnits all(units);
  auto valueOf = [&](ArrayRef<ArenaSum> bytes) {
    int64_t most = 0;
    for (const ArenaSum &sum : bytes) {
      int64_t value = 0;
      for (auto [space, count] : llvm::enumerate(sum))
        value += count * all[space];
      most = std::max(most, value);
    }
    return most;
  };
  for (const ArenaBytes &most : placement.maxima)
    all.push_back(valueOf(most));
  return valueOf(placement.extent);
}

int64_t halcyon::liveFloor(ArrayRef<ArenaItem> items, ArrayRef<int64_t> units) { return liveFloorOf(items, sizesAt(items, units)); }

ArenaPlacement halcyon::placeItems(ArrayRef<ArenaItem> items, ArrayRef<ArenaUnits> assumed) {
  ArenaPlacement apart = placeApart(items, assumed[0].size());
  const unsigned first = items.empty() ? 0 : items[0].space;
  if (llvm::all_of(items, [&](const ArenaItem &item) { return item.space == first; }))
    return apart;
  if (std::optional<ArenaPlacement> together = placeTogether(items, assumed, apart))
    return *together;
  return apart;
}
