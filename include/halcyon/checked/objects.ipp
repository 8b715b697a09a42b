// Bodies of buffer.hpp, semaphore.hpp and commands.hpp, and what the device does for them. Included by device.ipp.
#pragma once
#include <cstring>

#include "halcyon/checked/scope.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

namespace detail {

HALCYON_COLD inline Status without_device() { return {Code::failed_precondition, "checked: the object's device is gone"}; }

inline void copy_label(std::span<char> to, const char* from) { Line(to).add(from ? from : ""); }

}  // namespace detail

// ---- buffers --------------------------------------------------------------------------------------------------

HALCYON_FUNC CheckedBuffer::CheckedBuffer(CheckedDevice& owner) : owner_(&owner), allocator_(owner.allocator()) {}

HALCYON_FUNC Result<std::span<std::byte>> CheckedBuffer::map(hal::Access access, uint64_t offset, uint64_t length) {
  if (!owner_) return detail::without_device();
  return owner_->map(*this, access, offset, length);
}

HALCYON_FUNC void CheckedBuffer::unmap() {
  if (owner_) owner_->unmap(*this);
}

HALCYON_FUNC Status CheckedBuffer::flush(uint64_t offset, uint64_t length) {
  if (!owner_) return detail::without_device();
  return owner_->refuse_range(*this, inner_->flush(offset, length), offset, length);
}

HALCYON_FUNC Status CheckedBuffer::invalidate(uint64_t offset, uint64_t length) {
  if (!owner_) return detail::without_device();
  return owner_->refuse_range(*this, inner_->invalidate(offset, length), offset, length);
}

HALCYON_FUNC hal::NativeHandle CheckedBuffer::native_handle() const { return owner_ ? inner_->native_handle() : hal::NativeHandle(); }

HALCYON_FUNC void CheckedBuffer::recycle() {
  if (owner_) return owner_->recycle(*this);
  CheckedDevice::destroy(*this, Allocator(allocator_));
}

