// halcyon/drivers/cpu/buffer.hpp -- a range of host memory: allocated through the device's pool or not, or
// imported.
//
// Objects are recycled by their device, as their memory is. Threads: as hal::Buffer.
#pragma once
#include "halcyon/drivers/shared/host_buffer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class CpuDevice;

class CpuBuffer : public shared::HostBuffer {
 public:
  explicit CpuBuffer(CpuDevice& owner) : owner_(owner) {}

  Result<std::span<std::byte>> map(hal::Access access, uint64_t offset, uint64_t length) override;
  void unmap() override;
  Status flush(uint64_t offset, uint64_t length) override;
  Status invalidate(uint64_t offset, uint64_t length) override;
  hal::NativeHandle native_handle() const override;

 protected:
  void recycle() override;
  size_t alignment() const { return static_cast<size_t>(alignment_); }

 private:
  friend class CpuDevice;
  friend class FullDevice;
  enum class Origin : uint8_t { none, pool, allocator, imported };

  Status check_range(uint64_t offset, uint64_t length) const;

  CpuDevice& owner_;
  uint64_t alignment_ = 64;
  void (*released_)(void* user) = nullptr;
  void* user_ = nullptr;
  hal::Map asked_ = hal::Map::none;
  bool maps_any_access_ = false;
  Origin origin_ = Origin::none;   // of data(), while there is some
  uint32_t maps_ = 0;              // views that are out
  bool imported_ = false;
  std::atomic<bool> freeing_{false};  // free_async was called, and has not failed
};

}  // namespace cpu
HALCYON_NAMESPACE_END
