// Bodies of halcyon/host_vm.hpp: the interpreter. It trusts what host_verify.ipp checked.
#pragma once
#include <bit>
#include <cmath>
#include <cstring>

#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN
namespace host_detail {

// Words of each instruction without its variable list.
struct Lengths {
  uint8_t words[opcode_count] = {};
  constexpr Lengths() {
    for (uint32_t i = 0; i < opcode_count; ++i) {
      int length = 2;
      for (const char* extra = opcode_operands[i] + 3; *extra; ++extra) length += *extra == 'i' || *extra == 'f' ? 2 : *extra == '*' ? 0 : 1;
      words[i] = static_cast<uint8_t>(length);
    }
  }
};
inline constexpr Lengths lengths;

inline int64_t narrow(int64_t value, uint32_t bits) {
  if (bits == 1) return value & 1;
  const uint32_t unused = 64 - bits;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << unused) >> unused;
}

// As std::floor, which is a call into a library of its own.
inline double floor(double value) {
  if (!(value > -0x1p52 && value < 0x1p52) || value == 0) return value;  // whole already, or not a number, or signed
  const double whole = static_cast<double>(static_cast<int64_t>(value));
  return std::copysign(whole > value ? whole - 1 : whole, value);
}

inline int64_t saturate(double value) {
  if (value != value) return 0;
  if (value >= 9223372036854775808.0) return INT64_MAX;
  if (value <= -9223372036854775808.0) return INT64_MIN;
  return static_cast<int64_t>(value);
}

// The division opcodes; false on a division by zero and on INT64_MIN / -1.
inline bool divide(Opcode opcode, int64_t b, int64_t c, int64_t& a) {
  if (c == 0 || (b == INT64_MIN && c == -1)) return false;
  const int64_t quotient = b / c, rest = b % c;
  a = opcode == Opcode::rem ? rest : quotient;
  if (rest == 0) return true;
  if (opcode == Opcode::floor_div && (b < 0) != (c < 0)) --a;
  if (opcode == Opcode::ceil_div && (b < 0) == (c < 0)) ++a;
  return true;
}

// The size opcodes, of non-negative operands; false on overflow.
inline bool measure(Opcode opcode, int64_t b, int64_t c, int64_t& a) {
  if (b < 0 || c < 0) return false;
  if (opcode == Opcode::size_mul) return !__builtin_mul_overflow(b, c, &a);
  if (opcode == Opcode::size_add) return !__builtin_add_overflow(b, c, &a);
  if (opcode == Opcode::size_sub) {
    a = b - c;
    return a >= 0;
  }
  if (c == 0 || (c & (c - 1)) != 0 || __builtin_add_overflow(b, c - 1, &b)) return false;
  a = b & ~(c - 1);
  return true;
}

}  // namespace host_detail

// What opcodes of the form a = b op c compute. False where there is no result.
HALCYON_FUNC bool Frame::compute(Opcode opcode, const Register& b_register, const Register& c_register, Register& target) {
  const int64_t b = b_register.i, c = c_register.i;
  const uint64_t ub = static_cast<uint64_t>(b), uc = static_cast<uint64_t>(c);
  const double bf = b_register.f, cf = c_register.f;
  uint64_t a = 0;
  double af = 0;
  switch (opcode) {
    case Opcode::move_i64:
    case Opcode::move_f64:
    case Opcode::f64_bits:
    case Opcode::f64_from_bits: a = ub; break;
    case Opcode::add: a = ub + uc; break;
    case Opcode::sub: a = ub - uc; break;
    case Opcode::mul: a = ub * uc; break;
    case Opcode::div:
    case Opcode::rem:
    case Opcode::floor_div:
    case Opcode::ceil_div: return host_detail::divide(opcode, b, c, target.i);
    case Opcode::min: a = b < c ? ub : uc; break;
    case Opcode::max: a = b > c ? ub : uc; break;
    case Opcode::and_: a = ub & uc; break;
    case Opcode::or_: a = ub | uc; break;
    case Opcode::xor_: a = ub ^ uc; break;
    case Opcode::shl: a = uc < 64 ? ub << uc : 0; break;
    case Opcode::shr_s: a = static_cast<uint64_t>(b >> (uc < 63 ? uc : 63)); break;
    case Opcode::shr_u: a = uc < 64 ? ub >> uc : 0; break;
    case Opcode::size_add:
    case Opcode::size_sub:
    case Opcode::size_mul:
    case Opcode::size_align: return host_detail::measure(opcode, b, c, target.i);
    case Opcode::cmp_eq: a = b == c; break;
    case Opcode::cmp_ne: a = b != c; break;
    case Opcode::cmp_lt: a = b < c; break;
    case Opcode::cmp_le: a = b <= c; break;
    case Opcode::cmp_ult: a = ub < uc; break;
    case Opcode::cmp_ule: a = ub <= uc; break;
    case Opcode::fcmp_eq: a = bf == cf; break;
    case Opcode::fcmp_lt: a = bf < cf; break;
    case Opcode::fcmp_le: a = bf <= cf; break;
    case Opcode::to_i64: a = static_cast<uint64_t>(host_detail::saturate(bf)); break;
    case Opcode::f32_bits: a = static_cast<uint64_t>(int64_t{std::bit_cast<int32_t>(static_cast<float>(bf))}); break;
    default:
      switch (opcode) {
        case Opcode::fadd: af = bf + cf; break;
        case Opcode::fsub: af = bf - cf; break;
        case Opcode::fmul: af = bf * cf; break;
        case Opcode::fdiv: af = bf / cf; break;
        case Opcode::ffloor: af = host_detail::floor(bf); break;
        case Opcode::fceil: af = -host_detail::floor(-bf); break;
        case Opcode::fround_f32: af = static_cast<double>(static_cast<float>(bf)); break;
        case Opcode::to_f64: af = static_cast<double>(b); break;
        case Opcode::f32_from_bits: af = static_cast<double>(std::bit_cast<float>(static_cast<int32_t>(b))); break;
        default: return false;  // no such opcode: all others are interpret's
      }
      a = std::bit_cast<uint64_t>(af);
  }
  target.i = static_cast<int64_t>(a);
  return true;
}

