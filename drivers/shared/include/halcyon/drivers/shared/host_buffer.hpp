// halcyon/drivers/shared/host_buffer.hpp -- a buffer whose bytes the host can address, whether or not it
// says so: what Recording needs of a driver's buffers.
#pragma once
#include <atomic>

#include "halcyon/hal/buffer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

class HostBuffer : public hal::Buffer {
 public:
  // Null for a size above 0: not allocated yet (allocate_async), or freed (free_async).
  std::byte* data() const { return data_.load(std::memory_order_relaxed); }

 protected:
  std::atomic<std::byte*> data_{nullptr};
};

}  // namespace shared
HALCYON_NAMESPACE_END
