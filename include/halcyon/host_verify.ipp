// Checks every host function of a plan once, so that the interpreter need not; a part of artifact.ipp.
//
//   HostVerifier verifier(artifact, arena, plan, functions);
//   HALCYON_TRY(verifier.verify());    // fills in what HostFunctionDesc says the verifier finds
//
// After it: every opcode, register, type, branch target, list, constant, variable, command list, callee and
// alloca site exists and fits; the call graph has no cycle and is at most 64 deep.
// Errors: corrupt_artifact with Where{instruction}; unsupported for an element type without host values.
#pragma once
#include "halcyon/artifact.hpp"
#include "halcyon/host_ops.hpp"

HALCYON_NAMESPACE_BEGIN

inline constexpr uint32_t max_call_depth = 64;
inline constexpr uint32_t max_stack_registers = 1u << 20;

class HostVerifier {
 public:
  HostVerifier(const Artifact& artifact, Arena& arena, PlanDesc& plan, std::span<HostFunctionDesc> functions)
      : artifact_(artifact), arena_(arena), plan_(plan), functions_(functions), starts_(arena.allocator()),
        writers_(arena.allocator()), states_(arena.allocator()) {}

  Status verify();

 private:
  enum class State : uint8_t { unknown, active, done };

  Status bind_entries();
  Status check_entry(uint32_t index);
  Status check_code(uint32_t index);
  Status check_fields(uint32_t function, uint32_t pc, const Instruction& instruction);
  Status check_meaning(uint32_t function, uint32_t pc, const Instruction& instruction);
  Status check_list(uint32_t function, uint32_t pc, const Instruction& instruction, uint32_t first, std::span<const RegisterType> types);
  Status check_submit(uint32_t function, uint32_t pc, const Instruction& instruction);
  Status check_call(uint32_t function, uint32_t pc, const Instruction& instruction);
  Status measure(uint32_t index, uint32_t depth);
  Status find_sites(uint32_t index);
  bool has_type(uint32_t function, uint32_t reg, RegisterType type) const;
  Status corrupt(Literal what, uint32_t function, uint32_t pc) const;

  const Artifact& artifact_;
  Arena& arena_;
  PlanDesc& plan_;
  std::span<HostFunctionDesc> functions_;
  Array<uint8_t> starts_;     // of one function: which words begin an instruction
  Array<uint32_t> writers_;   // of one function: the one instruction that writes a register
  Array<State> states_;
};

HALCYON_FUNC Status HostVerifier::corrupt(Literal what, uint32_t function, uint32_t pc) const {
  return {Code::corrupt_artifact, what, Where{Kind::instruction, 255, 0, function, pc, 0}};
}

HALCYON_FUNC bool HostVerifier::has_type(uint32_t function, uint32_t reg, RegisterType type) const {
  const std::span<const RegisterType> registers = functions_[function].registers;
  return reg < registers.size() && registers[reg] == type;
}

HALCYON_FUNC Status HostVerifier::verify() {
  HALCYON_TRY(bind_entries());
  uint64_t sites = 0;
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    functions_[i].first_site = static_cast<uint32_t>(sites);
    sites += functions_[i].allocations;
    if (sites > max_stack_registers) return corrupt("load: the plan has too many alloca sites", i, 0);
  }
  plan_.sites = static_cast<uint32_t>(sites);
  for (uint32_t i = 0; i < functions_.size(); ++i) HALCYON_TRY(check_code(i));
  HALCYON_TRY(states_.resize(functions_.size()));
  for (uint32_t i = 0; i < functions_.size(); ++i) HALCYON_TRY(measure(i, 1));
  for (uint32_t i = 0; i < functions_.size(); ++i)
    if (functions_[i].function >= 0) HALCYON_TRY(find_sites(i));
  plan_.functions = functions_;
  return {};
}

// Each exported function has exactly one host function.
HALCYON_FUNC Status HostVerifier::bind_entries() {
  HALCYON_ASSIGN(const auto entries, arena_.allocate<uint32_t>(artifact_.functions().size()));
  for (uint32_t& entry : entries) entry = UINT32_MAX;
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    if (functions_[i].function < 0) continue;
    uint32_t& entry = entries[static_cast<uint32_t>(functions_[i].function)];
    if (entry != UINT32_MAX) return corrupt("load: two host functions implement one function", i, 0);
    entry = i;
    HALCYON_TRY(check_entry(i));
  }
  for (const uint32_t entry : entries)
    if (entry == UINT32_MAX)
      return corrupt("load: a plan does not implement every function", static_cast<uint32_t>(functions_.size()), 0);
  plan_.entries = entries;
  return {};
}

