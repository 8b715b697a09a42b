// halcyon/checked/semaphore.hpp -- a semaphore of a checked device, around one of the device inside.
//
// Threads: any.
#pragma once
#include "halcyon/allocator.hpp"
#include "halcyon/hal/semaphore.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

class CheckedDevice;

class CheckedSemaphore final : public hal::Semaphore {
 public:
  Result<uint64_t> query() override;
  Status signal(uint64_t value) override;
  void fail(Status status) override;

 private:
  friend class CheckedDevice;
  friend class Window;
  explicit CheckedSemaphore(CheckedDevice& owner);
  void recycle() override;

  CheckedDevice* owner_;   // null: the device is gone
  Allocator allocator_;    // for when it is
  uint64_t id_ = 0;        // names it in reports
  Ref<hal::Semaphore> inner_;
  // What Window knows of signals whose senders it no longer holds. Up to `settled_`: who waits for them waits for
  // nothing that could race. Up to `lost_`: they may stand for anything.
  uint64_t settled_ = 0, lost_ = 0;
};

}  // namespace checking
HALCYON_NAMESPACE_END
