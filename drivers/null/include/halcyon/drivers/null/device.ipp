// halcyon/drivers/null/device.ipp -- bodies of null.hpp and null/device.hpp.
#pragma once
#include "halcyon/drivers/null.hpp"
#include "halcyon/drivers/null/device.hpp"
#include "halcyon/registry.hpp"

HALCYON_NAMESPACE_BEGIN
namespace null {

namespace detail {

alignas(64) inline std::byte nothing[64];  // what an empty buffer points at

inline NullBuffer& as_null(hal::Buffer& buffer) { return static_cast<NullBuffer&>(buffer); }

}  // namespace detail

// ---- buffers ------------------------------------------------------------------------------------------

HALCYON_FUNC NullBuffer::NullBuffer(NullDevice& owner, const hal::BufferDesc& desc) : owner_(owner) {
  describe(owner, desc, true);
  alignment_ = desc.alignment < 64 ? 64 : desc.alignment;
}

HALCYON_FUNC void NullBuffer::recycle() {
  owner_.unback(*this);
  if (released_) released_(user_);
  owner_.owner_.destroy(this);
}

HALCYON_FUNC Status NullBuffer::check_range(uint64_t offset, uint64_t length) const {
  if (offset <= size() && (length == UINT64_MAX || length <= size() - offset)) return {};
  return {Code::invalid_argument, "map, flush, invalidate: the range is not inside the buffer"};
}

HALCYON_FUNC Result<std::span<std::byte>> NullBuffer::map(hal::Access, uint64_t offset, uint64_t length) {
  HALCYON_TRY(check_range(offset, length));
  std::byte* bytes = data();
  if (!bytes) return Status(Code::failed_precondition, "map: the buffer is not allocated yet, or was freed");
  return std::span<std::byte>(bytes + offset, static_cast<size_t>(length == UINT64_MAX ? size() - offset : length));
}

HALCYON_FUNC hal::NativeHandle NullBuffer::native_handle() const {
  return {hal::NativeHandle::Type::host_pointer, reinterpret_cast<uintptr_t>(data()), 0};
}

HALCYON_FUNC Result<NullBuffer*> NullDevice::create_buffer(const hal::BufferDesc& desc) {
  if (desc.size > caps_.max_buffer_size) return Status(Code::out_of_memory, "allocate: larger than the device allows");
  if (!compatibility(desc).allocatable)
    return Status(Code::invalid_argument, "allocate: no such alignment or device ordinal");
  auto* buffer = owner_.create<NullBuffer>(*this, desc);
  if (!buffer) return out_of_memory();
  return buffer;
}

HALCYON_FUNC Status NullDevice::back(NullBuffer& buffer) {
  void* memory = detail::nothing;
  if (buffer.size() != 0) {
    if (buffer.size() > SIZE_MAX) return out_of_memory();
    memory = allocator().allocate(allocator().self, static_cast<size_t>(buffer.size()), static_cast<size_t>(buffer.alignment_));
    if (!memory) return out_of_memory();
  }
  buffer.allocated_ = buffer.size();
  allocations_.fetch_add(1, std::memory_order_relaxed);
  buffer.data_.store(static_cast<std::byte*>(memory), std::memory_order_relaxed);
  const uint64_t live = live_bytes_.fetch_add(buffer.size(), std::memory_order_relaxed) + buffer.size();
  uint64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (live > peak && !peak_bytes_.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
  return {};
}

HALCYON_FUNC void NullDevice::unback(NullBuffer& buffer) {
  std::byte* memory = buffer.data_.exchange(nullptr, std::memory_order_relaxed);
  const uint64_t size = std::exchange(buffer.allocated_, 0);
  if (!memory || size == 0) return;
  allocator().release(allocator().self, memory, static_cast<size_t>(size), static_cast<size_t>(buffer.alignment_));
  live_bytes_.fetch_sub(size, std::memory_order_relaxed);
}

// ---- the device ---------------------------------------------------------------------------------------

HALCYON_FUNC NullDevice::NullDevice(const DeviceOptions& options)
    : hal::Device(options.allocator), owner_(options.allocator), engine_(owner_), queue_(owner_, engine_) {
  engine_.use(queue_);
  caps_.driver = "null";
  caps_.name = "null";
  caps_.family = "";
  caps_.device_memory_mappable = true;
  caps_.inline_execution = true;
  caps_.import_host = true;
  caps_.accepts_any_plan = true;
  caps_.max_buffer_size = options.max_buffer_size;
}

HALCYON_FUNC NullDevice::~NullDevice() {
  queue_.abandon();
  HALCYON_ASSERT(owner_.live.load() == 0);  // a device outlives everything that it made
}

HALCYON_FUNC hal::Compatibility NullDevice::compatibility(const hal::BufferDesc& desc) const {
  hal::Compatibility::Why why;  // all of its memory maps, and every host pointer will do
  if (desc.size > caps_.max_buffer_size) why.not_allocatable = "larger than the device allows";
  if (desc.device_ordinal != 0) why.not_allocatable = "there is no such device ordinal";
  if (desc.alignment > 4096 || (desc.alignment & (desc.alignment - 1)) != 0)
    why.not_allocatable = "the alignment is not a power of two up to 4096";
  return hal::Compatibility::because(why);
}

HALCYON_FUNC Result<Ref<hal::Buffer>> NullDevice::allocate(const hal::BufferDesc& desc) {
  HALCYON_ASSIGN(NullBuffer * buffer, create_buffer(desc));
  auto reference = Ref<hal::Buffer>::adopt(buffer);
  HALCYON_TRY(back(*buffer));
  return reference;
}

HALCYON_FUNC Result<Ref<hal::Buffer>> NullDevice::allocate_async(const hal::BufferDesc& desc,
                                                                 std::span<const hal::Timepoint> waits,
                                                                 hal::Timepoint signal) {
  HALCYON_ASSIGN(NullBuffer * buffer, create_buffer(desc));
  auto reference = Ref<hal::Buffer>::adopt(buffer);
  HALCYON_TRY(queue_.after(
      waits, signal,
      [](void* self, hal::Buffer& target, const Status& waited) {
        return waited.ok() ? static_cast<NullDevice*>(self)->back(detail::as_null(target)) : waited;
      },
      this, *buffer));
  return reference;
}

HALCYON_FUNC Status NullDevice::free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits,
                                           hal::Timepoint signal) {
  NullBuffer& freed = detail::as_null(buffer);
  if (freed.imported_) return {Code::failed_precondition, "free_async: the memory was imported, and is its owner's"};
  if (freed.freeing_.exchange(true)) return {Code::failed_precondition, "free_async: the buffer was freed already"};
  const Status status = queue_.after(
      waits, signal,
      [](void* self, hal::Buffer& target, const Status& waited) {
        if (waited.ok())
          static_cast<NullDevice*>(self)->unback(detail::as_null(target));
        else
          detail::as_null(target).freeing_ = false;
        return waited;
      },
      this, buffer);
  if (!status.ok()) freed.freeing_ = false;
  return status;
}

HALCYON_FUNC Result<Ref<hal::Buffer>> NullDevice::import_host(std::span<std::byte> bytes, const hal::BufferDesc& desc,
                                                              void (*released)(void* user), void* user) {
  hal::BufferDesc described = desc;
  described.size = bytes.size();
  HALCYON_ASSIGN(NullBuffer * buffer, create_buffer(described));
  buffer->data_.store(bytes.empty() ? detail::nothing : bytes.data(), std::memory_order_relaxed);
  buffer->imported_ = true;
  buffer->released_ = released;
  buffer->user_ = user;
  return Ref<hal::Buffer>(Ref<NullBuffer>::adopt(buffer));
}

HALCYON_FUNC Result<Ref<hal::Buffer>> NullDevice::import_native(hal::NativeHandle handle, const hal::BufferDesc& desc) {
  if (handle.type != hal::NativeHandle::Type::host_pointer)
    return Status(Code::unsupported, "native handles: the device knows host pointers only");
  auto* bytes = reinterpret_cast<std::byte*>(static_cast<uintptr_t>(handle.value + handle.offset));
  return import_host({bytes, static_cast<size_t>(desc.size)}, desc, nullptr, nullptr);
}

HALCYON_FUNC Result<hal::NativeHandle> NullDevice::export_native(hal::Buffer& buffer, hal::NativeHandle::Type type) {
  if (type != hal::NativeHandle::Type::host_pointer)
    return Status(Code::unsupported, "native handles: the device knows host pointers only");
  return buffer.native_handle();
}

HALCYON_FUNC Result<Ref<hal::Executable>> NullDevice::create_executable(const hal::ExecutableDesc& desc,
                                                                        std::span<hal::Rejection>) {
  auto* executable = owner_.create<NullExecutable>(owner_);
  if (!executable) return out_of_memory();
  auto reference = Ref<hal::Executable>(Ref<NullExecutable>::adopt(executable));
  HALCYON_TRY(executable->load(desc));
  return reference;
}

HALCYON_FUNC hal::Stats NullDevice::stats() const {
  hal::Stats stats;
  fill_transfers(stats);
  engine_.fill_stats(stats);
  stats.allocations = allocations_.load(std::memory_order_relaxed);
  stats.live_bytes = live_bytes_.load(std::memory_order_relaxed);
  stats.peak_bytes = peak_bytes_.load(std::memory_order_relaxed);
  stats.reserved_bytes = stats.live_bytes;
  stats.peak_reserved_bytes = stats.peak_bytes;
  return stats;
}

HALCYON_FUNC Result<Owned<hal::Device>> create_device(const DeviceOptions& options) {
  auto device = make<NullDevice>(options.allocator, options);
  if (!device) return out_of_memory();
  return Owned<hal::Device>(std::move(device));
}

HALCYON_FUNC Result<Owned<hal::Device>> create_from_options(std::string_view options, const Allocator& allocator) {
  DeviceOptions chosen;
  chosen.allocator = allocator;
  for (Option option; next_option(options, option);) {
    if (option.key == "index" && option.value == "0") continue;
    if (option.key != "max_size" || !parse_number(option.value, chosen.max_buffer_size))
      return Status(Code::invalid_argument, "null: the options are max_size=BYTES");
  }
  return create_device(chosen);
}

}  // namespace null
HALCYON_NAMESPACE_END
