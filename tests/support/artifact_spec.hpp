// An artifact as plain data that a test writes down, breaks, and turns into a file's bytes.
//
//   ArtifactSpec spec = add_one_function();
//   spec.plans[0].lists[0].commands[0].ranges[0].slot = 7;
//   CHECK(open(spec) == Code::corrupt_artifact);
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "halcyon/artifact.hpp"
#include "halcyon/host_ops.hpp"

namespace support {

using namespace halcyon;

struct DimSpec {
  int64_t size = 0;
  int32_t symbol = -1;
};

struct ValueSpec {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<DimSpec> shape;
  Residence residence = Residence::device;
};

struct FunctionSpec {
  std::string name = "main";
  std::vector<ValueSpec> arguments, results;
  std::vector<DonationDesc> donations;
};

struct SegmentSpec {
  SegmentKind kind = SegmentKind::constants;
  std::vector<std::byte> bytes;
  bool has_sha256 = false;
  int64_t shift_offset = 0, shift_length = 0;  // what the metadata says is off by so much
};

struct ConstantSpec {
  uint32_t segment = 0;
  uint64_t offset = 0, length = 0;
  std::string scope, key;  // set: external
  ElementType type = ElementType::f32;
  std::vector<uint64_t> shape;
};

struct VariableSpec {
  std::string name = "state";
  ElementType type = ElementType::f32;
  std::vector<uint64_t> shape;
  int32_t initial = -1;
};

struct LocationSpec {
  std::string name, file;
  uint32_t line = 0;
};

struct ExportSpec {
  std::string name = "kernel";
  uint32_t bindings = 0, parameters = 0;
  uint32_t location = UINT32_MAX;
  uint64_t written = UINT64_MAX;
  std::vector<hal::Cost> costs = {};
};

struct VariantSpec {
  uint8_t format = 2;  // static_table
  std::string target = "x86_64", cpu;
  std::vector<std::string> features;
  uint32_t segment = 0;
  std::vector<hal::VariantExport> exports;
};

struct ExecutableSpec {
  std::vector<ExportSpec> exports;
  std::vector<VariantSpec> variants;
};

struct RangeSpec {
  uint32_t slot = 0;
  hal::Operand offset = hal::Operand::literal(0);
  hal::Operand size = hal::Operand::literal(UINT64_MAX);
};

struct CommandSpec {
  uint8_t type = 0;
  uint32_t executable = 0, export_index = 0;
  std::vector<hal::Operand> workload;
  std::vector<RangeSpec> ranges;
  std::vector<hal::Operand> operands;
  uint64_t pattern = 0;
  uint8_t pattern_size = 1;
  uint32_t location = UINT32_MAX;
};

struct ListSpec {
  uint32_t bindings = 0, parameters = 0;
  std::vector<CommandSpec> commands;
};

struct HostSpec {
  int32_t function = -1;
  std::vector<uint8_t> registers;  // of RegisterType
  uint32_t parameters = 0;
  std::vector<uint8_t> returns;
  uint32_t allocations = 0;
  std::vector<uint32_t> code;
};

struct PlanSpec {
  std::string family = "cpu";
  std::vector<HostSpec> functions;
  std::vector<ListSpec> lists;
  std::vector<ExecutableSpec> executables;
};

struct ArtifactSpec {
  uint64_t required_features = 0;
  std::vector<std::string> symbols;
  std::vector<FunctionSpec> functions;
  std::vector<SegmentSpec> segments;
  std::vector<ConstantSpec> constants;
  std::vector<VariableSpec> variables;
  std::vector<LocationSpec> locations;
  std::vector<PlanSpec> plans;
  std::vector<FunctionSpec> callbacks;
  bool results_mappable = false;
  bool compact = false;  // exports leave out what has its default
  uint16_t major = 1, minor = 0;
};

// The bytes of the file.
std::vector<std::byte> build(const ArtifactSpec& spec);
// A copy at an address that is a multiple of 64, as a mapped file's would be.
class Aligned {
 public:
  explicit Aligned(const std::vector<std::byte>& bytes);
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  ~Aligned();
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// ---- host programs ----------------------------------------------------------------------------------------

inline constexpr uint8_t I64 = 0, F64 = 1, BUFFER = 2, LIST = 3;

// Words of one instruction after another.
class Assembler {
 public:
  // Three fields, then the extra words in order.
  Assembler& op(Opcode opcode, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0, std::vector<uint32_t> extra = {}) {
    code_.push_back(static_cast<uint32_t>(opcode) | a << 16);
    code_.push_back(b | c << 16);
    code_.insert(code_.end(), extra.begin(), extra.end());
    return *this;
  }
  Assembler& const_i64(uint32_t a, int64_t value) {
    const uint64_t bits = static_cast<uint64_t>(value);
    return op(Opcode::const_i64, a, 0, 0, {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)});
  }
  Assembler& const_f64(uint32_t a, double value);
  Assembler& alloca_(uint32_t a, uint32_t bytes, uint32_t lifetime, uint32_t site) { return op(Opcode::alloca_, a, bytes, lifetime, {site}); }
  Assembler& submit(uint32_t list, uint32_t bindings, const std::vector<uint16_t>& registers) {
    return with_list(Opcode::submit, 0, bindings, {list}, registers);
  }
  Assembler& host_call(uint32_t callback, uint32_t buffers, uint32_t location, const std::vector<uint16_t>& registers) {
    return with_list(Opcode::host_call, callback, buffers, {location, 0}, registers);
  }
  Assembler& call(uint32_t function, uint32_t arguments, uint32_t results, const std::vector<uint16_t>& registers) {
    op(Opcode::call, arguments, results, static_cast<uint32_t>(registers.size()), {function});
    return list(registers);
  }
  Assembler& return_(const std::vector<uint16_t>& registers) { return with_list(Opcode::return_, 0, 0, {}, registers); }
  Assembler& jump(uint32_t target) { return op(Opcode::jump, 0, 0, 0, {target}); }
  Assembler& branch_if(uint32_t condition, uint32_t target) { return op(Opcode::branch_if, condition, 0, 0, {target}); }
  uint32_t here() const { return static_cast<uint32_t>(code_.size()); }
  const std::vector<uint32_t>& code() const { return code_; }

