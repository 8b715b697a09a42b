// halcyon/checked/access.hpp -- which bytes a command touches, and how.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

#include "halcyon/allocator.hpp"
#include "halcyon/hal/commands.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

struct Access {
  enum class Kind : uint8_t {
    read,
    write,
    unknown,   // a binding of a kernel that does not say which it writes
    allocate,  // of the whole buffer: comes before all others
    free,      // of the whole buffer: comes after all others
  };
  uint64_t buffer = 0;  // CheckedBuffer::id
  uint64_t begin = 0, end = 0;
  uint32_t command = 0;       // its index, in the list or among the transfers
  uint32_t epoch = 0;         // commands of one epoch may overlap in time
  Kind kind = Kind::read;
  bool in_list = false;

  bool overlaps(const Access& other) const { return buffer == other.buffer && begin < other.end && other.begin < end; }
};

constexpr bool is_whole(Access::Kind kind) { return kind == Access::Kind::allocate || kind == Access::Kind::free; }

// Whether two accesses of the same bytes need an order.
constexpr bool conflict(Access::Kind a, Access::Kind b, bool strict) {
  using Kind = Access::Kind;
  const bool known = a != Kind::unknown && b != Kind::unknown;
  if (a == Kind::read && b == Kind::read) return false;
  return known || strict || a == Kind::write || b == Kind::write || is_whole(a) || is_whole(b);
}

inline bool by_place(const Access& a, const Access& b) {
  return a.buffer != b.buffer ? a.buffer < b.buffer : a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
}

// Bytes [begin, end) of the buffer that `range` names; false where they leave the binding. The slot is filled and inside
// its buffer.
inline bool evaluate(const hal::Range& range, std::span<const hal::Binding> bindings, std::span<const uint64_t> parameters,
                     uint64_t& begin, uint64_t& end) {
  const hal::Binding& binding = bindings[range.slot];
  const uint64_t slot = binding.size == UINT64_MAX ? binding.buffer->size() - binding.offset : binding.size;
  const uint64_t offset = range.offset.evaluate(parameters);
  if (offset > slot) return false;
  const bool to_end = !range.size.is_parameter && range.size.value == UINT64_MAX;
  const uint64_t size = to_end ? slot - offset : range.size.evaluate(parameters);
  if (size > slot - offset) return false;
  begin = binding.offset + offset;
  end = begin + size;
  return true;
}

// Two accesses of one epoch, by different commands, that conflict; false where there are none. Sorted by place.
inline bool find_unordered(std::span<const Access> accesses, bool strict, Access& first, Access& second) {
  for (size_t i = 0; i < accesses.size(); ++i)
    for (size_t j = i + 1; j < accesses.size() && accesses[j].buffer == accesses[i].buffer && accesses[j].begin < accesses[i].end; ++j) {
      const Access &a = accesses[i], &b = accesses[j];
      if (a.epoch != b.epoch || a.command == b.command || !conflict(a.kind, b.kind, strict)) continue;
      first = a.command < b.command ? a : b;
      second = a.command < b.command ? b : a;
      return true;
    }
  return false;
}

// Joins neighbours of one kind: what other submissions need to know. Sorted by place, and stays so.
inline void merge(Array<Access>& accesses) {
  size_t kept = 0;
  for (size_t i = 0; i < accesses.size(); ++i) {
    const Access next = accesses[i];
    Access* last = kept == 0 ? nullptr : &accesses[kept - 1];
    if (last && last->buffer == next.buffer && last->kind == next.kind && next.begin <= last->end)
      last->end = std::max(last->end, next.end);
    else
      accesses[kept++] = next;
  }
  while (accesses.size() > kept) accesses.pop();
}

}  // namespace checking
HALCYON_NAMESPACE_END
