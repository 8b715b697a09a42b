// halcyon/drivers/null/options.hpp -- what create_device of the null driver can be asked for.
#pragma once
#include "halcyon/hal/device.hpp"

HALCYON_NAMESPACE_BEGIN
namespace null {

struct DeviceOptions {
#if !defined(HALCYON_FREESTANDING)
  Allocator allocator = system_allocator();
#else
  Allocator allocator = {};
#endif
  uint64_t max_buffer_size = UINT64_MAX;  // larger allocations are out_of_memory
};

}  // namespace null
HALCYON_NAMESPACE_END
