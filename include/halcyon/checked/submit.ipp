// Bodies of halcyon/checked/device.hpp: submissions, asynchronous allocations and frees. Included by device.ipp.
#pragma once
#include "halcyon/checked/scope.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

// ---- names in reports -------------------------------------------------------------------------------------

HALCYON_FUNC Line& CheckedDevice::name(Line& line, std::string_view what, uint64_t id, std::string_view label) {
  line.add(what).add(static_cast<int64_t>(id));
  return label.empty() ? line : line.add(" '").add(label).add("'");
}

HALCYON_FUNC Line& CheckedDevice::name(Line& line, const CheckedBuffer& buffer) { return name(line, "buffer ", buffer.id_, buffer.label()); }

HALCYON_FUNC Line& CheckedDevice::name(Line& line, const CheckedSemaphore& semaphore) { return name(line, "semaphore ", semaphore.id_, ""); }

HALCYON_FUNC Line& CheckedDevice::name(Line& line, const Node& node) {
  static constexpr std::string_view types[] = {"submission ", "allocation ", "free "};
  return name(line, types[static_cast<uint8_t>(node.state.type)], node.state.serial, node.state.label);
}

// "submission 7 'decode', command 2, writes bytes 0 to 64"
HALCYON_FUNC Line& CheckedDevice::name(Line& line, const Node& node, const Access& access) {
  static constexpr std::string_view verbs[] = {" reads", " writes", " binds", " allocates all", " frees all"};
  name(line, node);
  if (!is_whole(access.kind)) line.add(access.in_list ? ", command " : ", transfer ").add(access.command).add(",");
  line.add(verbs[static_cast<uint8_t>(access.kind)]);
  if (is_whole(access.kind)) return line;
  return line.add(" bytes ").add(static_cast<int64_t>(access.begin)).add(" to ").add(static_cast<int64_t>(access.end));
}

HALCYON_FUNC Line& CheckedDevice::name_buffer(Line& line, uint64_t id, const Node& node) {
  if (node.holdings)
    for (const Ref<CheckedBuffer>& buffer : node.holdings->buffers)
      if (buffer->id_ == id) return name(line, *buffer);
  return name(line, "buffer ", id, "");
}

HALCYON_FUNC Status CheckedDevice::foreign(Scope& scope, Literal what) {
  scope.line().add(what.text);
  return {Code::invalid_argument, what};
}

HALCYON_FUNC Status CheckedDevice::refuse(Scope& scope, const Conflict& conflict) {
  Line& line = scope.line();
  name(line, *conflict.first, conflict.a).add(" of ");
  name_buffer(line, conflict.a.buffer, *conflict.first).add(conflict.rule == Conflict::Rule::race ? "; " : ", ");
  Where where;
  where.kind = halcyon::Kind::command;
  where.object = conflict.a.command;
  if (conflict.rule == Conflict::Rule::not_allocated) {
    name(line.add("which is not after "), *conflict.second);
    return Status(Code::failed_precondition, "submit: a buffer is used without waiting for its allocation", where);
  }
  if (conflict.rule == Conflict::Rule::freed) {
    name(line.add("which is not before "), *conflict.second);
    return Status(Code::failed_precondition, "submit: a buffer is used after it was freed", where);
  }
  name(line, *conflict.second, conflict.b).add(" of it, and no semaphore orders them");
  return Status(Code::failed_precondition, "submit: it races with other work; a semaphore must order them", where);
}

// ---- checks -------------------------------------------------------------------------------------------------

HALCYON_FUNC Status CheckedDevice::check_points(Scope& scope, std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals,
 Node& node) {
  if (!node.inner_waits.resize(waits.size()) || !node.inner_signals.resize(signals.size() + 1) || !node.waits.resize(waits.size()) ||
      !node.signals.resize(signals.size()))
    return out_of_memory();
  for (size_t i = 0; i < waits.size() + signals.size(); ++i) {
    const bool is_wait = i < waits.size();
    const hal::Timepoint& point = is_wait ? waits[i] : signals[i - waits.size()];
    if (!is(point.semaphore, ObjectKind::semaphore))
      return foreign(scope, "submit: no semaphore, one of another device, or one that is gone");
    auto& semaphore = *static_cast<CheckedSemaphore*>(point.semaphore);
    (is_wait ? node.inner_waits[i] : node.inner_signals[i - waits.size() + 1]) = {semaphore.inner_.get(), point.value};
    Point& kept = is_wait ? node.waits[i] : node.signals[i - waits.size()];
    kept.semaphore = Ref<CheckedSemaphore>::share(&semaphore);
    kept.value = point.value;
    if (is_wait) continue;
    auto present = semaphore.inner_->query();
    if (!present.ok() || point.value > *present) continue;
    name(scope.line().add("submit: "), semaphore).add(" is at ").add(static_cast<int64_t>(*present)).add(", and the signal of ")
        .add(static_cast<int64_t>(point.value)).add(" is not above it");
    return mismatch(Code::invalid_argument, "signal: the value is not above the semaphore's", *present, point.value);
  }
  return {};
}

