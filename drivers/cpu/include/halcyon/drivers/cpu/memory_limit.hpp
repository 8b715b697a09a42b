// halcyon/drivers/cpu/memory_limit.hpp -- counts what a device takes from an allocator, refuses more than it may have, and
// asks for huge pages where one fits.
//
//   MemoryLimit memory(allocator, limit);
//   pool = MemoryPool(memory.allocator(), ...);     // null where the limit would be passed
//
// Threads: any.
#pragma once
#include <atomic>

#include "halcyon/allocator.hpp"
#include "halcyon/platform_pages.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class MemoryLimit {
 public:
  MemoryLimit(const Allocator& from, uint64_t limit) : from_(from), limit_(limit) {}

  Allocator allocator() {
    return {this, [](void* self, size_t size, size_t alignment) { return static_cast<MemoryLimit*>(self)->take(size, alignment); },
            [](void* self, void* memory, size_t size, size_t alignment) { static_cast<MemoryLimit*>(self)->give(memory, size, alignment); }};
  }
  uint64_t reserved() const { return reserved_.load(std::memory_order_relaxed); }
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t huge = 4 << 20;  // has an aligned huge page of 2 MiB in it

  void* take(size_t size, size_t alignment) {
    uint64_t before = reserved_.load(std::memory_order_relaxed);
    do {
      if (size > limit_ || before > limit_ - size) return nullptr;
    } while (!reserved_.compare_exchange_weak(before, before + size, std::memory_order_relaxed));
    void* memory = from_.allocate(from_.self, size, alignment);
    if (!memory) {
      reserved_.fetch_sub(size, std::memory_order_relaxed);
      return nullptr;
    }
    if (size >= huge) platform::prefer_huge_pages(memory, size);
    for (uint64_t peak = peak_.load(std::memory_order_relaxed);
         peak < before + size && !peak_.compare_exchange_weak(peak, before + size, std::memory_order_relaxed);) {
    }
    return memory;
  }
  void give(void* memory, size_t size, size_t alignment) {
    from_.release(from_.self, memory, size, alignment);
    reserved_.fetch_sub(size, std::memory_order_relaxed);
  }

  Allocator from_;
  uint64_t limit_;
  std::atomic<uint64_t> reserved_{0}, peak_{0};
};

}  // namespace cpu
HALCYON_NAMESPACE_END
