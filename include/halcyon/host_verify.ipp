// Checks every host function of a plan once, so that the interpreter need not; a part of artifact.ipp.
//
//   HostVerifier verifier(artifact, arena, plan);
//   if (!verifier.verify()) return verifier.failure();    // fills in what HostFunctionDesc says the verifier finds
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
  HostVerifier(const Artifact& artifact, Arena& arena, PlanDesc& plan)
      : artifact_(artifact), arena_(arena), plan_(plan), functions_(plan.functions) {}

  bool verify();
  const Status& failure() const { return failure_; }

 private:
  enum class State : uint8_t { unknown, active, done };

  bool bind_entries();
  bool check_entry(uint32_t index);
  bool check_code(uint32_t index);
  bool check_fields(const Instruction& instruction);
  bool check_meaning(const Instruction& instruction);
  bool check_element(const Instruction& instruction);
  bool check_list(const Instruction& instruction, uint32_t first, std::span<const RegisterType> types);
  bool check_submit(const Instruction& instruction);
  bool check_call(const Instruction& instruction);
  bool measure(uint32_t index, uint32_t depth);
  bool find_sites(uint32_t index);
  bool has_type(uint32_t reg, RegisterType type);
  HALCYON_COLD bool corrupt(Literal what, Code code = Code::corrupt_artifact) {
    failure_ = Status(code, what, Where{Kind::instruction, Where::whole, 0, function_, pc_, 0});
    return false;
  }
  HALCYON_COLD bool corrupt_function(uint32_t function, Literal what) {
    function_ = function;
    pc_ = 0;
    return corrupt(what);
  }
  HALCYON_COLD bool no_memory() {
    failure_ = out_of_memory();
    return false;
  }

  const Artifact& artifact_;
  Arena& arena_;
  PlanDesc& plan_;
  std::span<HostFunctionDesc> functions_;
  uint32_t function_ = 0, pc_ = 0;  // what is looked at, for errors
  std::span<uint8_t> starts_;     // of one function: which words begin an instruction
  std::span<uint32_t> writers_;   // of one function: the one instruction that writes a register
  std::span<State> states_;
  Status failure_;
};

HALCYON_FUNC bool HostVerifier::has_type(uint32_t reg, RegisterType type) {
  const std::span<const RegisterType> registers = functions_[function_].registers;
  return (reg < registers.size() && registers[reg] == type) ||
         corrupt("load: an instruction's register is none, or of another type");
}

HALCYON_FUNC bool HostVerifier::verify() {
  if (!bind_entries()) return false;
  uint64_t sites = 0;
  size_t words = 0, registers = 0;  // of the largest function
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    functions_[i].first_site = static_cast<uint32_t>(sites);
    sites += functions_[i].allocations;
    if (functions_[i].code.size() > words) words = functions_[i].code.size();
    if (functions_[i].registers.size() > registers) registers = functions_[i].registers.size();
    if (sites > max_stack_registers) return corrupt_function(i, "load: the plan has too many alloca sites");
  }
  plan_.sites = static_cast<uint32_t>(sites);
  if (!arena_.allocate(words, starts_) || !arena_.allocate(registers, writers_) || !arena_.allocate(functions_.size(), states_))
    return no_memory();
  for (uint32_t i = 0; i < functions_.size(); ++i)
    if (!check_code(i)) return false;
  for (uint32_t i = 0; i < functions_.size(); ++i)
    if (!measure(i, 1) || (functions_[i].function >= 0 && !find_sites(i))) return false;
  return true;
}

// Each exported function has exactly one host function.
HALCYON_FUNC bool HostVerifier::bind_entries() {
  std::span<uint32_t> entries;
  if (!arena_.allocate(artifact_.functions().size(), entries)) return no_memory();
  for (uint32_t& entry : entries) entry = UINT32_MAX;
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    if (functions_[i].function < 0) continue;
    uint32_t& entry = entries[static_cast<uint32_t>(functions_[i].function)];
    if (entry != UINT32_MAX) return corrupt_function(i, "load: two host functions implement one function");
    entry = i;
    if (!check_entry(i)) return false;
  }
  for (const uint32_t entry : entries)
    if (entry == UINT32_MAX)
      return corrupt_function(static_cast<uint32_t>(functions_.size()), "load: a plan does not implement every function");
  plan_.entries = entries;
  return true;
}