HALCYON_FUNC Status CheckedDevice::check_bindings(Scope& scope, const hal::Submission& submission, Node& node) {
  const std::span<const hal::Binding> bindings = submission.bindings;
  if (!node.inner_bindings.resize(bindings.size()) || !node.holdings->buffers.resize(bindings.size())) return out_of_memory();
  for (size_t i = 0; i < bindings.size(); ++i) {
    const hal::Binding& binding = bindings[i];
    const Where where{halcyon::Kind::argument, Where::whole, static_cast<uint16_t>(i), 0, 0, 0};
    if (!is(binding.buffer, ObjectKind::buffer)) {
      scope.line().add("submit: binding ").add(static_cast<int64_t>(i)).add(binding.buffer ? ": a buffer of another device, or one that is gone" : " is empty");
      return Status(Code::invalid_argument, "submit: a binding is empty, or a buffer of another device or one that is gone", where);
    }
    auto& buffer = *static_cast<CheckedBuffer*>(binding.buffer);
    if (binding.offset > buffer.size() || (binding.size != UINT64_MAX && binding.size > buffer.size() - binding.offset)) {
      name(scope.line().add("submit: binding ").add(static_cast<int64_t>(i)).add(" is not inside "), buffer);
      return Status(Code::invalid_argument, "submit: a binding is not inside its buffer", where);
    }
    node.inner_bindings[i] = {buffer.inner_.get(), binding.offset, binding.size};
    node.holdings->buffers[i] = Ref<CheckedBuffer>::share(&buffer);
  }
  return {};
}

HALCYON_FUNC Status CheckedDevice::add_access(Scope& scope, const hal::Submission& submission, const hal::Range& range, Access access,
                                              bool is_dispatch, Node& node) {
  auto& buffer = *static_cast<CheckedBuffer*>(submission.bindings[range.slot].buffer);
  const auto refuse = [&](const char* words) {
    name(scope.line(), node).add(access.in_list ? ", command " : ", transfer ").add(access.command).add(": ");
    name(scope.line(), buffer).add(words);
    return Where{halcyon::Kind::command, Where::whole, static_cast<uint16_t>(range.slot), access.command, 0, 0};
  };
  if (!evaluate(range, submission.bindings, submission.parameters, access.begin, access.end))
    return Status(Code::invalid_argument, "submit: a range is not inside its binding", refuse(": the range is not inside its binding"));
  if (buffer.usage_ != hal::Usage() && !(is_dispatch ? buffer.usage_.dispatch : buffer.usage_.transfer))
    return Status(Code::failed_precondition, "submit: a buffer was not allocated for this use",
                  refuse(is_dispatch ? " was not allocated for dispatches" : " was not allocated for transfers"));
  if (access.begin == access.end) return {};
  if (buffer.freed_) return Status(Code::failed_precondition, "submit: a buffer is used after it was freed", refuse(" was freed"));
  access.buffer = buffer.id_;
  return node.accesses.push(access) ? Status() : out_of_memory();
}

HALCYON_FUNC Status CheckedDevice::check_command(Scope& scope, const hal::Submission& submission, const hal::Command& command,
                                                 uint64_t written, Access access, Node& node) {
  using Type = hal::Command::Type;
  const bool is_dispatch = command.type == Type::dispatch;
  bool is_empty = false;
  if (is_dispatch)
    for (const hal::Operand& size : command.workload) is_empty = is_empty || size.evaluate(submission.parameters) == 0;
  const size_t before = node.accesses.size();
  for (size_t i = 0; i < command.ranges.size(); ++i) {
    access.kind = Access::Kind::unknown;
    if (!is_dispatch)
      access.kind = i == 0 ? Access::Kind::write : Access::Kind::read;
    else if (written != UINT64_MAX && i < 64)
      access.kind = written >> i & 1 ? Access::Kind::write : Access::Kind::read;
    HALCYON_TRY(add_access(scope, submission, command.ranges[i], access, is_dispatch, node));
  }
  while (is_empty && node.accesses.size() > before) node.accesses.pop();
  return {};
}

