// halcyon/hal/semaphore.hpp -- a timeline: a 64-bit value that only rises.
//
//   HALCYON_ASSIGN(auto done, device.create_semaphore(0));
//   HALCYON_TRY(device.submit({.signals = {{{*done, 1}}}, ...}));
//   HALCYON_TRY(device.wait({{{*done, 1}}}, Wait::all, timeout_ns));
//
// A failed semaphore satisfies no wait: everything that waits for it fails with its status.
// Threads: any.
#pragma once
#include <cstdint>

#include "halcyon/ref.hpp"
#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

class Semaphore : public Counted {
 public:
  // The value reached so far, or the status that the semaphore failed with.
  virtual Result<uint64_t> query() = 0;
  // From the host. `value` must be above the present one: else invalid_argument. Submissions that become
  // ready run on an inline device before this returns.
  virtual Status signal(uint64_t value) = 0;
  // Every present and future wait fails with `status` (which must not be ok).
  virtual void fail(Status status) = 0;
};

// A point on a timeline, borrowed.
struct Timepoint {
  Semaphore* semaphore = nullptr;
  uint64_t value = 0;
};

enum class Wait : uint8_t { all, any };

}  // namespace hal
HALCYON_NAMESPACE_END
