// halcyon/drivers/cpu/device.ipp -- bodies of cpu.hpp, device.hpp and buffer.hpp.
#pragma once
#include "halcyon/drivers/cpu.hpp"
#include "halcyon/drivers/cpu/device.hpp"
#include "halcyon/registry.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace detail {

alignas(64) inline std::byte nothing[64];  // what an empty buffer points at
constexpr uint32_t max_free_buffers = 4096;

inline CpuBuffer& as_cpu(hal::Buffer& buffer) { return static_cast<CpuBuffer&>(buffer); }

// Bytes of pages for a guarded buffer: its own, and one unmapped before and after.
inline uint64_t guarded_pages(uint64_t size, uint64_t page) { return (size + page - 1) / page * page + 2 * page; }

}  // namespace detail

// ---- buffers ------------------------------------------------------------------------------------------

HALCYON_FUNC Status CpuBuffer::check_range(uint64_t offset, uint64_t length) const {
  if (offset > size() || (length != UINT64_MAX && length > size() - offset))
    return Status(Code::invalid_argument, "map: the range is not inside the buffer",
                  {Kind::none, 255, 0, 0, static_cast<int64_t>(size()), static_cast<int64_t>(offset)});
  return {};
}

HALCYON_FUNC Result<std::span<std::byte>> CpuBuffer::map(hal::Access access, uint64_t offset, uint64_t length) {
  if (!mappable()) return Status(Code::failed_precondition, "map: buffer is device-local; use read() or stage()");
  const bool reads = access != hal::Access::write, writes = access != hal::Access::read;
  if (!maps_any_access_ && ((reads && asked_ == hal::Map::write) || (writes && asked_ == hal::Map::read)))
    return Status(Code::failed_precondition, "map: buffer was not allocated for this access");
  HALCYON_TRY(check_range(offset, length));
  std::byte* bytes = data();
  if (!bytes) return Status(Code::failed_precondition, "map: buffer is not allocated yet, or was freed");
  ++maps_;
  return std::span<std::byte>(bytes + offset, static_cast<size_t>(length == UINT64_MAX ? size() - offset : length));
}

HALCYON_FUNC void CpuBuffer::unmap() {
  HALCYON_ASSERT(maps_ > 0);
  if (maps_ > 0) --maps_;
}

// Host memory is coherent with itself: there is only the range to check.
HALCYON_FUNC Status CpuBuffer::flush(uint64_t offset, uint64_t length) { return check_range(offset, length); }
HALCYON_FUNC Status CpuBuffer::invalidate(uint64_t offset, uint64_t length) { return check_range(offset, length); }

HALCYON_FUNC hal::NativeHandle CpuBuffer::native_handle() const {
  return {hal::NativeHandle::Type::host_pointer, reinterpret_cast<uintptr_t>(data()), 0};
}

HALCYON_FUNC void CpuBuffer::recycle() { owner_.recycle(*this); }

HALCYON_FUNC Result<CpuBuffer*> CpuDevice::take_buffer(const hal::BufferDesc& placed) {
  CpuBuffer* buffer = nullptr;
  {
    platform::Lock lock(mutex_);
    if (free_buffers_) {
      buffer = free_buffers_;
      free_buffers_ = buffer->next_free_;
      --free_buffer_count_;
    }
  }
  if (buffer) {
    owner_.live.fetch_add(1, std::memory_order_relaxed);
    buffer->revive();
  } else {
    HALCYON_ASSIGN(buffer, owner_.create<CpuBuffer>(*this));
  }
  buffer->describe(*this, placed, caps_.device_memory_mappable || placed.map != hal::Map::none);
  buffer->asked_ = placed.map;
  buffer->maps_any_access_ = caps_.device_memory_mappable;
  buffer->alignment_ = placed.alignment < 64 ? 64 : placed.alignment;
  buffer->maps_ = 0;
  return buffer;
}

