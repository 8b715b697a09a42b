#include "schedule/ArenaPlacement.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"

#include <functional>
#include <limits>
#include <numeric>
#include <optional>

using namespace llvm;
using namespace halcyon;

namespace {

bool live(const ArenaItem &a, const ArenaItem &b) { return a.start <= b.end && b.start <= a.end; }

// ---- orders -------------------------------------------------------------------------------------

// Tries items in a few orders, then in random exchanges of the best while that is above `floor`. Returns the best order.
SmallVector<unsigned> bestOrder(ArrayRef<ArenaItem> items, ArrayRef<double> sizes, double floor, uint64_t most,
                                function_ref<double(ArrayRef<unsigned>)> attempt) {
  double best = std::numeric_limits<double>::infinity();
  SmallVector<unsigned> found;
  auto consider = [&](ArrayRef<unsigned> order) {
    const double extent = attempt(order);
    if (extent <= best)
      found.assign(order.begin(), order.end());
    best = std::min(best, extent);
  };
  const std::function<double(unsigned)> ranks[] = {
      [&](unsigned i) { return sizes[i]; },
      [&](unsigned i) { return -double(items[i].start); },
      [&](unsigned i) { return double(items[i].end - items[i].start); },
      [&](unsigned i) { return sizes[i] * (items[i].end - items[i].start + 1); },
  };
  for (const auto &rank : ranks) {
    SmallVector<unsigned> order(items.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::stable_sort(order, [&](unsigned a, unsigned b) {
      return std::pair(rank(a), sizes[a]) > std::pair(rank(b), sizes[b]);
    });
    consider(order);
  }
  const uint64_t count = items.size();
  uint64_t state = 1; // the same plan for the same function
  auto random = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state >> 33) % count);
  };
  const uint64_t limit = std::min<uint64_t>(2000, most / (count * count));
  for (uint64_t i = 0; best > floor && i < limit; ++i) {
    SmallVector<unsigned> order = found;
    const unsigned a = random(), b = random();
    std::swap(order[a], order[b]);
    consider(order);
  }
  return found;
}

constexpr uint64_t pairsLookedAt = 10'000'000; // some tens of milliseconds

// ---- one space ----------------------------------------------------------------------------------

// Each item in `order` goes to the lowest offset that is free while it lives. Returns the extent.
int64_t firstFit(ArrayRef<ArenaItem> items, ArrayRef<unsigned> order, MutableArrayRef<int64_t> offsets) {
  SmallVector<unsigned> settled; // by offset
  int64_t extent = 0;
  for (unsigned i : order) {
    int64_t offset = 0;
    for (unsigned other : settled) {
      if (!live(items[i], items[other]))
        continue;
      if (offset + items[i].units <= offsets[other])
        break;
      offset = std::max(offset, offsets[other] + items[other].units);
    }
    offsets[i] = offset;
    extent = std::max(extent, offset + items[i].units);
    settled.insert(llvm::upper_bound(settled, i, [&](unsigned a, unsigned b) { return offsets[a] < offsets[b]; }), i);
  }
  return extent;
}

// In units; the offsets of all items.
int64_t placeSpace(ArrayRef<ArenaItem> items, MutableArrayRef<int64_t> offsets) {
  SmallVector<int64_t> unit{1};
  SmallVector<double> sizes = llvm::map_to_vector(items, [](const ArenaItem &item) { return double(item.units); });
  SmallVector<ArenaItem> alone(items.begin(), items.end());
  for (ArenaItem &item : alone)
    item.space = 0;
  SmallVector<unsigned> order = bestOrder(alone, sizes, liveFloor(alone, unit), pairsLookedAt, [&](ArrayRef<unsigned> order) {
    return firstFit(alone, order, offsets);
  });
  return firstFit(alone, order, offsets);
}

// ---- several spaces -----------------------------------------------------------------------------

// Of two sums one may be at least the other whatever the units are.
bool covers(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return llvm::all_of(llvm::zip(a, b), [](auto pair) { return std::get<0>(pair) >= std::get<1>(pair); });
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
    SmallVector<int64_t> offsets(members.size());
    const int64_t extent = members.empty() ? 0 : placeSpace(members, offsets);
    for (auto [number, offset] : llvm::zip(numbers, offsets)) {
      placement.offsets[number] = {base};
      placement.offsets[number][0][space] += offset;
    }
    base[space] += extent;
  }
  placement.extent = {base};
  return placement;
}

