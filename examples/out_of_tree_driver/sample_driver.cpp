// A driver in a shared object of its own. Its memory is the host's, but does not map, as a GPU's would not: programs copy
// with read, write and stage. It takes any plan, loads no code and runs copies, fills and updates; a dispatch does nothing.
#include <halcyon/driver_plugin.hpp>
#include <halcyon/drivers/shared/queue.hpp>
#include <halcyon/hal/staging.hpp>

namespace sample {

using namespace halcyon;

class Device;

class Buffer final : public shared::HostBuffer {
 public:
  Buffer(Device& device, const hal::BufferDesc& desc, bool mappable);
  Status allocate();
  void release();

  Result<std::span<std::byte>> map(hal::Access, uint64_t offset, uint64_t length) override {
    if (!mappable()) return Status(Code::failed_precondition, "map: the buffer is device-local; use read() or stage()");
    if (offset > size() || (length != UINT64_MAX && length > size() - offset))
      return Status(Code::invalid_argument, "map: the range is not inside the buffer");
    return std::span<std::byte>(data() + offset, static_cast<size_t>(length == UINT64_MAX ? size() - offset : length));
  }
  void unmap() override {}
  Status flush(uint64_t, uint64_t) override { return {}; }
  Status invalidate(uint64_t, uint64_t) override { return {}; }
  hal::NativeHandle native_handle() const override { return {hal::NativeHandle::Type::host_pointer, reinterpret_cast<uintptr_t>(data()), 0}; }

 private:
  void recycle() override;
  Device& owner_;
};

class Executable final : public shared::HostExecutable {
 public:
  explicit Executable(shared::Owner& owner) : HostExecutable(owner.allocator), owner_(owner) {}
  Status load(const hal::ExecutableDesc& desc) { return describe(desc); }

 private:
  void recycle() override { owner_.destroy(this); }
  shared::Owner& owner_;
};

class Device final : public hal::Device {
 public:
  explicit Device(const Allocator& allocator) : hal::Device(allocator), owner_(allocator), engine_(owner_), queue_(owner_, engine_), staging_(*this) {
    engine_.use(queue_);
    use(staging_);  // its device memory does not map
    caps_.driver = "sample";
    caps_.name = "a sample of a driver";
    caps_.inline_execution = true;
    caps_.accepts_any_plan = true;
  }
  ~Device() override { queue_.abandon(); }
  HALCYON_OBJECT(Device)

  const hal::Caps& caps() const override { return caps_; }
  hal::Compatibility compatibility(const hal::BufferDesc& desc) const override {
    hal::Compatibility::Why why;
    why.not_importable = why.not_exportable = "device memory is the device's own";
    if (desc.memory == hal::Memory::device && desc.map == hal::Map::none) why.not_mappable = why.not_exportable;
    if (desc.device_ordinal != 0 || desc.alignment > 4096 || (desc.alignment & (desc.alignment - 1)) != 0)
      why.not_allocatable = "no such alignment or device ordinal";
    return hal::Compatibility::because(why);
  }

  Result<Ref<hal::Buffer>> allocate(const hal::BufferDesc& desc) override {
    HALCYON_ASSIGN(Ref<Buffer> buffer, describe(desc));
    HALCYON_TRY(buffer->allocate());
    return Ref<hal::Buffer>(std::move(buffer));
  }
  Result<Ref<hal::Buffer>> allocate_async(const hal::BufferDesc& desc, std::span<const hal::Timepoint> waits,
                                          hal::Timepoint signal) override {
    HALCYON_ASSIGN(Ref<Buffer> buffer, describe(desc));
    const auto action = [](void*, hal::Buffer& target, const Status& waited) {
      return waited.ok() ? static_cast<Buffer&>(target).allocate() : waited;
    };
    HALCYON_TRY(queue_.after(waits, signal, action, this, *buffer));
    return Ref<hal::Buffer>(std::move(buffer));
  }
  Status free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits, hal::Timepoint signal) override {
    const auto action = [](void*, hal::Buffer& target, const Status& waited) {
      if (waited.ok()) static_cast<Buffer&>(target).release();
      return waited;
    };
    return queue_.after(waits, signal, action, this, buffer);
  }
  Result<Ref<hal::Buffer>> import_host(std::span<std::byte>, const hal::BufferDesc&, void (*)(void*), void*) override {
    return Status(Code::unsupported, "import: the device does not see host memory");
  }
  Result<Ref<hal::Buffer>> import_native(hal::NativeHandle, const hal::BufferDesc&) override {
    return Status(Code::unsupported, "native handles: the device has none");
  }
  Result<hal::NativeHandle> export_native(hal::Buffer&, hal::NativeHandle::Type) override {
    return Status(Code::unsupported, "native handles: the device has none");
  }

