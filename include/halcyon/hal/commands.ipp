// Bodies of halcyon/hal/commands.hpp.
#pragma once
#include "halcyon/hal/commands.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

HALCYON_FUNC Status validate(const Command& command, uint32_t index, KernelShape slots, KernelShape kernel) {
  using Type = Command::Type;
  const auto is_slot = [&](const Operand& operand) { return !operand.is_parameter || operand.value < slots.parameters; };
  const size_t ranges = command.ranges.size(), operands = command.operands.size();
  if (command.type > Type::update) return invalid("commands: unknown type of command", index);
  for (size_t i = 0; i < ranges; ++i) {
    const Range& range = command.ranges[i];
    if (range.slot >= slots.bindings)
      return invalid("commands: a range names a binding slot that does not exist", index, i, slots.bindings, range.slot);
    if (!is_slot(range.offset) || !is_slot(range.size))
      return invalid("commands: a range names a parameter that does not exist", index, i);
    if (!range.offset.is_parameter && !range.size.is_parameter && range.size.value != UINT64_MAX &&
        range.size.value > UINT64_MAX - range.offset.value)
      return invalid("commands: the end of a range overflows", index, i);
  }
  for (const Operand& operand : command.operands)
    if (!is_slot(operand)) return invalid("commands: an operand names a parameter that does not exist", index);
  if (command.type == Type::barrier) {
    if (ranges != 0 || operands != 0) return invalid("barrier: takes nothing", index);
  } else if (command.type == Type::dispatch) {
    for (const Operand& size : command.workload)
      if (!is_slot(size)) return invalid("dispatch: the workload names a parameter that does not exist", index);
    if (ranges != kernel.bindings) return invalid("dispatch: the kernel takes another number of bindings", index, 0, kernel.bindings, ranges);
    if (operands != kernel.parameters)
      return invalid("dispatch: the kernel takes another number of parameters", index, 0, kernel.parameters, operands);
  } else if (command.type == Type::copy) {
    if (ranges != 2 || operands != 0) return invalid("copy: takes a target and a source range", index);
  } else {
    if (ranges != 1) return invalid("fill, update: take one range", index);
    const size_t data = command.data.size(), values = command.type == Type::update ? 1 : 0;
    if (operands + (data != 0) != values || data > max_update)
      return invalid("fill, update: an update takes one operand, the value, or data of at most 64 KiB", index, 0, max_update, data);
    if (data != 0) return {};
    const uint8_t size = command.pattern_size;
    if (size == 0 || size > 8 || (size & (size - 1)) != 0)
      return invalid("fill, update: the pattern has 1, 2, 4 or 8 bytes", index, 0, 0, size);
  }
  return {};
}

}  // namespace hal
HALCYON_NAMESPACE_END