HALCYON_FUNC void Frame::enter(const HostFunctionDesc& function, Register* registers) {
  Activation& activation = stack_[depth_++];
  activation.function = &function;
  activation.registers = registers;
  for (size_t i = 0; i < function.registers.size(); ++i) registers[i] = Register();
}

HALCYON_FUNC void Frame::leave(const Activation& activation) {
  const std::span<const RegisterType> types = activation.function->registers;
  for (size_t i = 0; i < types.size(); ++i)
    if (types[i] >= RegisterType::buffer) clear(activation.registers[i], types[i]);
  --depth_;
}

HALCYON_FUNC Status Frame::run(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals, bool wait_for_it,
                               uint64_t budget) {
  if (in_flight_) return {Code::failed_precondition, "run: the call is in flight; wait() first"};
  if (!checked_ && !check_arguments()) return failure_;
  failure_ = {};
  for (ResultSlot& slot : results_) {
    slot.tensor.buffer_ = nullptr;
    slot.handed_out = false;
  }
  chained_ = !inline_ || !waits.empty() || !signals.empty();
  first_waits_ = waits;
  enter(*entry_, registers_.data());
  if (load_arguments()) interpret(budget);
  while (depth_ > 0) leave(stack_[depth_ - 1]);
  for (ArgumentSlot& slot : arguments_) {
    if (!slot.donated) continue;
    slot.tensor = Tensor();
    slot.is_set = false;
    checked_ = false;
  }
  if (!signals.empty()) finish_signals(signals);
  first_waits_ = {};
  if (!failure_.ok()) forget_results();
  if (!chained_) return failure_;
  in_flight_ = true;
  if (!wait_for_it) return failure_;
  const Status waited = wait(UINT64_MAX);
  return failure_.ok() ? waited : failure_;
}

// The signals are reached when all of the call's work is, or fail, or others would wait for ever.
HALCYON_FUNC void Frame::finish_signals(std::span<const hal::Timepoint> signals) {
  if (failure_.ok()) {
    const hal::Timepoint before[] = {{timeline_.get(), reached_}};
    hal::Submission last;
    last.waits = timeline_ && first_waits_.empty() ? std::span<const hal::Timepoint>(before) : first_waits_;
    last.signals = signals;
    if (keep(program_.device().submit(last))) return;
  }
  for (const hal::Timepoint& signal : signals) signal.semaphore->fail(failure_);
}

HALCYON_FUNC bool Frame::submit_list(uint32_t index, const Register* registers, const uint32_t* list) {
  const CommandListDesc& desc = plan_->command_lists[index];
  for (uint32_t i = 0; i < desc.bindings; ++i) {
    const Register& source = registers[list_entry(list, i)];
    if (!source.buffer) return fail("call: a command list is given an empty register");
    bindings_[i] = {source.buffer, source.offset, source.size};
  }
  for (uint32_t i = 0; i < desc.parameters; ++i)
    parameters_[i] = static_cast<uint64_t>(registers[list_entry(list, desc.bindings + i)].i);
  if (submit(program_.command_lists_[index].get(), {}, bindings_.first(desc.bindings), parameters_.first(desc.parameters)))
    return true;
  Where where = failure_.where();  // the command's source op says more, where it is known
  if (where.kind != Kind::command || where.object >= desc.commands.size() || desc.commands[where.object].location == UINT32_MAX) return false;
  where.kind = Kind::source_op;
  where.object = desc.commands[where.object].location;
  failure_ = failure_.at(where);
  return false;
}

