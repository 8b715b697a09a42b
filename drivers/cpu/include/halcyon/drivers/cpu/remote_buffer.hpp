// halcyon/drivers/cpu/remote_buffer.hpp -- a buffer as devices with memory of their own have it, for tests: the host gets no
// address of what does not map, and on a device that is not coherent (cpu,coherent=0) a view is memory of its own, and only
// flush and invalidate copy between it and what the device sees. A program that forgets one works with stale bytes here,
// where a test finds it, and not on somebody's phone.
//
// Threads: as hal::Buffer.
#pragma once
#include <cstring>

#include "halcyon/drivers/cpu/buffer.hpp"
#include "halcyon/hal/device.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class RemoteBuffer final : public CpuBuffer {
 public:
  using CpuBuffer::CpuBuffer;

  Result<std::span<std::byte>> map(hal::Access access, uint64_t offset, uint64_t length) override {
    HALCYON_ASSIGN(const std::span<std::byte> own, CpuBuffer::map(access, offset, length));
    if (own.empty() || device().caps().coherent) return own;
    if (!shadow_ && !create()) {
      CpuBuffer::unmap();
      return out_of_memory();
    }
    return std::span<std::byte>(shadow_ + offset, own.size());
  }
  Status flush(uint64_t offset, uint64_t length) override {
    HALCYON_TRY(CpuBuffer::flush(offset, length));
    if (shadow_ && data()) std::memcpy(data() + offset, shadow_ + offset, bytes(offset, length));
    return {};
  }
  Status invalidate(uint64_t offset, uint64_t length) override {
    HALCYON_TRY(CpuBuffer::invalidate(offset, length));
    if (shadow_ && data()) std::memcpy(shadow_ + offset, data() + offset, bytes(offset, length));
    return {};
  }
  hal::NativeHandle native_handle() const override { return mappable() ? CpuBuffer::native_handle() : hal::NativeHandle{}; }

 private:
  size_t bytes(uint64_t offset, uint64_t length) const {
    return static_cast<size_t>(length == UINT64_MAX ? size() - offset : length);
  }
  // Kept for the buffer's life. Its bytes are none that anybody wrote.
  bool create() {
    const Allocator allocator = device().allocator();
    shadow_ = static_cast<std::byte*>(allocator.allocate(allocator.self, static_cast<size_t>(size()), alignment()));
    if (shadow_) std::memset(shadow_, 0xa5, static_cast<size_t>(size()));
    return shadow_ != nullptr;
  }
  void recycle() override {
    const Allocator allocator = device().allocator();
    if (shadow_) allocator.release(allocator.self, shadow_, static_cast<size_t>(size()), alignment());
    CpuBuffer::recycle();
  }

  std::byte* shadow_ = nullptr;
};

}  // namespace cpu
HALCYON_NAMESPACE_END
