// The artifact that is loaded where none is given: everything that a call can do, without the compiler.
#include "artifacts.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "artifact_spec.hpp"

namespace faults {

using namespace support;

namespace {

std::vector<std::byte> contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> bytes;
  for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) bytes.push_back(static_cast<std::byte>(*at));
  return bytes;
}

// main(x: [n]u32, cache: [1]i64 donated) -> (y: [n]u32, cache). y = twice x by a kernel (where `image` is not null; else x);
// where the host `reads`, the variable rises by a constant that it reads, through a buffer list and a function of its own, else
// it is set; cache = variable.
ArtifactSpec everything(const char* image, bool reads) {
  const hal::Operand zero = hal::Operand::literal(0), one = hal::Operand::literal(1), bytes = hal::Operand::parameter(0);
  ArtifactSpec spec;
  spec.symbols = {"n"};
  spec.functions = {{.name = "main",
                     .arguments = {{"x", ElementType::u32, {{-1, 0}}}, {"cache", ElementType::i64, {{1}}}},
                     .results = {{"y", ElementType::u32, {{-1, 0}}}, {"cache", ElementType::i64, {{1}}}},
                     .donations = {{1, 1}}}};
  SegmentSpec constants{.bytes = std::vector<std::byte>(128), .has_sha256 = true};
  constants.bytes[64] = std::byte{3};
  constants.bytes[72] = std::byte{40};
  spec.segments = {constants};
  spec.constants = {{.segment = 0, .offset = 64, .length = 8, .scope = "", .key = "", .type = ElementType::i64, .shape = {1}},
                    {.segment = 0, .offset = 72, .length = 8, .scope = "", .key = "", .type = ElementType::i64, .shape = {1}}};
  spec.variables = {{.name = "sum", .type = ElementType::i64, .shape = {1}, .initial = 1},
                    {.name = "other", .type = ElementType::i64, .shape = {1}, .initial = -1}};
  PlanSpec plan;
  CommandSpec copy_all{.type = 2, .workload = {}, .ranges = {{1, zero, bytes}, {0, zero, bytes}}, .operands = {}};
  CommandSpec copy_one{.type = 2, .workload = {}, .ranges = {{1}, {0}}, .operands = {}};
  std::vector<CommandSpec> work = {copy_all};
  if (image) {
    spec.segments.push_back({.kind = SegmentKind::code, .bytes = contents(image), .has_sha256 = true});
    ExecutableSpec executable;
    executable.exports = {{"twice", 1, 0}, {"step", 1, 1}};
    const char* machine =
#if defined(__aarch64__)
        "aarch64";
#else
        "x86_64";
#endif
    executable.variants = {{.format = 1, .target = machine, .cpu = "", .features = {}, .segment = 1, .exports = {{}, {}}}};
    plan.executables = {executable};
    work.push_back({.type = 0, .workload = {}, .ranges = {}, .operands = {}});
    work.push_back({.type = 1, .workload = {hal::Operand::parameter(1), one, one}, .ranges = {{1, zero, bytes}}, .operands = {}});
  }
  plan.lists = {{2, 2, work}, {2, 0, {copy_one}}};

  HostSpec host;
  host.function = 0;
  // x, n | cache | 3: y, 4: staging, 5: constant, 6: variable, 7: new value | 8-12: numbers | 13: list
  host.registers = {BUFFER, I64, BUFFER, BUFFER, BUFFER, BUFFER, BUFFER, BUFFER, I64, I64, I64, I64, I64, LIST};
  host.returns = {BUFFER, I64, BUFFER};
  host.allocations = 3;
  const uint32_t i64_word = static_cast<uint32_t>(ElementKind::sint) | 64u << 8;
  Assembler code;
  code.const_i64(8, 4)
      .op(Opcode::size_mul, 9, 1, 8)
      .alloca_(3, 9, 0, 0)
      .submit(0, 2, {0, 3, 9, 1})
      .const_i64(8, 8)
      .const_i64(10, 0)
      .alloca_(4, 8, 2, 1)
      .op(Opcode::constant, 5, 0, 0, {0})
      .submit(1, 2, {5, 4})
      .op(Opcode::variable, 6, 0, 0, {0})
      .const_i64(11, 3)
      .const_i64(12, 40);
  if (reads) code.op(Opcode::read_i64, 11, 4, 10, {i64_word}).op(Opcode::read_i64, 12, 6, 10, {i64_word});
  host.code = code.call(1, 2, 1, {11, 12, 12})
                  .alloca_(7, 8, 1, 2)
                  .op(Opcode::write_i64, 7, 10, 12, {i64_word})
                  .op(Opcode::set_variable, 7, 0, 0, {0})
                  .op(Opcode::set_variable, 5, 0, 0, {1})
                  .op(Opcode::list_create, 13)
                  .op(Opcode::list_push, 13, 2)
                  .op(Opcode::list_push_i64, 13, 12)
                  .const_i64(9, 1)
                  .op(Opcode::list_append, 13, 13, 10, {9})
                  .op(Opcode::list_at, 7, 13, 10)
                  .op(Opcode::write_i64, 7, 10, 12, {i64_word})
                  .return_({3, 1, 2})
                  .code();
  HostSpec sum;
  sum.registers = {I64, I64, I64};
  sum.parameters = 2;
  sum.returns = {I64};
  sum.code = Assembler().op(Opcode::add, 2, 0, 1).return_({2}).code();
  plan.functions = {host, sum};
  spec.plans = {plan};
  return spec;
}

}  // namespace

ArtifactFile::ArtifactFile(const char* image, bool reads) {
  const std::vector<std::byte> bytes = build(everything(image, reads));
  const int file = mkstemp(path_);
  if (file < 0 || ::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  ::close(file);
}
ArtifactFile::~ArtifactFile() { ::unlink(path_); }

}  // namespace faults
