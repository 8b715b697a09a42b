// halcyon/drivers/shared/scratch.hpp -- memory for the length of one submission, kept between submissions.
//
//   std::byte* memory = scratch.take(bytes);   // 64-byte aligned; null where memory has ended
//   scratch.give(memory);
//
// One block is kept: a second submission at the same time gets one of its own. Threads: any, no lock.
#pragma once
#include <atomic>

#include "halcyon/allocator.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

class Scratch {
 public:
  explicit Scratch(const Allocator& allocator) : allocator_(allocator) {}
  ~Scratch() { trim(); }

  std::byte* take(uint64_t size) {
    Header* block = kept_.exchange(nullptr, std::memory_order_acquire);
    if (block && block->size >= size) return payload(block);
    release(block);
    if (size > SIZE_MAX - sizeof(Header)) return nullptr;
    void* memory = allocator_.allocate(allocator_.self, static_cast<size_t>(size) + sizeof(Header), alignof(Header));
    return memory ? payload(::new (memory) Header{size}) : nullptr;
  }
  void give(std::byte* memory) {
    if (!memory) return;
    Header* block = reinterpret_cast<Header*>(memory - sizeof(Header));
    release(kept_.exchange(block, std::memory_order_acq_rel));
  }
  void trim() { release(kept_.exchange(nullptr, std::memory_order_acquire)); }

 private:
  struct alignas(64) Header {
    uint64_t size;
  };
  static std::byte* payload(Header* block) { return reinterpret_cast<std::byte*>(block) + sizeof(Header); }
  void release(Header* block) {
    if (block) allocator_.release(allocator_.self, block, static_cast<size_t>(block->size) + sizeof(Header), alignof(Header));
  }

  Allocator allocator_;
  std::atomic<Header*> kept_{nullptr};
};

}  // namespace shared
HALCYON_NAMESPACE_END
