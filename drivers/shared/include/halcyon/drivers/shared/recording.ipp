// halcyon/drivers/shared/recording.ipp -- bodies of recording.hpp: building and checking. execute.ipp runs.
#pragma once
#include "halcyon/drivers/shared/recording.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

namespace detail {

struct Span {
  std::byte* data = nullptr;
  uint64_t size = 0;
};

constexpr hal::Command::Type last_type = hal::Command::Type::update;

inline Where at_command(uint32_t index, uint32_t range = 0, uint64_t expected = 0, uint64_t actual = 0) {
  return {Kind::command, 255, static_cast<uint16_t>(range), index, static_cast<int64_t>(expected),
          static_cast<int64_t>(actual)};
}

inline bool is_to_end(const hal::Operand& size) { return !size.is_parameter && size.value == UINT64_MAX; }

// The bytes of a range; false where they are not inside the slot.
inline bool evaluate(const hal::Range& range, const View& view, Span& out) {
  const Slot& slot = view.slots[range.slot];
  const uint64_t offset = range.offset.evaluate(view.parameters);
  if (offset > slot.size) return false;
  const uint64_t rest = slot.size - offset;
  uint64_t size = rest;
  if (!is_to_end(range.size)) {
    size = range.size.evaluate(view.parameters);
    if (size > rest) return false;
  }
  out.data = slot.data + offset;
  out.size = size;
  return true;
}

inline bool is_pattern_size(uint32_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

constexpr uint64_t ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

// The grid of a dispatch; false where it has more workgroups than 32 bits a dimension, 63 in all, can count.
inline bool evaluate_grid(const Step& step, std::span<const uint64_t> parameters, uint32_t grid[3]) {
  uint64_t total = 1;
  for (int d = 0; d < 3; ++d) {
    const uint64_t count = ceil_div(step.workload[d].evaluate(parameters), step.kernel->tile[d]);
    if (count > UINT32_MAX) return false;
    grid[d] = static_cast<uint32_t>(count);
    if (count != 0 && total > INT64_MAX / count) return false;
    total *= count;
  }
  return true;
}

inline bool is_literal(const hal::Operand& operand) { return !operand.is_parameter; }

}  // namespace detail

HALCYON_FUNC Status HostExecutable::describe(const hal::ExecutableDesc& desc) {
  size_t characters = 0;
  for (const hal::ExportDesc& entry : desc.exports) characters += entry.name.size();
  HALCYON_TRY(names_.resize(characters));
  HALCYON_TRY(kernels_.resize(desc.exports.size()));
  char* name = names_.data();
  for (size_t i = 0; i < desc.exports.size(); ++i) {
    const hal::ExportDesc& entry = desc.exports[i];
    if (!entry.name.empty()) std::memcpy(name, entry.name.data(), entry.name.size());
    kernels_[i].name = {name, entry.name.size()};
    kernels_[i].bindings = entry.bindings;
    kernels_[i].parameters = entry.parameters;
    kernels_[i].location = entry.location;
    name += entry.name.size();
  }
  return {};
}

HALCYON_FUNC Status resolve(std::span<const hal::Binding> bindings, Slot* slots) {
  for (size_t i = 0; i < bindings.size(); ++i) {
    const hal::Binding& binding = bindings[i];
    const Where where{Kind::argument, 255, static_cast<uint16_t>(i), 0, 0, 0};
    if (!binding.buffer) return Status(Code::invalid_argument, "submit: a binding slot is empty", where);
    const uint64_t size = binding.buffer->size();
    if (binding.offset > size)
      return Status(Code::invalid_argument, "submit: a binding begins behind the end of its buffer", where);
    const uint64_t rest = size - binding.offset;
    if (binding.size != UINT64_MAX && binding.size > rest)
      return Status(Code::invalid_argument, "submit: a binding ends behind the end of its buffer", where);
    std::byte* data = static_cast<const HostBuffer*>(binding.buffer)->data();
    slots[i] = {data ? data + binding.offset : nullptr, binding.size == UINT64_MAX ? rest : binding.size,
                binding.buffer, binding.offset};
  }
  return {};
}

HALCYON_FUNC Status validate(const hal::Command& command, uint32_t index, uint32_t bindings, uint32_t parameters) {
  using Type = hal::Command::Type;
  const Where where = detail::at_command(index);
  const auto is_slot = [&](const hal::Operand& operand) { return !operand.is_parameter || operand.value < parameters; };
  if (command.type > detail::last_type) return Status(Code::invalid_argument, "commands: unknown type of command", where);
  for (size_t i = 0; i < command.ranges.size(); ++i) {
    const hal::Range& range = command.ranges[i];
    if (range.slot >= bindings)
      return Status(Code::invalid_argument, "commands: a range names a binding slot that does not exist",
                    detail::at_command(index, static_cast<uint32_t>(i), bindings, range.slot));
    if (!is_slot(range.offset) || !is_slot(range.size))
      return Status(Code::invalid_argument, "commands: a range names a parameter that does not exist",
                    detail::at_command(index, static_cast<uint32_t>(i)));
    if (detail::is_literal(range.offset) && detail::is_literal(range.size) && range.size.value != UINT64_MAX &&
        range.size.value > UINT64_MAX - range.offset.value)
      return Status(Code::invalid_argument, "commands: the end of a range overflows",
                    detail::at_command(index, static_cast<uint32_t>(i)));
  }
  for (const hal::Operand& operand : command.operands)
    if (!is_slot(operand)) return Status(Code::invalid_argument, "commands: an operand names a parameter that does not exist", where);

  const size_t ranges = command.ranges.size();
  switch (command.type) {
    case Type::barrier:
      return {};
    case Type::dispatch: {
      if (!command.executable) return Status(Code::invalid_argument, "dispatch: no executable", where);
      const auto kernels = static_cast<const HostExecutable*>(command.executable)->kernels();
      if (command.export_index >= kernels.size())
        return Status(Code::invalid_argument, "dispatch: the executable has no such export",
                      detail::at_command(index, 0, kernels.size(), command.export_index));
      const Kernel& kernel = kernels[command.export_index];
      if (ranges != kernel.bindings)
        return Status(Code::invalid_argument, "dispatch: the export takes another number of bindings",
                      detail::at_command(index, 0, kernel.bindings, ranges));
      if (command.operands.size() != kernel.parameters)
        return Status(Code::invalid_argument, "dispatch: the export takes another number of parameters",
                      detail::at_command(index, 0, kernel.parameters, command.operands.size()));
      for (const hal::Operand& size : command.workload)
        if (!is_slot(size)) return Status(Code::invalid_argument, "dispatch: the workload names a parameter that does not exist", where);
      return {};
    }
    case Type::copy:
      if (ranges != 2) return Status(Code::invalid_argument, "copy: takes a target and a source range", where);
      return {};
    case Type::fill:
    case Type::update:
      if (ranges != 1) return Status(Code::invalid_argument, "fill, update: take one range", where);
      if (!detail::is_pattern_size(command.pattern_size))
        return Status(Code::invalid_argument, "fill, update: the pattern has 1, 2, 4 or 8 bytes",
                      detail::at_command(index, 0, 0, command.pattern_size));
      if (command.type == Type::update && command.operands.size() != 1)
        return Status(Code::invalid_argument, "update: takes one operand, the value", where);
      return {};
  }
  return Status(Code::invalid_argument, "commands: unknown type of command", where);
}

HALCYON_FUNC Step borrow(const hal::Command& command, uint32_t index) {
  Step step;
  step.type = command.type;
  step.pattern_size = command.pattern_size;
  step.range_count = static_cast<uint32_t>(command.ranges.size());
  step.operand_count = static_cast<uint32_t>(command.operands.size());
  step.index = index;
  step.location = command.location;
  step.ranges = command.ranges.data();
  step.operands = command.operands.data();
  step.pattern = command.pattern;
  if (command.type == hal::Command::Type::dispatch) {
    step.kernel = &static_cast<const HostExecutable*>(command.executable)->kernels()[command.export_index];
    if (step.location == UINT32_MAX) step.location = step.kernel->location;
    for (int d = 0; d < 3; ++d) step.workload[d] = command.workload[d];
  }
  return step;
}

HALCYON_FUNC Status check(const Step& step, const View& view) {
  using Type = hal::Command::Type;
  detail::Span first[2];
  for (uint32_t i = 0; i < step.range_count; ++i) {
    detail::Span span;
    if (!detail::evaluate(step.ranges[i], view, span)) {
      const Slot& slot = view.slots[step.ranges[i].slot];
      return Status(Code::invalid_argument, "submit: a range is not inside its binding",
                    detail::at_command(step.index, i, slot.size, step.ranges[i].offset.evaluate(view.parameters)));
    }
    if (i < 2) first[i] = span;
  }
  switch (step.type) {
    case Type::barrier:
      break;
    case Type::dispatch: {
      uint32_t grid[3];
      if (!detail::evaluate_grid(step, view.parameters, grid))
        return Status(Code::invalid_argument, "dispatch: more workgroups than can be counted", detail::at_command(step.index));
      break;
    }
    case Type::copy: {
      if (first[0].size != first[1].size)
        return Status(Code::invalid_argument, "copy: target and source differ in size",
                      detail::at_command(step.index, 0, first[0].size, first[1].size));
      const Slot& target = view.slots[step.ranges[0].slot];
      const Slot& source = view.slots[step.ranges[1].slot];
      if (target.buffer != source.buffer) break;
      const uint64_t a = target.offset + step.ranges[0].offset.evaluate(view.parameters);
      const uint64_t b = source.offset + step.ranges[1].offset.evaluate(view.parameters);
      if (first[0].size > (a < b ? b - a : a - b))
        return Status(Code::invalid_argument, "copy: target and source overlap", detail::at_command(step.index));
      break;
    }
    case Type::fill:
      if (first[0].size % step.pattern_size != 0)
        return Status(Code::invalid_argument, "fill: the range is not a multiple of the pattern",
                      detail::at_command(step.index, 0, step.pattern_size, first[0].size));
      break;
    case Type::update:
      if (first[0].size != step.pattern_size)
        return Status(Code::invalid_argument, "update: the range is not as large as the value",
                      detail::at_command(step.index, 0, step.pattern_size, first[0].size));
      break;
  }
  return {};
}

HALCYON_FUNC Result<Recording*> Recording::create(Owner& owner, const hal::CommandsDesc& desc) {
  HALCYON_ASSIGN(Recording * recording, owner.create<Recording>(owner));
  const Status status = recording->fill(desc);
  if (status.ok()) return recording;
  owner.destroy(recording);
  return status;
}

HALCYON_FUNC Status Recording::fill(const hal::CommandsDesc& desc) {
  if (desc.commands.size() > UINT32_MAX) return {Code::invalid_argument, "commands: more than 2^32 commands"};
  bindings_ = desc.bindings;
  parameters_ = desc.parameters;
  size_t ranges = 0, operands = 0;
  for (size_t i = 0; i < desc.commands.size(); ++i) {
    HALCYON_TRY(validate(desc.commands[i], static_cast<uint32_t>(i), bindings_, parameters_));
    ranges += desc.commands[i].ranges.size();
    operands += desc.commands[i].operands.size();
  }
  HALCYON_TRY(steps_.reserve(desc.commands.size()));
  HALCYON_TRY(ranges_.reserve(ranges));
  HALCYON_TRY(operands_.reserve(operands));
  HALCYON_TRY(literals_.reserve(operands));
  HALCYON_TRY(needs_.resize(bindings_));

  for (size_t i = 0; i < desc.commands.size(); ++i) {
    const hal::Command& command = desc.commands[i];
    if (command.type == hal::Command::Type::barrier) continue;  // steps run in order, each to its end
    Step step = borrow(command, static_cast<uint32_t>(i));
    step.ranges = ranges_.data() + ranges_.size();
    step.operands = operands_.data() + operands_.size();
    step.literals = literals_.data() + literals_.size();
    for (const hal::Range& range : command.ranges) HALCYON_TRY(ranges_.push(range));
    for (const hal::Operand& operand : command.operands) {
      HALCYON_TRY(operands_.push(operand));
      HALCYON_TRY(literals_.push(operand.value));
      if (operand.is_parameter) step.literals = nullptr;
    }
    settle(step);
    all_settled_ = all_settled_ && step.settled;
    HALCYON_TRY(steps_.push(step));
  }
  return {};
}

// Finds out what can be checked now; what a literal range needs of its slot is kept in needs_.
HALCYON_FUNC void Recording::settle(Step& step) {
  bool settled = step.type == hal::Command::Type::dispatch;
  for (uint32_t i = 0; i < step.range_count; ++i) {
    const hal::Range& range = step.ranges[i];
    if (range.offset.is_parameter || range.size.is_parameter) {
      settled = false;
      continue;
    }
    const uint64_t end = range.offset.value + (detail::is_to_end(range.size) ? 0 : range.size.value);
    if (end > needs_[range.slot]) needs_[range.slot] = end;
  }
  if (step.type == hal::Command::Type::dispatch) {
    for (const hal::Operand& size : step.workload) settled = settled && !size.is_parameter;
    uint32_t grid[3];
    settled = settled && detail::evaluate_grid(step, {}, grid);
    ++dispatches_;
    if (step.range_count > widest_) widest_ = step.range_count;
    if (step.operand_count > most_operands_) most_operands_ = step.operand_count;
    if (step.kernel->local_memory > local_memory_) local_memory_ = step.kernel->local_memory;
  }
  step.settled = settled;
}

HALCYON_FUNC Status Recording::check(const View& view) const {
  bool large_enough = true;
  for (size_t i = 0; i < needs_.size(); ++i) large_enough = large_enough && needs_[i] <= view.slots[i].size;
  if (large_enough && all_settled_) return {};
  for (const Step& step : steps_)
    if (!large_enough || !step.settled) HALCYON_TRY(shared::check(step, view));
  return {};
}

}  // namespace shared
HALCYON_NAMESPACE_END

#include "halcyon/drivers/shared/execute.ipp"
