#include "artifact_spec.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "artifact_generated.h"
#pragma GCC diagnostic pop
#include "halcyon/sha256.hpp"

namespace support {

namespace {

using flatbuffers::Offset;
namespace s = halcyon::schema;

class Writer {
 public:
  explicit Writer(const ArtifactSpec& spec) : spec_(spec) {}

  std::vector<std::byte> write() {
    // Offsets depend on the metadata's size, which does not depend on them: two passes.
    std::vector<uint64_t> offsets(spec_.segments.size(), 0);
    write_metadata(offsets);
    uint64_t end = 64 + builder_.GetSize();
    for (size_t i = 0; i < offsets.size(); ++i) {
      const uint64_t alignment = spec_.segments[i].kind == SegmentKind::code ? 65536 : 64;
      end = (end + alignment - 1) / alignment * alignment;
      offsets[i] = end;
      end += spec_.segments[i].bytes.size();
    }
    builder_.Clear();
    write_metadata(offsets);

    std::vector<std::byte> file(end);
    const uint64_t metadata_size = builder_.GetSize();
    const uint64_t sizes[] = {end, 64, metadata_size};
    std::memcpy(file.data(), "HCM1", 4);
    std::memcpy(file.data() + 4, &spec_.major, 2);
    std::memcpy(file.data() + 6, &spec_.minor, 2);
    std::memcpy(file.data() + 8, sizes, sizeof sizes);
    std::memcpy(file.data() + 64, builder_.GetBufferPointer(), metadata_size);
    halcyon::sha256(std::span<const std::byte>(file).subspan(64, metadata_size), reinterpret_cast<uint8_t*>(file.data() + 32));
    for (size_t i = 0; i < offsets.size(); ++i)
      if (!spec_.segments[i].bytes.empty())
        std::memcpy(file.data() + offsets[i], spec_.segments[i].bytes.data(), spec_.segments[i].bytes.size());
    return file;
  }

 private:
  static s::ElementType type(ElementType t) { return {static_cast<s::ElementKind>(t.kind), t.bits}; }
  static s::Operand operand(hal::Operand o) { return {o.value, o.is_parameter}; }

  template <class T, class Specs, class Make>
  auto tables(const Specs& specs, Make make) {
    std::vector<Offset<T>> offsets;
    for (const auto& spec : specs) offsets.push_back(make(spec));
    return builder_.CreateVector(offsets);
  }

  Offset<s::Value> value(const ValueSpec& spec) {
    std::vector<s::Dim> dims;
    for (const DimSpec& dim : spec.shape) dims.emplace_back(dim.size, dim.symbol);
    const auto name = builder_.CreateString(spec.name);
    const auto shape = builder_.CreateVectorOfStructs(dims);
    const s::ElementType t = type(spec.type);
    return s::CreateValue(builder_, name, &t, shape, static_cast<s::Residence>(spec.residence));
  }

  Offset<s::Function> function(const FunctionSpec& spec) {
    std::vector<s::Donation> donations;
    for (const DonationDesc& donation : spec.donations) donations.emplace_back(donation.argument, donation.result);
    const auto name = builder_.CreateString(spec.name);
    const auto arguments = tables<s::Value>(spec.arguments, [this](const ValueSpec& v) { return value(v); });
    const auto results = tables<s::Value>(spec.results, [this](const ValueSpec& v) { return value(v); });
    return s::CreateFunction(builder_, name, arguments, results, builder_.CreateVectorOfStructs(donations));
  }

  Offset<s::Segment> segment(const SegmentSpec& spec, uint64_t offset) {
    Offset<flatbuffers::Vector<uint8_t>> digest;
    if (spec.has_sha256) {
      uint8_t bytes[32];
      halcyon::sha256(spec.bytes, bytes);
      digest = builder_.CreateVector(bytes, 32);
    }
    return s::CreateSegment(builder_, static_cast<s::SegmentKind>(spec.kind), offset + static_cast<uint64_t>(spec.shift_offset),
                            spec.bytes.size() + static_cast<uint64_t>(spec.shift_length), digest);
  }