// Lays the function's arguments out over the first registers and its results over the returns.
HALCYON_FUNC Status HostVerifier::check_entry(uint32_t index) {
  HostFunctionDesc& host = functions_[index];
  const FunctionDesc& function = artifact_.functions()[static_cast<uint32_t>(host.function)];
  uint32_t next = 0;
  const auto dynamic_count = [](const ValueDesc& value) {
    uint32_t count = 0;
    for (const Dimension& dimension : value.shape) count += dimension.dynamic() ? 1 : 0;
    return count;
  };
  const auto take = [&next](std::span<const RegisterType> types, uint32_t count, RegisterType type) {
    for (uint32_t i = 0; i < count; ++i, ++next)
      if (next >= types.size() || types[next] != type) return false;
    return true;
  };

  HALCYON_ASSIGN(const auto arguments, arena_.allocate<ValueSlots>(function.arguments.size()));
  for (uint32_t i = 0; i < arguments.size(); ++i) {
    const ValueDesc& value = function.arguments[i];
    bool fits = true;
    if (value.residence != Residence::host) {
      arguments[i].buffer = next;
      fits = take(host.registers, 1, RegisterType::buffer);
      arguments[i].dimensions = next;
      fits = fits && take(host.registers, dynamic_count(value), RegisterType::i64);
    }
    if (value.residence != Residence::device) {
      uint64_t elements = 1;
      for (const Dimension& dimension : value.shape) elements *= static_cast<uint64_t>(dimension.size);
      arguments[i].elements = next;
      arguments[i].element_count = static_cast<uint32_t>(elements);
      fits = fits && take(host.registers, arguments[i].element_count, is_host_float(value.type) ? RegisterType::f64 : RegisterType::i64);
    }
    if (!fits) return corrupt("load: a host function's registers do not match its arguments", index, 0);
  }
  host.parameters = next;
  host.arguments = arguments;

  next = 0;
  HALCYON_ASSIGN(const auto results, arena_.allocate<ValueSlots>(function.results.size()));
  for (uint32_t i = 0; i < results.size(); ++i) {
    results[i].buffer = next;
    bool fits = take(host.returns, 1, RegisterType::buffer);
    results[i].dimensions = next;
    fits = fits && take(host.returns, dynamic_count(function.results[i]), RegisterType::i64);
    if (!fits) return corrupt("load: a host function's returns do not match its results", index, 0);
  }
  if (next != host.returns.size()) return corrupt("load: a host function returns more than its results", index, 0);
  for (const DonationDesc& donation : function.donations) results[donation.result].donor = donation.argument;
  host.results = results;
  return {};
}

HALCYON_FUNC Status HostVerifier::check_code(uint32_t index) {
  const HostFunctionDesc& host = functions_[index];
  starts_.clear();
  HALCYON_TRY(starts_.resize(host.code.size()));
  uint32_t last = 0;
  Instruction instruction;
  for (uint32_t pc = 0; pc < host.code.size(); pc += instruction.length) {
    if (!decode(host.code, pc, instruction)) return corrupt("load: not an instruction", index, pc);
    starts_[pc] = 1;
    last = pc;
    HALCYON_TRY(check_fields(index, pc, instruction));
    HALCYON_TRY(check_meaning(index, pc, instruction));
  }
  if (!decode(host.code, last, instruction) ||
      (instruction.opcode != Opcode::return_ && instruction.opcode != Opcode::jump && instruction.opcode != Opcode::fail))
    return corrupt("load: a host function runs off its end", index, last);
  for (uint32_t pc = 0; pc < host.code.size(); pc += instruction.length) {
    if (!decode(host.code, pc, instruction)) return corrupt("load: not an instruction", index, pc);
    const bool branches = instruction.opcode == Opcode::jump || instruction.opcode == Opcode::branch_if;
    if (branches && (instruction.target >= host.code.size() || !starts_[instruction.target]))
      return corrupt("load: a branch goes to no instruction", index, pc);
  }
  return {};
}

