// Bodies of halcyon/checked.hpp and halcyon/checked/device.hpp, but for those of objects (objects.ipp) and of submissions
// (submit.ipp).
#pragma once
#include "halcyon/checked.hpp"
#include "halcyon/checked/device.hpp"
#include "halcyon/checked/order.ipp"
#include "halcyon/checked/scope.hpp"

#include "halcyon/checked/objects.ipp"
#include "halcyon/checked/submit.ipp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

HALCYON_FUNC CheckedDevice::CheckedDevice(hal::Device& inner, Owned<hal::Device> owned, const CheckedOptions& options)
    : hal::Device(inner.allocator()), owned_(std::move(owned)), inner_(inner), options_(options), caps_(inner.caps()),
      objects_(inner.allocator()),
      window_(inner.allocator(), caps_.inline_execution && !options.asynchronous, options.strict), staging_(*this) {
  if (inner.staging()) use(staging_);
  if (options.asynchronous) caps_.inline_execution = false;
}

HALCYON_FUNC bool CheckedDevice::initialize() { return window_.initialize(std::clamp(options_.window, 16u, 4096u)); }

HALCYON_FUNC CheckedDevice::~CheckedDevice() {
  {
    Scope scope(*this);
    window_.clear();
  }
  staging_.trim();
  report_leaks();
  while (Unused* unused = unused_) {
    unused_ = unused->next;
    allocator().release(allocator().self, unused, sizeof(CheckedBuffer), alignof(CheckedBuffer));
  }
}

HALCYON_FUNC void CheckedDevice::report(const Line& line) const {
  if (options_.report && !line.view().empty()) options_.report(options_.user, line.view());
}

// ---- objects --------------------------------------------------------------------------------------------------

// An object that outlives its device keeps nothing of the device inside.
HALCYON_FUNC void CheckedDevice::report_leaks() {
  for (const ObjectTable::Entry& entry : objects_.entries()) {
    if (!entry.object) continue;
    char text[256];
    Line line(text);
    if (entry.kind == ObjectKind::buffer) {
      auto& buffer = *static_cast<CheckedBuffer*>(entry.object);
      name(line, buffer);
      for (; buffer.maps_ != 0; --buffer.maps_) buffer.inner_->unmap();
      abandon(buffer);
    } else if (entry.kind == ObjectKind::semaphore) {
      name(line, *static_cast<CheckedSemaphore*>(entry.object));
      abandon(*static_cast<CheckedSemaphore*>(entry.object));
    } else if (entry.kind == ObjectKind::commands) {
      auto& commands = *static_cast<CheckedCommands*>(entry.object);
      name(line, "command list ", commands.id_, commands.label_);
      abandon(commands);
    } else {
      auto& executable = *static_cast<CheckedExecutable*>(entry.object);
      name(line, "executable ", executable.id_, executable.label_);
      abandon(executable);
    }
    report(line.add(" outlives its device"));
  }
}