  Offset<s::Constant> constant(const ConstantSpec& spec) {
    Offset<flatbuffers::String> scope, key;
    if (!spec.scope.empty()) scope = builder_.CreateString(spec.scope);
    if (!spec.key.empty()) key = builder_.CreateString(spec.key);
    const auto shape = builder_.CreateVector(spec.shape);
    const s::ElementType t = type(spec.type);
    return s::CreateConstant(builder_, spec.segment, spec.offset, spec.length, scope, key, &t, shape);
  }

  Offset<s::Variable> variable(const VariableSpec& spec) {
    const auto name = builder_.CreateString(spec.name);
    const auto shape = builder_.CreateVector(spec.shape);
    const s::ElementType t = type(spec.type);
    return s::CreateVariable(builder_, name, &t, shape, spec.initial);
  }

  Offset<s::Executable> executable(const ExecutableSpec& spec) {
    const auto exports = tables<s::Export>(spec.exports, [this](const ExportSpec& e) {
      const auto name = builder_.CreateString(e.name);
      std::vector<s::Cost> costs;
      for (const hal::Cost& cost : e.costs) costs.emplace_back(cost.flops, cost.read, cost.written, flatbuffers::make_span(cost.factors));
      const auto parts = costs.empty() ? 0 : builder_.CreateVectorOfStructs(costs);
      builder_.ForceDefaults(!spec_.compact);
      const auto made = s::CreateExport(builder_, name, e.bindings, e.parameters, e.location, e.written, parts);
      builder_.ForceDefaults(true);
      return made;
    });
    const auto variants = tables<s::Variant>(spec.variants, [this](const VariantSpec& v) {
      std::vector<s::Tile> tiles;
      for (const hal::VariantExport& e : v.exports) tiles.emplace_back(e.tile[0], e.tile[1], e.tile[2], e.local_memory, e.hash);
      const auto target = builder_.CreateString(v.target);
      const auto cpu = builder_.CreateString(v.cpu);
      const auto features = builder_.CreateVectorOfStrings(v.features);
      return s::CreateVariant(builder_, static_cast<s::Format>(v.format), target, cpu, features, v.segment,
                              builder_.CreateVectorOfStructs(tiles));
    });
    return s::CreateExecutable(builder_, exports, variants);
  }

  Offset<s::Command> command(const CommandSpec& spec) {
    std::vector<s::Operand> workload, operands;
    std::vector<s::Range> ranges;
    for (const hal::Operand& o : spec.workload) workload.push_back(operand(o));
    for (const hal::Operand& o : spec.operands) operands.push_back(operand(o));
    for (const RangeSpec& r : spec.ranges) ranges.emplace_back(r.slot, operand(r.offset), operand(r.size));
    const auto w = builder_.CreateVectorOfStructs(workload);
    const auto r = builder_.CreateVectorOfStructs(ranges);
    const auto o = builder_.CreateVectorOfStructs(operands);
    return s::CreateCommand(builder_, static_cast<s::CommandType>(spec.type), spec.executable, spec.export_index, w, r, o, spec.pattern,
                            spec.pattern_size, spec.location);
  }

  Offset<s::HostFunction> host(const HostSpec& spec) {
    const auto registers = builder_.CreateVector(reinterpret_cast<const s::RegisterType*>(spec.registers.data()), spec.registers.size());
    const auto returns = builder_.CreateVector(reinterpret_cast<const s::RegisterType*>(spec.returns.data()), spec.returns.size());
    const auto code = builder_.CreateVector(spec.code);
    return s::CreateHostFunction(builder_, spec.function, registers, spec.parameters, returns, spec.allocations, code);
  }

  Offset<s::Plan> plan(const PlanSpec& spec) {
    const auto family = builder_.CreateString(spec.family);
    const auto functions = tables<s::HostFunction>(spec.functions, [this](const HostSpec& h) { return host(h); });
    const auto lists = tables<s::CommandList>(spec.lists, [this](const ListSpec& l) {
      const auto commands = tables<s::Command>(l.commands, [this](const CommandSpec& c) { return command(c); });
      return s::CreateCommandList(builder_, l.bindings, l.parameters, commands);
    });
    const auto executables = tables<s::Executable>(spec.executables, [this](const ExecutableSpec& e) { return executable(e); });
    return s::CreatePlan(builder_, family, functions, lists, executables);
  }

