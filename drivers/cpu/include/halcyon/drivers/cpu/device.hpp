// halcyon/drivers/cpu/device.hpp -- the CPU device: memory here and in buffer.hpp, submissions from
// drivers/shared. full_device.hpp adds what not every program needs.
#pragma once
#include "halcyon/drivers/cpu/options.hpp"
#include "halcyon/drivers/cpu/buffer.hpp"
#include "halcyon/drivers/cpu/executable.hpp"
#include "halcyon/drivers/cpu/memory_pool.hpp"
#include "halcyon/drivers/shared/engine.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class CpuDevice : public hal::Device {
 public:
  CpuDevice(const InlineOptions& options, bool mappable, const Allocator& memory);
  ~CpuDevice() override;
  HALCYON_OBJECT(CpuDevice)

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
    return engine_.create_semaphore(value);
  }

  Status submit(const hal::Submission& submission) override { return engine_.submit(submission); }
  Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) override {
    return engine_.wait(timepoints, mode, timeout_ns);
  }
  Status wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) override { return engine_.wait_idle(buffer, timeout_ns); }
  void trim() override;
  hal::Stats stats() const override;
  void profile(hal::ProfileSink sink) override { engine_.profile(sink); }

 protected:
  Result<Ref<hal::Buffer>> describe_buffer(const hal::BufferDesc& desc);  // checked, without memory
  Status back(CpuBuffer& buffer);                                          // gives it memory
  void unback(CpuBuffer& buffer);                                          // takes it away

  hal::Caps caps_;
  shared::Owner owner_;
  shared::Engine engine_;
  Features features_;
  Allocator memory_;     // where buffers come from
  bool pooled_ = true;   // through the pool, where their alignment is no more than its

 private:
  friend class CpuBuffer;
  virtual CpuBuffer* construct(void* memory) { return ::new (memory) CpuBuffer(*this); }
  virtual size_t buffer_size() const { return sizeof(CpuBuffer); }
  static Status check(const hal::BufferDesc& desc);
  CpuBuffer* take_buffer(const hal::BufferDesc& placed);  // null where memory has ended
  void recycle(CpuBuffer& buffer);
  std::byte* allocate_bytes(CpuBuffer& buffer);  // under the lock

  OwnKernels own_kernels_;

  mutable platform::Mutex mutex_;  // everything below
  MemoryPool pool_;
  uint64_t allocations_ = 0, live_bytes_ = 0, peak_bytes_ = 0;
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/device.ipp"
#endif
