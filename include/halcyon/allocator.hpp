// halcyon/allocator.hpp -- where host memory comes from: the caller decides, and every use can fail.
//
//   Array<uint32_t> words(allocator);
//   if (!words.resize(n)) return out_of_memory();   // zero-initialised; else unchanged
//
// Threads: an Allocator may be called from any thread; an Array from one at a time.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>

#include "halcyon/status.hpp"
#if !defined(HALCYON_FREESTANDING)
#include "halcyon/platform.hpp"
#endif

HALCYON_NAMESPACE_BEGIN

// Copied by value; `self` must outlive everything that was made with it. `allocate` returns null when
// memory has ended; `size` is never 0; `alignment` is a power of two.
struct Allocator {
  void* self = nullptr;
  void* (*allocate)(void* self, size_t size, size_t alignment) = nullptr;
  void (*release)(void* self, void* memory, size_t size, size_t alignment) = nullptr;
};

HALCYON_COLD inline Status out_of_memory() { return {Code::out_of_memory, "the allocator has no memory left"}; }

#if !defined(HALCYON_FREESTANDING)
// Blocks that have pages of their own, which go back to the system when they are released: the C library keeps what it has
// learnt of (glibc: holes of up to 64 MB) and does not find an aligned hole again (its bug 14581), so that 30 loads of a 14 MB
// model by copy left 43 MB behind. Not where an address sanitizer watches the heap.
inline bool system_takes_pages(size_t size, size_t alignment) {
  return !HALCYON_ADDRESS_SANITIZER && size >= 128 << 10 && alignment <= 4096;
}

// The C library's heap, and pages for what is large.
inline Allocator system_allocator() {
  return {nullptr,
          [](void*, size_t size, size_t alignment) -> void* {
            if (system_takes_pages(size, alignment)) return platform::map_pages(size, platform::Protection::read_write);
            if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
            const size_t padded = (size + alignment - 1) & ~(alignment - 1);
            return padded < size ? nullptr : std::aligned_alloc(alignment, padded);
          },
          [](void*, void* memory, size_t size, size_t alignment) {
            if (system_takes_pages(size, alignment)) return platform::unmap_pages(memory, size);
            std::free(memory);
          }};
}
#endif

// A growable array over an Allocator. The one container of the runtime: no call throws or aborts; what needs memory
// is false, and changes nothing, where there is none.
template <class T>
class Array {
 public:
  explicit Array(const Allocator& allocator = {}) : allocator_(allocator) {}
  Array(Array&& other) noexcept { take(other); }
  Array& operator=(Array&& other) noexcept {
    if (this == &other) return *this;
    reset();
    take(other);
    return *this;
  }
  ~Array() { reset(); }

  // New elements are value-initialised. Never shrinks the capacity.
  [[nodiscard]] bool resize(size_t size) {
    if (!reserve(size)) return false;
    while (size_ > size) pop();
    for (; size_ < size; ++size_) ::new (static_cast<void*>(data_ + size_)) T();
    return true;
  }
  [[nodiscard]] bool reserve(size_t capacity) {
    if (capacity <= capacity_) return true;
    if (capacity > SIZE_MAX / sizeof(T)) return false;
    T* grown = static_cast<T*>(allocator_.allocate(allocator_.self, capacity * sizeof(T), alignof(T)));
    if (!grown) return false;
    for (size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(grown + i)) T(std::move(data_[i]));
      data_[i].~T();
    }
    if (data_) allocator_.release(allocator_.self, data_, capacity_ * sizeof(T), alignof(T));
    data_ = grown;
    capacity_ = capacity;
    return true;
  }
  [[nodiscard]] bool push(T value) {
    if (size_ == capacity_ && !reserve(capacity_ ? 2 * capacity_ : 8)) return false;
    ::new (static_cast<void*>(data_ + size_++)) T(std::move(value));
    return true;
  }
  void pop() {
    HALCYON_ASSERT(size_ > 0);
    data_[--size_].~T();
  }
  void clear() {
    while (size_ > 0) pop();
  }
  void reset() {
    clear();
    if (data_) allocator_.release(allocator_.self, data_, capacity_ * sizeof(T), alignof(T));
    data_ = nullptr;
    capacity_ = 0;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { HALCYON_ASSERT(i < size_); return data_[i]; }
  const T& operator[](size_t i) const { HALCYON_ASSERT(i < size_); return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }
  const Allocator& allocator() const { return allocator_; }

 private:
  void take(Array& other) {
    allocator_ = other.allocator_;
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, size_t{0});
    capacity_ = std::exchange(other.capacity_, size_t{0});
  }

  Allocator allocator_;
  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Many small arrays that go together: a file's decoded metadata, a call's registers.