// Lays the function's arguments out over the first registers and its results over the returns.
HALCYON_FUNC bool HostVerifier::check_entry(uint32_t index) {
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

  std::span<ValueSlots> arguments;
  if (!arena_.allocate(function.arguments.size(), arguments)) return no_memory();
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
    if (!fits) return corrupt_function(index, "load: a host function's registers do not match its arguments");
  }
  host.parameters = next;
  host.arguments = arguments;

  next = 0;
  std::span<ValueSlots> results;
  if (!arena_.allocate(function.results.size(), results)) return no_memory();
  for (uint32_t i = 0; i < results.size(); ++i) {
    results[i].buffer = next;
    bool fits = take(host.returns, 1, RegisterType::buffer);
    results[i].dimensions = next;
    fits = fits && take(host.returns, dynamic_count(function.results[i]), RegisterType::i64);
    if (!fits) return corrupt_function(index, "load: a host function's returns do not match its results");
  }
  if (next != host.returns.size()) return corrupt_function(index, "load: a host function returns more than its results");
  for (const DonationDesc& donation : function.donations) results[donation.result].donor = donation.argument;
  host.results = results;
  return true;
}

HALCYON_FUNC bool HostVerifier::check_code(uint32_t index) {
  const std::span<const uint32_t> code = functions_[index].code;
  function_ = index;
  pc_ = 0;
  for (uint8_t& start : starts_.first(code.size())) start = 0;
  Instruction instruction;
  instruction.opcode = Opcode::nop;
  for (uint32_t pc = 0; pc < code.size(); pc += instruction.length) {
    pc_ = pc;
    if (!decode(code, pc, instruction)) return corrupt("load: not an instruction");
    starts_[pc] = 1;
    if (!check_fields(instruction) || !check_meaning(instruction)) return false;
  }
  if (instruction.opcode != Opcode::return_ && instruction.opcode != Opcode::jump && instruction.opcode != Opcode::fail)
    return corrupt("load: a host function runs off its end");
  for (pc_ = 0; pc_ < code.size(); pc_ += instruction.length) {
    decode(code, pc_, instruction);
    const bool branches = instruction.opcode == Opcode::jump || instruction.opcode == Opcode::branch_if;
    if (branches && (instruction.target >= code.size() || !starts_[instruction.target]))
      return corrupt("load: a branch goes to no instruction");
  }
  return true;
}

// What the operand letters say.
HALCYON_FUNC bool HostVerifier::check_fields(const Instruction& instruction) {
  const char* operands = opcode_operands[static_cast<uint32_t>(instruction.opcode)];
  for (int i = 0; i < 3; ++i) {
    const uint32_t field = instruction.fields[i];
    bool fits = true;
    switch (operands[i]) {
      case 'D':
      case 'I': fits = has_type(field, RegisterType::i64); break;
      case 'E':
      case 'F': fits = has_type(field, RegisterType::f64); break;
      case 'B':
      case 'R':
      case 'X': fits = has_type(field, RegisterType::buffer); break;
      case 'M':
      case 'L': fits = has_type(field, RegisterType::list); break;
      case '_': fits = field == 0 || corrupt("load: an unused field of an instruction is not 0"); break;
      default: break;
    }
    if (!fits) return false;
  }
  return true;
}

// What the operand letters leave open.
HALCYON_FUNC bool HostVerifier::check_meaning(const Instruction& instruction) {
  const HostFunctionDesc& host = functions_[function_];
  const uint32_t a = instruction.fields[0], c = instruction.fields[2];
  size_t limit = SIZE_MAX;  // what the index is below
  if (is_list_opcode(instruction.opcode) && !artifact_.lists()) return corrupt("load: LoadOptions::lists is needed", Code::not_found);
  switch (instruction.opcode) {
    case Opcode::select_i64:
    case Opcode::list_append: return has_type(instruction.extra_register, RegisterType::i64);
    case Opcode::narrow: return c == 1 || c == 8 || c == 16 || c == 32 || corrupt("load: narrow to 1, 8, 16 or 32 bits");
    case Opcode::read_i64:
    case Opcode::write_i64:
    case Opcode::read_f64:
    case Opcode::write_f64: return check_element(instruction);
    case Opcode::return_:
      if (instruction.list_size != host.returns.size()) return corrupt("load: a return does not match the function's results");
      return check_list(instruction, 0, host.returns);
    case Opcode::alloca_:
      if (c > 2) return corrupt("load: unknown lifetime");
      limit = host.allocations;
      break;
    case Opcode::constant: limit = artifact_.constants().size(); break;
    case Opcode::variable:
    case Opcode::set_variable: limit = artifact_.variables().size(); break;
    case Opcode::submit: limit = plan_.command_lists.size(); break;
    case Opcode::host_call:  // checked where it is bound, host_call.ipp
      return artifact_.calls_host() || corrupt("load: LoadOptions::callbacks are needed", Code::not_found);
    case Opcode::call: limit = functions_.size(); break;
    case Opcode::fail:
      if (a > 1) return corrupt("load: unknown reason to fail");
      [[fallthrough]];
    case Opcode::check_position:
      if (instruction.index != UINT32_MAX) limit = artifact_.locations().size();
      break;
    default: break;
  }
  if (instruction.index >= limit) return corrupt("load: an instruction's index is out of range");
  if (instruction.opcode == Opcode::submit) return check_submit(instruction);
  return instruction.opcode != Opcode::call || check_call(instruction);
}

