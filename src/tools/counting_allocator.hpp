// The system's allocator, with a count of what it was asked for.
#pragma once
#include <atomic>
#include <cstdint>

#include "halcyon/allocator.hpp"

namespace tools {

struct CountingAllocator {
  std::atomic<uint64_t> allocations{0};

  // Must outlive everything that was made with it.
  halcyon::Allocator allocator() {
    return {this,
            [](void* self, size_t size, size_t alignment) {
              static_cast<CountingAllocator*>(self)->allocations.fetch_add(1, std::memory_order_relaxed);
              const halcyon::Allocator system = halcyon::system_allocator();
              return system.allocate(system.self, size, alignment);
            },
            [](void*, void* memory, size_t size, size_t alignment) {
              const halcyon::Allocator system = halcyon::system_allocator();
              system.release(system.self, memory, size, alignment);
            }};
  }
};

}  // namespace tools
