// halcyon/checked/device.hpp -- what checked() makes: a device that hands every call on, once it has been found good.
//
// Objects of the device inside are wrapped (buffer.hpp, semaphore.hpp, commands.hpp); their order is order.hpp's.
// Threads: any.
#pragma once
#include "halcyon/checked/objects.hpp"
#include "halcyon/checked/options.hpp"
#include "halcyon/checked/order.hpp"
#include "halcyon/hal/staging.hpp"
#include "halcyon/line.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

using describe_detail::Line;

class CheckedDevice final : public hal::Device {
 public:
  CheckedDevice(hal::Device& inner, Owned<hal::Device> owned, const CheckedOptions& options);
  ~CheckedDevice() override;
  HALCYON_OBJECT(CheckedDevice)
  [[nodiscard]] bool initialize();

  const hal::Caps& caps() const override { return caps_; }
  hal::Compatibility compatibility(const hal::BufferDesc& desc) const override { return inner_.compatibility(desc); }

  Result<Ref<hal::Buffer>> allocate(const hal::BufferDesc& desc) override;
  Result<Ref<hal::Buffer>> allocate_async(const hal::BufferDesc& desc, std::span<const hal::Timepoint> waits,
                                          hal::Timepoint signal) override;
  Status free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits, hal::Timepoint signal) override;
  Result<Ref<hal::Buffer>> import_host(std::span<std::byte> bytes, const hal::BufferDesc& desc,
                                       void (*released)(void* user), void* user) override;
  Result<Ref<hal::Buffer>> import_native(hal::NativeHandle handle, const hal::BufferDesc& desc) override;
  Result<hal::NativeHandle> export_native(hal::Buffer& buffer, hal::NativeHandle::Type type) override;

  Result<Ref<hal::Executable>> create_executable(const hal::ExecutableDesc& desc,
                                                 std::span<hal::Rejection> rejections) override;
  Result<Ref<hal::Commands>> create_commands(const hal::CommandsDesc& desc) override;
  Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value) override;

  Status submit(const hal::Submission& submission) override;
  Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) override;
  Status wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) override;
  void trim() override;
  hal::Stats stats() const override;
  void profile(hal::ProfileSink sink) override;

 private:
  friend class CheckedBuffer;
  friend class CheckedSemaphore;
  friend class CheckedCommands;
  friend class CheckedExecutable;
  class Scope;

  struct Unused {
    Unused* next;
  };
  using Points = std::span<const hal::Timepoint>;

  // Objects.
  CheckedBuffer* take_buffer();  // null where memory has ended
  Result<Ref<hal::Buffer>> finish_buffer(Ref<CheckedBuffer> buffer, Ref<hal::Buffer> inner, const hal::BufferDesc& desc);
  template <class T>
  T* create(ObjectKind kind, Ref<T>& reference);
  template <class T>
  static void destroy(T& object, const Allocator& allocator) {
    object.~T();
    allocator.release(allocator.self, &object, sizeof(T), alignof(T));
  }
  void recycle(CheckedBuffer& buffer);
  template <class T>
  void recycle(T& object);
  template <class T>
  static void abandon(T& object) {
    object.inner_ = nullptr;
    object.owner_ = nullptr;
  }
  bool is(const void* object, ObjectKind kind) const { return objects_.find(object) == kind; }
  void report_leaks();
  void report(const Line& line) const;

  // Calls of objects.
  Result<std::span<std::byte>> map(CheckedBuffer& buffer, hal::Access access, uint64_t offset, uint64_t length);
  void unmap(CheckedBuffer& buffer);
  Status refuse_range(CheckedBuffer& buffer, const Status& status, uint64_t offset, uint64_t length);
  Result<uint64_t> query(CheckedSemaphore& semaphore);
  Status signal(CheckedSemaphore& semaphore, uint64_t value);
  void fail(CheckedSemaphore& semaphore, const Status& status);

  // Submissions: checked from the outside in. Each fills a part of the node, and of what goes to the device inside.
  Status admit(Scope& scope, const hal::Submission& submission, Node& node);
  Status check_points(Scope& scope, Points waits, Points signals, Node& node);
  Status check_bindings(Scope& scope, const hal::Submission& submission, Node& node);
  Status check_commands(Scope& scope, const hal::Submission& submission, Node& node);
  Status check_command(Scope& scope, const hal::Submission& submission, const hal::Command& command, uint64_t written,
                       Access access, Node& node);
  Status add_access(Scope& scope, const hal::Submission& submission, const hal::Range& range, Access access, bool is_dispatch,
                    Node& node);
  Status enter(Scope& scope, Node& node);
  Status enter_async(Scope& scope, CheckedBuffer& buffer, Node::Type type, Points waits, hal::Timepoint& signal, Node*& entered);
  void complete(Node& node, const Status& status);
  static Status foreign(Scope& scope, Literal what);
  static Status refuse(Scope& scope, const Conflict& conflict);

  static Line& name(Line& line, std::string_view what, uint64_t id, std::string_view label);
  static Line& name(Line& line, const CheckedBuffer& buffer);
  static Line& name(Line& line, const CheckedSemaphore& semaphore);
  static Line& name(Line& line, const Node& node);
  static Line& name(Line& line, const Node& node, const Access& access);
  static Line& name_buffer(Line& line, uint64_t id, const Node& node);

  Owned<hal::Device> owned_;  // empty where the device inside is borrowed
  hal::Device& inner_;
  CheckedOptions options_;
  hal::Caps caps_;

  mutable platform::Mutex mutex_;  // everything below
  ObjectTable objects_;
  Window window_;
  Unused* unused_ = nullptr;       // memory of buffers that are gone
  uint64_t next_id_ = 1, next_serial_ = 1;

  hal::StagingRing staging_;  // of wrapped buffers, with a lock of its own
};

}  // namespace checking
HALCYON_NAMESPACE_END