HALCYON_FUNC bool HostVerifier::check_element(const Instruction& instruction) {
  const ElementType type = decode_element_type(instruction.type);
  if (instruction.type >> 16 != 0 || !is_known(type)) return corrupt("load: unknown element type");
  const bool is_float = instruction.opcode == Opcode::read_f64 || instruction.opcode == Opcode::write_f64;
  return (is_float ? is_host_float(type) : is_host_integer(type)) ||
         corrupt("load: an element type without host values", Code::unsupported);
}

HALCYON_FUNC bool HostVerifier::check_list(const Instruction& instruction, uint32_t first, std::span<const RegisterType> types) {
  for (uint32_t i = 0; i < types.size(); ++i)
    if (!has_type(list_entry(instruction.list, first + i), types[i])) return false;
  return true;
}

HALCYON_FUNC bool HostVerifier::check_submit(const Instruction& instruction) {
  const CommandListDesc& list = plan_.command_lists[instruction.index];
  const uint32_t bindings = instruction.fields[1];
  if (bindings != list.bindings || instruction.list_size != list.bindings + list.parameters)
    return corrupt("load: a submit does not match its command list");
  for (uint32_t i = 0; i < instruction.list_size; ++i)
    if (!has_type(list_entry(instruction.list, i), i < bindings ? RegisterType::buffer : RegisterType::i64)) return false;
  return true;
}

HALCYON_FUNC bool HostVerifier::check_call(const Instruction& instruction) {
  const HostFunctionDesc& callee = functions_[instruction.index];
  const uint32_t arguments = instruction.fields[0], results = instruction.fields[1];
  if (arguments != callee.parameters || results != callee.returns.size() || instruction.list_size != arguments + results)
    return corrupt("load: a call does not match its function");
  return check_list(instruction, 0, callee.registers.first(arguments)) && check_list(instruction, arguments, callee.returns);
}

// How deep calls go and how many registers they need; recursion is refused, so this one ends at 64.
HALCYON_FUNC bool HostVerifier::measure(uint32_t index, uint32_t depth) {
  HostFunctionDesc& host = functions_[index];
  if (states_[index] == State::active) return corrupt_function(index, "load: a host function calls itself");
  if (depth > max_call_depth) return corrupt_function(index, "load: host functions call each other too deeply");
  if (states_[index] == State::done) {
    if (depth + host.depth - 1 > max_call_depth) return corrupt_function(index, "load: host functions call each other too deeply");
    return true;
  }
  states_[index] = State::active;
  uint32_t deepest = 0, registers = 0;
  Instruction instruction;
  for (uint32_t pc = 0; pc < host.code.size() && decode(host.code, pc, instruction); pc += instruction.length) {
    if (instruction.opcode != Opcode::call) continue;
    if (!measure(instruction.index, depth + 1)) return false;
    const HostFunctionDesc& callee = functions_[instruction.index];
    if (callee.depth > deepest) deepest = callee.depth;
    if (callee.stack_registers > registers) registers = callee.stack_registers;
  }
  host.depth = deepest + 1;
  host.stack_registers = static_cast<uint32_t>(host.registers.size()) + registers;
  if (host.stack_registers > max_stack_registers) return corrupt_function(index, "load: host functions need too many registers");
  states_[index] = State::done;
  return true;
}

// A result whose register has one writer, an external alloca (through moves), is made at that site: a
// buffer that the caller binds can be used there. Anything less certain is copied instead.
HALCYON_FUNC bool HostVerifier::find_sites(uint32_t index) {
  constexpr uint32_t none = UINT32_MAX, several = UINT32_MAX - 1;
  HostFunctionDesc& host = functions_[index];
  for (uint32_t i = 0; i < host.registers.size(); ++i) writers_[i] = i < host.parameters ? several : none;
  const auto write = [this](uint32_t reg, uint32_t pc) { writers_[reg] = writers_[reg] == none ? pc : several; };

  uint32_t return_pc = none;
  Instruction instruction;
  for (uint32_t pc = 0; pc < host.code.size() && decode(host.code, pc, instruction); pc += instruction.length) {
    if (opcode_operands[static_cast<uint32_t>(instruction.opcode)][0] == 'B') write(instruction.fields[0], pc);
    if (instruction.opcode == Opcode::call)
      for (uint32_t i = instruction.fields[0]; i < instruction.list_size; ++i) write(list_entry(instruction.list, i), pc);
    if (instruction.opcode == Opcode::return_) return_pc = return_pc == none ? pc : several;
  }
  if (return_pc >= several) return true;
  if (!decode(host.code, return_pc, instruction)) return true;
  const uint32_t* returned = instruction.list;

  std::span<ValueSlots> results;
  if (!arena_.allocate(host.results.size(), results)) return no_memory();
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
  return true;
}

HALCYON_NAMESPACE_END