HALCYON_FUNC CheckedBuffer* CheckedDevice::take_buffer() {
  Scope scope(*this);
  if (!objects_.reserve()) return nullptr;
  void* memory = unused_;
  if (unused_)
    unused_ = unused_->next;
  else
    memory = allocator().allocate(allocator().self, sizeof(CheckedBuffer), alignof(CheckedBuffer));
  if (!memory) return nullptr;
  auto* buffer = ::new (memory) CheckedBuffer(*this);
  buffer->id_ = next_id_++;
  objects_.add(buffer, ObjectKind::buffer);
  return buffer;
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CheckedDevice::finish_buffer(Ref<CheckedBuffer> buffer, Ref<hal::Buffer> inner,
                                                                   const hal::BufferDesc& desc) {
  hal::BufferDesc described = desc;
  described.size = inner->size();
  described.memory = inner->memory();
  if (!described.label) described.label = "";
  buffer->describe(*this, described, inner->mappable());
  buffer->usage_ = desc.usage;
  buffer->inner_ = std::move(inner);
  return Ref<hal::Buffer>(std::move(buffer));
}

HALCYON_FUNC void CheckedDevice::recycle(CheckedBuffer& buffer) {
  {
    Scope scope(*this);
    objects_.remove(&buffer);
    if (buffer.maps_ != 0) name(scope.line(), buffer).add(" is destroyed while it is mapped");
  }
  for (; buffer.maps_ != 0; --buffer.maps_) buffer.inner_->unmap();
  buffer.~CheckedBuffer();  // without the lock: an import's owner may be told
  Scope scope(*this);
  unused_ = ::new (static_cast<void*>(&buffer)) Unused{unused_};
}

HALCYON_FUNC Result<std::span<std::byte>> CheckedDevice::map(CheckedBuffer& buffer, hal::Access access, uint64_t offset, uint64_t length) {
  {
    Scope scope(*this);
    window_.sweep();
    if (buffer.freed_) {
      name(scope.line().add("map: "), buffer).add(" was freed");
      return Status(Code::failed_precondition, "map: the buffer was freed");
    }
    const bool inside = offset <= buffer.size() && (length == UINT64_MAX || length <= buffer.size() - offset);
    Access bytes;
    bytes.buffer = buffer.id_;
    bytes.begin = offset;
    bytes.end = length == UINT64_MAX ? buffer.size() : offset + length;
    bytes.kind = access == hal::Access::read ? Access::Kind::read : Access::Kind::write;
    Conflict conflict;
    if (inside && buffer.mappable() && window_.find_in_flight(bytes, conflict)) {
      name(scope.line().add("map: "), buffer).add(": ");
      name(scope.line(), *conflict.second, conflict.b).add(" of it and is not known to be over; wait for it first");
      return Status(Code::failed_precondition, "map: work that uses these bytes is in flight; wait for it first");
    }
  }
  auto view = buffer.inner_->map(access, offset, length);
  Scope scope(*this);
  if (view.ok()) ++buffer.maps_;
  // That it does not map is an answer that a program may ask for.
  if (view.status().code() == Code::invalid_argument) name(scope.line(), buffer).add(": ").add(view.status().what());
  return view;
}

HALCYON_FUNC void CheckedDevice::unmap(CheckedBuffer& buffer) {
  {
    Scope scope(*this);
    if (buffer.maps_ == 0) {
      name(scope.line().add("unmap: "), buffer).add(" is not mapped");
      return;
    }
    --buffer.maps_;
  }
  buffer.inner_->unmap();
}

// What flush and invalidate answer, with the range checked whatever the device inside does.
HALCYON_FUNC Status CheckedDevice::refuse_range(CheckedBuffer& buffer, const Status& status, uint64_t offset, uint64_t length) {
  if (offset <= buffer.size() && (length == UINT64_MAX || length <= buffer.size() - offset)) return status;
  Scope scope(*this);
  name(scope.line().add("flush, invalidate: the range is not inside "), buffer);
  return mismatch(Code::invalid_argument, "flush, invalidate: the range is not inside the buffer", buffer.size(), offset);
}

template <class T>
void CheckedDevice::recycle(T& object) {
  {
    Scope scope(*this);
    objects_.remove(&object);
  }
  destroy(object, allocator());
}

// ---- semaphores ---------------------------------------------------------------------------------------------

HALCYON_FUNC CheckedSemaphore::CheckedSemaphore(CheckedDevice& owner) : owner_(&owner), allocator_(owner.allocator()) {}

HALCYON_FUNC Result<uint64_t> CheckedSemaphore::query() {
  if (!owner_) return detail::without_device();
  return owner_->query(*this);
}

HALCYON_FUNC Status CheckedSemaphore::signal(uint64_t value) { return owner_ ? owner_->signal(*this, value) : detail::without_device(); }

HALCYON_FUNC void CheckedSemaphore::fail(Status status) {
  if (owner_) owner_->fail(*this, status);
}

HALCYON_FUNC void CheckedSemaphore::recycle() {
  if (owner_) return owner_->recycle(*this);
  CheckedDevice::destroy(*this, Allocator(allocator_));
}

HALCYON_FUNC Result<uint64_t> CheckedDevice::query(CheckedSemaphore& semaphore) {
  auto value = semaphore.inner_->query();
  Scope scope(*this);
  window_.sweep();
  if (value.ok())
    window_.observe(semaphore, *value);
  else
    window_.observe_failure();
  window_.sweep();
  return value;
}

HALCYON_FUNC Status CheckedDevice::signal(CheckedSemaphore& semaphore, uint64_t value) {
  {
    Scope scope(*this);
    window_.sweep();
    auto present = semaphore.inner_->query();
    if (present.ok() && value <= *present) {
      name(scope.line().add("signal: "), semaphore).add(" is at ").add(static_cast<int64_t>(*present)).add(", and ").add(static_cast<int64_t>(value))
          .add(" is not above it");
      return mismatch(Code::invalid_argument, "signal: the value is not above the semaphore's", *present, value);
    }
    Conflict conflict;
    if (present.ok() && !window_.judge(semaphore, value, conflict)) {
      scope.line().add("signal: ");
      return refuse(scope, conflict);
    }
  }
  const Status status = semaphore.inner_->signal(value);
  Scope scope(*this);
  window_.sweep();
  return status;
}

HALCYON_FUNC void CheckedDevice::fail(CheckedSemaphore& semaphore, const Status& status) {
  semaphore.inner_->fail(status);
  Scope scope(*this);
  window_.sweep();
}

// ---- lists and executables --------------------------------------------------------------------------------

HALCYON_FUNC CheckedExecutable::CheckedExecutable(CheckedDevice& owner) : owner_(&owner), arena_(owner.allocator()) {}

HALCYON_FUNC void CheckedExecutable::recycle() {
  if (owner_) return owner_->recycle(*this);
  CheckedDevice::destroy(*this, Allocator(arena_.allocator()));
}

HALCYON_FUNC Status CheckedExecutable::describe(const hal::ExecutableDesc& desc) {
  if (!arena_.allocate(desc.exports.size(), written_)) return out_of_memory();
  for (size_t i = 0; i < written_.size(); ++i) written_[i] = desc.exports[i].written;
  detail::copy_label(label_, desc.label);
  return {};
}

HALCYON_FUNC CheckedCommands::CheckedCommands(CheckedDevice& owner) : owner_(&owner), arena_(owner.allocator()) {}

HALCYON_FUNC void CheckedCommands::recycle() {
  if (owner_) return owner_->recycle(*this);
  CheckedDevice::destroy(*this, Allocator(arena_.allocator()));
}

HALCYON_FUNC Status CheckedCommands::copy(const hal::CommandsDesc& desc) {
  bindings_ = desc.bindings;
  parameters_ = desc.parameters;
  detail::copy_label(label_, desc.label);
  if (!arena_.allocate(desc.commands.size(), entries_)) return out_of_memory();
  for (size_t i = 0; i < entries_.size(); ++i) {
    const hal::Command& command = desc.commands[i];
    Entry& entry = entries_[i];
    std::span<hal::Range> ranges;
    if (!arena_.allocate(command.ranges.size(), ranges)) return out_of_memory();
    std::copy(command.ranges.begin(), command.ranges.end(), ranges.begin());
    entry.command = command;
    entry.command.ranges = ranges;
    entry.command.operands = {};  // not looked at
    if (command.type != hal::Command::Type::dispatch) continue;
    const auto& executable = static_cast<const CheckedExecutable&>(*command.executable);
    entry.executable_id = executable.id_;
    entry.written = executable.written_[command.export_index];
  }
  return {};
}

}  // namespace checking
HALCYON_NAMESPACE_END
