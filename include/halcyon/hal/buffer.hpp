// halcyon/hal/buffer.hpp -- memory that a device can use.
//
//   HALCYON_ASSIGN(auto weights, device.allocate({.size = n, .label = "weights"}));
//   HALCYON_TRY(write(device, *weights, 0, bytes));          // hal/transfer.hpp: the one copy, spelled out
//   auto view = weights->map(Access::read, 0, n);            // failed_precondition unless mappable()
//
// A buffer is device-local unless asked otherwise. Host access is a verb: `map` is a view of the buffer's
// own bytes, never a copy, and never waits, not even for work in flight: whoever maps has waited.
// Everything else goes through hal/transfer.hpp, which waits.
// Counted intrusively; must not outlive its device. Threads: `size`, `memory`, `mappable` from any;
// map/unmap/flush/invalidate one thread at a time per buffer.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "halcyon/ref.hpp"
#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

class Device;

enum class Memory : uint8_t { device, host };  // host: staging memory, slower for the device

enum class Map : uint8_t { none, read, write, read_write };  // what the allocation must allow

enum class Access : uint8_t { read, write, read_write };  // write: the old bytes need not be kept

// What the buffer will be used for; {} means everything but import and export.
struct Usage {
  bool transfer = false;
  bool dispatch = false;
  bool indirect = false;  // a command reads its parameters from it
  constexpr bool operator==(const Usage&) const = default;
};

struct BufferDesc {
  uint64_t size = 0;               // bytes; 0 is legal and maps to an empty span
  Memory memory = Memory::device;
  Map map = Map::none;             // what the caller needs; mappable() may offer more
  Usage usage = {};
  uint64_t alignment = 0;          // bytes, a power of two up to 4096; 0: 64
  uint32_t device_ordinal = 0;
  const char* label = "";          // a literal or longer lived than the buffer; shown in errors and traces
};

// A driver's own name for the memory: a host pointer, a VkBuffer, a CUdeviceptr.
struct NativeHandle {
  enum class Type : uint8_t { none, host_pointer, vulkan_buffer, cuda_pointer, opaque_fd };
  Type type = Type::none;
  uint64_t value = 0;
  uint64_t offset = 0;
};

class Buffer : public Counted {
 public:
  uint64_t size() const { return size_; }  // bytes
  Memory memory() const { return memory_; }
  // What `map` will accept: what was asked for, or any access where the device's memory maps anyway.
  bool mappable() const { return mappable_; }
  const char* label() const { return label_; }
  Device& device() const { return *device_; }
  // Whether work that was submitted with it may not have retired. False is final until the next submission;
  // Device::wait_idle waits for it.
  bool in_use() const { return uses_.load() != 0; }

  // A view of bytes [offset, offset + length); length UINT64_MAX: to the end. Maps nest: each needs an unmap.
  // Errors: failed_precondition where not mappable; invalid_argument where the range is not inside.
  virtual Result<std::span<std::byte>> map(Access access, uint64_t offset = 0, uint64_t length = UINT64_MAX) = 0;
  virtual void unmap() = 0;
  // Where not caps.coherent: flush makes what the host wrote visible to work submitted later, invalidate what the device
  // wrote to the host. Both need the range only; no-ops elsewhere. Errors: invalid_argument where it is not inside.
  virtual Status flush(uint64_t offset, uint64_t length) = 0;
  virtual Status invalidate(uint64_t offset, uint64_t length) = 0;
  // none where the memory is not for others to see.
  virtual NativeHandle native_handle() const = 0;

  // For drivers, and for the allocation and the free that were queued: from submit, if work is left when it
  // returns, to its end. The end comes before a reference that the work holds goes, and before its signals.
  void begin_use() { uses_.fetch_add(1, std::memory_order_relaxed); }
  void end_use() { uses_.fetch_sub(1); }

 protected:
  void describe(Device& device, const BufferDesc& desc, bool mappable) {
    device_ = &device;
    size_ = desc.size;
    memory_ = desc.memory;
    label_ = desc.label;
    mappable_ = mappable;
  }

 private:
  Device* device_ = nullptr;
  uint64_t size_ = 0;
  const char* label_ = "";
  Memory memory_ = Memory::device;
  bool mappable_ = false;
  std::atomic<uint32_t> uses_{0};
};

}  // namespace hal
HALCYON_NAMESPACE_END
