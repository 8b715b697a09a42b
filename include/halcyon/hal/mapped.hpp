// halcyon/hal/mapped.hpp -- a scoped map: what the host wrote is flushed, and the view unmapped, when it goes.
//
//   HALCYON_ASSIGN(auto view, hal::map(buffer, Access::write));
//   std::ranges::copy(numbers, view.as<float>().begin());
//
// A map that is kept (Buffer::map) flushes and invalidates by itself where memory may not be coherent. The work that
// uses the buffer is for the caller to order: nothing here waits. Threads: as Buffer's map.
#pragma once
#include <utility>

#include "halcyon/hal/buffer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

// Must not outlive the buffer's device; keeps the buffer.
class Mapped {
 public:
  Mapped() = default;
  Mapped(Mapped&& other) noexcept { take(other); }
  Mapped& operator=(Mapped&& other) noexcept {
    if (this == &other) return *this;
    (void)unmap().ok();
    take(other);
    return *this;
  }
  ~Mapped() { (void)unmap().ok(); }

  std::span<std::byte> bytes() const { return bytes_; }
  template <class T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  // Now, for whoever wants to know whether the flush succeeded; empty afterwards.
  Status unmap() {
    if (!buffer_) return {};
    const Status status = access_ == Access::read ? Status() : buffer_->flush(offset_, bytes_.size());
    buffer_->unmap();
    buffer_ = nullptr;
    bytes_ = {};
    return status;
  }

 private:
  friend Result<Mapped> map(Buffer& buffer, Access access, uint64_t offset, uint64_t length);
  void take(Mapped& other) {
    buffer_ = std::move(other.buffer_);
    bytes_ = std::exchange(other.bytes_, {});
    offset_ = other.offset_;
    access_ = other.access_;
  }

  Ref<Buffer> buffer_;
  std::span<std::byte> bytes_;
  uint64_t offset_ = 0;
  Access access_ = Access::read;
};

// Buffer::map, and what the device wrote is visible where the access reads. Errors: Buffer::map's.
inline Result<Mapped> map(Buffer& buffer, Access access, uint64_t offset = 0, uint64_t length = UINT64_MAX) {
  Mapped view;
  HALCYON_ASSIGN(view.bytes_, buffer.map(access, offset, length));
  view.buffer_ = Ref<Buffer>::share(&buffer);
  view.offset_ = offset;
  view.access_ = access;
  if (access != Access::write) HALCYON_TRY(buffer.invalidate(offset, view.bytes_.size()));
  return view;
}

}  // namespace hal
HALCYON_NAMESPACE_END
