// halcyon/hal/transfer_async.hpp -- copies that are queued: they return at once, run once `waits` are reached, and then
// reach `signals`.
//
//   HALCYON_TRY(hal::write_async(device, *weights, 0, bytes, {}, {{uploaded}}));
//   HALCYON_TRY(device.submit({.waits = {{uploaded}}, .signals = {{computed}}, ...}));
//   HALCYON_ASSIGN(auto scores, hal::read_async(device, *result, 0, size, {{computed}}, {}));
//   HALCYON_TRY(scores.finish(values));
//
// They are ordered by semaphores alone, as submissions are, and wait for nothing else. The caller's bytes may go as
// soon as write_async returns, and nothing is written to the caller's memory behind its back.
// Errors: what submit says; a copy that was refused reaches and fails nothing. What fails later fails the signals.
// Threads: any.
#pragma once
#include "halcyon/hal/mapped.hpp"
#include "halcyon/hal/transfer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

// Copies `bytes` before it returns: up to max_update into the submission, more into staging memory.
Status write_async(Device& device, Buffer& target, uint64_t offset, std::span<const std::byte> bytes,
                   std::span<const Timepoint> waits, std::span<const Timepoint> signals);
Status copy_async(Device& device, Buffer& target, uint64_t target_offset, Buffer& source, uint64_t source_offset, uint64_t length,
                  std::span<const Timepoint> waits, std::span<const Timepoint> signals);
// As hal::fill.
Status fill_async(Device& device, Buffer& target, uint64_t offset, uint64_t length, uint64_t pattern, uint8_t pattern_size,
                  std::span<const Timepoint> waits, std::span<const Timepoint> signals);

// Bytes on their way from a buffer: staging memory that it owns. Dropping it early is fine. Must not outlive the device.
// Threads: one at a time.
class Readback {
 public:
  Readback() = default;
  uint64_t size() const { return size_; }
  // The bytes, in place; valid as long as this. Waits for them, at most so long. Errors: timeout; what the copy, or what
  // it waited for, failed with.
  Result<std::span<const std::byte>> bytes(uint64_t timeout_ns = UINT64_MAX);
  // Copies them to the caller's memory, which is exactly as large.
  Status finish(std::span<std::byte> target, uint64_t timeout_ns = UINT64_MAX);

 private:
  friend Result<Readback> read_async(Device& device, Buffer& source, uint64_t offset, uint64_t size, std::span<const Timepoint> waits,
                                     std::span<const Timepoint> signals);
  Ref<Buffer> staging_;
  Ref<Semaphore> done_;  // null: it was done when read_async returned
  Mapped view_;
  uint64_t size_ = 0;
  bool counted_ = false;
};

Result<Readback> read_async(Device& device, Buffer& source, uint64_t offset, uint64_t size, std::span<const Timepoint> waits,
                            std::span<const Timepoint> signals);

}  // namespace hal
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/hal/transfer_async.ipp"
#endif
