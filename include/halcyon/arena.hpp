// halcyon/arena.hpp -- many small arrays that go together: an artifact's decoded metadata.
//
//   HALCYON_ASSIGN(auto dims, arena.allocate<Dimension>(rank));   // value-initialised
//
// Only trivially destructible types; nothing is freed before the arena. Threads: one at a time.
#pragma once
#include "halcyon/allocator.hpp"

HALCYON_NAMESPACE_BEGIN

class Arena {
 public:
  explicit Arena(const Allocator& allocator) : allocator_(allocator) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    while (blocks_) {
      Block* next = blocks_->next;
      allocator_.release(allocator_.self, blocks_, blocks_->size, alignof(std::max_align_t));
      blocks_ = next;
    }
  }

  template <class T>
  Result<std::span<T>> allocate(size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= alignof(std::max_align_t));
    if (count == 0) return std::span<T>();
    if (count > (SIZE_MAX / 2) / sizeof(T)) return Status(Code::out_of_memory, "Arena: size overflows");
    void* memory = take(count * sizeof(T));
    if (!memory) return Status(Code::out_of_memory, "Arena: the allocator has no memory left");
    T* first = static_cast<T*>(memory);
    for (size_t i = 0; i < count; ++i) ::new (static_cast<void*>(first + i)) T();
    return std::span<T>(first, count);
  }
  const Allocator& allocator() const { return allocator_; }

 private:
  struct alignas(std::max_align_t) Block {
    Block* next;
    size_t size;
  };

  void* take(size_t bytes) {
    constexpr size_t align = alignof(std::max_align_t);
    bytes = (bytes + align - 1) & ~(align - 1);
    if (bytes > left_) {
      const size_t usual = 16 * 1024 - sizeof(Block);
      const size_t room = bytes > usual ? bytes : usual;
      void* memory = allocator_.allocate(allocator_.self, sizeof(Block) + room, align);
      if (!memory) return nullptr;
      blocks_ = ::new (memory) Block{blocks_, sizeof(Block) + room};
      cursor_ = static_cast<std::byte*>(memory) + sizeof(Block);
      left_ = room;
    }
    void* taken = cursor_;
    cursor_ += bytes;
    left_ -= bytes;
    return taken;
  }

  Allocator allocator_;
  Block* blocks_ = nullptr;
  std::byte* cursor_ = nullptr;
  size_t left_ = 0;
};

HALCYON_NAMESPACE_END
