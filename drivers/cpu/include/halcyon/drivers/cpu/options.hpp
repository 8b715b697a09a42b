// halcyon/drivers/cpu/options.hpp -- what create_device of the CPU driver can be asked for.
#pragma once
#include <string_view>

#include "halcyon/hal/device.hpp"
#include "halcyon/hal/kernel_abi.h"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

// The application's own thread pool, in place of the driver's.
struct TaskPool {
  void* self = nullptr;
  // Calls `task(context, index, worker)` once for every index below `count`, from any threads, and returns when
  // all have returned. `worker` is below `workers`; two calls at the same time have different ones.
  void (*run)(void* self, uint32_t count, void (*task)(void* context, uint32_t index, uint32_t worker), void* context) = nullptr;
  uint32_t workers = 0;
};

struct InlineOptions {
  std::span<const hcy_static_kernel> static_kernels = {};  // for Format::static_table; borrowed
#if !defined(HALCYON_FREESTANDING)
  Allocator allocator = system_allocator();
#else
  Allocator allocator = {};
#endif
  uint64_t pool_limit = 512ull << 20;  // bytes of freed buffers kept for reuse
};

struct DeviceOptions {
  bool mappable = true;    // device-local buffers map; false: as on a device with memory of its own
  uint32_t threads = 1;    // the caller included; 0: one for each processor
  bool guard = false;      // every buffer ends at an unmapped page, and is unmapped when freed; slow
  bool pin = false;        // each pool thread stays on a processor of its own
#if !defined(HALCYON_FREESTANDING)
  Allocator allocator = system_allocator();
#else
  Allocator allocator = {};
#endif
  TaskPool task_pool = {};    // used instead of `threads` where set; borrowed
  std::span<const hcy_static_kernel> static_kernels = {};  // as in InlineOptions
  std::string_view features = "";     // "baseline", "avx2", "avx512": no instruction beyond; "": all there are
  uint64_t pool_limit = 512ull << 20;  // as in InlineOptions
};

}  // namespace cpu
HALCYON_NAMESPACE_END
