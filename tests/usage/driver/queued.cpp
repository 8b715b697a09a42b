#include "queued.hpp"

#include <algorithm>

#include "halcyon/drivers/shared/queue.hpp"
#include "halcyon/hal/staging.hpp"

namespace queued {

using namespace halcyon;
using hal::Timepoint;
class Device;

class Buffer final : public shared::HostBuffer {
 public:
  Buffer(Device& owner, const hal::BufferDesc& desc);
  Result<std::span<std::byte>> map(hal::Access access, uint64_t offset, uint64_t length) override {
    if (!mappable()) return Status(Code::failed_precondition, "map: buffer is device-local; use read() or stage()");
    if ((asked_ == hal::Map::read && access != hal::Access::read) || (asked_ == hal::Map::write && access != hal::Access::write))
      return Status(Code::failed_precondition, "map: buffer was not allocated for this access");
    HALCYON_TRY(check_range(offset, length));
    if (!data()) return Status(Code::failed_precondition, "map: the buffer is not allocated yet, or was freed");
    return std::span<std::byte>(data() + offset, static_cast<size_t>(length == UINT64_MAX ? size() - offset : length));
  }
  void unmap() override {}
  Status flush(uint64_t offset, uint64_t length) override { return check_range(offset, length); }
  Status invalidate(uint64_t offset, uint64_t length) override { return check_range(offset, length); }
  hal::NativeHandle native_handle() const override {
    if (!mappable()) return {};  // the device's own memory: nobody else sees it
    return {hal::NativeHandle::Type::host_pointer, reinterpret_cast<uintptr_t>(data()), 0};
  }

 private:
  friend class Device;
  void recycle() override;
  Status check_range(uint64_t offset, uint64_t length) const {
    if (offset <= size() && (length == UINT64_MAX || length <= size() - offset)) return {};
    return {Code::invalid_argument, "map, flush, invalidate: the range is not inside the buffer"};
  }
  Device& owner_;
  hal::Map asked_;
  size_t alignment_, bytes_;  // the bytes are never 0, so that data() tells
  std::atomic<bool> freeing_{false};
};

// Kernels of a static table, for the machine that this is; they run on the queue's thread.
class Executable final : public shared::HostExecutable {
 public:
  explicit Executable(shared::Owner& owner) : HostExecutable(owner.allocator), owner_(owner) {}
  Status load(const hal::ExecutableDesc& desc, std::span<const hcy_static_kernel> table, std::span<hal::Rejection> rejections) {
    HALCYON_TRY(describe(desc));
    bool taken = false;
    for (uint32_t v = 0; v < desc.variants.size(); ++v) {
      const hal::Rejection rejection = taken ? hal::Rejection{"a variant before it was taken", {}} : judge(desc, desc.variants[v], table);
      if (v < rejections.size()) rejections[v] = rejection;
      if (rejection.reason[0] != 0) continue;
      taken = true;
      variant_ = v;
      HALCYON_TRY(take(desc.variants[v], table));
    }
    return taken ? Status() : Status(Code::unsupported, "create_executable: no variant runs on this device");
  }

