// halcyon/hal/commands.hpp -- work as data: plain commands over binding slots and parameter slots.
//
//   const Command list[] = {dispatch, Command::barrier(), copy};
//   HALCYON_ASSIGN(auto commands, device.create_commands({.commands = list, ...}));   // once, at load
//   HALCYON_TRY(device.submit({.commands = commands.get(), .bindings = b, .parameters = p}));
//
// A list is turned into the driver's replay form once. What changes between calls is a slot: a binding
// (which buffer) or a parameter (a u64 that kernels, ranges and workloads read), so a list is never
// re-recorded for another shape. Commands between two barriers may run in any order and overlap.
// Threads: a Commands object is immutable and may be in flight any number of times.
#pragma once
#include <cstdint>
#include <span>

#include "halcyon/hal/buffer.hpp"
#include "halcyon/hal/executable.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

// A number that is known when the list is built, or the index of a parameter slot.
struct Operand {
  uint64_t value = 0;
  bool is_parameter = false;

  static constexpr Operand literal(uint64_t value) { return {value, false}; }
  static constexpr Operand parameter(uint64_t slot) { return {slot, true}; }
  constexpr uint64_t evaluate(std::span<const uint64_t> parameters) const {
    return is_parameter ? parameters[value] : value;
  }
};

// Bytes [offset, offset + size) of what the binding slot holds. Checked at every submit.
struct Range {
  uint32_t slot = 0;
  Operand offset = {};
  Operand size = {};  // UINT64_MAX: to the end
};

inline constexpr size_t max_update = 64 << 10;  // bytes that an update carries

struct Command {
  enum class Type : uint8_t {
    barrier,   // what came before is complete and visible to what follows
    dispatch,  // executable, export_index, workload, ranges, operands
    copy,      // ranges: target, source, of equal size
    fill,      // ranges: target; pattern
    update,    // ranges: target; either operands[0]: the value's low pattern_size bytes, or data
  };
  Type type = Type::barrier;
  uint8_t pattern_size = 1;        // 1, 2, 4 or 8 bytes: fill and update
  uint32_t export_index = 0;
  Executable* executable = nullptr;  // borrowed; outlives the list
  Operand workload[3] = {};
  uint64_t pattern = 0;
  std::span<const Range> ranges = {};      // copied when the list is created
  std::span<const Operand> operands = {};  // copied when the list is created
  std::span<const std::byte> data = {};    // an update's bytes, at most max_update; copied as the ranges are
  uint32_t location = UINT32_MAX;     // the source op, for errors and traces
  uint32_t executable_index = 0;      // for whoever sets `executable`: its place in an artifact
};

// How many ranges and operands a kernel's dispatches have.
struct KernelShape {
  uint32_t bindings = 0;
  uint32_t parameters = 0;
};

// An invalid_argument that names command `index`, and one of its ranges.
HALCYON_COLD inline Status invalid(Literal what, uint32_t index, size_t range = 0, uint64_t expected = 0, uint64_t actual = 0) {
  return {Code::invalid_argument, what,
          Where{Kind::command, Where::whole, static_cast<uint16_t>(range), index, static_cast<int64_t>(expected), static_cast<int64_t>(actual)}};
}

// Whether a command is well formed for a list of so many slots: those that it names, its counts, its pattern. `kernel`
// is a dispatch's. Errors: invalid_argument with Where{command, object = index}.
Status validate(const Command& command, uint32_t index, KernelShape slots, KernelShape kernel);

// A command with its ranges: `length` bytes from slot 1 to slot 0.
struct CopyCommand {
  HALCYON_NOINLINE CopyCommand(uint64_t target_offset, uint64_t source_offset, uint64_t length)
      : ranges{{0, Operand::literal(target_offset), Operand::literal(length)}, {1, Operand::literal(source_offset), Operand::literal(length)}} {
    command.type = Command::Type::copy;
    command.ranges = ranges;
  }
  CopyCommand(const CopyCommand&) = delete;
  Range ranges[2];
  Command command;
};

struct CommandsDesc {
  std::span<const Command> commands = {};
  uint32_t bindings = 0;    // how many binding slots a submission fills
  uint32_t parameters = 0;  // how many u64 it carries
  const char* label = "";
};

class Commands : public Counted {
 public:
  uint32_t bindings() const { return bindings_; }
  uint32_t parameters() const { return parameters_; }

 protected:
  uint32_t bindings_ = 0;
  uint32_t parameters_ = 0;
};

// What a binding slot holds for one submission: a sub-range of a buffer. Ranges are relative to it.
struct Binding {
  Buffer* buffer = nullptr;
  uint64_t offset = 0;
  uint64_t size = UINT64_MAX;  // to the end
};

}  // namespace hal
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/hal/commands.ipp"
#endif
