// halcyon/hal/device.hpp -- the one seam between the runtime and a driver.
//
//   HALCYON_ASSIGN(auto device, halcyon::cpu::create_device());
//   HALCYON_ASSIGN(auto buffer, device->allocate({.size = 4096}));
//   HALCYON_TRY(device->submit({.commands = list, .bindings = {{{buffer.get()}}}}));
//
// A driver implements Device, Buffer, Semaphore, Executable and Commands and nothing else.
// drivers/null is the skeleton to copy; tests/cts is the contract as tests.
// A device outlives everything that it made (asserted in debug builds by a count of live objects).
// Threads: every function may be called from any thread unless it says otherwise.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>

#include "halcyon/allocator.hpp"
#include "halcyon/hal/buffer.hpp"
#include "halcyon/hal/commands.hpp"
#include "halcyon/hal/executable.hpp"
#include "halcyon/hal/semaphore.hpp"
#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

struct Caps {
  const char* driver = "";               // "cpu", "null", "vulkan", "cuda"
  const char* name = "";                 // of the device, for people
  const char* family = "";               // the plan it takes from an artifact: "cpu", "vulkan", "cuda"
  bool device_memory_mappable = false;   // map() works on device-local buffers
  bool coherent = true;                  // mapped views need no flush and no invalidate
  bool inline_execution = false;         // submit runs ready work before it returns
  bool import_host = false;              // import_host works without a copy
  bool accepts_any_plan = false;         // null: loads no code, runs nothing
  uint64_t min_alignment = 64;           // of what it allocates, bytes
  uint64_t max_buffer_size = UINT64_MAX;
};

// What a device can do with a BufferDesc, and for each property why not; all literals. Ask before allocating: what is not
// allocatable is refused, what is slow works.
struct Compatibility {
  bool allocatable = false;  // allocate takes it, memory permitting
  bool importable = false;   // import_host takes memory for it
  bool exportable = false;   // export_native gives a handle for it
  bool mappable = false;     // map works on it
  bool slow = false;         // the device reaches it slower than its own memory
  struct Why {
    const char* not_allocatable = "";
    const char* not_importable = "";
    const char* not_exportable = "";
    const char* not_mappable = "";
    const char* slow = "";
  } why;
  // The first of them; "" where everything is possible.
  const char* reason() const {
    for (const char* text : {why.not_allocatable, why.not_mappable, why.not_importable, why.not_exportable, why.slow})
      if (text[0] != 0) return text;
    return "";
  }
  // For drivers: the flags follow from the reasons. What cannot be allocated can be nothing else either.
  static Compatibility because(Why why) {
    if (why.not_allocatable[0] != 0)
      why.not_importable = why.not_exportable = why.not_mappable = why.not_allocatable;
    return {why.not_allocatable[0] == 0, why.not_importable[0] == 0, why.not_exportable[0] == 0, why.not_mappable[0] == 0,
            why.slow[0] != 0, why};
  }
};

// Rising counts since the device was made, and sizes of now. Transfers are the copies between host and device
// memory that read, write and stage made; a map is none.
struct Stats {
  uint64_t host_to_device_copies = 0, host_to_device_bytes = 0;
  uint64_t device_to_host_copies = 0, device_to_host_bytes = 0;
  uint64_t allocations = 0;       // buffers handed out, from a pool or not
  uint64_t live_bytes = 0, peak_bytes = 0;  // of the buffers that have memory
  uint64_t pooled_bytes = 0;      // freed, kept for reuse until trim
  uint64_t reserved_bytes = 0, peak_reserved_bytes = 0;  // from the system: live, pooled, and what rounding adds
  uint64_t staging_bytes = 0;     // of live_bytes: what Staging keeps until trim
  uint64_t submissions = 0, dispatches = 0;
};

struct Submission {
  std::span<const Timepoint> waits = {};
  std::span<const Timepoint> signals = {};
  Commands* commands = nullptr;
  // Transfers that are not worth a list: copy, fill and update commands, copied by submit, run in order
  // before `commands`. Dispatches are refused.
  std::span<const Command> transfers = {};
  std::span<const Binding> bindings = {};         // the submission keeps the buffers until it retires
  std::span<const uint64_t> parameters = {};      // copied
  uint32_t device_ordinal = 0;
};

// One timed piece of work, given to a profile sink in the order of completion.
struct ProfileEvent {
  uint32_t location = UINT32_MAX;
  std::string_view name = {};  // a dispatch's export
  uint64_t begin_ns = 0, end_ns = 0;
  std::span<const uint64_t> parameters = {};  // a dispatch's; gone when the sink returns
};
struct ProfileSink {
  void* self = nullptr;
  void (*event)(void* self, const ProfileEvent& event) = nullptr;
};

class Staging;  // hal/transfer.hpp

class Device {
 public:
  virtual ~Device() = default;
  void operator delete(void*) {}  // Owned gives the memory back

  virtual const Caps& caps() const = 0;
  virtual Compatibility compatibility(const BufferDesc& desc) const = 0;