 private:
  static hcy_kernel find(std::span<const hcy_static_kernel> table, uint64_t hash) {
    for (const hcy_static_kernel& entry : table)
      if (entry.hash == hash) return entry.kernel;
    return nullptr;
  }
  static hal::Rejection judge(const hal::ExecutableDesc& desc, const hal::VariantDesc& variant, std::span<const hcy_static_kernel> table) {
#if defined(__aarch64__)
    constexpr std::string_view machine = "aarch64", always_there = "neon";
#else
    constexpr std::string_view machine = "x86_64", always_there = "sse2";
#endif
    if (variant.format != hal::Format::static_table) return {"the format is not a static table", {}};
    if (variant.target != machine) return {"made for another machine", {}};
    for (const std::string_view feature : variant.features)
      if (feature != always_there) return {"the driver does not look for this feature", feature};
    for (size_t i = 0; i < variant.exports.size() && i < desc.exports.size(); ++i)
      if (!find(table, variant.exports[i].hash)) return {"the application gave no such kernel", desc.exports[i].name};
    return {};
  }
  Status take(const hal::VariantDesc& variant, std::span<const hcy_static_kernel> table) {
    if (variant.exports.size() != kernels_.size())
      return {Code::corrupt_artifact, "create_executable: a variant's exports are not its executable's"};
    for (size_t i = 0; i < kernels_.size(); ++i) {
      const hal::VariantExport& entry = variant.exports[i];
      if (entry.tile[0] == 0 || entry.tile[1] == 0 || entry.tile[2] == 0) return {Code::corrupt_artifact, "create_executable: a tile is 0"};
      std::copy(entry.tile, entry.tile + 3, kernels_[i].tile);
      kernels_[i].local_memory = entry.local_memory;
      kernels_[i].function = find(table, entry.hash);
    }
    return {};
  }
  void recycle() override { owner_.destroy(this); }
  shared::Owner& owner_;
};

class Device final : public hal::Device {
 public:
  explicit Device(const DeviceOptions& options)
      : hal::Device(options.allocator), owner_(options.allocator), engine_(owner_), queue_(owner_, engine_), table_(options.static_kernels),
        staging_(*this) {
    use(staging_);
    engine_.use(queue_);
    caps_.driver = "queued";
    caps_.name = "a queue of its own";
    caps_.family = "cpu";
    caps_.max_buffer_size = SIZE_MAX / 2;
  }
  Status start() { return queue_.start_worker(); }
  ~Device() override {
    queue_.abandon();
    staging_.trim();
    HALCYON_ASSERT(owner_.live.load() == 0);  // a device outlives everything that it made
  }
  HALCYON_OBJECT(Device)
  const hal::Caps& caps() const override { return caps_; }

  hal::Compatibility compatibility(const hal::BufferDesc& desc) const override {
    hal::Compatibility::Why why;
    why.not_importable = closed().what();
    if (desc.map == hal::Map::none) why.not_mappable = why.not_exportable = "device memory is the device's own";
    if (desc.map != hal::Map::none || desc.memory == hal::Memory::host) why.slow = "host memory";
    if (desc.size > caps_.max_buffer_size) why.not_allocatable = "larger than the device allows";
    if (desc.device_ordinal != 0) why.not_allocatable = "there is no such device ordinal";
    if (desc.alignment > 4096 || (desc.alignment & (desc.alignment - 1)) != 0)
      why.not_allocatable = "the alignment is not a power of two up to 4096";
    return hal::Compatibility::because(why);
  }
  Result<Ref<hal::Buffer>> allocate(const hal::BufferDesc& desc) override {
    HALCYON_ASSIGN(Ref<hal::Buffer> buffer, create_buffer(desc));
    HALCYON_TRY(back(static_cast<Buffer&>(*buffer)));
    return buffer;
  }
  Result<Ref<hal::Buffer>> allocate_async(const hal::BufferDesc& desc, std::span<const Timepoint> waits, Timepoint signal) override {
    HALCYON_ASSIGN(Ref<hal::Buffer> buffer, create_buffer(desc));
    const auto action = [](void* self, hal::Buffer& target, const Status& waited) {
      return waited.ok() ? static_cast<Device*>(self)->back(static_cast<Buffer&>(target)) : waited;
    };
    HALCYON_TRY(queue_.after(waits, signal, action, this, *buffer));
    return buffer;
  }
  Status free_async(hal::Buffer& buffer, std::span<const Timepoint> waits, Timepoint signal) override {
    Buffer& freed = static_cast<Buffer&>(buffer);
    if (freed.freeing_.exchange(true)) return {Code::failed_precondition, "free_async: the buffer was freed already"};
    const auto action = [](void* self, hal::Buffer& target, const Status& waited) {
      if (waited.ok()) static_cast<Device*>(self)->unback(static_cast<Buffer&>(target));
      static_cast<Buffer&>(target).freeing_ = waited.ok();
      return waited;
    };
    const Status status = queue_.after(waits, signal, action, this, buffer);
    if (!status.ok()) freed.freeing_ = false;
    return status;
  }
  Result<Ref<hal::Buffer>> import_host(std::span<std::byte>, const hal::BufferDesc& desc, void (*)(void*), void*) override {
    return compatibility(desc).allocatable ? closed() : Status(Code::invalid_argument, "import_host: see compatibility()");
  }
  Result<Ref<hal::Buffer>> import_native(hal::NativeHandle, const hal::BufferDesc&) override { return closed(); }
  Result<hal::NativeHandle> export_native(hal::Buffer& buffer, hal::NativeHandle::Type type) override {
    if (!buffer.mappable() || type != hal::NativeHandle::Type::host_pointer) return closed();
    return buffer.native_handle();
  }

