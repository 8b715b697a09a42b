// halcyon/checked/buffer.hpp -- a buffer of a checked device, around one of the device inside.
//
// The memory of these objects is kept for the next buffer. Threads: as hal::Buffer.
#pragma once
#include "halcyon/allocator.hpp"
#include "halcyon/hal/buffer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

class CheckedDevice;

class CheckedBuffer final : public hal::Buffer {
 public:
  Result<std::span<std::byte>> map(hal::Access access, uint64_t offset, uint64_t length) override;
  void unmap() override;
  Status flush(uint64_t offset, uint64_t length) override;
  Status invalidate(uint64_t offset, uint64_t length) override;
  hal::NativeHandle native_handle() const override;

 private:
  friend class CheckedDevice;
  friend class Window;
  explicit CheckedBuffer(CheckedDevice& owner);
  void recycle() override;
  Status check_range(Literal what, uint64_t offset, uint64_t length);

  CheckedDevice* owner_;       // null: the device is gone
  Allocator allocator_;        // for when it is
  uint64_t id_ = 0;            // names it in reports
  Ref<hal::Buffer> inner_;
  hal::Usage usage_;
  bool imported_ = false;
  bool free_asked_ = false;    // free_async was called
  bool freed_ = false;         // and is done
  uint32_t maps_ = 0;
};

}  // namespace checking
HALCYON_NAMESPACE_END
