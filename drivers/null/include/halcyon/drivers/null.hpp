// halcyon/drivers/null.hpp -- a device that keeps memory and order but computes nothing.
//
//   HALCYON_ASSIGN(auto device, halcyon::null::create_device());
//
// Real host memory, copies, fills, updates and semaphores. It takes any plan and variant, loads no code, and
// a dispatch is checked and does nothing: for tests, for fuzzing, and as the skeleton of a new driver.
#pragma once
#include "halcyon/drivers/null/options.hpp"

HALCYON_NAMESPACE_BEGIN
namespace null {

Result<Owned<hal::Device>> create_device(const DeviceOptions& options = {});

// For a registry. Options: max_size=BYTES.
Result<Owned<hal::Device>> create_from_options(std::string_view options, const Allocator& allocator);

}  // namespace null
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/null/device.ipp"
#endif
