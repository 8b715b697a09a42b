// halcyon/ref.hpp -- one intrusive reference, for the objects that values share: Buffer, Commands,
// Executable, Semaphore.
//
//   Ref<hal::Buffer> buffer = ...;      // counts up on copy, down on destruction
//
// Threads: counting is atomic; the Ref object itself belongs to one thread at a time.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "halcyon/config.hpp"

HALCYON_NAMESPACE_BEGIN

// Base of a counted object. It starts with one reference, owned by its creator. When the last one goes,
// `recycle` returns the object to whoever made it (a pool, or the allocator).
class Counted {
 public:
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void retain() { count_.fetch_add(1, std::memory_order_relaxed); }
  HALCYON_NOINLINE void release() {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) recycle();
  }
  // True when the caller's reference is the only one: then nobody else can make another.
  bool unique() const { return count_.load(std::memory_order_acquire) == 1; }

 protected:
  Counted() = default;
  ~Counted() = default;  // whoever recycles knows the type
  virtual void recycle() = 0;

 private:
  std::atomic<uint32_t> count_{1};
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  // Takes over the reference that the creator owns.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  // Adds a reference of its own.
  static Ref share(T* object) {
    if (object) object->retain();
    return adopt(object);
  }
  Ref(const Ref& other) : object_(other.object_) {
    if (object_) object_->retain();
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
    requires std::is_convertible_v<U*, T*>
  Ref(Ref<U> other) noexcept : object_(other.detach()) {}
  Ref& operator=(const Ref& other) {
    if (other.object_) other.object_->retain();
    set(other.object_);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    set(std::exchange(other.object_, nullptr));
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }
  T* get() const { return object_; }
  T& operator*() const { HALCYON_ASSERT(object_); return *object_; }
  T* operator->() const { HALCYON_ASSERT(object_); return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  T* detach() { return std::exchange(object_, nullptr); }

 private:
  HALCYON_NOINLINE void set(T* object) {
    T* old = std::exchange(object_, object);
    if (old) old->release();
  }
  T* object_ = nullptr;
};

HALCYON_NAMESPACE_END