HALCYON_FUNC void Frame::interpret(uint64_t budget) {
  uint32_t pc = 0;
  while (step(pc, budget)) {
  }
  // What failed without a place of its own failed here; a return from the entry leaves nothing to say.
  if (failure_.ok() || failure_.where().kind != Kind::none) return;
  const uint32_t function = static_cast<uint32_t>(stack_[depth_ - 1].function - plan_->functions.data());
  failure_ = failure_.at({Kind::instruction, Where::whole, 0, function, pc, 0});
}

// Runs instructions until the function changes: a call or a return. False at the end and where one failed.
HALCYON_FUNC bool Frame::step(uint32_t& pc, uint64_t& budget) {
  Activation& activation = stack_[depth_ - 1];
  Register* const r = activation.registers;
  const uint32_t* const code = activation.function->code.data();
  for (;;) {
    if (budget-- == 0) return fail("call: the instruction budget is spent", Code::timeout);
    const uint32_t* const words = code + pc;
    const Opcode opcode = static_cast<Opcode>(words[0] & 0xffff);
    const uint32_t a = words[0] >> 16, b = words[1] & 0xffff, c = words[1] >> 16;
    uint32_t next = pc + host_detail::lengths.words[static_cast<uint32_t>(opcode)];
    switch (opcode) {
      case Opcode::nop: break;
      case Opcode::const_i64:
      case Opcode::const_f64: r[a].i = static_cast<int64_t>(words[2] | uint64_t{words[3]} << 32); break;
      case Opcode::move_buffer: assign(r[a], r[b], RegisterType::buffer); break;
      case Opcode::select_i64: r[a].i = r[b].i != 0 ? r[c].i : r[words[2]].i; break;
      case Opcode::narrow: r[a].i = host_detail::narrow(r[b].i, c); break;

      case Opcode::alloca_:
        if (!allocate(r[a], r[b].i, c, activation.function->first_site + words[2])) return false;
        break;
      case Opcode::dealloca: clear(r[a], RegisterType::buffer); break;
      case Opcode::constant: {
        const Program::Range& range = program_.constants_[words[2]];
        set_buffer(r[a], range.buffer.get(), range.offset, range.size, Origin::constant);
        break;
      }
      case Opcode::variable: {
        hal::Buffer* buffer = program_.variables_[words[2]].get();
        buffer->retain();
        set_buffer(r[a], buffer, 0, buffer->size(), Origin::variable);
        break;
      }
      case Opcode::set_variable:
        if (!set_variable(words[2], r[a])) return false;
        break;
      case Opcode::buffer_size:
        if (!r[b].buffer) return fail("call: an empty register has no size");
        r[a].i = static_cast<int64_t>(r[b].size);
        break;
      case Opcode::read_i64:
      case Opcode::read_f64:
        if (!read_element(r[b], r[c].i, decode_element_type(words[2]), r[a])) return false;
        break;
      case Opcode::write_i64:
      case Opcode::write_f64:
        if (!write_element(r[a], r[b].i, decode_element_type(words[2]), r[c])) return false;
        break;

      case Opcode::submit:
        if (!submit_list(words[2], r, words + 3)) return false;
        next += (c + 1) / 2;
        break;

      case Opcode::host_call:
        if (!program_.call_host_(*this, words, r)) return false;
        next += (c + 1) / 2;
        break;

      case Opcode::jump: next = words[2]; break;
      case Opcode::branch_if:
        if (r[a].i != 0) next = words[2];
        break;
      case Opcode::call: {
        const HostFunctionDesc& callee = plan_->functions[words[2]];
        activation.results = words + 3;
        activation.first_result = a;
        activation.pc = next + (c + 1) / 2;
        Register* registers = r + activation.function->registers.size();
        enter(callee, registers);
        for (uint32_t i = 0; i < a; ++i) assign(registers[i], r[list_entry(words + 3, i)], callee.registers[i]);
        pc = 0;
        return true;
      }
      case Opcode::return_: {
        if (depth_ == 1) {
          finish(r, words + 2);
          return false;
        }
        const HostFunctionDesc& callee = *activation.function;
        const Activation& caller = stack_[depth_ - 2];
        for (uint32_t i = 0; i < callee.returns.size(); ++i)
          assign(caller.registers[list_entry(caller.results, caller.first_result + i)], r[list_entry(words + 2, i)], callee.returns[i]);
        leave(activation);
        pc = caller.pc;
        return true;
      }
      case Opcode::fail: {
        fail("call: an assertion of the program failed");
        if (a == 1) fail("call: sizes do not match");
        if (words[2] != UINT32_MAX) failure_ = failure_.at({Kind::source_op, Where::whole, 0, words[2], 0, 0});
        return false;
      }
      default:
        if (is_list_opcode(opcode)) {
          if (!program_.run_list_(*this, words, r)) return false;
          break;
        }
        if (compute(opcode, r[b], r[c], r[a])) break;
        return fail(opcode < Opcode::size_add ? Literal("call: a division that has no result") : Literal("call: a size is negative or overflows"));
    }
    pc = next;
  }
}

HALCYON_NAMESPACE_END