  void write_metadata(const std::vector<uint64_t>& offsets) {
    builder_.ForceDefaults(true);  // the size does not depend on the offsets
    const auto producer = builder_.CreateString("tests");
    const auto flags = builder_.CreateString("");
    const auto symbols = builder_.CreateVectorOfStrings(spec_.symbols);
    const auto functions = tables<s::Function>(spec_.functions, [this](const FunctionSpec& f) { return function(f); });
    size_t next = 0;
    const auto segments = tables<s::Segment>(spec_.segments, [&](const SegmentSpec& g) { return segment(g, offsets[next++]); });
    const auto constants = tables<s::Constant>(spec_.constants, [this](const ConstantSpec& c) { return constant(c); });
    const auto variables = tables<s::Variable>(spec_.variables, [this](const VariableSpec& v) { return variable(v); });
    const auto locations = tables<s::Location>(spec_.locations, [this](const LocationSpec& l) {
      const auto name = builder_.CreateString(l.name);
      return s::CreateLocation(builder_, name, builder_.CreateString(l.file), l.line);
    });
    const auto plans = tables<s::Plan>(spec_.plans, [this](const PlanSpec& p) { return plan(p); });
    const auto callbacks = tables<s::Function>(spec_.callbacks, [this](const FunctionSpec& f) { return function(f); });
    s::MetadataBuilder metadata(builder_);
    metadata.add_required_features(spec_.required_features);
    metadata.add_producer(producer);
    metadata.add_flags(flags);
    metadata.add_symbols(symbols);
    metadata.add_functions(functions);
    metadata.add_segments(segments);
    metadata.add_constants(constants);
    metadata.add_variables(variables);
    metadata.add_locations(locations);
    metadata.add_plans(plans);
    metadata.add_results_mappable(spec_.results_mappable);
    metadata.add_callbacks(callbacks);
    s::FinishMetadataBuffer(builder_, metadata.Finish());
  }

