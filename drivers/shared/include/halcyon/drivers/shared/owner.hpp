// halcyon/drivers/shared/owner.hpp -- what the counted objects of one device have in common: the allocator
// that made them and the count that says whether any is left.
//
//   Thing* object = owner.create<Thing>(argument);   // null where memory has ended
//   owner.destroy(object);
//
// Threads: any.
#pragma once
#include <atomic>

#include "halcyon/allocator.hpp"
#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

struct Owner {
  Allocator allocator;
  std::atomic<int64_t> live{0};

  explicit Owner(const Allocator& from) : allocator(from) {}

  template <class T, class... Arguments>
  T* create(Arguments&&... arguments) {
    void* memory = allocator.allocate(allocator.self, sizeof(T), alignof(T));
    if (!memory) return nullptr;
    live.fetch_add(1, std::memory_order_relaxed);
    return ::new (memory) T(std::forward<Arguments>(arguments)...);
  }
  template <class T>
  void destroy(T* object) {
    object->~T();
    allocator.release(allocator.self, object, sizeof(T), alignof(T));
    live.fetch_sub(1, std::memory_order_relaxed);
  }
};

}  // namespace shared
HALCYON_NAMESPACE_END