  virtual Result<Ref<Buffer>> allocate(const BufferDesc& desc) = 0;
  // Usable by work that waits for `signal`; never blocks the host, and takes its memory when the waits are reached: where
  // there is none then, the signal fails. {} signals nothing.
  virtual Result<Ref<Buffer>> allocate_async(const BufferDesc& desc, std::span<const Timepoint> waits, Timepoint signal) = 0;
  // Frees the memory once `waits` are reached, then reaches `signal`; a failed wait fails the signal and frees nothing.
  // The buffer may not be used after that, and need not be freed so: the last reference does it too.
  // Errors: failed_precondition for imported memory, and for what is freed already, or about to be.
  virtual Status free_async(Buffer& buffer, std::span<const Timepoint> waits, Timepoint signal) = 0;
  // Wraps `bytes`, which the caller keeps alive and unmoved as long as the buffer; `released` (may be null)
  // is told once, when the last reference goes; never where the import fails. The memory needs the alignment of its
  // element type only. Errors: unsupported where the device cannot see host memory.
  virtual Result<Ref<Buffer>> import_host(std::span<std::byte> bytes, const BufferDesc& desc,
                                          void (*released)(void* user), void* user) = 0;
  virtual Result<Ref<Buffer>> import_native(NativeHandle handle, const BufferDesc& desc) = 0;
  // Borrowed: good as long as the buffer. Errors: unsupported for a type that the device does not have, and where the
  // handle would be an address that the host may not touch.
  virtual Result<NativeHandle> export_native(Buffer& buffer, NativeHandle::Type type) = 0;

  // `rejections` (may be empty) receives why each variant was passed over, index by index.
  // Errors: unsupported where no variant runs here; corrupt_artifact for a bad image.
  virtual Result<Ref<Executable>> create_executable(const ExecutableDesc& desc, std::span<Rejection> rejections) = 0;
  // Copies everything that it needs of `desc`. Errors: invalid_argument with the command's index for a
  // slot, export or executable that does not exist.
  virtual Result<Ref<Commands>> create_commands(const CommandsDesc& desc) = 0;
  virtual Result<Ref<Semaphore>> create_semaphore(uint64_t value) = 0;

  // Enqueues; never waits for another party's progress. Bindings and ranges are checked before anything
  // runs: invalid_argument with Where{command, object = its index}. On an inline device a kernel's failure
  // is returned here, else it fails the signals.
  virtual Status submit(const Submission& submission) = 0;
  // Blocks until the timepoints (all, or any one) are reached; Code::timeout after `timeout_ns`
  // (UINT64_MAX: no limit; 0: poll).
  virtual Status wait(std::span<const Timepoint> timepoints, Wait mode, uint64_t timeout_ns) = 0;
  // Blocks until no work that was submitted uses `buffer`, whether it ran or failed; else as wait.
  virtual Status wait_idle(Buffer& buffer, uint64_t timeout_ns) = 0;

  virtual void trim() = 0;  // gives pooled memory back to the system
  virtual Stats stats() const = 0;
  virtual void profile(ProfileSink sink) = 0;  // {}: off. Nothing may be in flight.

  // Owned<Device> needs these: the most derived object, its size and the allocator that made it.
  const Allocator& allocator() const { return allocator_; }
  virtual size_t object_size() const = 0;
  virtual size_t object_alignment() const = 0;
  virtual void* object_memory() = 0;

  // What copies to and from buffers that do not map; null where all do.
  Staging* staging() const { return staging_; }
  // hal/transfer.hpp tells the device what it copied.
  void count_upload(uint64_t bytes) {
    uploads_.fetch_add(1, std::memory_order_relaxed);
    upload_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void count_download(uint64_t bytes) {
    downloads_.fetch_add(1, std::memory_order_relaxed);
    download_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }

 protected:
  explicit Device(const Allocator& allocator) : allocator_(allocator) {}
  // From the constructor of a device that has memory which does not map. Its trim calls the staging's; it does so
  // too before it goes.
  void use(Staging& staging) { staging_ = &staging; }
  void fill_transfers(Stats& stats) const {
    stats.host_to_device_copies = uploads_.load(std::memory_order_relaxed);
    stats.host_to_device_bytes = upload_bytes_.load(std::memory_order_relaxed);
    stats.device_to_host_copies = downloads_.load(std::memory_order_relaxed);
    stats.device_to_host_bytes = download_bytes_.load(std::memory_order_relaxed);
  }

 private:
  Allocator allocator_;
  Staging* staging_ = nullptr;
  std::atomic<uint64_t> uploads_{0}, upload_bytes_{0}, downloads_{0}, download_bytes_{0};
};

// device.allocate(desc), into `buffer`.
HALCYON_NOINLINE inline Status allocate(Device& device, const BufferDesc& desc, Ref<Buffer>& buffer) {
  HALCYON_ASSIGN(buffer, device.allocate(desc));
  return {};
}

}  // namespace hal
HALCYON_NAMESPACE_END