  const ArtifactSpec& spec_;
  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace

std::vector<std::byte> build(const ArtifactSpec& spec) { return Writer(spec).write(); }

Aligned::Aligned(const std::vector<std::byte>& bytes) : size_(bytes.size()) {
  data_ = static_cast<std::byte*>(std::aligned_alloc(64, (size_ + 64) / 64 * 64));
  if (size_ != 0) std::memcpy(data_, bytes.data(), size_);
}
Aligned::~Aligned() { std::free(data_); }

Assembler& Assembler::const_f64(uint32_t a, double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  return op(Opcode::const_f64, a, 0, 0, {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)});
}

ArtifactSpec copy_artifact() {
  ArtifactSpec spec;
  spec.functions = {{.name = "main", .arguments = {{"x", ElementType::f32, {{4}}}}, .results = {{"y", ElementType::f32, {{4}}}}, .donations = {}}};
  PlanSpec plan;
  plan.lists = {{2, 0, {{.type = 2, .workload = {}, .ranges = {{1}, {0}}, .operands = {}}}}};
  HostSpec host;
  host.function = 0;
  host.registers = {BUFFER, BUFFER, I64};
  host.returns = {BUFFER};
  host.allocations = 1;
  host.code = Assembler().const_i64(2, 16).alloca_(1, 2, 0, 0).submit(0, 2, {0, 1}).return_({1}).code();
  plan.functions = {host};
  spec.plans = {plan};
  return spec;
}

ArtifactSpec dynamic_copy_artifact() {
  ArtifactSpec spec;
  spec.symbols = {"n"};
  spec.functions = {{.name = "main", .arguments = {{"x", ElementType::f32, {{-1, 0}}}}, .results = {{"y", ElementType::f32, {{-1, 0}}}}, .donations = {}}};
  PlanSpec plan;
  const hal::Operand bytes = hal::Operand::parameter(0);
  plan.lists = {{2, 1, {{.type = 2, .workload = {}, .ranges = {{1, hal::Operand::literal(0), bytes}, {0, hal::Operand::literal(0), bytes}}, .operands = {}}}}};
  HostSpec host;
  host.function = 0;
  host.registers = {BUFFER, I64, BUFFER, I64, I64};
  host.returns = {BUFFER, I64};
  host.allocations = 1;
  host.code = Assembler()
                  .const_i64(3, 4)
                  .op(Opcode::size_mul, 4, 1, 3)
                  .alloca_(2, 4, 0, 0)
                  .submit(0, 2, {0, 2, 4})
                  .return_({2, 1})
                  .code();
  plan.functions = {host};
  spec.plans = {plan};
  return spec;
}

ArtifactSpec packed_artifact() {
  ArtifactSpec spec;
  spec.symbols = {"n"};
  const std::vector<ValueSpec> moved = {{"x", ElementType::i4, {{5}}}, {"w", ElementType::u2, {{-1, 0}}}};
  spec.functions = {{.name = "main", .arguments = moved, .results = moved, .donations = {}}};
  spec.functions[0].results.push_back({"c", ElementType::f4e2m1, {{3}, {3}}});
  SegmentSpec segment;
  for (int i = 0; i < 8; ++i) segment.bytes.push_back(static_cast<std::byte>(0x21 + i));
  spec.segments = {segment};
  spec.constants = {{.segment = 0, .offset = 3, .length = 5, .scope = "", .key = "", .type = ElementType::f4e2m1, .shape = {3, 3}}};
  spec.variables = {{.name = "c", .type = ElementType::f4e2m1, .shape = {3, 3}, .initial = 0},
                    {.name = "unset", .type = ElementType::i2, .shape = {7}, .initial = -1}};
  PlanSpec plan;
  const hal::Operand zero = hal::Operand::literal(0), bytes = hal::Operand::parameter(0);
  plan.lists = {{2, 1, {{.type = 2, .workload = {}, .ranges = {{1, zero, bytes}, {0, zero, bytes}}, .operands = {}}}}};
  HostSpec host;
  host.function = 0;
  // x | w, n | 3-5: results, 6: variable | 7, 8: numbers
  host.registers = {BUFFER, BUFFER, I64, BUFFER, BUFFER, BUFFER, BUFFER, I64, I64};
  host.returns = {BUFFER, BUFFER, I64, BUFFER};
  host.allocations = 3;
  host.code = Assembler()
                  .const_i64(7, 3)
                  .alloca_(3, 7, 0, 0)
                  .submit(0, 2, {0, 3, 7})
                  .const_i64(8, 4)
                  .op(Opcode::ceil_div, 7, 2, 8)
                  .alloca_(4, 7, 0, 1)
                  .submit(0, 2, {1, 4, 7})
                  .const_i64(7, 5)
                  .alloca_(5, 7, 0, 2)
                  .op(Opcode::variable, 6, 0, 0, {0})
                  .submit(0, 2, {6, 5, 7})
                  .return_({3, 4, 2, 5})
                  .code();
  plan.functions = {host};
  spec.plans = {plan};
  return spec;
}

ArtifactSpec program_artifact(const Assembler& code) {
  ArtifactSpec spec;
  spec.locations = {{"Add_3", "model.onnx", 7}};
  spec.functions = {{.name = "main", .arguments = {}, .results = {{"y", ElementType::i64, {{1}}}}, .donations = {}}};
  SegmentSpec segment;
  for (int i = 0; i < 16; ++i) segment.bytes.push_back(static_cast<std::byte>(i + 1));
  spec.segments = {segment};
  spec.constants = {{.segment = 0, .offset = 4, .length = 8, .scope = "", .key = "", .type = ElementType::u8, .shape = {8}}};
  spec.variables = {{.name = "state", .type = ElementType::i64, .shape = {1}, .initial = -1}};
  PlanSpec plan;
  HostSpec host;
  host.function = 0;
  host.registers = {I64, I64, I64, I64, I64, I64, I64, I64, F64, F64, F64, F64, BUFFER, BUFFER, BUFFER, BUFFER, LIST, LIST, I64, I64, BUFFER};
  host.returns = {BUFFER};
  host.allocations = 4;
  Assembler whole = code;
  const uint32_t i64_word = static_cast<uint32_t>(ElementKind::sint) | 64u << 8;
  whole.const_i64(18, 8).alloca_(20, 18, 0, 3).const_i64(19, 0).op(Opcode::write_i64, 20, 19, 0, {i64_word}).return_({20});
  host.code = whole.code();
  plan.functions = {host};
  // An internal function: (a, b) -> a * b.
  HostSpec product;
  product.registers = {I64, I64, I64};
  product.parameters = 2;
  product.returns = {I64};
  product.code = Assembler().op(Opcode::mul, 2, 0, 1).return_({2}).code();
  plan.functions.push_back(product);
  spec.plans = {plan};
  return spec;
}

ArtifactSpec host_call_artifact() {
  ArtifactSpec spec;
  spec.symbols = {"n"};
  spec.locations = {{"Twice_1", "model.mlir", 7}};
  const ValueSpec a{"a", ElementType::f32, {{-1, 0}}}, b{"b", ElementType::f32, {{-1, 0}}};
  spec.functions = {{.name = "main", .arguments = {a}, .results = {b}, .donations = {}}};
  spec.callbacks = {{.name = "twice", .arguments = {a}, .results = {b}, .donations = {}}};
  PlanSpec plan;
  const hal::Operand bytes = hal::Operand::parameter(0);
  plan.lists = {{2, 1, {{.type = 2, .workload = {}, .ranges = {{1, hal::Operand::literal(0), bytes}, {0, hal::Operand::literal(0), bytes}}, .operands = {}}}}};
  HostSpec host;
  host.function = 0;
  host.registers = {BUFFER, I64, /*2*/ I64, I64, I64, I64, /*6*/ BUFFER, BUFFER, BUFFER};
  host.returns = {BUFFER, I64};
  host.allocations = 3;
  host.code = Assembler()
                  .const_i64(2, 4)
                  .op(Opcode::size_mul, 3, 1, 2)
                  .const_i64(4, 0)
                  .const_i64(5, 64)
                  .op(Opcode::size_add, 2, 3, 5)
                  .alloca_(6, 2, 1, 0)
                  .alloca_(7, 3, 1, 1)
                  .alloca_(8, 3, 0, 2)
                  .submit(0, 2, {0, 6, 3})
                  .host_call(0, 2, 0, {6, 7, 4, 4, 1, 1})
                  .submit(0, 2, {7, 8, 3})
                  .return_({8, 1})
                  .code();
  plan.functions = {host};
  spec.plans = {plan};
  return spec;
}

ArtifactSpec rich_artifact() {
  ArtifactSpec spec;
  spec.symbols = {"batch", "length"};
  spec.locations = {{"MatMul_1", "model.onnx", 1}, {"Add_2", "", 0}};
  spec.functions = {
      {.name = "main",
       .arguments = {{"x", ElementType::f32, {{-1, 0}, {4}}},
                     {"steps", ElementType::i64, {}, Residence::host},
                     {"scale", ElementType::f32, {}, Residence::both},
                     {"cache", ElementType::f16, {{-1, 0}, {8}}}},
       .results = {{"y", ElementType::f32, {{-1, 0}, {4}}}, {"cache", ElementType::f16, {{-1, 0}, {8}}}},
       .donations = {{3, 1}}},
      {.name = "reset", .arguments = {}, .results = {}, .donations = {}}};
  SegmentSpec constants{.kind = SegmentKind::constants, .bytes = std::vector<std::byte>(256, std::byte{3}), .has_sha256 = true};
  SegmentSpec code{.kind = SegmentKind::code, .bytes = std::vector<std::byte>(100, std::byte{0x90}), .has_sha256 = true};
  spec.segments = {constants, code};
  spec.constants = {{.segment = 0, .offset = 64, .length = 64, .scope = "", .key = "", .type = ElementType::f32, .shape = {16}}};
  spec.variables = {{.name = "counter", .type = ElementType::i64, .shape = {1}, .initial = -1},
                    {.name = "state", .type = ElementType::f32, .shape = {16}, .initial = 0}};
  PlanSpec plan;
  ExecutableSpec executable;
  executable.exports = {{"matmul", 3, 1, 0, 4, {{6, 5, 4, {0, hal::Cost::none, hal::Cost::none, hal::Cost::none}}}}, {"add", 2, 0, 1}};
  executable.variants = {{.format = 1, .target = "x86_64", .cpu = "skylake", .features = {"avx2", "fma"}, .segment = 1, .exports = {{{1, 16, 1}, 0, 1}, {{64, 1, 1}, 128, 2}}},
                         {.format = 2, .target = "x86_64", .cpu = "", .features = {}, .segment = 0, .exports = {{{1, 8, 1}, 0, 3}, {{64, 1, 1}, 0, 4}}}};
  ExecutableSpec named;  // of the application's kernels
  named.exports = {{"own", 2, 1, 0, 2}};
  named.variants = {{.format = 5, .target = "", .cpu = "", .features = {}, .segment = 0, .exports = {{{32, 1, 1}, 64, 0}}}};
  plan.executables = {executable, named};
  const hal::Operand zero = hal::Operand::literal(0), one = hal::Operand::literal(1);
  CommandSpec matmul{.type = 1, .executable = 0, .export_index = 0, .workload = {hal::Operand::parameter(0), hal::Operand::literal(4), one},
                     .ranges = {{0}, {1}, {2, zero, hal::Operand::parameter(1)}}, .operands = {hal::Operand::parameter(0)}, .location = 0};
  CommandSpec add{.type = 1, .executable = 0, .export_index = 1, .workload = {hal::Operand::parameter(0), one, one}, .ranges = {{0}, {2}}, .operands = {}, .location = 1};
  CommandSpec own{.type = 1, .executable = 1, .export_index = 0, .workload = {hal::Operand::parameter(0), one, one}, .ranges = {{0}, {2}}, .operands = {hal::Operand::parameter(0)}, .location = 1};
  CommandSpec fill{.type = 3, .workload = {}, .ranges = {{2, zero, hal::Operand::parameter(1)}}, .operands = {}, .pattern = 0x3f800000, .pattern_size = 4};
  CommandSpec update{.type = 4, .workload = {}, .ranges = {{2, zero, hal::Operand::literal(4)}}, .operands = {hal::Operand::parameter(0)}, .pattern_size = 4};
  CommandSpec barrier{.type = 0, .workload = {}, .ranges = {}, .operands = {}};
  CommandSpec copy{.type = 2, .workload = {}, .ranges = {{0}, {1}}, .operands = {}};
  plan.lists = {{3, 2, {matmul, barrier, add, barrier, fill, barrier, update, barrier, own}}, {2, 0, {copy}}};
  HostSpec host;
  host.function = 0;
  // x, batch | steps | scale buffer, scale value | cache, batch
  host.registers = {BUFFER, I64, I64, BUFFER, F64, BUFFER, I64, /*7*/ BUFFER, I64, I64, I64, BUFFER, BUFFER, BUFFER, LIST, /*15*/ I64, I64, F64};
  host.returns = {BUFFER, I64, BUFFER, I64};
  host.allocations = 3;
  const uint32_t i64_word = static_cast<uint32_t>(ElementKind::sint) | 64u << 8;
  const uint32_t f32_word = static_cast<uint32_t>(ElementKind::ieee) | 32u << 8;
  Assembler code_words;
  code_words.const_i64(8, 16)
      .op(Opcode::size_mul, 9, 1, 8)
      .alloca_(7, 9, 0, 0)
      .op(Opcode::constant, 11, 0, 0, {0})
      .op(Opcode::variable, 12, 0, 0, {1})
      .submit(0, 3, {0, 11, 7, 1, 9})
      .const_i64(10, 64)
      .alloca_(13, 10, 1, 1)
      .submit(1, 2, {13, 12})
      .op(Opcode::set_variable, 13, 0, 0, {1})
      .op(Opcode::list_create, 14)
      .op(Opcode::list_push, 14, 7)
      .op(Opcode::list_push, 14, 13)
      .const_i64(15, 0)
      .op(Opcode::list_at, 7, 14, 15)
      .op(Opcode::read_f64, 17, 3, 15, {f32_word})
      .op(Opcode::variable, 12, 0, 0, {0})
      .op(Opcode::write_i64, 12, 15, 2, {i64_word});
  const uint32_t loop = code_words.here();
  code_words.const_i64(16, 1)
      .op(Opcode::add, 15, 15, 16)
      .call(1, 2, 1, {15, 2, 16})
      .branch_if(16, loop)
      .return_({7, 1, 5, 6});
  host.code = code_words.code();
  HostSpec less;
  less.registers = {I64, I64, I64};
  less.parameters = 2;
  less.returns = {I64};
  less.code = Assembler().op(Opcode::cmp_lt, 2, 0, 1).return_({2}).code();
  HostSpec reset;
  reset.function = 1;
  reset.registers = {I64, BUFFER};
  reset.allocations = 1;
  reset.code = Assembler().const_i64(0, 8).alloca_(1, 0, 1, 0).op(Opcode::set_variable, 1, 0, 0, {0}).return_({}).code();
  plan.functions = {host, less, reset};
  spec.plans = {plan};
  return spec;
}

}  // namespace support