HALCYON_FUNC void CpuDevice::give_buffer(CpuBuffer& buffer) {
  {
    platform::Lock lock(mutex_);
    if (free_buffer_count_ < detail::max_free_buffers) {
      buffer.next_free_ = free_buffers_;
      free_buffers_ = &buffer;
      ++free_buffer_count_;
      owner_.live.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
  }
  owner_.destroy(&buffer);
}

HALCYON_FUNC void CpuDevice::recycle(CpuBuffer& buffer) {
  HALCYON_ASSERT(buffer.maps_ == 0);  // a view of it is still out
  unback(buffer);
  const auto released = std::exchange(buffer.released_, nullptr);
  void* const user = buffer.user_;
  give_buffer(buffer);
  if (released) released(user);
}

HALCYON_FUNC std::byte* CpuDevice::allocate_bytes(CpuBuffer& buffer) {
  const uint64_t size = buffer.size();
  if (guard_) {
    const uint64_t page = platform::page_size(), pages = detail::guarded_pages(size, page);
    auto* memory = static_cast<std::byte*>(platform::map_pages(static_cast<size_t>(pages), platform::Protection::none));
    if (!memory) return nullptr;
    buffer.origin_ = CpuBuffer::Origin::guarded;
    if (!platform::protect_pages(memory + page, static_cast<size_t>(pages - 2 * page), platform::Protection::read_write)) {
      platform::unmap_pages(memory, static_cast<size_t>(pages));
      return nullptr;
    }
    // As far to the end as the elements' alignment (which divides the size) or the caller allows.
    const uint64_t natural = size & (~size + 1);
    const uint64_t alignment = buffer.alignment_ > 64 ? buffer.alignment_ : natural < 64 ? natural : 64;
    return memory + (pages - page - size) / alignment * alignment;
  }
  if (buffer.alignment_ > MemoryPool::alignment) {
    buffer.origin_ = CpuBuffer::Origin::allocator;
    return static_cast<std::byte*>(
        allocator().allocate(allocator().self, static_cast<size_t>(size), static_cast<size_t>(buffer.alignment_)));
  }
  buffer.origin_ = CpuBuffer::Origin::pool;
  return pool_.allocate(size);
}

HALCYON_FUNC Status CpuDevice::back(CpuBuffer& buffer) {
  std::byte* memory = detail::nothing;
  platform::Lock lock(mutex_);
  if (buffer.size() != 0) memory = allocate_bytes(buffer);
  if (!memory) {
    buffer.origin_ = CpuBuffer::Origin::none;
    return {Code::out_of_memory, "allocate: the allocator has no memory left"};
  }
  buffer.data_.store(memory, std::memory_order_relaxed);
  ++allocations_;
  live_bytes_ += buffer.size();
  if (live_bytes_ > peak_bytes_) peak_bytes_ = live_bytes_;
  return {};
}

HALCYON_FUNC void CpuDevice::unback(CpuBuffer& buffer) {
  using Origin = CpuBuffer::Origin;
  std::byte* memory = buffer.data_.exchange(nullptr, std::memory_order_relaxed);
  const Origin origin = std::exchange(buffer.origin_, Origin::none);
  if (!memory || origin == Origin::none || origin == Origin::imported) return;
  const uint64_t size = buffer.size();
  platform::Lock lock(mutex_);
  live_bytes_ -= size;
  if (origin == Origin::pool) {
    pool_.release(memory, size);
  } else if (origin == Origin::allocator) {
    allocator().release(allocator().self, memory, static_cast<size_t>(size), static_cast<size_t>(buffer.alignment_));
  } else {
    const uint64_t page = platform::page_size(), pages = detail::guarded_pages(size, page);
    const uint64_t before = reinterpret_cast<uintptr_t>(memory) % page + page;
    platform::unmap_pages(memory - before, static_cast<size_t>(pages));
  }
}

// ---- the device ---------------------------------------------------------------------------------------

HALCYON_FUNC CpuDevice::CpuDevice(const DeviceOptions& options)
    : hal::Device(options.allocator), owner_(options.allocator), engine_(owner_), workgroups_(options.allocator),
      static_kernels_(options.static_kernels), guard_(options.guard), pool_(options.allocator, options.pool_limit) {
  caps_.driver = "cpu";
  caps_.name = options.mappable ? "CPU" : "CPU, device memory does not map";
  caps_.family = "cpu";
  caps_.device_memory_mappable = options.mappable;
  caps_.inline_execution = true;
  caps_.import_host = options.mappable;
  caps_.min_alignment = options.guard ? 1 : 64;
  caps_.max_buffer_size = MemoryPool::max_size < SIZE_MAX / 2 ? MemoryPool::max_size : SIZE_MAX / 2;
}

HALCYON_FUNC Status CpuDevice::initialize(const DeviceOptions& options) {
  features_.detect();
  if (!options.features.empty() && !features_.limit(options.features))
    return {Code::invalid_argument, "create_device: features are baseline, avx2 or avx512"};
  HALCYON_TRY(workgroups_.start(options));
  engine_.use(workgroups_.runner(), workgroups_.workers());
  return {};
}

HALCYON_FUNC CpuDevice::~CpuDevice() {
  engine_.timeline.abandon();
  trim();
  HALCYON_ASSERT(owner_.live.load() == 0);  // a device outlives everything that it made
}

HALCYON_FUNC Status CpuDevice::check(const hal::BufferDesc& desc) {
  if (desc.device_ordinal != 0)
    return Status(Code::invalid_argument, "allocate: there is no such device ordinal",
                  {Kind::none, 255, 0, 0, 0, desc.device_ordinal});
  if (desc.alignment > 4096 || (desc.alignment & (desc.alignment - 1)) != 0)
    return Status(Code::invalid_argument, "allocate: the alignment is not a power of two up to 4096",
                  {Kind::none, 255, 0, 0, 4096, static_cast<int64_t>(desc.alignment)});
  return {};
}

HALCYON_FUNC hal::BufferDesc CpuDevice::place(const hal::BufferDesc& desc, Use use) const {
  hal::BufferDesc placed = desc;
  // What must map cannot be device-local where device memory does not map: it becomes host memory.
  if (use == Use::allocate && desc.map != hal::Map::none && !caps_.device_memory_mappable) placed.memory = hal::Memory::host;
  return placed;
}

HALCYON_FUNC hal::Compatibility CpuDevice::compatibility(const hal::BufferDesc& desc) const {
  hal::Compatibility fits;
  if (const Status status = check(desc); !status.ok()) {
    fits.reason = "no such alignment or device ordinal";
    return fits;
  }
  fits.allocatable = desc.size <= caps_.max_buffer_size;
  fits.importable = caps_.import_host;
  fits.exportable = true;
  fits.mappable = caps_.device_memory_mappable || desc.map != hal::Map::none;
  fits.slow = !caps_.device_memory_mappable && (desc.memory == hal::Memory::host || desc.map != hal::Map::none);
  if (!fits.allocatable)
    fits.reason = "larger than the device allows";
  else if (!fits.mappable)
    fits.reason = "device memory does not map";
  else if (!fits.importable)
    fits.reason = "the device does not see the application's memory";
  return fits;
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::allocate(const hal::BufferDesc& desc) {
  HALCYON_TRY(check(desc));
  if (desc.size > caps_.max_buffer_size) return Status(Code::out_of_memory, "allocate: larger than the device allows");
  HALCYON_ASSIGN(CpuBuffer * buffer, take_buffer(place(desc, Use::allocate)));
  auto reference = Ref<hal::Buffer>::adopt(buffer);
  HALCYON_TRY(back(*buffer));
  return reference;
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::allocate_async(const hal::BufferDesc& desc,
                                                                std::span<const hal::Timepoint> waits,
                                                                hal::Timepoint signal) {
  HALCYON_TRY(check(desc));
  if (desc.size > caps_.max_buffer_size) return Status(Code::out_of_memory, "allocate: larger than the device allows");
  HALCYON_ASSIGN(CpuBuffer * buffer, take_buffer(place(desc, Use::allocate)));
  auto reference = Ref<hal::Buffer>::adopt(buffer);
  const auto action = [](void* self, hal::Buffer& target) { return static_cast<CpuDevice*>(self)->back(detail::as_cpu(target)); };
  HALCYON_TRY(engine_.after(waits, signal, action, this, *buffer));
  return reference;
}

HALCYON_FUNC Status CpuDevice::free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits, hal::Timepoint signal) {
  const auto action = [](void* self, hal::Buffer& target) {
    static_cast<CpuDevice*>(self)->unback(detail::as_cpu(target));
    return Status();
  };
  return engine_.after(waits, signal, action, this, buffer);
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::import_host(std::span<std::byte> bytes, const hal::BufferDesc& desc,
                                                             void (*released)(void* user), void* user) {
  HALCYON_TRY(check(desc));
  if (!caps_.import_host) return Status(Code::unsupported, "import_host: the device does not see the application's memory");
  hal::BufferDesc placed = place(desc, Use::import);
  placed.size = bytes.size();
  HALCYON_ASSIGN(CpuBuffer * buffer, take_buffer(placed));
  buffer->origin_ = CpuBuffer::Origin::imported;
  buffer->data_.store(bytes.empty() ? detail::nothing : bytes.data(), std::memory_order_relaxed);
  buffer->released_ = released;
  buffer->user_ = user;
  return Ref<hal::Buffer>(Ref<CpuBuffer>::adopt(buffer));
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::import_native(hal::NativeHandle handle, const hal::BufferDesc& desc) {
  if (handle.type != hal::NativeHandle::Type::host_pointer)
    return Status(Code::unsupported, "import_native: the device takes host pointers only");
  if (desc.size > SIZE_MAX) return Status(Code::invalid_argument, "import_native: larger than the address space");
  auto* bytes = reinterpret_cast<std::byte*>(static_cast<uintptr_t>(handle.value + handle.offset));
  return import_host({bytes, static_cast<size_t>(desc.size)}, desc, nullptr, nullptr);
}

HALCYON_FUNC Result<hal::NativeHandle> CpuDevice::export_native(hal::Buffer& buffer, hal::NativeHandle::Type type) {
  if (type != hal::NativeHandle::Type::host_pointer)
    return Status(Code::unsupported, "export_native: the device gives host pointers only");
  return buffer.native_handle();
}

HALCYON_FUNC Result<Ref<hal::Executable>> CpuDevice::create_executable(const hal::ExecutableDesc& desc,
                                                                       std::span<hal::Rejection> rejections) {
  HALCYON_ASSIGN(auto* executable, owner_.create<CpuExecutable>(owner_));
  auto reference = Ref<hal::Executable>(Ref<CpuExecutable>::adopt(executable));
  HALCYON_TRY(executable->load(desc, features_, static_kernels_, rejections));
  return reference;
}

HALCYON_FUNC void CpuDevice::trim() {
  engine_.trim();
  platform::Lock lock(mutex_);
  pool_.trim();
  while (CpuBuffer* buffer = free_buffers_) {
    free_buffers_ = buffer->next_free_;
    owner_.live.fetch_add(1, std::memory_order_relaxed);  // destroy counts it down
    owner_.destroy(buffer);
  }
  free_buffer_count_ = 0;
}

HALCYON_FUNC hal::Stats CpuDevice::stats() const {
  hal::Stats stats;
  fill_transfers(stats);
  engine_.fill_stats(stats);
  platform::Lock lock(mutex_);
  stats.allocations = allocations_;
  stats.live_bytes = live_bytes_;
  stats.peak_bytes = peak_bytes_;
  stats.pooled_bytes = pool_.pooled_bytes();
  return stats;
}

HALCYON_FUNC Result<Owned<hal::Device>> create_device(const DeviceOptions& options) {
  HALCYON_ASSIGN(auto device, make<CpuDevice>(options.allocator, options));
  HALCYON_TRY(device->initialize(options));
  return Owned<hal::Device>(std::move(device));
}

HALCYON_FUNC Result<Owned<hal::Device>> create_from_options(std::string_view options, const Allocator& allocator) {
  DeviceOptions chosen;
  chosen.allocator = allocator;
  for (Option option; next_option(options, option);) {
    uint64_t number = 0;
    bool known = true;
    if (option.key == "mappable") {
      known = parse_flag(option.value, chosen.mappable);
    } else if (option.key == "unmappable") {
      known = parse_flag(option.value, chosen.mappable);
      chosen.mappable = !chosen.mappable;
    } else if (option.key == "guard") {
      known = parse_flag(option.value, chosen.guard);
    } else if (option.key == "pin") {
      known = parse_flag(option.value, chosen.pin);
    } else if (option.key == "threads") {
      known = parse_number(option.value, number) && number <= 1024;
      chosen.threads = static_cast<uint32_t>(number);
    } else if (option.key == "features") {
      chosen.features = option.value;
    } else {
      known = option.key == "index" && option.value == "0";
    }
    if (!known)
      return Status(Code::invalid_argument,
                    "cpu: the options are mappable=0|1, threads=N, guard=0|1, pin=0|1, features=baseline|avx2|avx512");
  }
  return create_device(chosen);
}

}  // namespace cpu
HALCYON_NAMESPACE_END