  Result<Ref<hal::Executable>> create_executable(const hal::ExecutableDesc& desc, std::span<hal::Rejection> rejections) override {
    const auto executable = Ref<Executable>::adopt(owner_.create<Executable>(owner_));
    if (!executable) return out_of_memory();
    HALCYON_TRY(executable->load(desc, table_, rejections));
    return Ref<hal::Executable>(executable);
  }
  Result<Ref<hal::Commands>> create_commands(const hal::CommandsDesc& desc) override { return engine_.create_commands(desc); }
  Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value) override { return engine_.create_semaphore(value); }
  Status submit(const hal::Submission& submission) override { return engine_.submit(submission); }
  Status wait(std::span<const Timepoint> points, hal::Wait mode, uint64_t timeout_ns) override { return engine_.wait(points, mode, timeout_ns); }
  Status wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) override { return engine_.wait_idle(buffer, timeout_ns); }
  void trim() override {
    staging_.trim();
    engine_.trim();
  }
  hal::Stats stats() const override {
    hal::Stats stats;
    fill_transfers(stats);
    engine_.fill_stats(stats);
    stats.allocations = allocations_;
    stats.live_bytes = stats.reserved_bytes = live_bytes_;
    stats.peak_bytes = stats.peak_reserved_bytes = peak_bytes_;
    stats.staging_bytes = staging_.bytes();
    return stats;
  }
  void profile(hal::ProfileSink sink) override { engine_.profile(sink); }

 private:
  friend class Buffer;
  static Status closed() { return {Code::unsupported, "the device imports no memory, and exports host pointers of host memory only"}; }
  Result<Ref<hal::Buffer>> create_buffer(const hal::BufferDesc& desc) {
    if (!compatibility(desc).allocatable)
      return Status(desc.size > caps_.max_buffer_size ? Code::out_of_memory : Code::invalid_argument, "allocate: see compatibility()");
    auto* buffer = owner_.create<Buffer>(*this, desc);
    return buffer ? Result<Ref<hal::Buffer>>(Ref<hal::Buffer>::adopt(buffer)) : out_of_memory();
  }
  Status back(Buffer& buffer) {
    buffer.data_ = static_cast<std::byte*>(allocator().allocate(allocator().self, buffer.bytes_, buffer.alignment_));
    if (!buffer.data()) return out_of_memory();
    ++allocations_;
    const uint64_t live = live_bytes_ += buffer.size();
    for (uint64_t peak = peak_bytes_; live > peak && !peak_bytes_.compare_exchange_weak(peak, live);) {
    }
    return {};
  }
  void unback(Buffer& buffer) {
    std::byte* memory = buffer.data_.exchange(nullptr);
    if (!memory) return;
    allocator().release(allocator().self, memory, buffer.bytes_, buffer.alignment_);
    live_bytes_ -= buffer.size();
  }

  hal::Caps caps_;
  shared::Owner owner_;
  shared::Engine engine_;
  shared::Queue queue_;
  std::span<const hcy_static_kernel> table_;
  std::atomic<uint64_t> allocations_{0}, live_bytes_{0}, peak_bytes_{0};
  hal::StagingRing staging_;
};

Buffer::Buffer(Device& owner, const hal::BufferDesc& desc)
    : owner_(owner), asked_(desc.map), alignment_(desc.alignment < 64 ? 64 : desc.alignment), bytes_(desc.size == 0 ? 1 : desc.size) {
  hal::BufferDesc placed = desc;  // only what is allocated to map does, and is host memory then
  if (desc.map != hal::Map::none) placed.memory = hal::Memory::host;
  describe(owner, placed, desc.map != hal::Map::none);
}
void Buffer::recycle() {
  owner_.unback(*this);
  owner_.owner_.destroy(this);
}

Result<Owned<hal::Device>> create_device(const DeviceOptions& options) {
  auto device = make<Device>(options.allocator, options);
  if (!device) return out_of_memory();
  HALCYON_TRY(device->start());
  return Owned<hal::Device>(std::move(device));
}

}  // namespace queued
