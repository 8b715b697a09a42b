// Bodies of halcyon/host_vm.hpp: the interpreter. It trusts what host_verify.ipp checked.
#pragma once
#include <bit>
#include <cmath>
#include <cstring>

#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN
namespace host_detail {

// Words of an instruction without its variable list.
constexpr uint32_t fixed_words(Opcode opcode) {
  uint32_t words = 2;
  for (const char* extra = opcode_descs[static_cast<uint32_t>(opcode)].operands + 3; *extra; ++extra)
    words += *extra == 'i' || *extra == 'f' ? 2 : *extra == '*' ? 0 : 1;
  return words;
}

// False on a division by zero and on INT64_MIN / -1.
inline bool divides(int64_t dividend, int64_t divisor) { return divisor != 0 && !(dividend == INT64_MIN && divisor == -1); }

inline int64_t floor_div(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
inline int64_t ceil_div(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) == (b < 0) ? quotient + 1 : quotient;
}

inline int64_t narrow(int64_t value, uint32_t bits) {
  if (bits == 1) return value & 1;
  const uint32_t unused = 64 - bits;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << unused) >> unused;
}

inline int64_t saturate(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 9223372036854775808.0) return INT64_MAX;
  if (value <= -9223372036854775808.0) return INT64_MIN;
  return static_cast<int64_t>(value);
}

// Of non-negative operands; false on overflow.
inline bool size_add(int64_t a, int64_t b, int64_t& sum) { return a >= 0 && b >= 0 && !__builtin_add_overflow(a, b, &sum); }
inline bool size_sub(int64_t a, int64_t b, int64_t& rest) {
  if (a < 0 || b < 0 || b > a) return false;
  rest = a - b;
  return true;
}
inline bool size_mul(int64_t a, int64_t b, int64_t& product) { return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, &product); }
inline bool size_align(int64_t a, int64_t b, int64_t& aligned) {
  if (a < 0 || b <= 0 || !std::has_single_bit(static_cast<uint64_t>(b))) return false;
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b - 1, &sum)) return false;
  aligned = sum & ~(b - 1);
  return true;
}

}  // namespace host_detail

HALCYON_FUNC void Frame::enter(const HostFunctionDesc& function, Register* registers) {
  Activation& activation = stack_[depth_++];
  activation.function = &function;
  activation.registers = registers;
  activation.code = function.code.data();
  for (size_t i = 0; i < function.registers.size(); ++i) registers[i] = Register();
}

HALCYON_FUNC void Frame::leave(const HostFunctionDesc& function, Register* registers) {
  for (size_t i = 0; i < function.registers.size(); ++i)
    if (function.registers[i] >= RegisterType::buffer) clear(registers[i], function.registers[i]);
  --depth_;
}

HALCYON_FUNC void Frame::unwind() {
  while (depth_ > 0) leave(*stack_[depth_ - 1].function, stack_[depth_ - 1].registers);
}

HALCYON_FUNC Status Frame::run(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals, bool wait_for_it,
                               uint64_t budget) {
  if (in_flight_) return {Code::failed_precondition, "run: the call is in flight; wait() first"};
  if (!checked_) HALCYON_TRY(check_arguments());
  for (ResultSlot& slot : results_) {
    slot.tensor.buffer_ = nullptr;
    slot.handed_out = false;
  }
  chained_ = !inline_ || !waits.empty() || !signals.empty();
  first_waits_ = waits;
  enter(*entry_, registers_.data());
  Status status = load_arguments();
  if (status.ok()) status = interpret(budget);
  unwind();
  for (ArgumentSlot& slot : arguments_) {
    if (!slot.donated) continue;
    slot.tensor = Tensor();
    slot.is_set = false;
    checked_ = false;
  }
  if (status.ok() && !signals.empty()) {  // reached when all of the call's work is
    const hal::Timepoint before[] = {{timeline_.get(), reached_}};
    hal::Submission last;
    last.waits = timeline_ && first_waits_.empty() ? std::span<const hal::Timepoint>(before) : first_waits_;
    last.signals = signals;
    status = program_.device().submit(last);
  }
  first_waits_ = {};
  if (!status.ok()) {
    for (ResultSlot& slot : results_) slot.tensor = Tensor();
    for (const hal::Timepoint& signal : signals) signal.semaphore->fail(status);  // or others would wait for ever
  }
  if (!chained_) return status;
  in_flight_ = true;
  if (!wait_for_it) return status;
  const Status waited = wait(UINT64_MAX);
  return status.ok() ? waited : status;
}