//
//   std::span<Dimension> sizes;
//   if (!arena.allocate(rank, sizes)) return out_of_memory();     // value-initialised
//
// Nothing is freed before the arena, and no destructor runs: who puts references into it takes them out again.
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

  // Zeroed memory for `count` objects of `size` bytes, aligned for any; null where there is none.
  void* take(size_t count, size_t size) {
    constexpr size_t align = alignof(std::max_align_t), most = SIZE_MAX / 2;
    if (count > most / size) return nullptr;
    const size_t bytes = (count * size + align) & ~(align - 1);  // never 0
    if (bytes > left_) {
      const size_t usual = 4096 - sizeof(Block);
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
    return std::memset(taken, 0, bytes);
  }
  template <class T>
  bool allocate(size_t count, std::span<T>& made) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    T* first = static_cast<T*>(take(count, sizeof(T)));
    if (!first) return false;
    if constexpr (!std::is_trivially_default_constructible_v<T>)
      for (size_t i = 0; i < count; ++i) ::new (static_cast<void*>(first + i)) T();
    made = {first, count};
    return true;
  }
  const Allocator& allocator() const { return allocator_; }

 private:
  struct alignas(std::max_align_t) Block {
    Block* next;
    size_t size;
  };

  Allocator allocator_;
  Block* blocks_ = nullptr;
  std::byte* cursor_ = nullptr;
  size_t left_ = 0;
};

// Sole owner of one object made by `make`; releases it through the allocator that it came from.
// T names its Allocator by a member `Allocator allocator() const` and the most derived size by
// `size_t object_size() const`, so that an interface can be owned through its base.
template <class T>
class Owned {
 public:
  Owned() = default;
  explicit Owned(T* object) : object_(object) {}
  Owned(Owned&& other) noexcept : object_(other.release()) {}
  template <class U>
    requires std::is_convertible_v<U*, T*>
  Owned(Owned<U>&& other) noexcept : object_(other.release()) {}
  Owned& operator=(Owned&& other) noexcept {
    if (this != &other) {
      reset();
      object_ = other.release();
    }
    return *this;
  }
  ~Owned() { reset(); }
  T* get() const { return object_; }
  T& operator*() const { HALCYON_ASSERT(object_); return *object_; }
  T* operator->() const { HALCYON_ASSERT(object_); return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  T* release() { return std::exchange(object_, nullptr); }
  void reset() {
    if (!object_) return;
    const Allocator allocator = object_->allocator();
    const size_t size = object_->object_size();
    const size_t align = object_->object_alignment();
    T* object = std::exchange(object_, nullptr);
    void* memory = object->object_memory();
    object->~T();
    allocator.release(allocator.self, memory, size, align);
  }

 private:
  T* object_ = nullptr;
};

// What Owned needs to know of a polymorphic object. A concrete class D derives from its interface and
// overrides these through HALCYON_OBJECT(D).
#define HALCYON_OBJECT(Type)                                          \
  size_t object_size() const override { return sizeof(Type); }        \
  size_t object_alignment() const override { return alignof(Type); }  \
  void* object_memory() override { return this; }

// Constructs a T in memory of `allocator`; the arguments are moved or copied into its constructor. Empty where memory
// has ended.
template <class T, class... Arguments>
Owned<T> make(const Allocator& allocator, Arguments&&... arguments) {
  void* memory = allocator.allocate(allocator.self, sizeof(T), alignof(T));
  return Owned<T>(memory ? ::new (memory) T(std::forward<Arguments>(arguments)...) : nullptr);
}

HALCYON_NAMESPACE_END
