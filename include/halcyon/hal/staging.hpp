// halcyon/hal/staging.hpp -- host memory on the way to and from buffers that do not map.
//
//   class MyDevice : public hal::Device {
//     explicit MyDevice(...) : staging_(*this) { use(staging_); }
//     void trim() override { staging_.trim(); ... }
//     hal::StagingRing staging_;                        // last: it goes before what it needs of the device
//
// A device whose buffers all map needs none. Threads: any.
#pragma once
#include "halcyon/hal/transfer.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

// A few slots of host memory, allocated when first needed, mapped for good and reused. A larger transfer goes through
// one slot in pieces. A queued transfer borrows a slot that is free, but never the last one, so that transfers that
// block wait only for others that block; what is larger or finds none gets memory of its own. So does a transfer that
// blocks where none is free or will be given back: work that has ended may hold its reference a moment longer.
class StagingRing final : public Staging {
 public:
  static constexpr uint32_t slot_count = 4;
  static constexpr uint64_t slot_size = 512 << 10;

  explicit StagingRing(Device& device) : device_(device) {}
  StagingRing(const StagingRing&) = delete;
  StagingRing& operator=(const StagingRing&) = delete;
  ~StagingRing();

  // Errors: out_of_memory where not even a small slot can be had; what the device returns.
  Status transfer(const HostTransfer& transfer) override;
  Result<Ref<Buffer>> lend(uint64_t size) override;
  void trim();             // gives the slots back that nothing uses
  uint64_t bytes() const;  // of the slots there are

 private:
  struct Slot {
    Ref<Buffer> buffer;
    std::span<std::byte> view;
    bool busy = false;  // with a transfer that blocks
    bool lent() const { return buffer && (!buffer->unique() || buffer->in_use()); }
    bool is_free() const { return !busy && !lent(); }
  };
  Status take(Slot*& slot, Slot& own);  // `own` where no slot can be had
  void give(Slot& slot);
  Slot* free_slot();            // under the lock; one with memory first
  Status fill_slot(Slot& slot);  // under the lock, if it is the ring's
  static void empty(Slot& slot);

  Device& device_;
  mutable platform::Mutex mutex_;
  platform::Condition given_;
  Slot slots_[slot_count];
};

}  // namespace hal
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/hal/staging.ipp"
#endif
