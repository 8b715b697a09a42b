// Bodies of halcyon/host_call.hpp, and how the interpreter gets there. Linked only where callbacks are given.
#pragma once
#include "halcyon/host_call.hpp"
#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC Status HostTensor::read(std::span<std::byte> bytes) const {
  if (bytes.size() != size) return mismatch(Code::invalid_argument, "read: the span is not of the tensor's size", size, bytes.size());
  return hal::read(buffer->device(), *buffer, offset, bytes);
}

HALCYON_FUNC Status HostTensor::write(std::span<const std::byte> bytes) const {
  if (bytes.size() != size) return mismatch(Code::invalid_argument, "write: the span is not of the tensor's size", size, bytes.size());
  return hal::write(buffer->device(), *buffer, offset, bytes);
}

HALCYON_FUNC Result<hal::Mapped> HostTensor::map(hal::Access access) const {
  return hal::map(*buffer, access, offset, size);
}

HALCYON_FUNC std::string_view HostCall::name() const { return desc_.name; }
HALCYON_FUNC uint32_t HostCall::argument_count() const { return static_cast<uint32_t>(desc_.arguments.size()); }
HALCYON_FUNC uint32_t HostCall::result_count() const { return static_cast<uint32_t>(desc_.results.size()); }
HALCYON_FUNC HostTensor HostCall::argument(uint32_t i) const {
  HALCYON_ASSERT(i < argument_count());
  return Frame::host_tensor(*this, i);
}
HALCYON_FUNC HostTensor HostCall::result(uint32_t i) const {
  HALCYON_ASSERT(i < result_count());
  return Frame::host_tensor(*this, argument_count() + i);
}

// Value i of arguments and then results. The list is their buffers, the offset of each, their dynamic dimensions.
HALCYON_FUNC HostTensor Frame::host_tensor(const HostCall& call, uint32_t index) {
  const Register* const registers = static_cast<const Register*>(call.registers_);
  const uint32_t arguments = call.argument_count(), count = arguments + call.result_count();
  const auto value = [&](uint32_t i) -> const ValueDesc& { return i < arguments ? call.desc_.arguments[i] : call.desc_.results[i - arguments]; };
  uint32_t next = 2 * count;
  for (uint32_t i = 0; i < index; ++i)
    for (const Dimension& dimension : value(i).shape) next += dimension.dynamic() ? 1 : 0;

  const ValueDesc& desc = value(index);
  const Register& source = registers[list_entry(call.list_, index)];
  HostTensor tensor;
  tensor.name = desc.name;
  tensor.type = desc.type;
  uint64_t elements = 1;
  bool fits = true;
  for (const Dimension& dimension : desc.shape) {
    const int64_t size = dimension.dynamic() ? registers[list_entry(call.list_, next++)].i : dimension.size;
    tensor.sizes[tensor.rank++] = size;
    fits = fits && size >= 0 && !__builtin_mul_overflow(elements, static_cast<uint64_t>(size), &elements);
  }
  const uint64_t offset = static_cast<uint64_t>(registers[list_entry(call.list_, count + index)].i);
  fits = fits && byte_size(desc.type, elements, tensor.size) && offset <= source.size && tensor.size <= source.size - offset;
  tensor.offset = source.offset + offset;
  if (fits) tensor.buffer = source.buffer;  // null: not a range of the register's
  return tensor;
}

// Instruction `words`. The function's failure is the call's, at the source op.
HALCYON_FUNC bool Frame::call_host(Frame& frame, const uint32_t* words, const void* registers) {
  Program& program = frame.program_;
  const HostCall call(program.device(), program.artifact().callbacks()[words[0] >> 16], registers, words + 4);
  const uint32_t arguments = call.argument_count(), count = arguments + call.result_count();
  for (uint32_t i = 0; i < count; ++i) {
    if (!host_tensor(call, i).buffer) return frame.fail("call: a host call is given something outside of a buffer");
    const Origin origin = static_cast<const Register*>(registers)[list_entry(call.list_, i)].origin;
    if (i >= arguments && (origin == Origin::argument || origin == Origin::constant))
      return frame.fail("call: a host call writes to a constant or an argument");
  }
  const hal::Timepoint submitted[] = {{frame.timeline_.get(), frame.reached_}};
  std::span<const hal::Timepoint> before = frame.first_waits_;
  if (before.empty() && frame.timeline_) before = submitted;
  if (frame.chained_ && !before.empty() && !frame.keep(program.device().wait(before, hal::Wait::all, UINT64_MAX))) return false;
  const Callback& callback = program.callbacks_[words[0] >> 16];
  if (frame.keep(callback.function(callback.user, call))) return true;
  if (words[2] != UINT32_MAX) frame.failure_ = frame.failure_.at({Kind::source_op, Where::whole, 0, words[2], 0, 0});
  return false;
}

namespace host_call_detail {

// Whether a host call of a function with these registers is what its callback takes.
inline bool fits(const Instruction& instruction, std::span<const RegisterType> registers, const Artifact& artifact) {
  if (instruction.fields[0] >= artifact.callbacks().size()) return false;
  if (instruction.constant != UINT32_MAX && instruction.constant >= artifact.locations().size()) return false;
  const FunctionDesc& callback = artifact.callbacks()[instruction.fields[0]];
  uint64_t buffers = 0, numbers = 0;
  for (const std::span<const ValueDesc> values : {callback.arguments, callback.results})
    for (const ValueDesc& value : values) {
      ++buffers;
      ++numbers;
      for (const Dimension& dimension : value.shape) numbers += dimension.dynamic() ? 1 : 0;
    }
  if (instruction.fields[1] != buffers || instruction.list_size != buffers + numbers) return false;
  for (uint32_t i = 0; i < instruction.list_size; ++i) {
    const uint32_t number = list_entry(instruction.list, i);
    if (number >= registers.size() || registers[number] != (i < buffers ? RegisterType::buffer : RegisterType::i64)) return false;
  }
  return true;
}

inline Status verify(const Artifact& artifact, const PlanDesc& plan) {
  Instruction instruction;
  for (const HostFunctionDesc& function : plan.functions)
    for (uint32_t pc = 0; pc < function.code.size() && decode(function.code, pc, instruction); pc += instruction.length)
      if (instruction.opcode == Opcode::host_call && !fits(instruction, function.registers, artifact))
        return {Code::corrupt_artifact, "load: a host call does not match its function",
                Where{Kind::instruction, Where::whole, 0, static_cast<uint32_t>(&function - plan.functions.data()), pc, 0}};
  return {};
}

}  // namespace host_call_detail

// What the verifier left: each host call fits its function, and each of these is among those given.
HALCYON_FUNC Status Program::bind_callbacks(Program& program, const LoadOptions& options) {
  const Artifact& artifact = *program.artifact_;
  HALCYON_TRY(host_call_detail::verify(artifact, artifact.plans()[program.plan_]));
  const std::span<const FunctionDesc> wanted = artifact.callbacks();
  if (!program.arena_.allocate(wanted.size(), program.callbacks_)) return out_of_memory();
  program.call_host_ = &Frame::call_host;
  for (size_t i = 0; i < wanted.size(); ++i) {
    Callback& callback = program.callbacks_[i];
    for (const Callback& given : options.callbacks)
      if (!callback.function && given.name == wanted[i].name) callback = given;
    if (callback.function) continue;
    if (!options.message.empty()) describe_detail::Line(options.message).add("the application gave no function ").add(wanted[i].name);
    return {Code::not_found, "load: the program calls a function that is not among LoadOptions::callbacks"};
  }
  return {};
}

HALCYON_NAMESPACE_END