HALCYON_FUNC Status Frame::submit_list(uint32_t index, const Register* registers, const uint32_t* list) {
  const CommandListDesc& desc = plan_->command_lists[index];
  for (uint32_t i = 0; i < desc.bindings; ++i) {
    const Register& source = registers[list_entry(list, i)];
    if (!source.buffer) return {Code::failed_precondition, "call: a command list is given an empty register"};
    bindings_[i] = {source.buffer, source.offset, source.size};
  }
  for (uint32_t i = 0; i < desc.parameters; ++i)
    parameters_[i] = static_cast<uint64_t>(registers[list_entry(list, desc.bindings + i)].i);
  const Status status = submit(program_.command_lists_[index].get(), {}, bindings_.span().first(desc.bindings),
                               parameters_.span().first(desc.parameters));
  if (status.ok() || status.where().kind != Kind::command) return status;
  Where where = status.where();  // the command's source op says more, where it is known
  if (where.object >= desc.commands.size() || desc.commands[where.object].location == UINT32_MAX) return status;
  where.kind = Kind::source_op;
  where.object = desc.commands[where.object].location;
  return status.at(where);
}

HALCYON_FUNC Status Frame::interpret(uint64_t budget) {
  using namespace host_detail;
  Activation* activation = &stack_[depth_ - 1];
  Register* r = activation->registers;
  const uint32_t* code = activation->code;
  uint32_t pc = 0;

  const auto where = [&]() {
    return Where{Kind::instruction, Where::whole, 0, static_cast<uint32_t>(activation->function - plan_->functions.data()), pc, 0};
  };

#define HALCYON_STEP(expression) \
  if (const Status status = (expression); !status.ok()) return status.where().kind == Kind::none ? status.at(where()) : status

// The fields' registers, and the extra word after them. All of these macros are local to this function.
#define HALCYON_A r[code[pc] >> 16]
#define HALCYON_B r[code[pc + 1] & 0xffff]
#define HALCYON_C r[code[pc + 1] >> 16]
#define HALCYON_NEXT(opcode)              \
  pc += fixed_words(Opcode::opcode); \
  break
#define HALCYON_BINARY(opcode, expression)                 \
  case Opcode::opcode: {                                   \
    const int64_t b = HALCYON_B.i, c = HALCYON_C.i;        \
    const uint64_t ub = static_cast<uint64_t>(b), uc = static_cast<uint64_t>(c); \
    (void)ub, (void)uc;                                    \
    HALCYON_A.i = static_cast<int64_t>(expression);        \
    HALCYON_NEXT(opcode);                                  \
  }
#define HALCYON_DIVISION(opcode, expression)                                                     \
  case Opcode::opcode: {                                                                         \
    const int64_t b = HALCYON_B.i, c = HALCYON_C.i;                                              \
    if (!divides(b, c)) return {Code::failed_precondition, "call: a division that has no result", where()}; \
    HALCYON_A.i = (expression);                                                                  \
    HALCYON_NEXT(opcode);                                                                        \
  }
#define HALCYON_SIZE(opcode)                                                                         \
  case Opcode::opcode: {                                                                             \
    int64_t result = 0;                                                                              \
    if (!opcode(HALCYON_B.i, HALCYON_C.i, result))                                                   \
      return {Code::failed_precondition, "call: a size is negative or overflows", where()};          \
    HALCYON_A.i = result;                                                                            \
    HALCYON_NEXT(opcode);                                                                            \
  }
#define HALCYON_FLOAT(opcode, field, expression)        \
  case Opcode::opcode: {                                \
    const double b = HALCYON_B.f, c = HALCYON_C.f;      \
    HALCYON_A.field = (expression);                     \
    HALCYON_NEXT(opcode);                               \
  }
#define HALCYON_UNARY(opcode, field, expression) \
  case Opcode::opcode: {                         \
    const double b = HALCYON_B.f;                \
    HALCYON_A.field = (expression);              \
    HALCYON_NEXT(opcode);                        \
  }

  for (;;) {
    if (budget-- == 0) return {Code::timeout, "call: the instruction budget is spent", where()};
    switch (static_cast<Opcode>(code[pc] & 0xffff)) {
      case Opcode::nop: HALCYON_NEXT(nop);
      case Opcode::const_i64:
      case Opcode::const_f64:
        HALCYON_A.i = static_cast<int64_t>(code[pc + 2] | uint64_t{code[pc + 3]} << 32);
        HALCYON_NEXT(const_i64);
      case Opcode::move_i64:
      case Opcode::move_f64:
        HALCYON_A.i = HALCYON_B.i;
        HALCYON_NEXT(move_i64);
      case Opcode::move_buffer:
        assign(HALCYON_A, HALCYON_B, RegisterType::buffer);
        HALCYON_NEXT(move_buffer);

      HALCYON_BINARY(add, ub + uc)
      HALCYON_BINARY(sub, ub - uc)
      HALCYON_BINARY(mul, ub * uc)
      HALCYON_DIVISION(div, b / c)
      HALCYON_DIVISION(rem, b % c)
      HALCYON_DIVISION(floor_div, floor_div(b, c))
      HALCYON_DIVISION(ceil_div, ceil_div(b, c))
      HALCYON_BINARY(min, b < c ? b : c)
      HALCYON_BINARY(max, b > c ? b : c)
      HALCYON_BINARY(and_, ub & uc)
      HALCYON_BINARY(or_, ub | uc)
      HALCYON_BINARY(xor_, ub ^ uc)
      HALCYON_BINARY(shl, uc < 64 ? ub << uc : 0)
      HALCYON_BINARY(shr_s, b >> (uc < 63 ? uc : 63))
      HALCYON_BINARY(shr_u, uc < 64 ? ub >> uc : 0)
      HALCYON_SIZE(size_add)
      HALCYON_SIZE(size_sub)
      HALCYON_SIZE(size_mul)
      HALCYON_SIZE(size_align)
      HALCYON_BINARY(cmp_eq, b == c)
      HALCYON_BINARY(cmp_ne, b != c)
      HALCYON_BINARY(cmp_lt, b < c)
      HALCYON_BINARY(cmp_le, b <= c)
      HALCYON_BINARY(cmp_ult, ub < uc)
      HALCYON_BINARY(cmp_ule, ub <= uc)
      case Opcode::select_i64:
        HALCYON_A.i = HALCYON_B.i != 0 ? HALCYON_C.i : r[code[pc + 2]].i;
        HALCYON_NEXT(select_i64);
      case Opcode::narrow:
        HALCYON_A.i = narrow(HALCYON_B.i, code[pc + 1] >> 16);
        HALCYON_NEXT(narrow);

      HALCYON_FLOAT(fadd, f, b + c)
      HALCYON_FLOAT(fsub, f, b - c)
      HALCYON_FLOAT(fmul, f, b * c)
      HALCYON_FLOAT(fdiv, f, b / c)
      HALCYON_UNARY(ffloor, f, std::floor(b))
      HALCYON_UNARY(fceil, f, std::ceil(b))
      HALCYON_UNARY(fround_f32, f, static_cast<double>(static_cast<float>(b)))
      HALCYON_FLOAT(fcmp_eq, i, b == c ? 1 : 0)
      HALCYON_FLOAT(fcmp_lt, i, b < c ? 1 : 0)
      HALCYON_FLOAT(fcmp_le, i, b <= c ? 1 : 0)
      case Opcode::to_f64:
        HALCYON_A.f = static_cast<double>(HALCYON_B.i);
        HALCYON_NEXT(to_f64);
      HALCYON_UNARY(to_i64, i, saturate(b))
      HALCYON_UNARY(f32_bits, i, std::bit_cast<int32_t>(static_cast<float>(b)))
      HALCYON_UNARY(f64_bits, i, std::bit_cast<int64_t>(b))
      case Opcode::f32_from_bits:
        HALCYON_A.f = static_cast<double>(std::bit_cast<float>(static_cast<int32_t>(HALCYON_B.i)));
        HALCYON_NEXT(f32_from_bits);
      case Opcode::f64_from_bits:
        HALCYON_A.f = std::bit_cast<double>(HALCYON_B.i);
        HALCYON_NEXT(f64_from_bits);

      case Opcode::alloca_:
        HALCYON_STEP(allocate(HALCYON_A, HALCYON_B.i, code[pc + 1] >> 16, activation->function->first_site + code[pc + 2]));
        HALCYON_NEXT(alloca_);
      case Opcode::dealloca:
        clear(HALCYON_A, RegisterType::buffer);
        HALCYON_NEXT(dealloca);
      case Opcode::constant: {
        const Program::Range& range = program_.constants_[code[pc + 2]];
        Register& target = HALCYON_A;
        clear(target, RegisterType::buffer);
        target.buffer = range.buffer.get();
        target.offset = range.offset;
        target.size = range.size;
        target.origin = Origin::constant;
        HALCYON_NEXT(constant);
      }
      case Opcode::variable: {
        hal::Buffer* buffer = program_.variables_[code[pc + 2]].get();
        buffer->retain();
        Register& target = HALCYON_A;
        clear(target, RegisterType::buffer);
        target.buffer = buffer;
        target.offset = 0;
        target.size = buffer->size();
        target.origin = Origin::variable;
        HALCYON_NEXT(variable);
      }
      case Opcode::set_variable:
        HALCYON_STEP(set_variable(code[pc + 2], HALCYON_A));
        HALCYON_NEXT(set_variable);
      case Opcode::buffer_size:
        if (!HALCYON_B.buffer) return {Code::failed_precondition, "call: an empty register has no size", where()};
        HALCYON_A.i = static_cast<int64_t>(HALCYON_B.size);
        HALCYON_NEXT(buffer_size);
      case Opcode::read_i64:
      case Opcode::read_f64: {
        uint64_t bits = 0;
        HALCYON_STEP(read_element(HALCYON_B, HALCYON_C.i, decode_element_type(code[pc + 2]), bits));
        HALCYON_A.i = static_cast<int64_t>(bits);
        HALCYON_NEXT(read_i64);
      }
      case Opcode::write_i64: {
        const ElementType type = decode_element_type(code[pc + 2]);
        HALCYON_STEP(write_element(HALCYON_A, HALCYON_B.i, type, integer_bits(type, HALCYON_C.i)));
        HALCYON_NEXT(write_i64);
      }
      case Opcode::write_f64: {
        const ElementType type = decode_element_type(code[pc + 2]);
        HALCYON_STEP(write_element(HALCYON_A, HALCYON_B.i, type, float_bits(type, HALCYON_C.f)));
        HALCYON_NEXT(write_f64);
      }

      case Opcode::list_create:
        HALCYON_STEP(create_list(HALCYON_A));
        HALCYON_NEXT(list_create);
      case Opcode::list_push: {
        BufferList* list = HALCYON_A.list;
        if (!list) return {Code::failed_precondition, "call: a list register is empty", where()};
        HALCYON_STEP(list->entries.push(Register()));
        assign(list->entries[list->entries.size() - 1], HALCYON_B, RegisterType::buffer);
        HALCYON_NEXT(list_push);
      }
      case Opcode::list_at: {
        const BufferList* list = HALCYON_B.list;
        const int64_t at = HALCYON_C.i;
        if (!list || at < 0 || static_cast<uint64_t>(at) >= list->entries.size())
          return {Code::failed_precondition, "call: outside a list", where()};
        assign(HALCYON_A, list->entries[static_cast<size_t>(at)], RegisterType::buffer);
        HALCYON_NEXT(list_at);
      }
      case Opcode::list_set: {
        BufferList* list = HALCYON_A.list;
        const int64_t at = HALCYON_B.i;
        if (!list || at < 0 || static_cast<uint64_t>(at) >= list->entries.size())
          return {Code::failed_precondition, "call: outside a list", where()};
        assign(list->entries[static_cast<size_t>(at)], HALCYON_C, RegisterType::buffer);
        HALCYON_NEXT(list_set);
      }
      case Opcode::list_size: {
        const BufferList* list = HALCYON_B.list;
        if (!list) return {Code::failed_precondition, "call: a list register is empty", where()};
        HALCYON_A.i = static_cast<int64_t>(list->entries.size());
        HALCYON_NEXT(list_size);
      }

      case Opcode::submit:
        HALCYON_STEP(submit_list(code[pc + 2], r, code + pc + 3));
        pc += fixed_words(Opcode::submit) + ((code[pc + 1] >> 16) + 1) / 2;
        break;

      case Opcode::jump:
        pc = code[pc + 2];
        break;
      case Opcode::branch_if:
        pc = HALCYON_A.i != 0 ? code[pc + 2] : pc + fixed_words(Opcode::branch_if);
        break;
      case Opcode::call: {
        const HostFunctionDesc& callee = plan_->functions[code[pc + 2]];
        const uint32_t* list = code + pc + 3;
        const uint32_t arguments = code[pc] >> 16;
        activation->results = list;
        activation->first_result = arguments;
        activation->pc = pc + fixed_words(Opcode::call) + ((code[pc + 1] >> 16) + 1) / 2;
        Register* registers = r + activation->function->registers.size();
        enter(callee, registers);
        for (uint32_t i = 0; i < arguments; ++i) assign(registers[i], r[list_entry(list, i)], callee.registers[i]);
        activation = &stack_[depth_ - 1];
        r = registers;
        code = activation->code;
        pc = 0;
        break;
      }
      case Opcode::return_: {
        const uint32_t* list = code + pc + fixed_words(Opcode::return_);
        if (depth_ == 1) return finish(r, list);
        const HostFunctionDesc& callee = *activation->function;
        Activation& caller = stack_[depth_ - 2];
        for (uint32_t i = 0; i < callee.returns.size(); ++i)
          assign(caller.registers[list_entry(caller.results, caller.first_result + i)], r[list_entry(list, i)], callee.returns[i]);
        leave(callee, r);
        activation = &stack_[depth_ - 1];
        r = activation->registers;
        code = activation->code;
        pc = activation->pc;
        break;
      }
      case Opcode::fail: {
        const uint32_t location = code[pc + 2];
        const Where source = location == UINT32_MAX ? where() : Where{Kind::source_op, Where::whole, 0, location, 0, 0};
        if (code[pc] >> 16 == 1) return {Code::failed_precondition, "call: sizes do not match", source};
        return {Code::failed_precondition, "call: an assertion of the program failed", source};
      }
    }
  }
#undef HALCYON_STEP
#undef HALCYON_A
#undef HALCYON_B
#undef HALCYON_C
#undef HALCYON_NEXT
#undef HALCYON_BINARY
#undef HALCYON_DIVISION
#undef HALCYON_SIZE
#undef HALCYON_FLOAT
#undef HALCYON_UNARY
}

HALCYON_NAMESPACE_END
