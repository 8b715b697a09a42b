// halcyon/drivers/cpu/full_device.hpp -- the CPU device with everything that DeviceOptions offers: semaphores, threads,
// guard pages, fewer instructions than there are.
#pragma once
#include "halcyon/drivers/cpu/device.hpp"
#include "halcyon/drivers/cpu/memory_limit.hpp"
#include "halcyon/drivers/cpu/remote_buffer.hpp"
#include "halcyon/drivers/cpu/workgroups.hpp"
#include "halcyon/drivers/shared/queue.hpp"
#include "halcyon/hal/staging.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

// What must be there before the device's own members.
struct MemoryOf {
  explicit MemoryOf(const DeviceOptions& options);
  MemoryLimit memory_limit, guarded_limit;
};

class FullDevice final : private MemoryOf, public CpuDevice {
 public:
  explicit FullDevice(const DeviceOptions& options);
  ~FullDevice() override = default;
  HALCYON_OBJECT(FullDevice)
  Status initialize(const DeviceOptions& options);

  Result<Ref<hal::Buffer>> allocate_async(const hal::BufferDesc& desc, std::span<const hal::Timepoint> waits,
                                          hal::Timepoint signal) override;
  Status free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits, hal::Timepoint signal) override;
  void trim() override;
  hal::Stats stats() const override;

 private:
  CpuBuffer* construct(void* memory) override;
  size_t buffer_size() const override { return sizeof(RemoteBuffer); }

  Workgroups workgroups_;
  shared::Queue queue_;
  hal::StagingRing staging_;
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/full_device.ipp"
#endif