 private:
  Assembler& with_list(Opcode opcode, uint32_t a, uint32_t b, std::vector<uint32_t> extra, const std::vector<uint16_t>& registers) {
    op(opcode, a, b, static_cast<uint32_t>(registers.size()), std::move(extra));
    return list(registers);
  }
  Assembler& list(const std::vector<uint16_t>& registers) {
    for (size_t i = 0; i < registers.size(); i += 2)
      code_.push_back(registers[i] | (i + 1 < registers.size() ? static_cast<uint32_t>(registers[i + 1]) << 16 : 0u));
    return *this;
  }
  std::vector<uint32_t> code_;
};

// ---- whole artifacts --------------------------------------------------------------------------------------

// main(x: [4]f32) -> y: [4]f32 by a copy command: no kernels, so it computes on every device.
ArtifactSpec copy_artifact();
// main(x: [n]f32) -> (y: [n]f32) with a dynamic size, by a copy of a parameterised range.
ArtifactSpec dynamic_copy_artifact();
// main(x: [n]f32) -> (b: [n]f32): copies x, lets the application's `twice` compute from the copy, copies what it gave.
ArtifactSpec host_call_artifact();
// All else of the schema at once, for the loader and for mutations; runs on the null device.
ArtifactSpec rich_artifact();
// main(x: [5]i4, w: [n]u2) -> (x: [5]i4, w: [n]u2, c: [3, 3]f4e2m1): copies; c is a variable that starts as a constant of 5 bytes.
ArtifactSpec packed_artifact();
// main() -> [1]i64: runs `code` (registers: 0-7 i64, 8-11 f64, 12-15 buffer, 16-17 list), which leaves its value
// in register 0; the result is written to a buffer and returned.
ArtifactSpec program_artifact(const Assembler& code);

}  // namespace support
