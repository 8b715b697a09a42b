// halcyon/hal/transfer.hpp -- explicit copies between the caller's memory and a buffer.
//
//   HALCYON_TRY(hal::write(device, *buffer, 0, bytes));    // host -> device
//   HALCYON_TRY(hal::read(device, *buffer, 0, bytes));     // device -> host
//
// Each copies exactly once where the buffer is mappable (memcpy), else through a staging buffer and a
// queued transfer. They block until the copy is done and until `after` (the work that they depend on) is.
// Every call is counted in Device::stats(); a size of 0 does nothing.
// Errors: invalid_argument where the range is not inside the buffer; what the device returns.
#pragma once
#include <cstddef>
#include <span>

#include "halcyon/hal/device.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

Status write(Device& device, Buffer& target, uint64_t offset, std::span<const std::byte> bytes, std::span<const Timepoint> after = {});
Status read(Device& device, Buffer& source, uint64_t offset, std::span<std::byte> bytes, std::span<const Timepoint> after = {});

}  // namespace hal
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/hal/transfer.ipp"
#endif