// What the operand letters say.
HALCYON_FUNC Status HostVerifier::check_fields(uint32_t function, uint32_t pc, const Instruction& instruction) {
  const char* operands = opcode_descs[static_cast<uint32_t>(instruction.opcode)].operands;
  for (int i = 0; i < 3; ++i) {
    const uint32_t field = instruction.fields[i];
    bool fits = true;
    switch (operands[i]) {
      case 'D':
      case 'I': fits = has_type(function, field, RegisterType::i64); break;
      case 'E':
      case 'F': fits = has_type(function, field, RegisterType::f64); break;
      case 'B':
      case 'R':
      case 'X': fits = has_type(function, field, RegisterType::buffer); break;
      case 'M':
      case 'L': fits = has_type(function, field, RegisterType::list); break;
      case '_': fits = field == 0; break;
      default: break;
    }
    if (!fits) return corrupt("load: an instruction's register does not exist or has another type", function, pc);
  }
  return {};
}

// What the operand letters leave open.
HALCYON_FUNC Status HostVerifier::check_meaning(uint32_t function, uint32_t pc, const Instruction& instruction) {
  const HostFunctionDesc& host = functions_[function];
  const auto fields = instruction.fields;
  switch (instruction.opcode) {
    case Opcode::select_i64:
      if (!has_type(function, instruction.extra_register, RegisterType::i64))
        return corrupt("load: an instruction's register does not exist or has another type", function, pc);
      return {};
    case Opcode::narrow:
      if (fields[2] != 1 && fields[2] != 8 && fields[2] != 16 && fields[2] != 32)
        return corrupt("load: narrow to 1, 8, 16 or 32 bits", function, pc);
      return {};
    case Opcode::alloca_:
      if (fields[2] > 2) return corrupt("load: unknown lifetime", function, pc);
      if (instruction.index >= host.allocations) return corrupt("load: an alloca site does not exist", function, pc);
      return {};
    case Opcode::constant:
      if (instruction.index >= artifact_.constants().size()) return corrupt("load: a constant does not exist", function, pc);
      return {};
    case Opcode::variable:
    case Opcode::set_variable:
      if (instruction.index >= artifact_.variables().size()) return corrupt("load: a variable does not exist", function, pc);
      return {};
    case Opcode::read_i64:
    case Opcode::write_i64:
    case Opcode::read_f64:
    case Opcode::write_f64: {
      const ElementType type = decode_element_type(instruction.type);
      if (instruction.type >> 16 != 0 || std::string_view(name(type)) == "none") return corrupt("load: unknown element type", function, pc);
      const bool is_float = instruction.opcode == Opcode::read_f64 || instruction.opcode == Opcode::write_f64;
      if (!(is_float ? is_host_float(type) : is_host_integer(type)))
        return {Code::unsupported, "load: the host program cannot read or write this element type",
                Where{Kind::instruction, 255, 0, function, pc, 0}};
      return {};
    }
    case Opcode::submit:
      return check_submit(function, pc, instruction);
    case Opcode::call:
      return check_call(function, pc, instruction);
    case Opcode::return_:
      if (instruction.list_size != host.returns.size()) return corrupt("load: a return does not match the function's results", function, pc);
      return check_list(function, pc, instruction, 0, host.returns);
    case Opcode::fail:
      if (fields[0] > 1) return corrupt("load: unknown reason to fail", function, pc);
      if (instruction.index != UINT32_MAX && instruction.index >= artifact_.locations().size())
        return corrupt("load: a location does not exist", function, pc);
      return {};
    default:
      return {};
  }
}

HALCYON_FUNC Status HostVerifier::check_list(uint32_t function, uint32_t pc, const Instruction& instruction, uint32_t first,
                                             std::span<const RegisterType> types) {
  for (uint32_t i = 0; i < types.size(); ++i)
    if (!has_type(function, list_entry(instruction.list, first + i), types[i]))
      return corrupt("load: a list's register does not exist or has another type", function, pc);
  return {};
}

HALCYON_FUNC Status HostVerifier::check_submit(uint32_t function, uint32_t pc, const Instruction& instruction) {
  if (instruction.index >= plan_.command_lists.size()) return corrupt("load: a command list does not exist", function, pc);
  const CommandListDesc& list = plan_.command_lists[instruction.index];
  const uint32_t bindings = instruction.fields[1];
  if (bindings != list.bindings || instruction.list_size != list.bindings + list.parameters)
    return corrupt("load: a submit does not match its command list", function, pc);
  for (uint32_t i = 0; i < instruction.list_size; ++i)
    if (!has_type(function, list_entry(instruction.list, i), i < bindings ? RegisterType::buffer : RegisterType::i64))
      return corrupt("load: a list's register does not exist or has another type", function, pc);
  return {};
}