HALCYON_FUNC Status CheckedDevice::check_commands(Scope& scope, const hal::Submission& submission, Node& node) {
  const hal::KernelShape slots{static_cast<uint32_t>(submission.bindings.size()), static_cast<uint32_t>(submission.parameters.size())};
  Access access;
  for (uint32_t i = 0; i < submission.transfers.size(); ++i) {  // in order: an epoch each
    const hal::Command& command = submission.transfers[i];
    if (command.type == hal::Command::Type::dispatch) {
      scope.line().add("submit: transfer ").add(i).add(" is a dispatch");
      return hal::invalid("submit: a dispatch is not a transfer", i);
    }
    HALCYON_TRY(hal::validate(command, i, slots, {}));
    access.command = access.epoch = i;
    HALCYON_TRY(check_command(scope, submission, command, 0, access, node));
  }
  access.epoch = static_cast<uint32_t>(submission.transfers.size());
  access.in_list = true;
  if (!node.holdings->commands) return {};
  const CheckedCommands& list = *node.holdings->commands;
  for (uint32_t i = 0; i < list.entries_.size(); ++i) {
    const CheckedCommands::Entry& entry = list.entries_[i];
    if (entry.command.type == hal::Command::Type::barrier) ++access.epoch;
    if (entry.command.type == hal::Command::Type::dispatch &&
        (!is(entry.command.executable, ObjectKind::executable) ||
         static_cast<const CheckedExecutable*>(entry.command.executable)->id_ != entry.executable_id)) {
      name(scope.line().add("submit: "), "command list ", list.id_, list.label_).add(", command ").add(i).add(": its executable is gone");
      return Status(Code::failed_precondition, "submit: the executable of a dispatch is gone",
                    Where{halcyon::Kind::command, Where::whole, 0, i, 0, 0});
    }
    access.command = i;
    HALCYON_TRY(check_command(scope, submission, entry.command, entry.written, access, node));
  }
  return {};
}

HALCYON_FUNC Status CheckedDevice::admit(Scope& scope, const hal::Submission& submission, Node& node) {
  if (submission.commands) {
    if (!is(submission.commands, ObjectKind::commands)) return foreign(scope, "submit: a command list of another device, or one that is gone");
    auto& commands = *static_cast<CheckedCommands*>(submission.commands);
    node.holdings->commands = Ref<CheckedCommands>::share(&commands);
    std::copy(std::begin(commands.label_), std::end(commands.label_), node.state.label);
    if (submission.bindings.size() < commands.bindings() || submission.parameters.size() < commands.parameters()) {
      name(scope.line().add("submit: fewer bindings or parameters than "), "command list ", commands.id_, commands.label_).add(" has slots");
      return {Code::invalid_argument, "submit: fewer bindings or parameters than the list has slots"};
    }
  }
  HALCYON_TRY(check_points(scope, submission.waits, submission.signals, node));
  HALCYON_TRY(check_bindings(scope, submission, node));
  HALCYON_TRY(check_commands(scope, submission, node));
  std::sort(node.accesses.begin(), node.accesses.end(), by_place);
  Access first, second;
  if (find_unordered(node.accesses.span(), options_.strict, first, second)) {
    name(scope.line(), node, first).add(" of ");
    name_buffer(scope.line(), first.buffer, node).add(", and no barrier is between it and command ").add(second.command);
    return Status(Code::failed_precondition, "submit: two commands of a list race; a barrier must be between them",
                  Where{halcyon::Kind::command, Where::whole, 0, second.command, static_cast<int64_t>(first.command), static_cast<int64_t>(second.command)});
  }
  merge(node.accesses);
  return {};
}

// ---- calls ----------------------------------------------------------------------------------------------------

// From here on the node is the window's.
HALCYON_FUNC Status CheckedDevice::enter(Scope& scope, Node& node) {
  window_.insert(node);
  Conflict conflict;
  return window_.judge(node, conflict) ? Status() : refuse(scope, conflict);
}

HALCYON_FUNC void CheckedDevice::complete(Node& node, const Status& status) {
  Scope scope(*this);
  window_.returned(node, status);
  window_.sweep();
}