// Each item in `order` goes behind all that lives with it: which of these ends last is known when sizes are.
ArenaPlacement placeBehind(ArrayRef<ArenaItem> items, ArrayRef<unsigned> order, unsigned spaces) {
  ArenaPlacement placement;
  placement.offsets.resize(items.size());
  const ArenaSum nothing(spaces, 0);
  placement.extent = {nothing};
  for (auto [settled, i] : llvm::enumerate(order)) {
    ArenaBytes &offset = placement.offsets[i];
    offset = {nothing};
    for (unsigned other : order.take_front(settled))
      if (live(items[i], items[other]))
        for (const ArenaSum &sum : endOf(items[other], placement.offsets[other]))
          include(offset, sum);
    for (const ArenaSum &sum : endOf(items[i], offset))
      include(placement.extent, sum);
  }
  return placement;
}

constexpr uint64_t sumsLimit = 6; // of an offset, which the host program computes in each call

// Items of all spaces together, or none where no order is better than `apart` by enough.
std::optional<ArenaPlacement> placeTogether(ArrayRef<ArenaItem> items, ArrayRef<ArenaUnits> assumed, const ArenaPlacement &apart) {
  const unsigned spaces = assumed[0].size();
  SmallVector<int64_t> floors = llvm::map_to_vector(assumed, [&](ArrayRef<int64_t> units) { return std::max<int64_t>(1, liveFloor(items, units)); });
  SmallVector<double> sizes(items.size(), 0), ends(items.size());
  for (auto [units, floor] : llvm::zip(assumed, floors))
    for (auto [item, size] : llvm::zip(items, sizes))
      size += double(item.units) * units[item.space] / floor;
  // The mean of extents by their floors.
  auto measure = [&](ArrayRef<unsigned> order) {
    double sum = 0;
    for (auto [units, floor] : llvm::zip(assumed, floors)) {
      double extent = 0;
      for (auto [settled, i] : llvm::enumerate(order)) {
        double offset = 0;
        for (unsigned other : order.take_front(settled))
          if (live(items[i], items[other]))
            offset = std::max(offset, ends[other]);
        ends[i] = offset + double(items[i].units) * units[items[i].space];
        extent = std::max(extent, ends[i]);
      }
      sum += extent / floor;
    }
    return sum / assumed.size();
  };
  SmallVector<unsigned> order = bestOrder(items, sizes, /*floor=*/1, pairsLookedAt / (4 * assumed.size()), measure);
  ArenaPlacement together = placeBehind(items, order, spaces);
  double gained = 0;
  for (auto [units, floor] : llvm::zip(assumed, floors)) {
    const double before = bytesAt(apart.extent, units), after = bytesAt(together.extent, units);
    if (after > before)
      return {};
    gained += (before - after) / floor;
  }
  constexpr double worthwhile = 0.02; // of the floor
  if (gained < worthwhile * assumed.size() ||
      llvm::any_of(together.offsets, [](const ArenaBytes &bytes) { return bytes.size() > sumsLimit; }))
    return {};
  return together;
}

} // namespace

int64_t halcyon::bytesAt(ArrayRef<ArenaSum> bytes, ArrayRef<int64_t> units) {
  int64_t most = 0;
  for (const ArenaSum &sum : bytes) {
    int64_t value = 0;
    for (auto [count, unit] : llvm::zip(sum, units))
      value += count * unit;
    most = std::max(most, value);
  }
  return most;
}

int64_t halcyon::liveFloor(ArrayRef<ArenaItem> items, ArrayRef<int64_t> units) {
  int64_t most = 0;
  for (const ArenaItem &at : items) {
    int64_t sum = 0;
    for (const ArenaItem &item : items)
      if (item.start <= at.start && at.start <= item.end)
        sum += item.units * units[item.space];
    most = std::max(most, sum);
  }
  return most;
}

ArenaPlacement halcyon::placeItems(ArrayRef<ArenaItem> items, ArrayRef<ArenaUnits> assumed) {
  ArenaPlacement apart = placeApart(items, assumed[0].size());
  const unsigned first = items.empty() ? 0 : items[0].space;
  if (llvm::all_of(items, [&](const ArenaItem &item) { return item.space == first; }))
    return apart;
  if (std::optional<ArenaPlacement> together = placeTogether(items, assumed, apart))
    return *together;
  return apart;
}
