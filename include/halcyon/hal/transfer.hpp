// halcyon/hal/transfer.hpp -- explicit copies: between the caller's memory and a buffer, and between buffers.
//
//   HALCYON_TRY(hal::write(device, *buffer, 0, bytes));    // host -> device
//   HALCYON_TRY(hal::read(device, *buffer, 0, bytes));     // device -> host
//
// They block until the copy is done, and before it until `after` is reached (the work that they depend on) and until
// no submitted work uses the buffers: a buffer in flight is neither read nor written. Work that waits for the caller
// itself would block it for ever; `timeout_ns` is how long all waiting before the copy may take.
// write and read copy exactly once where the buffer is mappable (memcpy), else through the device's Staging; each is
// counted in Device::stats(). A size of 0 does nothing. hal/transfer_async.hpp has the forms that do not block.
// Errors: invalid_argument where the range is not inside the buffer; timeout; what the device returns, or what
// `after` failed with. Threads: any; who reads and writes the same bytes at once is for the callers to order.
#pragma once
#include <cstddef>
#include <span>

#include "halcyon/hal/device.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

Status write(Device& device, Buffer& target, uint64_t offset, std::span<const std::byte> bytes,
             std::span<const Timepoint> after = {}, uint64_t timeout_ns = UINT64_MAX);
Status read(Device& device, Buffer& source, uint64_t offset, std::span<std::byte> bytes, std::span<const Timepoint> after = {},
            uint64_t timeout_ns = UINT64_MAX);
// On the device; the parts of one buffer must not overlap.
Status copy(Device& device, Buffer& target, uint64_t target_offset, Buffer& source, uint64_t source_offset, uint64_t length,
            std::span<const Timepoint> after = {}, uint64_t timeout_ns = UINT64_MAX);
// `length` bytes (UINT64_MAX: to the end) with the low pattern_size bytes (1, 2, 4 or 8) of `pattern`.
Status fill(Device& device, Buffer& target, uint64_t offset, uint64_t length, uint64_t pattern, uint8_t pattern_size,
            std::span<const Timepoint> after = {}, uint64_t timeout_ns = UINT64_MAX);

// Which way a transfer between the caller's memory and a buffer goes.
enum class Direction : uint8_t { upload, download };

// One transfer, on its way to the Staging: `bytes` are read where it is an upload.
struct HostTransfer {
  Buffer& buffer;
  uint64_t offset = 0;
  std::span<std::byte> bytes = {};
  Direction direction = Direction::upload;
};

// What copies to and from buffers that do not map (staging.hpp). An interface, so that programs on devices whose
// memory maps link none of it.
class Staging {
 public:
  // Copies; returns when it is done. Nothing uses the buffer.
  virtual Status transfer(const HostTransfer& transfer) = 0;
  // Host memory for a transfer that is queued; free again when the last reference goes.
  virtual Result<Ref<Buffer>> lend(uint64_t size) = 0;

 protected:
  ~Staging() = default;
};

}  // namespace hal
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/hal/transfer.ipp"
#endif
