// halcyon/allocator.hpp -- where host memory comes from: the caller decides, and every use can fail.
//
//   Array<uint32_t> words(allocator);
//   HALCYON_TRY(words.resize(n));        // zero-initialised; out_of_memory leaves it unchanged
//
// Threads: an Allocator may be called from any thread; an Array from one at a time.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>

#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN

// Copied by value; `self` must outlive everything that was made with it. `allocate` returns null when
// memory has ended; `size` is never 0; `alignment` is a power of two.
struct Allocator {
  void* self = nullptr;
  void* (*allocate)(void* self, size_t size, size_t alignment) = nullptr;
  void (*release)(void* self, void* memory, size_t size, size_t alignment) = nullptr;
};

#if !defined(HALCYON_FREESTANDING)
// The C library's heap.
inline Allocator system_allocator() {
  return {nullptr,
          [](void*, size_t size, size_t alignment) -> void* {
            if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
            const size_t padded = (size + alignment - 1) & ~(alignment - 1);
            return padded < size ? nullptr : std::aligned_alloc(alignment, padded);
          },
          [](void*, void* memory, size_t, size_t) { std::free(memory); }};
}
#endif

// A growable array of trivially copyable or movable elements over an Allocator. The one container of
// the runtime: no call throws or aborts.
template <class T>
class Array {
 public:
  explicit Array(Allocator allocator = {}) : allocator_(allocator) {}
  Array(Array&& other) noexcept
      : allocator_(other.allocator_), data_(other.data_), size_(other.size_), capacity_(other.capacity_) {
    other.data_ = nullptr;
    other.size_ = other.capacity_ = 0;
  }
  Array& operator=(Array&& other) noexcept {
    if (this == &other) return *this;
    reset();
    allocator_ = other.allocator_;
    data_ = other.data_;
    size_ = other.size_;
    capacity_ = other.capacity_;
    other.data_ = nullptr;
    other.size_ = other.capacity_ = 0;
    return *this;
  }
  ~Array() { reset(); }

  // New elements are value-initialised. Never shrinks the capacity.
  Status resize(size_t size) {
    HALCYON_TRY(reserve(size));
    for (size_t i = size_; i < size; ++i) ::new (static_cast<void*>(data_ + i)) T();
    for (size_t i = size; i < size_; ++i) data_[i].~T();
    size_ = size;
    return {};
  }
  Status reserve(size_t capacity) {
    if (capacity <= capacity_) return {};
    if (capacity > SIZE_MAX / sizeof(T)) return {Code::out_of_memory, "Array: size overflows"};
    T* grown = static_cast<T*>(allocator_.allocate(allocator_.self, capacity * sizeof(T), alignof(T)));
    if (!grown) return {Code::out_of_memory, "Array: the allocator has no memory left"};
    for (size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(grown + i)) T(std::move(data_[i]));
      data_[i].~T();
    }
    if (data_) allocator_.release(allocator_.self, data_, capacity_ * sizeof(T), alignof(T));
    data_ = grown;
    capacity_ = capacity;
    return {};
  }
  Status push(T value) {
    if (size_ == capacity_) HALCYON_TRY(reserve(capacity_ ? 2 * capacity_ : 8));
    ::new (static_cast<void*>(data_ + size_)) T(std::move(value));
    ++size_;
    return {};
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
  Allocator allocator_;
  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
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

// Constructs a T in memory of `allocator`; the arguments are moved or copied into its constructor.
template <class T, class... Arguments>
Result<Owned<T>> make(const Allocator& allocator, Arguments&&... arguments) {
  void* memory = allocator.allocate(allocator.self, sizeof(T), alignof(T));
  if (!memory) return Status(Code::out_of_memory, "make: the allocator has no memory left");
  return Owned<T>(::new (memory) T(std::forward<Arguments>(arguments)...));
}

HALCYON_NAMESPACE_END
