// halcyon/drivers/cpu.hpp -- runs compiled kernels on this machine's CPU.
//
//   HALCYON_ASSIGN(auto device, halcyon::cpu::create_device());
//   HALCYON_ASSIGN(auto device, halcyon::cpu::create_device({.threads = 4}));
//
// Work runs on the thread that submits it, or signals its last wait; with more than one thread the workgroups
// of each dispatch are shared out, and the results are the same bits for any number of threads.
// Device-local memory is host memory and maps, unless asked not to: `mappable = false` behaves like a device
// with memory of its own, so that a program that forgets a copy fails here and not on a GPU.
#pragma once
#include "halcyon/drivers/cpu/options.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

Result<Owned<hal::Device>> create_device(const DeviceOptions& options = {});

// The least of it, for programs that call and wait: one thread, device memory maps, no semaphores (what needs them
// is unsupported). Whoever uses only this links no thread pool, no queue and no guard pages.
Result<Owned<hal::Device>> create_inline_device(const InlineOptions& options = {});

// For a registry. Options: mappable=0|1 coherent=0|1 threads=N guard=0|1 pin=0|1 queue=0|1 memory_limit=BYTES pool_limit=BYTES
// features=LEVEL; index 0.
Result<Owned<hal::Device>> create_from_options(std::string_view options, const Allocator& allocator);

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/device.ipp"
#include "halcyon/drivers/cpu/full_device.ipp"
#endif
