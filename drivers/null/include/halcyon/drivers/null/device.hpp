// halcyon/drivers/null/device.hpp -- the null driver's objects. Copy this folder to begin a driver: what is
// here is what each driver has to say for itself; submissions, command lists and semaphores of a device that
// runs work on the caller's thread come from drivers/shared.
#pragma once
#include "halcyon/drivers/null/options.hpp"
#include "halcyon/drivers/shared/queue.hpp"

HALCYON_NAMESPACE_BEGIN
namespace null {

class NullDevice;

class NullBuffer final : public shared::HostBuffer {
 public:
  NullBuffer(NullDevice& owner, const hal::BufferDesc& desc);

  Result<std::span<std::byte>> map(hal::Access access, uint64_t offset, uint64_t length) override;
  void unmap() override {}
  Status flush(uint64_t offset, uint64_t length) override { return check_range(offset, length); }
  Status invalidate(uint64_t offset, uint64_t length) override { return check_range(offset, length); }
  hal::NativeHandle native_handle() const override;

 private:
  friend class NullDevice;
  void recycle() override;
  Status check_range(uint64_t offset, uint64_t length) const;

  NullDevice& owner_;
  uint64_t allocated_ = 0;                     // bytes to give back; 0: imported, or nothing
  uint64_t alignment_ = 64;
  bool imported_ = false;
  std::atomic<bool> freeing_{false};        // free_async was called, and has not failed
  void (*released_)(void* user) = nullptr;  // imported: told when the last reference goes
  void* user_ = nullptr;
};

class NullExecutable final : public shared::HostExecutable {
 public:
  explicit NullExecutable(shared::Owner& owner) : HostExecutable(owner.allocator), owner_(owner) {}
  Status load(const hal::ExecutableDesc& desc) { return describe(desc); }

 private:
  void recycle() override { owner_.destroy(this); }
  shared::Owner& owner_;
};

class NullDevice final : public hal::Device {
 public:
  explicit NullDevice(const DeviceOptions& options);
  ~NullDevice() override;
  HALCYON_OBJECT(NullDevice)

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
  void trim() override { engine_.trim(); }
  hal::Stats stats() const override;
  void profile(hal::ProfileSink sink) override { engine_.profile(sink); }

 private:
  friend class NullBuffer;
  Result<NullBuffer*> create_buffer(const hal::BufferDesc& desc);
  Status back(NullBuffer& buffer);    // gives it memory
  void unback(NullBuffer& buffer);    // takes it away

  hal::Caps caps_;
  shared::Owner owner_;
  shared::Engine engine_;
  shared::Queue queue_;
  std::atomic<uint64_t> allocations_{0}, live_bytes_{0}, peak_bytes_{0};
};

}  // namespace null
HALCYON_NAMESPACE_END
