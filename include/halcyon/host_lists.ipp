// Bodies of halcyon/host_vm.hpp: the opcodes of lists, which sequences of tensors are. Linked where LoadOptions::lists is set.
#pragma once
#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC void Program::bind_lists(Program& program) { program.run_list_ = &Frame::run_list; }

HALCYON_FUNC bool Frame::run_list(Frame& frame, const uint32_t* words, void* registers) {
  Register* const r = static_cast<Register*>(registers);
  const Opcode opcode = static_cast<Opcode>(words[0] & 0xffff);
  Register &a = r[words[0] >> 16], &b = r[words[1] & 0xffff], &c = r[words[1] >> 16];
  switch (opcode) {
    case Opcode::list_create: return frame.create_list(a);
    case Opcode::move_list: frame.assign(a, b, RegisterType::list); return true;
    case Opcode::list_push:
    case Opcode::list_push_i64: return frame.push(a.list, b, opcode == Opcode::list_push_i64);
    case Opcode::list_append: {
      const int64_t to = r[words[2]].i;
      if (!b.list || c.i < 0 || c.i > to || static_cast<uint64_t>(to) > b.list->entries.size()) return frame.fail("call: outside a list");
      for (int64_t i = c.i; i < to; ++i) {
        const Register entry = b.list->entries[static_cast<size_t>(i)];  // a copy: `a` may be the same list
        if (!frame.push(a.list, entry, entry.origin == Origin::number)) return false;
      }
      return true;
    }
    case Opcode::list_at:
    case Opcode::list_at_i64:
    case Opcode::list_set: {
      const bool sets = opcode == Opcode::list_set;
      BufferList* list = sets ? a.list : b.list;
      const uint64_t at = static_cast<uint64_t>(sets ? b.i : c.i);
      if (!list || at >= list->entries.size()) return frame.fail("call: outside a list");
      Register& entry = list->entries[static_cast<size_t>(at)];
      if (!sets && (opcode == Opcode::list_at_i64) != (entry.origin == Origin::number))
        return frame.fail("call: an entry of a list is of another kind");
      if (opcode == Opcode::list_at_i64) a.i = entry.i;
      else frame.assign(sets ? entry : a, sets ? c : entry, RegisterType::buffer);
      return true;
    }
    case Opcode::list_size:
      if (!b.list) return frame.fail("call: a list register is empty");
      a.i = static_cast<int64_t>(b.list->entries.size());
      return true;
    case Opcode::check_position: {
      if (static_cast<uint64_t>(b.i) < static_cast<uint64_t>(c.i)) return true;
      frame.fail("call: a position is outside a sequence");
      if (words[2] != UINT32_MAX) frame.failure_ = frame.failure_.at({Kind::source_op, Where::whole, 0, words[2], c.i, a.i});
      return false;
    }
    default: return frame.fail("call: not an opcode of lists", Code::internal);
  }
}

HALCYON_FUNC bool Frame::push(BufferList* list, const Register& value, bool is_number) {
  if (!list) return fail("call: a list register is empty");
  const Register copied = value;
  if (!list->entries.push(Register())) return fail(out_of_memory());
  Register& entry = list->entries[list->entries.size() - 1];
  if (is_number) {
    entry.i = copied.i;
    entry.origin = Origin::number;
  } else {
    assign(entry, copied, RegisterType::buffer);
  }
  return true;
}

HALCYON_NAMESPACE_END
