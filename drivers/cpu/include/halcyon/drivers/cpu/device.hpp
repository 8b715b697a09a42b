// halcyon/drivers/cpu/device.hpp -- the CPU device: memory here and in buffer.hpp, submissions from
// drivers/shared, threads from threads.hpp.
#pragma once
#include "halcyon/drivers/cpu/options.hpp"
#include "halcyon/drivers/cpu/buffer.hpp"
#include "halcyon/drivers/cpu/executable.hpp"
#include "halcyon/drivers/cpu/memory_pool.hpp"
#include "halcyon/drivers/cpu/workgroups.hpp"
#include "halcyon/drivers/shared/engine.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class CpuDevice final : public hal::Device {
 public:
  explicit CpuDevice(const DeviceOptions& options);
  ~CpuDevice() override;
  HALCYON_OBJECT(CpuDevice)
  Status initialize(const DeviceOptions& options);

  const hal::Caps& caps() const override { return caps_; }
  hal::Compatibility compatibility(const hal::BufferDesc& desc) const override;

  Result<Ref<hal::Buffer>> allocate(const hal::BufferDesc& desc) override;
  Result<Ref<hal::Buffer>> allocate_async(const hal::BufferDesc& desc, std::span<const hal::Timepoint> waits,
                                          hal::Timepoint signal) override;
  Status free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits, hal::Timepoint signal) override;
  Result<Ref<hal::Buffer>> import_host(std::span<std::byte> bytes, const hal::BufferDesc& desc,
                                       void (*released)(void* user), void* user) override;
  Result<Ref<hal::Buffer>> import_native(hal::NativeHandle handle, const hal::BufferDesc& desc) override;
  Result<hal::NativeHandle> export_native(hal::Buffer& buffer, hal::NativeHandle::Type type) override;

  Result<Ref<hal::Executable>> create_executable(const hal::ExecutableDesc& desc,
                                                 std::span<hal::Rejection> rejections) override;
  Result<Ref<hal::Commands>> create_commands(const hal::CommandsDesc& desc) override {
    return engine_.create_commands(desc);
  }
  Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value) override {
    return engine_.timeline.create_semaphore(value);
  }

  Status submit(const hal::Submission& submission) override { return engine_.submit(submission); }
  Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) override {
    return engine_.timeline.wait(timepoints, mode, timeout_ns);
  }
  void trim() override;
  hal::Stats stats() const override;
  void profile(hal::ProfileSink sink) override { engine_.profile(sink); }

 private:
  friend class CpuBuffer;
  enum class Use : uint8_t { allocate, import };

  static Status check(const hal::BufferDesc& desc);
  hal::BufferDesc place(const hal::BufferDesc& desc, Use use) const;  // which memory it really gets
  Result<CpuBuffer*> take_buffer(const hal::BufferDesc& placed);      // a described object without memory
  void give_buffer(CpuBuffer& buffer);
  void recycle(CpuBuffer& buffer);
  Status back(CpuBuffer& buffer);    // gives it memory
  void unback(CpuBuffer& buffer);    // takes it away
  std::byte* allocate_bytes(CpuBuffer& buffer);  // under the lock

  hal::Caps caps_;
  shared::Owner owner_;
  shared::Engine engine_;
  Workgroups workgroups_;
  Features features_;
  std::span<const hcy_static_kernel> static_kernels_;
  bool guard_;

  mutable platform::Mutex mutex_;  // everything below
  MemoryPool pool_;
  CpuBuffer* free_buffers_ = nullptr;
  uint32_t free_buffer_count_ = 0;
  uint64_t allocations_ = 0, live_bytes_ = 0, peak_bytes_ = 0;
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/device.ipp"
#endif