HALCYON_FUNC Status CheckedDevice::submit(const hal::Submission& submission) {
  Node* node = nullptr;
  hal::Submission unwrapped = submission;
  {
    Scope scope(*this);
    window_.sweep();
    node = window_.create(next_serial_++);
    if (!node) return out_of_memory();
    Status status = admit(scope, submission, *node);
    // Work that may still be in flight when submit returns gets a signal of its own.
    if (status.ok() && (!caps_.inline_execution || !submission.waits.empty())) status = window_.watch(*node, inner_);
    if (!status.ok()) {
      window_.discard(*node);
      return status;
    }
    if (node->watch) node->inner_signals[0] = {node->watch.get(), node->state.watch_value};
    unwrapped.waits = node->inner_waits.span();
    unwrapped.signals = node->inner_signals.span().subspan(node->watch ? 0 : 1);
    unwrapped.bindings = node->inner_bindings.span();
    unwrapped.commands = submission.commands ? node->holdings->commands->inner_.get() : nullptr;
    HALCYON_TRY(enter(scope, *node));
  }
  const Status status = inner_.submit(unwrapped);
  complete(*node, status);
  return status;
}

// What allocate_async and free_async have in common: work on the whole buffer.
HALCYON_FUNC Status CheckedDevice::enter_async(Scope& scope, CheckedBuffer& buffer, Node::Type type, std::span<const hal::Timepoint> waits,
                                               hal::Timepoint& signal, Node*& entered) {
  Node* node = window_.create(next_serial_++);
  if (!node) return out_of_memory();
  node->state.type = type;
  Access access;
  access.buffer = buffer.id_;
  access.end = UINT64_MAX;
  access.kind = type == Node::Type::allocate ? Access::Kind::allocate : Access::Kind::free;
  const std::span<const hal::Timepoint> signals(&signal, signal.semaphore ? 1u : 0u);
  Status status = check_points(scope, waits, signals, *node);
  if (status.ok() && (!node->accesses.push(access) || !node->holdings->buffers.push(Ref<CheckedBuffer>::share(&buffer)))) status = out_of_memory();
  if (status.ok() && signals.empty()) status = window_.watch(*node, inner_);
  if (!status.ok()) {
    window_.discard(*node);
    return status;
  }
  if (!signals.empty()) {
    node->watch = Ref<hal::Semaphore>::share(node->inner_signals[1].semaphore);
    node->state.watch_value = signal.value;
  }
  signal = {node->watch.get(), node->state.watch_value};
  entered = node;
  return enter(scope, *node);
}

HALCYON_FUNC Result<Ref<hal::Buffer>> CheckedDevice::allocate_async(const hal::BufferDesc& desc, std::span<const hal::Timepoint> waits,
                                                                    hal::Timepoint signal) {
  Ref<CheckedBuffer> buffer = Ref<CheckedBuffer>::adopt(take_buffer());
  if (!buffer) return out_of_memory();
  Node* node = nullptr;
  {
    Scope scope(*this);
    window_.sweep();
    HALCYON_TRY(enter_async(scope, *buffer, Node::Type::allocate, waits, signal, node));
  }
  auto made = inner_.allocate_async(desc, node->inner_waits.span(), signal);
  if (made.ok()) {
    auto finished = finish_buffer(std::move(buffer), std::move(made).value(), desc);
    complete(*node, {});
    return finished;
  }
  complete(*node, made.status());
  return made.status();
}

HALCYON_FUNC Status CheckedDevice::free_async(hal::Buffer& buffer, std::span<const hal::Timepoint> waits, hal::Timepoint signal) {
  Node* node = nullptr;
  hal::Buffer* target = nullptr;
  {
    Scope scope(*this);
    window_.sweep();
    if (!is(&buffer, ObjectKind::buffer)) return foreign(scope, "free_async: a buffer of another device, or one that is gone");
    auto& own = static_cast<CheckedBuffer&>(buffer);
    if (own.imported_ || own.free_asked_) {
      name(scope.line().add("free_async: "), own).add(own.imported_ ? " was imported" : " was freed already");
      if (own.imported_) return {Code::failed_precondition, "free_async: the buffer was imported; let go of it instead"};
      return {Code::failed_precondition, "free_async: the buffer was freed already"};
    }
    target = own.inner_.get();
    HALCYON_TRY(enter_async(scope, own, Node::Type::free, waits, signal, node));
    if (node->state.known && own.maps_ != 0) {  // else the host may unmap before it lets the free begin
      name(scope.line().add("free_async: "), own).add(" is mapped");
      const Status mapped(Code::failed_precondition, "free_async: the buffer is mapped");
      window_.returned(*node, mapped);
      return mapped;
    }
    own.free_asked_ = true;
  }
  const Status status = inner_.free_async(*target, node->inner_waits.span(), signal);
  complete(*node, status);
  return status;
}

}  // namespace checking
HALCYON_NAMESPACE_END
