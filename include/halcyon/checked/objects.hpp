// halcyon/checked/objects.hpp -- the objects of a checked device that are alive, by address.
//
//   if (!table.reserve()) return out_of_memory();
//   table.add(object, ObjectKind::buffer);               // cannot fail after reserve()
//   if (table.find(pointer) != ObjectKind::buffer) ...   // another device's, or gone
//
// Open addressing; an address is looked up and never followed. Threads: the caller locks.
#pragma once
#include <cstdint>

#include "halcyon/allocator.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

enum class ObjectKind : uint8_t { none, buffer, semaphore, commands, executable };

class ObjectTable {
 public:
  struct Entry {
    void* object = nullptr;
    ObjectKind kind = ObjectKind::none;
  };

  explicit ObjectTable(const Allocator& allocator) : entries_(allocator) {}

  // Makes room for one more.
  [[nodiscard]] bool reserve() {
    if (2 * (count_ + 1) <= entries_.size()) return true;
    Array<Entry> grown(entries_.allocator());
    if (!grown.resize(entries_.empty() ? 64 : 2 * entries_.size())) return false;
    for (const Entry& entry : entries_)
      if (entry.object) grown[free_place(grown, entry.object)] = entry;
    entries_ = std::move(grown);
    return true;
  }
  void add(void* object, ObjectKind kind) {
    HALCYON_ASSERT(2 * (count_ + 1) <= entries_.size());
    entries_[free_place(entries_, object)] = {object, kind};
    ++count_;
  }
  ObjectKind find(const void* object) const {
    if (entries_.empty() || !object) return ObjectKind::none;
    for (size_t i = home(entries_.size(), object); entries_[i].object; i = (i + 1) & (entries_.size() - 1))
      if (entries_[i].object == object) return entries_[i].kind;
    return ObjectKind::none;
  }
  void remove(const void* object) {
    const size_t mask = entries_.size() - 1;
    size_t hole = home(entries_.size(), object);
    while (entries_[hole].object != object) hole = (hole + 1) & mask;
    // What follows moves up where its own place allows it, so that a search never stops early.
    for (size_t i = (hole + 1) & mask; entries_[i].object; i = (i + 1) & mask) {
      const size_t wanted = home(entries_.size(), entries_[i].object);
      if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
      entries_[hole] = entries_[i];
      hole = i;
    }
    entries_[hole] = {};
    --count_;
  }
  size_t count() const { return count_; }
  std::span<const Entry> entries() const { return entries_.span(); }  // with empty ones between

 private:
  static size_t home(size_t size, const void* object) {
    return static_cast<size_t>((reinterpret_cast<uintptr_t>(object) >> 4) * uint64_t{0x9e3779b97f4a7c15} >> 20) & (size - 1);
  }
  static size_t free_place(const Array<Entry>& entries, const void* object) {
    size_t i = home(entries.size(), object);
    while (entries[i].object) i = (i + 1) & (entries.size() - 1);
    return i;
  }

  Array<Entry> entries_;  // a power of two
  size_t count_ = 0;
};

}  // namespace checking
HALCYON_NAMESPACE_END
