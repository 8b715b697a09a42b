// halcyon/drivers/cpu/memory_pool.hpp -- freed buffers' memory, kept for the next allocation of its size.
//
//   std::byte* memory = pool.allocate(size);   // 64-byte aligned; null where memory has ended
//   pool.release(memory, size);
//
// Sizes round up to one of eight classes for each power of two, so at most an eighth is lost, and in steady
// state neither call reaches the allocator. What is kept is bounded. Threads: the caller locks.
#pragma once
#include <bit>

#include "halcyon/allocator.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class MemoryPool {
 public:
  static constexpr size_t alignment = 64;

  MemoryPool(const Allocator& allocator, uint64_t limit) : allocator_(allocator), limit_(limit) {}
  ~MemoryPool() { trim(); }

  std::byte* allocate(uint64_t size) {
    const SizeClass fit = size_class(size);
    if (Block* block = free_[fit.index]) {
      free_[fit.index] = block->next;
      pooled_ -= fit.size;
      return reinterpret_cast<std::byte*>(block);
    }
    if (fit.size > SIZE_MAX) return nullptr;
    void* memory = allocator_.allocate(allocator_.self, static_cast<size_t>(fit.size), alignment);
    if (!memory && pooled_ != 0) {
      trim();
      memory = allocator_.allocate(allocator_.self, static_cast<size_t>(fit.size), alignment);
    }
    return static_cast<std::byte*>(memory);
  }

  void release(std::byte* memory, uint64_t size) {
    const SizeClass fit = size_class(size);
    if (fit.size > limit_ || pooled_ > limit_ - fit.size) {
      allocator_.release(allocator_.self, memory, static_cast<size_t>(fit.size), alignment);
      return;
    }
    free_[fit.index] = ::new (static_cast<void*>(memory)) Block{free_[fit.index], fit.size};
    pooled_ += fit.size;
  }

  void trim() {
    for (Block*& head : free_)
      while (Block* block = head) {
        head = block->next;
        allocator_.release(allocator_.self, block, static_cast<size_t>(block->size), alignment);
      }
    pooled_ = 0;
  }

  uint64_t pooled_bytes() const { return pooled_; }
  // The largest size that rounds up without overflow.
  static constexpr uint64_t max_size = uint64_t{1} << 62;

 private:
  struct Block {
    Block* next;
    uint64_t size;
  };
  struct SizeClass {
    uint32_t index;
    uint64_t size;
  };
  // In units of 64 bytes: 1, 2, ... 8, then steps of an eighth of the power of two below.
  static SizeClass size_class(uint64_t size) {
    const uint64_t units = size == 0 ? 1 : (size - 1) / 64 + 1;
    if (units <= 8) return {static_cast<uint32_t>(units - 1), units * 64};
    const uint32_t power = static_cast<uint32_t>(std::bit_width(units - 1)) - 1;  // 2^power < units <= 2^(power + 1)
    const uint64_t step = uint64_t{1} << (power - 3);
    const uint64_t steps = (units - 1) / step + 1;  // 9 to 16
    return {8 + (power - 3) * 8 + static_cast<uint32_t>(steps - 9), steps * step * 64};
  }

  Allocator allocator_;
  uint64_t limit_;
  uint64_t pooled_ = 0;
  Block* free_[8 + 8 * 54] = {};
};

}  // namespace cpu
HALCYON_NAMESPACE_END