  Result<Ref<hal::Executable>> create_executable(const hal::ExecutableDesc& desc, std::span<hal::Rejection>) override {
    auto executable = Ref<Executable>::adopt(owner_.create<Executable>(owner_));
    if (!executable) return out_of_memory();
    HALCYON_TRY(executable->load(desc));
    return Ref<hal::Executable>(std::move(executable));
  }
  Result<Ref<hal::Commands>> create_commands(const hal::CommandsDesc& desc) override { return engine_.create_commands(desc); }
  Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value) override { return engine_.create_semaphore(value); }
  Status submit(const hal::Submission& submission) override { return engine_.submit(submission); }
  Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) override {
    return engine_.wait(timepoints, mode, timeout_ns);
  }
  Status wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) override { return engine_.wait_idle(buffer, timeout_ns); }
  void trim() override {
    staging_.trim();
    engine_.trim();
  }
  hal::Stats stats() const override {
    hal::Stats stats;
    fill_transfers(stats);
    engine_.fill_stats(stats);
    return stats;
  }
  void profile(hal::ProfileSink sink) override { engine_.profile(sink); }

 private:
  friend class Buffer;
  Result<Ref<Buffer>> describe(const hal::BufferDesc& desc) {
    const hal::Compatibility fits = compatibility(desc);
    if (!fits.allocatable) return Status(Code::invalid_argument, "allocate: no such alignment or device ordinal");
    auto buffer = Ref<Buffer>::adopt(owner_.create<Buffer>(*this, desc, fits.mappable));
    if (!buffer) return out_of_memory();
    return buffer;
  }

  hal::Caps caps_;
  shared::Owner owner_;
  shared::Engine engine_;
  shared::Queue queue_;
  hal::StagingRing staging_;
};

Buffer::Buffer(Device& device, const hal::BufferDesc& desc, bool mappable) : owner_(device) { describe(device, desc, mappable); }

Status Buffer::allocate() {
  const size_t bytes = size() == 0 ? 1 : static_cast<size_t>(size());
  void* memory = owner_.allocator().allocate(owner_.allocator().self, bytes, 4096);
  if (!memory) return out_of_memory();
  data_.store(static_cast<std::byte*>(memory));
  return {};
}

void Buffer::release() {
  if (std::byte* memory = data_.exchange(nullptr)) owner_.allocator().release(owner_.allocator().self, memory, size() == 0 ? 1 : static_cast<size_t>(size()), 4096);
}

void Buffer::recycle() {
  release();
  owner_.owner_.destroy(this);
}

Result<Owned<hal::Device>> create_from_options(std::string_view options, const Allocator& allocator) {
  for (Option option; next_option(options, option);)
    if (option.key != "index" || option.value != "0") return Status(Code::invalid_argument, "sample: there are no options");
  auto device = make<Device>(allocator, allocator);
  if (!device) return out_of_memory();
  return Owned<hal::Device>(std::move(device));
}

const Driver driver = {"sample", &create_from_options};

}  // namespace sample

HALCYON_EXPORT_DRIVER(sample::driver)
