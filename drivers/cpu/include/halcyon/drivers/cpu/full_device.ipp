// halcyon/drivers/cpu/full_device.ipp -- bodies of cpu.hpp and full_device.hpp.
#pragma once
#include "halcyon/drivers/cpu.hpp"
#include "halcyon/drivers/cpu/full_device.hpp"
#include "halcyon/drivers/cpu/guard.hpp"
#include "halcyon/registry.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

HALCYON_FUNC MemoryOf::MemoryOf(const DeviceOptions& options)
    : memory_limit(options.allocator, options.memory_limit), guarded_limit(guarded_pages(), options.memory_limit) {}

HALCYON_FUNC FullDevice::FullDevice(const DeviceOptions& options)
    : MemoryOf(options),
      CpuDevice({options.static_kernels, options.allocator, options.pool_limit, options.kernels}, options.mappable, memory_limit.allocator()),
      workgroups_(options.allocator), queue_(owner_, engine_), staging_(*this) {
  use(staging_);
  engine_.use(queue_);
  if (!options.coherent) {
    caps_.coherent = false;
    caps_.import_host = false;  // nobody flushes memory that the program writes as its own
  }
  if (!options.guard) return;
  memory_ = guarded_limit.allocator();
  pooled_ = false;
  caps_.min_alignment = 1;
}

HALCYON_FUNC Status FullDevice::initialize(const DeviceOptions& options) {
  if (!options.features.empty() && !features_.limit(options.features))
    return {Code::invalid_argument, "create_device: features are baseline, avx2 or avx512"};
  HALCYON_TRY(workgroups_.start(options));
  engine_.use(workgroups_.runner(), workgroups_.workers());
  caps_.inline_execution = !options.queue;
  return options.queue ? queue_.start_worker() : Status();
}

HALCYON_FUNC Result<Ref<hal::Buffer>> FullDevice::allocate_async(const hal::BufferDesc& desc,
                                                                std::span<const hal::Timepoint> waits,
                                                                hal::Timepoint signal) {
  auto buffer = describe_buffer(desc);
  if (!buffer.ok()) return buffer;
  const auto action = [](void* self, hal::Buffer& target, const Status& waited) {
    return waited.ok() ? static_cast<FullDevice*>(self)->back(detail::as_cpu(target)) : waited;
  };
  HALCYON_TRY(queue_.after(waits, signal, action, this, **buffer));
  return buffer;
}

HALCYON_FUNC Status FullDevice::free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits, hal::Timepoint signal) {
  CpuBuffer& freed = detail::as_cpu(buffer);
  if (freed.imported_) return {Code::failed_precondition, "free_async: the memory was imported, and is its owner's"};
  if (freed.freeing_.exchange(true)) return {Code::failed_precondition, "free_async: the buffer was freed already"};
  const auto action = [](void* self, hal::Buffer& target, const Status& waited) {
    if (waited.ok())
      static_cast<FullDevice*>(self)->unback(detail::as_cpu(target));
    else
      detail::as_cpu(target).freeing_ = false;
    return waited;
  };
  const Status status = queue_.after(waits, signal, action, this, buffer);
  if (!status.ok()) freed.freeing_ = false;
  return status;
}

HALCYON_FUNC CpuBuffer* FullDevice::construct(void* memory) {
  if (caps_.coherent && caps_.device_memory_mappable) return ::new (memory) CpuBuffer(*this);
  return ::new (memory) RemoteBuffer(*this);
}

HALCYON_FUNC void FullDevice::trim() {
  staging_.trim();
  CpuDevice::trim();
}

HALCYON_FUNC hal::Stats FullDevice::stats() const {
  hal::Stats stats = CpuDevice::stats();
  stats.staging_bytes = staging_.bytes();
  stats.reserved_bytes = memory_limit.reserved() + guarded_limit.reserved();
  stats.peak_reserved_bytes = memory_limit.peak() + guarded_limit.peak();
  return stats;
}

HALCYON_FUNC Result<Owned<hal::Device>> create_device(const DeviceOptions& options) {
  auto device = make<FullDevice>(options.allocator, options);
  if (!device) return out_of_memory();
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
    } else if (option.key == "queue") {
      known = parse_flag(option.value, chosen.queue);
    } else if (option.key == "coherent") {
      known = parse_flag(option.value, chosen.coherent);
    } else if (option.key == "memory_limit") {
      known = parse_number(option.value, chosen.memory_limit);
    } else if (option.key == "pool_limit") {
      known = parse_number(option.value, chosen.pool_limit);
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
                    "cpu: the options are mappable=0|1, coherent=0|1, threads=N, guard=0|1, pin=0|1, queue=0|1, memory_limit=BYTES, "
                    "pool_limit=BYTES, features=baseline|avx2|avx512");
  }
  return create_device(chosen);
}

}  // namespace cpu
HALCYON_NAMESPACE_END
