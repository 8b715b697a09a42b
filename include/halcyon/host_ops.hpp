// halcyon/host_ops.hpp -- the host program's opcodes and how their instructions are encoded, generated from
// src/schema/host_ops.def, which describes the encoding.
//
//   Instruction instruction;
//   if (decode(code, pc, instruction)) pc += instruction.length;
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "halcyon/element_type.hpp"

HALCYON_NAMESPACE_BEGIN

enum class Opcode : uint16_t {
#define HOST_OP(name, operands, summary) name,
#include "host_ops.def"
#undef HOST_OP
};

// The operand letters of each, as in host_ops.def.
inline constexpr char opcode_operands[][6] = {
#define HOST_OP(name, operands, summary) operands,
#include "host_ops.def"
#undef HOST_OP
};
inline constexpr uint32_t opcode_count = sizeof(opcode_operands) / sizeof(opcode_operands[0]);

// For people.
inline constexpr const char* opcode_names[] = {
#define HOST_OP(name, operands, summary) #name,
#include "host_ops.def"
#undef HOST_OP
};

// One instruction, its operands by letter.
struct Instruction {
  Opcode opcode = Opcode::nop;
  uint16_t fields[3] = {};      // a, b, c
  uint64_t constant = 0;        // i, f
  uint32_t index = 0;           // u
  uint32_t target = 0;          // t
  uint32_t type = 0;            // w
  uint32_t extra_register = 0;  // s
  const uint32_t* list = nullptr;  // *
  uint32_t list_size = 0;
  uint32_t length = 0;  // words
};

// Entry `i` of a variable list.
constexpr uint32_t list_entry(const uint32_t* list, uint32_t i) { return (list[i / 2] >> (i % 2 * 16)) & 0xffff; }

// False where the words at `pc` are no instruction; nothing of its operands is checked.
constexpr bool decode(std::span<const uint32_t> code, size_t pc, Instruction& instruction) {
  if (code.size() < 2 || pc > code.size() - 2) return false;
  const uint32_t opcode = code[pc] & 0xffff;
  if (opcode >= opcode_count) return false;
  instruction = {};
  instruction.opcode = static_cast<Opcode>(opcode);
  instruction.fields[0] = static_cast<uint16_t>(code[pc] >> 16);
  instruction.fields[1] = static_cast<uint16_t>(code[pc + 1] & 0xffff);
  instruction.fields[2] = static_cast<uint16_t>(code[pc + 1] >> 16);
  const char* operands = opcode_operands[opcode];
  for (int i = 0; i < 3; ++i)
    if (operands[i] == '#') instruction.list_size = instruction.fields[i];
  size_t next = pc + 2;
  for (const char* extra = operands + 3; *extra; ++extra) {
    const size_t left = code.size() - next;
    const size_t words = *extra == 'i' || *extra == 'f' ? 2 : *extra == '*' ? (instruction.list_size + 1) / 2 : 1;
    if (words > left) return false;
    switch (*extra) {
      case 'i':
      case 'f': instruction.constant = code[next] | uint64_t{code[next + 1]} << 32; break;
      case 't': instruction.target = code[next]; break;
      case 'u': instruction.index = code[next]; break;
      case 'w': instruction.type = code[next]; break;
      case 's': instruction.extra_register = code[next]; break;
      case '*': instruction.list = code.data() + next; break;
      default: return false;
    }
    next += words;
  }
  instruction.length = static_cast<uint32_t>(next - pc);
  return true;
}

// Those that LoadOptions::lists asks for.
constexpr bool is_list_opcode(Opcode opcode) {
  return (opcode >= Opcode::list_create && opcode <= Opcode::list_size) || (opcode >= Opcode::move_list && opcode <= Opcode::check_position);
}

// The `w` operand.
constexpr ElementType decode_element_type(uint32_t word) {
  return {static_cast<ElementKind>(word & 0xff), static_cast<uint8_t>(word >> 8 & 0xff)};
}

// ---- elements as host values ----------------------------------------------------------------------------

// Types whose elements the host program can hold, i64 and f64 registers apart.
constexpr bool is_host_integer(ElementType type) {
  return type.bits >= 8 && type.bits <= 64 &&
         (type.kind == ElementKind::boolean || type.kind == ElementKind::sint || type.kind == ElementKind::uint);
}
constexpr bool is_host_float(ElementType type) {
  return type == ElementType::f16 || type == ElementType::bf16 || type == ElementType::f32 || type == ElementType::f64;
}
constexpr bool is_host_type(ElementType type) { return is_host_integer(type) || is_host_float(type); }

int64_t load_integer(ElementType type, const void* element);
double load_float(ElementType type, const void* element);
uint64_t load_bits(ElementType type, const void* element);  // one or the other, as a register holds it
// Returns the element's bits, low first; integers are cut, floats rounded to nearest even.
uint64_t integer_bits(ElementType type, int64_t value);
uint64_t float_bits(ElementType type, double value);

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/host_ops.ipp"
#endif