template <class T>
T* CheckedDevice::create(ObjectKind kind, Ref<T>& reference) {
  void* memory = allocator().allocate(allocator().self, sizeof(T), alignof(T));
  if (!memory) return nullptr;
  T* object = ::new (memory) T(*this);
  Scope scope(*this);
  if (!objects_.reserve()) {
    destroy(*object, allocator());
    return nullptr;
  }
  object->id_ = next_id_++;
  objects_.add(object, kind);
  reference = Ref<T>::adopt(object);
  return object;
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CheckedDevice::allocate(const hal::BufferDesc& desc) {
  Ref<CheckedBuffer> buffer = Ref<CheckedBuffer>::adopt(take_buffer());
  if (!buffer) return out_of_memory();
  HALCYON_ASSIGN(auto inner, inner_.allocate(desc));
  return finish_buffer(std::move(buffer), std::move(inner), desc);
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CheckedDevice::import_host(std::span<std::byte> bytes, const hal::BufferDesc& desc,
                                                                 void (*released)(void* user), void* user) {
  Ref<CheckedBuffer> buffer = Ref<CheckedBuffer>::adopt(take_buffer());
  if (!buffer) return out_of_memory();
  buffer->imported_ = true;
  HALCYON_ASSIGN(auto inner, inner_.import_host(bytes, desc, released, user));
  return finish_buffer(std::move(buffer), std::move(inner), desc);
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CheckedDevice::import_native(hal::NativeHandle handle, const hal::BufferDesc& desc) {
  Ref<CheckedBuffer> buffer = Ref<CheckedBuffer>::adopt(take_buffer());
  if (!buffer) return out_of_memory();
  buffer->imported_ = true;
  HALCYON_ASSIGN(auto inner, inner_.import_native(handle, desc));
  return finish_buffer(std::move(buffer), std::move(inner), desc);
}

HALCYON_FUNC Result<hal::NativeHandle> CheckedDevice::export_native(hal::Buffer& buffer, hal::NativeHandle::Type type) {
  {
    Scope scope(*this);
    if (!is(&buffer, ObjectKind::buffer)) return foreign(scope, "export_native: a buffer of another device, or one that is gone");
  }
  return inner_.export_native(*static_cast<CheckedBuffer&>(buffer).inner_, type);
}

HALCYON_FUNC Result<Ref<hal::Executable>> CheckedDevice::create_executable(const hal::ExecutableDesc& desc,
                                                                           std::span<hal::Rejection> rejections) {
  Ref<CheckedExecutable> executable;
  if (!create(ObjectKind::executable, executable)) return out_of_memory();
  HALCYON_TRY(executable->describe(desc));
  HALCYON_ASSIGN(executable->inner_, inner_.create_executable(desc, rejections));
  executable->variant_ = executable->inner_->variant();
  return Ref<hal::Executable>(std::move(executable));
}

HALCYON_FUNC Result<Ref<hal::Commands>> CheckedDevice::create_commands(const hal::CommandsDesc& desc) {
  Array<hal::Command> unwrapped(allocator());
  if (!unwrapped.resize(desc.commands.size())) return out_of_memory();
  {
    Scope scope(*this);
    for (uint32_t i = 0; i < unwrapped.size(); ++i) {
      hal::Command& command = unwrapped[i] = desc.commands[i];
      if (command.type != hal::Command::Type::dispatch || !command.executable) continue;
      if (!is(command.executable, ObjectKind::executable)) {
        scope.line().add("create_commands: command ").add(i).add(": an executable of another device, or one that is gone");
        return hal::invalid("dispatch: an executable of another device, or one that is gone", i);
      }
      command.executable = static_cast<CheckedExecutable*>(command.executable)->inner_.get();
    }
  }
  Ref<CheckedCommands> commands;
  if (!create(ObjectKind::commands, commands)) return out_of_memory();
  HALCYON_ASSIGN(commands->inner_, inner_.create_commands({unwrapped.span(), desc.bindings, desc.parameters, desc.label}));
  HALCYON_TRY(commands->copy(desc));
  return Ref<hal::Commands>(std::move(commands));
}

HALCYON_FUNC Result<Ref<hal::Semaphore>> CheckedDevice::create_semaphore(uint64_t value) {
  Ref<CheckedSemaphore> semaphore;
  if (!create(ObjectKind::semaphore, semaphore)) return out_of_memory();
  HALCYON_ASSIGN(semaphore->inner_, inner_.create_semaphore(value));
  semaphore->settled_ = value;
  return Ref<hal::Semaphore>(std::move(semaphore));
}

// ---- waiting, and what is only handed on ------------------------------------------------------------------

HALCYON_FUNC Status CheckedDevice::wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) {
  hal::Timepoint few[8];
  Array<hal::Timepoint> many(allocator());
  if (timepoints.size() > std::size(few) && !many.resize(timepoints.size())) return out_of_memory();
  const std::span<hal::Timepoint> unwrapped(many.empty() ? few : many.data(), timepoints.size());
  {
    Scope scope(*this);
    for (size_t i = 0; i < timepoints.size(); ++i) {
      if (!is(timepoints[i].semaphore, ObjectKind::semaphore))
        return foreign(scope, "wait: no semaphore, one of another device, or one that is gone");
      unwrapped[i] = {static_cast<CheckedSemaphore*>(timepoints[i].semaphore)->inner_.get(), timepoints[i].value};
    }
  }
  const Status status = inner_.wait(unwrapped, mode, timeout_ns);
  Scope scope(*this);
  window_.sweep();
  for (size_t i = 0; i < timepoints.size() && status.ok(); ++i) {
    auto& semaphore = *static_cast<CheckedSemaphore*>(timepoints[i].semaphore);
    if (mode == hal::Wait::any) {
      auto reached = semaphore.inner_->query();
      if (!reached.ok() || *reached < timepoints[i].value) continue;
    }
    window_.observe(semaphore, timepoints[i].value);
  }
  if (!status.ok() && status.code() != Code::timeout) window_.observe_failure();
  window_.sweep();
  return status;
}

HALCYON_FUNC Status CheckedDevice::wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) {
  auto& own = static_cast<CheckedBuffer&>(buffer);
  uint64_t before = 0;
  {
    Scope scope(*this);
    if (!is(&buffer, ObjectKind::buffer)) return foreign(scope, "wait_idle: a buffer of another device, or one that is gone");
    before = window_.tick();
  }
  HALCYON_TRY(inner_.wait_idle(*own.inner_, timeout_ns));
  // Work is out of its buffers a moment before it says that it has retired.
  for (;;) {
    hal::Timepoint point;
    Ref<hal::Semaphore> finishing;
    {
      Scope scope(*this);
      finishing = window_.find_finishing(own.id_, before, point.value);
      if (!finishing) break;
    }
    point.semaphore = finishing.get();
    (void)inner_.wait({&point, 1}, hal::Wait::all, UINT64_MAX).ok();
    Scope scope(*this);
    window_.sweep();
  }
  Scope scope(*this);
  window_.observe_idle(own.id_, before);
  window_.sweep();
  return {};
}

HALCYON_FUNC void CheckedDevice::trim() {
  staging_.trim();
  inner_.trim();
}

HALCYON_FUNC hal::Stats CheckedDevice::stats() const {
  hal::Stats stats = inner_.stats(), transfers;
  fill_transfers(transfers);  // hal::read and hal::write count on this device
  stats.host_to_device_copies += transfers.host_to_device_copies;
  stats.host_to_device_bytes += transfers.host_to_device_bytes;
  stats.device_to_host_copies += transfers.device_to_host_copies;
  stats.device_to_host_bytes += transfers.device_to_host_bytes;
  stats.staging_bytes += staging_.bytes();
  return stats;
}

HALCYON_FUNC void CheckedDevice::profile(hal::ProfileSink sink) {
  {
    Scope scope(*this);
    window_.sweep();
    if (!window_.idle()) scope.line().add("profile: work is in flight");
  }
  inner_.profile(sink);
}

inline Result<Owned<hal::Device>> make_checked(hal::Device& inner, Owned<hal::Device> owned, const CheckedOptions& options) {
  auto device = make<CheckedDevice>(inner.allocator(), inner, std::move(owned), options);
  if (!device || !device->initialize()) return out_of_memory();
  return Owned<hal::Device>(std::move(device));
}

}  // namespace checking

HALCYON_FUNC Result<Owned<hal::Device>> checked(Owned<hal::Device> device, const CheckedOptions& options) {
  if (!device) return Status(Code::invalid_argument, "checked: no device");
  hal::Device& inner = *device;
  return checking::make_checked(inner, std::move(device), options);
}

HALCYON_FUNC Result<Owned<hal::Device>> checked(hal::Device& device, const CheckedOptions& options) {
  return checking::make_checked(device, {}, options);
}

HALCYON_NAMESPACE_END