HALCYON_FUNC Status HostVerifier::check_call(uint32_t function, uint32_t pc, const Instruction& instruction) {
  if (instruction.index >= functions_.size()) return corrupt("load: a called function does not exist", function, pc);
  const HostFunctionDesc& callee = functions_[instruction.index];
  const uint32_t arguments = instruction.fields[0], results = instruction.fields[1];
  if (arguments != callee.parameters || results != callee.returns.size() || instruction.list_size != arguments + results)
    return corrupt("load: a call does not match its function", function, pc);
  HALCYON_TRY(check_list(function, pc, instruction, 0, callee.registers.first(arguments)));
  return check_list(function, pc, instruction, arguments, callee.returns);
}

// How deep calls go and how many registers they need; recursion is refused, so this one ends at 64.
HALCYON_FUNC Status HostVerifier::measure(uint32_t index, uint32_t depth) {
  HostFunctionDesc& host = functions_[index];
  if (states_[index] == State::active) return corrupt("load: a host function calls itself", index, 0);
  if (depth > max_call_depth) return corrupt("load: host functions call each other too deeply", index, 0);
  if (states_[index] == State::done) {
    if (depth + host.depth - 1 > max_call_depth) return corrupt("load: host functions call each other too deeply", index, 0);
    return {};
  }
  states_[index] = State::active;
  uint32_t deepest = 0, registers = 0;
  Instruction instruction;
  for (uint32_t pc = 0; pc < host.code.size() && decode(host.code, pc, instruction); pc += instruction.length) {
    if (instruction.opcode != Opcode::call) continue;
    HALCYON_TRY(measure(instruction.index, depth + 1));
    const HostFunctionDesc& callee = functions_[instruction.index];
    if (callee.depth > deepest) deepest = callee.depth;
    if (callee.stack_registers > registers) registers = callee.stack_registers;
  }
  host.depth = deepest + 1;
  host.stack_registers = static_cast<uint32_t>(host.registers.size()) + registers;
  if (host.stack_registers > max_stack_registers) return corrupt("load: host functions need too many registers", index, 0);
  states_[index] = State::done;
  return {};
}

// A result whose register has one writer, an external alloca (through moves), is made at that site: a
// buffer that the caller binds can be used there. Anything less certain is copied instead.
HALCYON_FUNC Status HostVerifier::find_sites(uint32_t index) {
  constexpr uint32_t none = UINT32_MAX, several = UINT32_MAX - 1;
  HostFunctionDesc& host = functions_[index];
  writers_.clear();
  HALCYON_TRY(writers_.resize(host.registers.size()));
  for (uint32_t i = 0; i < writers_.size(); ++i) writers_[i] = i < host.parameters ? several : none;
  const auto write = [this](uint32_t reg, uint32_t pc) { writers_[reg] = writers_[reg] == none ? pc : several; };

  uint32_t return_pc = none;
  Instruction instruction;
  for (uint32_t pc = 0; pc < host.code.size() && decode(host.code, pc, instruction); pc += instruction.length) {
    if (opcode_descs[static_cast<uint32_t>(instruction.opcode)].operands[0] == 'B') write(instruction.fields[0], pc);
    if (instruction.opcode == Opcode::call)
      for (uint32_t i = instruction.fields[0]; i < instruction.list_size; ++i) write(list_entry(instruction.list, i), pc);
    if (instruction.opcode == Opcode::return_) return_pc = return_pc == none ? pc : several;
  }
  if (return_pc >= several) return {};
  if (!decode(host.code, return_pc, instruction)) return {};
  const uint32_t* returned = instruction.list;

  HALCYON_ASSIGN(const auto results, arena_.allocate<ValueSlots>(host.results.size()));
  for (uint32_t i = 0; i < results.size(); ++i) {
    results[i] = host.results[i];
    uint32_t reg = list_entry(returned, results[i].buffer);
    for (uint32_t moves = 0; moves < 8; ++moves) {
      if (writers_[reg] >= several || !decode(host.code, writers_[reg], instruction)) break;
      if (instruction.opcode == Opcode::move_buffer) {
        reg = instruction.fields[1];
        continue;
      }
      if (instruction.opcode == Opcode::alloca_ && instruction.fields[2] == 0) results[i].site = host.first_site + instruction.index;
      break;
    }
    for (uint32_t j = 0; j < i; ++j)
      if (results[j].site == results[i].site) results[i].site = UINT32_MAX;
  }
  host.results = results;
  return {};
}

HALCYON_NAMESPACE_END
