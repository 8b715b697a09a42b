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

using hal::invalid;

HALCYON_COLD inline Status wrong_binding(Literal what, size_t index) {
  return {Code::invalid_argument, what, Where{Kind::argument, Where::whole, static_cast<uint16_t>(index), 0, 0, 0}};
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

}  // namespace detail

HALCYON_FUNC Status HostExecutable::describe(const hal::ExecutableDesc& desc) {
  if (!arena_.allocate(desc.exports.size(), kernels_)) return out_of_memory();
  for (size_t i = 0; i < desc.exports.size(); ++i) {
    const hal::ExportDesc& entry = desc.exports[i];
    char* name = static_cast<char*>(arena_.take(entry.name.size(), 1));
    if (!name) return out_of_memory();
    if (!entry.name.empty()) std::memcpy(name, entry.name.data(), entry.name.size());
    kernels_[i].name = {name, entry.name.size()};
    kernels_[i].shape = {entry.bindings, entry.parameters};
    kernels_[i].location = entry.location;
  }
  return {};
}

HALCYON_FUNC Status resolve(std::span<const hal::Binding> bindings, Slot* slots) {
  for (size_t i = 0; i < bindings.size(); ++i) {
    const hal::Binding& binding = bindings[i];
    if (!binding.buffer) return detail::wrong_binding("submit: a binding slot is empty", i);
    const uint64_t size = binding.buffer->size();
    if (binding.offset > size) return detail::wrong_binding("submit: a binding is not inside its buffer", i);
    const uint64_t rest = size - binding.offset;
    const bool to_end = binding.size == UINT64_MAX;
    if (!to_end && binding.size > rest) return detail::wrong_binding("submit: a binding is not inside its buffer", i);
    std::byte* data = static_cast<const HostBuffer*>(binding.buffer)->data();
    slots[i] = {data ? data + binding.offset : nullptr, to_end ? rest : binding.size, binding.buffer, binding.offset};
  }
  return {};
}

HALCYON_FUNC Status validate(const hal::Command& command, uint32_t index, hal::KernelShape slots) {
  if (command.type != hal::Command::Type::dispatch) return hal::validate(command, index, slots, {});
  if (!command.executable) return detail::invalid("dispatch: no executable", index);
  const auto kernels = static_cast<const HostExecutable*>(command.executable)->kernels();
  if (command.export_index >= kernels.size())
    return detail::invalid("dispatch: the executable has no such export", index, 0, kernels.size(), command.export_index);
  return hal::validate(command, index, slots, kernels[command.export_index].shape);
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
  step.data = command.data.data();
  step.value_size = command.data.empty() ? command.pattern_size : command.data.size();
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
      return detail::invalid("submit: a range is not inside its binding", step.index, i, slot.size, step.ranges[i].offset.evaluate(view.parameters));
    }
    if (i < 2) first[i] = span;
  }
  switch (step.type) {
    case Type::barrier:
      break;
    case Type::dispatch: {
      uint32_t grid[3];
      if (!detail::evaluate_grid(step, view.parameters, grid))
        return detail::invalid("dispatch: more workgroups than can be counted", step.index);
      break;
    }
    case Type::copy: {
      if (first[0].size != first[1].size)
        return detail::invalid("copy: target and source differ in size", step.index, 0, first[0].size, first[1].size);
      const Slot& target = view.slots[step.ranges[0].slot];
      const Slot& source = view.slots[step.ranges[1].slot];
      if (target.buffer != source.buffer) break;
      const uint64_t a = target.offset + step.ranges[0].offset.evaluate(view.parameters);
      const uint64_t b = source.offset + step.ranges[1].offset.evaluate(view.parameters);
      if (first[0].size > (a < b ? b - a : a - b))
        return detail::invalid("copy: target and source overlap", step.index);
      break;
    }
    case Type::fill:
      if (first[0].size % step.pattern_size != 0)
        return detail::invalid("fill: the range is not a multiple of the pattern", step.index, 0, step.pattern_size, first[0].size);
      break;
    case Type::update:
      if (first[0].size != step.value_size)
        return detail::invalid("update: the range is not as large as the value", step.index, 0, step.value_size, first[0].size);
      break;
  }
  return {};
}

HALCYON_FUNC Result<Ref<hal::Commands>> Recording::create(Owner& owner, const hal::CommandsDesc& desc) {
  auto* recording = owner.create<Recording>(owner);
  if (!recording) return out_of_memory();
  auto reference = Ref<hal::Commands>::adopt(recording);
  HALCYON_TRY(recording->fill(desc));
  return reference;
}

HALCYON_FUNC Status Recording::fill(const hal::CommandsDesc& desc) {
  if (desc.commands.size() > UINT32_MAX) return {Code::invalid_argument, "commands: more than 2^32 commands"};
  bindings_ = desc.bindings;
  parameters_ = desc.parameters;
  size_t steps = 0, ranges = 0, operands = 0, words = 0;
  for (size_t i = 0; i < desc.commands.size(); ++i) {
    const hal::Command& command = desc.commands[i];
    HALCYON_TRY(validate(command, static_cast<uint32_t>(i), {bindings_, parameters_}));
    steps += command.type != hal::Command::Type::barrier;  // steps run in order, each to its end
    ranges += command.ranges.size();
    operands += command.operands.size();
    words += command.operands.size() + (command.data.size() + 7) / 8;
  }
  auto* range = static_cast<hal::Range*>(arena_.take(ranges, sizeof(hal::Range)));
  auto* operand = static_cast<hal::Operand*>(arena_.take(operands, sizeof(hal::Operand)));
  auto* literal = static_cast<uint64_t*>(arena_.take(words, sizeof(uint64_t)));
  auto* next = static_cast<Step*>(arena_.take(steps, sizeof(Step)));
  if (!range || !operand || !literal || !next || !arena_.allocate(bindings_, needs_)) return out_of_memory();
  steps_ = {next, steps};

  for (size_t i = 0; i < desc.commands.size(); ++i) {
    const hal::Command& command = desc.commands[i];
    if (command.type == hal::Command::Type::barrier) continue;
    Step& step = *::new (static_cast<void*>(next++)) Step(borrow(command, static_cast<uint32_t>(i)));
    step.ranges = range;
    step.operands = operand;
    step.literals = literal;
    for (const hal::Range& from : command.ranges) *range++ = from;
    for (const hal::Operand& from : command.operands) {
      *operand++ = from;
      *literal++ = from.value;
      if (from.is_parameter) step.literals = nullptr;
    }
    if (!command.data.empty()) {
      step.data = static_cast<std::byte*>(std::memcpy(literal, command.data.data(), command.data.size()));
      literal += (command.data.size() + 7) / 8;
    }
    settle(step);
    all_settled_ = all_settled_ && step.settled;
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
