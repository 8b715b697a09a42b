// halcyon/drivers/cpu/device.ipp -- bodies of cpu.hpp, device.hpp and buffer.hpp.
#pragma once
#include "halcyon/drivers/cpu.hpp"
#include "halcyon/drivers/cpu/device.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace detail {

alignas(64) inline std::byte nothing[64];  // what an empty buffer points at

inline CpuBuffer& as_cpu(hal::Buffer& buffer) { return static_cast<CpuBuffer&>(buffer); }

}  // namespace detail

// ---- buffers ------------------------------------------------------------------------------------------

HALCYON_FUNC Status CpuBuffer::check_range(uint64_t offset, uint64_t length) const {
  if (offset > size() || (length != UINT64_MAX && length > size() - offset))
    return mismatch(Code::invalid_argument, "map: the range is not inside the buffer", size(), offset);
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

// The object comes from the pool, as its bytes do.
HALCYON_FUNC CpuBuffer* CpuDevice::take_buffer(const hal::BufferDesc& placed) {
  void* memory = nullptr;
  {
    platform::Lock lock(mutex_);
    memory = pool_.allocate(buffer_size());
  }
  if (!memory) return nullptr;
  owner_.live.fetch_add(1, std::memory_order_relaxed);
  CpuBuffer* buffer = construct(memory);
  buffer->describe(*this, placed, caps_.device_memory_mappable || placed.map != hal::Map::none);
  buffer->asked_ = placed.map;
  buffer->maps_any_access_ = caps_.device_memory_mappable;
  buffer->alignment_ = placed.alignment < 64 ? 64 : placed.alignment;
  return buffer;
}

HALCYON_FUNC void CpuDevice::recycle(CpuBuffer& buffer) {
  HALCYON_ASSERT(buffer.maps_ == 0);  // a view of it is still out
  unback(buffer);
  const auto released = buffer.released_;
  void* const user = buffer.user_;
  buffer.CpuBuffer::~CpuBuffer();
  {
    platform::Lock lock(mutex_);
    pool_.release(reinterpret_cast<std::byte*>(&buffer), buffer_size());
  }
  owner_.live.fetch_sub(1, std::memory_order_relaxed);
  if (released) released(user);
}

HALCYON_FUNC std::byte* CpuDevice::allocate_bytes(CpuBuffer& buffer) {
  const bool pooled = pooled_ && buffer.alignment_ <= MemoryPool::alignment;
  buffer.origin_ = pooled ? CpuBuffer::Origin::pool : CpuBuffer::Origin::allocator;
  if (pooled) return pool_.allocate(buffer.size());
  void* memory = nullptr;
  for (int attempt = 0; !memory && attempt < 2; ++attempt) {
    if (attempt != 0) pool_.trim();  // what is kept makes way
    memory = memory_.allocate(memory_.self, static_cast<size_t>(buffer.size()), static_cast<size_t>(buffer.alignment_));
  }
  return static_cast<std::byte*>(memory);
}

HALCYON_FUNC Status CpuDevice::back(CpuBuffer& buffer) {
  std::byte* memory = detail::nothing;
  platform::Lock lock(mutex_);
  if (buffer.size() != 0) memory = allocate_bytes(buffer);
  if (!memory) {
    buffer.origin_ = CpuBuffer::Origin::none;
    return out_of_memory();
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
  } else {
    memory_.release(memory_.self, memory, static_cast<size_t>(size), static_cast<size_t>(buffer.alignment_));
  }
}

// ---- the device ---------------------------------------------------------------------------------------

HALCYON_FUNC CpuDevice::CpuDevice(const InlineOptions& options, bool mappable, const Allocator& memory)
    : hal::Device(options.allocator), owner_(options.allocator), engine_(owner_), memory_(memory),
      own_kernels_{options.static_kernels, options.kernels}, pool_(memory, options.pool_limit) {
  caps_.driver = "cpu";
  caps_.name = mappable ? "CPU" : "CPU, device memory does not map";
  caps_.family = "cpu";
  caps_.device_memory_mappable = mappable;
  caps_.inline_execution = true;
  caps_.import_host = mappable;
  caps_.max_buffer_size = MemoryPool::max_size < SIZE_MAX / 2 ? MemoryPool::max_size : SIZE_MAX / 2;
  features_.detect();
}

HALCYON_FUNC CpuDevice::~CpuDevice() {
  CpuDevice::trim();
  HALCYON_ASSERT(owner_.live.load() == 0);  // a device outlives everything that it made
}

HALCYON_FUNC Status CpuDevice::check(const hal::BufferDesc& desc) {
  if (desc.device_ordinal != 0)
    return mismatch(Code::invalid_argument, "there is no such device ordinal", 0, desc.device_ordinal);
  if (desc.alignment > 4096 || (desc.alignment & (desc.alignment - 1)) != 0)
    return mismatch(Code::invalid_argument, "allocate: the alignment is not a power of two up to 4096", 4096, desc.alignment);
  return {};
}

HALCYON_FUNC hal::Compatibility CpuDevice::compatibility(const hal::BufferDesc& desc) const {
  hal::Compatibility::Why why;
  const bool maps = caps_.device_memory_mappable || desc.map != hal::Map::none;
  if (desc.size > caps_.max_buffer_size) why.not_allocatable = "larger than the device allows";
  if (const Status status = check(desc); !status.ok()) why.not_allocatable = status.what();
  if (!maps) why.not_mappable = "device memory does not map unless asked to: use read() and stage()";
  if (!maps) why.not_exportable = "the host may not touch memory that does not map";
  if (!caps_.import_host) why.not_importable = "the device does not see host memory";
  if (!caps_.device_memory_mappable && (desc.memory == hal::Memory::host || desc.map != hal::Map::none))
    why.slow = "it is host memory, which the device reaches slower than its own";
  return hal::Compatibility::because(why);
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::describe_buffer(const hal::BufferDesc& desc) {
  HALCYON_TRY(check(desc));
  if (desc.size > caps_.max_buffer_size) return Status(Code::out_of_memory, "allocate: larger than the device allows");
  hal::BufferDesc placed = desc;
  // What must map cannot be device-local where device memory does not map: it becomes host memory.
  if (desc.map != hal::Map::none && !caps_.device_memory_mappable) placed.memory = hal::Memory::host;
  CpuBuffer* buffer = take_buffer(placed);
  if (!buffer) return out_of_memory();
  return Ref<hal::Buffer>::adopt(buffer);
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::allocate(const hal::BufferDesc& desc) {
  auto buffer = describe_buffer(desc);
  if (!buffer.ok()) return buffer;
  HALCYON_TRY(back(detail::as_cpu(**buffer)));
  return buffer;
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::allocate_async(const hal::BufferDesc&, std::span<const hal::Timepoint>, hal::Timepoint) {
  return shared::no_semaphores();
}

HALCYON_FUNC Status CpuDevice::free_async(hal::Buffer&, std::span<const hal::Timepoint>, hal::Timepoint) { return shared::no_semaphores(); }

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::import_host(std::span<std::byte> bytes, const hal::BufferDesc& desc,
                                                             void (*released)(void* user), void* user) {
  HALCYON_TRY(check(desc));
  if (!caps_.import_host) return Status(Code::unsupported, "import_host: the device does not see host memory");
  hal::BufferDesc placed = desc;
  placed.size = bytes.size();
  CpuBuffer* buffer = take_buffer(placed);
  if (!buffer) return out_of_memory();
  buffer->origin_ = CpuBuffer::Origin::imported;
  buffer->imported_ = true;
  buffer->data_.store(bytes.empty() ? detail::nothing : bytes.data(), std::memory_order_relaxed);
  buffer->released_ = released;
  buffer->user_ = user;
  return Ref<hal::Buffer>(Ref<CpuBuffer>::adopt(buffer));
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CpuDevice::import_native(hal::NativeHandle handle, const hal::BufferDesc& desc) {
  if (handle.type != hal::NativeHandle::Type::host_pointer)
    return Status(Code::unsupported, "native handles: the device knows host pointers only");
  if (desc.size > SIZE_MAX) return Status(Code::invalid_argument, "import_native: larger than the address space");
  auto* bytes = reinterpret_cast<std::byte*>(static_cast<uintptr_t>(handle.value + handle.offset));
  return import_host({bytes, static_cast<size_t>(desc.size)}, desc, nullptr, nullptr);
}

HALCYON_FUNC Result<hal::NativeHandle> CpuDevice::export_native(hal::Buffer& buffer, hal::NativeHandle::Type type) {
  if (type != hal::NativeHandle::Type::host_pointer)
    return Status(Code::unsupported, "native handles: the device knows host pointers only");
  if (!buffer.mappable()) return Status(Code::unsupported, "export_native: the buffer does not map; allocate it so, or copy it");
  return buffer.native_handle();
}

HALCYON_FUNC Result<Ref<hal::Executable>> CpuDevice::create_executable(const hal::ExecutableDesc& desc,
                                                                       std::span<hal::Rejection> rejections) {
  auto* executable = owner_.create<CpuExecutable>(owner_);
  if (!executable) return out_of_memory();
  auto reference = Ref<hal::Executable>(Ref<CpuExecutable>::adopt(executable));
  HALCYON_TRY(executable->load(desc, features_, own_kernels_, rejections));
  return reference;
}

HALCYON_FUNC void CpuDevice::trim() {
  engine_.trim();
  platform::Lock lock(mutex_);
  pool_.trim();
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
  stats.reserved_bytes = live_bytes_ + stats.pooled_bytes;
  stats.peak_reserved_bytes = peak_bytes_;
  return stats;
}

HALCYON_FUNC Result<Owned<hal::Device>> create_inline_device(const InlineOptions& options) {
  auto device = make<CpuDevice>(options.allocator, options, true, options.allocator);
  if (!device) return out_of_memory();
  return Owned<hal::Device>(std::move(device));
}

}  // namespace cpu
HALCYON_NAMESPACE_END
