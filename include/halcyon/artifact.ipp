// Bodies of halcyon/artifact.hpp: the container, and the metadata decoded into plain arrays. Everything is
// checked as it is decoded; the host programs afterwards, in host_verify.ipp.
#pragma once
#include <bit>
#include <cstring>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif
#include "artifact_generated.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "halcyon/artifact.hpp"
#include "halcyon/host_verify.ipp"
#include "halcyon/sha256.hpp"
#include "halcyon/tensor.hpp"

HALCYON_NAMESPACE_BEGIN

static_assert(std::endian::native == std::endian::little, "artifacts are little-endian, and read in place");

// The first 64 bytes of a file.
struct ArtifactHeader {
  char magic[4];
  uint16_t major, minor;
  uint64_t file_size, metadata_offset, metadata_size;
  uint8_t metadata_sha256[32];
};
static_assert(sizeof(ArtifactHeader) == 64);

inline constexpr uint64_t max_metadata_size = 64u << 20;
inline constexpr uint64_t constants_alignment = 64;
inline constexpr uint64_t code_alignment = 64u << 10;
inline constexpr uint64_t known_features = 0;  // bits of Metadata.required_features
inline constexpr uint64_t max_host_elements = 64;

class ArtifactDecoder {
 public:
  ArtifactDecoder(Artifact& artifact, const schema::Metadata& metadata) : artifact_(artifact), metadata_(metadata) {}

  Status decode() {
    if ((metadata_.required_features() & ~known_features) != 0)
      return {Code::unsupported, "load: the artifact needs features that this runtime does not have; update it",
              Where{Kind::none, 0, 0, 0, static_cast<int64_t>(known_features), static_cast<int64_t>(metadata_.required_features())}};
    artifact_.producer_ = text(metadata_.producer());
    artifact_.flags_ = text(metadata_.flags());
    artifact_.results_mappable_ = metadata_.results_mappable();
    HALCYON_TRY(decode_symbols());
    HALCYON_TRY(decode_segments());
    HALCYON_TRY(decode_constants());
    HALCYON_TRY(decode_variables());
    HALCYON_TRY(decode_locations());
    HALCYON_TRY(decode_functions());
    return decode_plans();
  }

 private:
  // ---- the bytes, safely --------------------------------------------------------------------------------

  int64_t offset_of(const void* item) const {
    return static_cast<int64_t>(sizeof(ArtifactHeader)) + (static_cast<const std::byte*>(item) - artifact_.metadata_.data());
  }
  Status corrupt(Literal what, const void* item) const {
    return {Code::corrupt_artifact, what, Where{Kind::byte_offset, 255, 0, 0, offset_of(item), 0}};
  }
  static std::string_view text(const flatbuffers::String* string) {
    return string ? std::string_view(string->c_str(), string->size()) : std::string_view();
  }
  template <class Vector>
  static uint32_t count(const Vector* vector) {
    return vector ? vector->size() : 0;
  }
  // FlatBuffers' verifier does not check that a vector's elements are aligned.
  template <class Vector>
  Status aligned(const Vector* vector, size_t alignment) const {
    if (count(vector) != 0 && reinterpret_cast<uintptr_t>(vector->Data()) % alignment != 0)
      return corrupt("load: a vector is not aligned", vector);
    return {};
  }
  template <class T>
  Result<std::span<T>> array(size_t size) {
    return artifact_.arena_.allocate<T>(size);
  }

  // ---- shared by all plans ------------------------------------------------------------------------------

  Status decode_symbols() {
    HALCYON_ASSIGN(const auto symbols, array<std::string_view>(count(metadata_.symbols())));
    for (uint32_t i = 0; i < symbols.size(); ++i) symbols[i] = text(metadata_.symbols()->Get(i));
    artifact_.symbols_ = symbols;
    return {};
  }

  Status decode_segments() {
    HALCYON_ASSIGN(const auto segments, array<SegmentDesc>(count(metadata_.segments())));
    const uint64_t file_size = artifact_.file_.size();
    for (uint32_t i = 0; i < segments.size(); ++i) {
      const schema::Segment& source = *metadata_.segments()->Get(i);
      SegmentDesc& segment = segments[i];
      if (source.kind() > schema::SegmentKind::code) return corrupt("load: unknown kind of segment", &source);
      segment = {static_cast<SegmentKind>(source.kind()), source.offset(), source.length(), {}};
      if (segment.offset > file_size || segment.length > file_size - segment.offset)
        return corrupt("load: a segment is not inside the file", &source);
      const uint64_t alignment = segment.kind == SegmentKind::code ? code_alignment : constants_alignment;
      if (segment.offset % alignment != 0) return corrupt("load: a segment is not aligned", &source);
      if (count(source.sha256()) != 0) {
        if (source.sha256()->size() != 32) return corrupt("load: a segment's SHA-256 is not 32 bytes", &source);
        segment.sha256 = {source.sha256()->data(), 32};
      }
    }
    artifact_.segments_ = segments;
    return {};
  }

  Status decode_type(const schema::ElementType* source, const void* owner, ElementType& type) const {
    if (!source) return corrupt("load: an element type is missing", owner);
    type = {static_cast<ElementKind>(source->kind()), source->bits()};
    if (source->kind() > schema::ElementKind::complex || std::string_view(name(type)) == "none")
      return corrupt("load: unknown element type", owner);
    return {};
  }

  // Of a static shape; false on overflow of 63 bits.
  static bool static_bytes(ElementType type, std::span<const uint64_t> shape, uint64_t& bytes) {
    uint64_t elements = 1;
    for (const uint64_t size : shape)
      if (__builtin_mul_overflow(elements, size, &elements)) return false;
    return byte_size(type, elements, bytes) && bytes <= INT64_MAX;
  }

  Status decode_static_shape(const flatbuffers::Vector<uint64_t>* source, const void* owner, std::span<const uint64_t>& shape) {
    HALCYON_TRY(aligned(source, 8));
    if (count(source) > max_rank) return corrupt("load: more than 8 dimensions", owner);
    HALCYON_ASSIGN(const auto sizes, array<uint64_t>(count(source)));
    for (uint32_t i = 0; i < sizes.size(); ++i) sizes[i] = source->Get(i);
    shape = sizes;
    return {};
  }

  Status decode_constants() {
    HALCYON_ASSIGN(const auto constants, array<ConstantDesc>(count(metadata_.constants())));
    for (uint32_t i = 0; i < constants.size(); ++i) {
      const schema::Constant& source = *metadata_.constants()->Get(i);
      ConstantDesc& constant = constants[i];
      HALCYON_TRY(decode_type(source.type(), &source, constant.type));
      HALCYON_TRY(decode_static_shape(source.shape(), &source, constant.shape));
      constant.segment = source.segment();
      constant.offset = source.offset();
      constant.length = source.length();
      constant.external = source.scope() || source.key();
      constant.scope = text(source.scope());
      constant.key = text(source.key());
      uint64_t bytes = 0;
      if (!static_bytes(constant.type, constant.shape, bytes)) return corrupt("load: a constant's size overflows", &source);
      if (constant.external) {
        constant.length = bytes;
        continue;
      }
      if (constant.segment >= artifact_.segments_.size()) return corrupt("load: a constant's segment does not exist", &source);
      const SegmentDesc& segment = artifact_.segments_[constant.segment];
      if (segment.kind != SegmentKind::constants) return corrupt("load: a constant lies in a code segment", &source);
      if (constant.offset > segment.length || constant.length > segment.length - constant.offset)
        return corrupt("load: a constant is not inside its segment", &source);
      if (constant.length < bytes) return corrupt("load: a constant is shorter than its shape", &source);
      if (constant.offset % alignment(constant.type) != 0) return corrupt("load: a constant is not aligned to its element type", &source);
    }
    artifact_.constants_ = constants;
    return {};
  }

  Status decode_variables() {
    HALCYON_ASSIGN(const auto variables, array<VariableDesc>(count(metadata_.variables())));
    for (uint32_t i = 0; i < variables.size(); ++i) {
      const schema::Variable& source = *metadata_.variables()->Get(i);
      VariableDesc& variable = variables[i];
      variable.name = text(source.name());
      HALCYON_TRY(decode_type(source.type(), &source, variable.type));
      HALCYON_TRY(decode_static_shape(source.shape(), &source, variable.shape));
      if (!static_bytes(variable.type, variable.shape, variable.bytes)) return corrupt("load: a variable's size overflows", &source);
      variable.initial = source.initial();
      if (variable.initial < -1 || variable.initial >= static_cast<int64_t>(artifact_.constants_.size()))
        return corrupt("load: a variable's initial constant does not exist", &source);
      if (variable.initial >= 0 && artifact_.constants_[static_cast<uint32_t>(variable.initial)].length < variable.bytes)
        return corrupt("load: a variable's initial constant is too short", &source);
    }
    artifact_.variables_ = variables;
    return {};
  }

  Status decode_locations() {
    HALCYON_ASSIGN(const auto locations, array<LocationDesc>(count(metadata_.locations())));
    for (uint32_t i = 0; i < locations.size(); ++i) {
      const schema::Location& source = *metadata_.locations()->Get(i);
      locations[i] = {text(source.name()), text(source.file()), source.line()};
    }
    artifact_.locations_ = locations;
    return {};
  }

  // ---- functions ----------------------------------------------------------------------------------------

  Status decode_value(const schema::Value& source, bool is_argument, ValueDesc& value) {
    value.name = text(source.name());
    HALCYON_TRY(decode_type(source.type(), &source, value.type));
    HALCYON_TRY(aligned(source.shape(), 8));
    if (source.residence() > schema::Residence::both) return corrupt("load: unknown residence", &source);
    value.residence = static_cast<Residence>(source.residence());
    if (count(source.shape()) > max_rank) return corrupt("load: more than 8 dimensions", &source);
    HALCYON_ASSIGN(const auto shape, array<Dimension>(count(source.shape())));
    uint64_t elements = 1;
    bool is_static = true;
    for (uint32_t i = 0; i < shape.size(); ++i) {
      const schema::Dim& dim = *source.shape()->Get(i);
      if (dim.symbol() < -1 || dim.symbol() >= static_cast<int64_t>(artifact_.symbols_.size()))
        return corrupt("load: a dimension's symbol does not exist", &source);
      if (dim.symbol() >= 0) {
        shape[i] = {-1, dim.symbol(), artifact_.symbols_[static_cast<uint32_t>(dim.symbol())]};
        is_static = false;
        continue;
      }
      if (dim.size() < 0) return corrupt("load: a static dimension is negative", &source);
      shape[i] = {dim.size(), -1, {}};
      if (__builtin_mul_overflow(elements, static_cast<uint64_t>(dim.size()), &elements))
        return corrupt("load: a shape's element count overflows", &source);
    }
    uint64_t bytes = 0;
    if (!byte_size(value.type, elements, bytes) || bytes > INT64_MAX) return corrupt("load: a shape's size overflows", &source);
    if (is_argument && value.residence != Residence::device) {
      if (!is_static || elements > max_host_elements)
        return corrupt("load: a host argument must have a static shape of at most 64 elements", &source);
      if (!is_host_type(value.type)) return corrupt("load: a host argument's element type has no host value", &source);
    }
    value.shape = shape;
    return {};
  }

  Status decode_values(const flatbuffers::Vector<flatbuffers::Offset<schema::Value>>* source, bool are_arguments,
                       std::span<const ValueDesc>& values) {
    HALCYON_ASSIGN(const auto decoded, array<ValueDesc>(count(source)));
    for (uint32_t i = 0; i < decoded.size(); ++i) HALCYON_TRY(decode_value(*source->Get(i), are_arguments, decoded[i]));
    values = decoded;
    return {};
  }

  Status decode_functions() {
    if (count(metadata_.functions()) > 4096) return corrupt("load: more than 4096 functions", metadata_.functions());
    HALCYON_ASSIGN(const auto functions, array<FunctionDesc>(count(metadata_.functions())));
    for (uint32_t i = 0; i < functions.size(); ++i) {
      const schema::Function& source = *metadata_.functions()->Get(i);
      FunctionDesc& function = functions[i];
      function.name = text(source.name());
      for (uint32_t j = 0; j < i; ++j)
        if (functions[j].name == function.name) return corrupt("load: two functions have one name", &source);
      HALCYON_TRY(decode_values(source.arguments(), true, function.arguments));
      HALCYON_TRY(decode_values(source.results(), false, function.results));
      if (function.arguments.size() > UINT16_MAX || function.results.size() > UINT16_MAX)
        return corrupt("load: too many arguments or results", &source);
      HALCYON_TRY(aligned(source.donations(), 4));
      HALCYON_ASSIGN(const auto donations, array<DonationDesc>(count(source.donations())));
      for (uint32_t d = 0; d < donations.size(); ++d) {
        donations[d] = {source.donations()->Get(d)->argument(), source.donations()->Get(d)->result()};
        if (donations[d].argument >= function.arguments.size() || donations[d].result >= function.results.size())
          return corrupt("load: a donation names an argument or result that does not exist", &source);
        if (function.arguments[donations[d].argument].residence == Residence::host)
          return corrupt("load: a host argument cannot be donated", &source);
        for (uint32_t e = 0; e < d; ++e)
          if (donations[e].argument == donations[d].argument || donations[e].result == donations[d].result)
            return corrupt("load: an argument or result is donated twice", &source);
      }
      function.donations = donations;
    }
    artifact_.functions_ = functions;
    return {};
  }

  // ---- plans --------------------------------------------------------------------------------------------

  Status decode_plans() {
    HALCYON_ASSIGN(const auto plans, array<PlanDesc>(count(metadata_.plans())));
    for (uint32_t i = 0; i < plans.size(); ++i) {
      const schema::Plan& source = *metadata_.plans()->Get(i);
      plans[i].family = text(source.family());
      HALCYON_TRY(decode_executables(source, plans[i]));
      HALCYON_TRY(decode_command_lists(source, plans[i]));
      HALCYON_TRY(decode_host_functions(source, plans[i]));
    }
    artifact_.plans_ = plans;
    return {};
  }

  bool location_exists(uint32_t location) const { return location == UINT32_MAX || location < artifact_.locations_.size(); }

  Status decode_variant(const schema::Variant& source, uint32_t exports, hal::VariantDesc& variant) {
    if (source.format() > schema::Format::ptx || source.format() == schema::Format::none)
      return corrupt("load: unknown executable format", &source);
    variant.format = static_cast<hal::Format>(source.format());
    variant.target = text(source.target());
    variant.cpu = text(source.cpu());
    HALCYON_ASSIGN(const auto features, array<std::string_view>(count(source.features())));
    for (uint32_t i = 0; i < features.size(); ++i) features[i] = text(source.features()->Get(i));
    variant.features = features;
    HALCYON_TRY(aligned(source.exports(), 8));
    if (count(source.exports()) != exports) return corrupt("load: a variant's exports are not its executable's", &source);
    HALCYON_ASSIGN(const auto tiles, array<hal::VariantExport>(exports));
    for (uint32_t i = 0; i < exports; ++i) {
      const schema::Tile& tile = *source.exports()->Get(i);
      if (tile.x() == 0 || tile.y() == 0 || tile.z() == 0) return corrupt("load: a tile of size 0", &source);
      tiles[i] = {{tile.x(), tile.y(), tile.z()}, tile.local_memory(), tile.hash()};
    }
    variant.exports = tiles;
    if (variant.format == hal::Format::static_table) return {};
    if (source.segment() >= artifact_.segments_.size()) return corrupt("load: a variant's segment does not exist", &source);
    const SegmentDesc& segment = artifact_.segments_[source.segment()];
    if (segment.kind != SegmentKind::code) return corrupt("load: a variant lies in a constants segment", &source);
    variant.image = artifact_.bytes(segment);
    return {};
  }

  Status decode_executables(const schema::Plan& plan_source, PlanDesc& plan) {
    HALCYON_ASSIGN(const auto executables, array<hal::ExecutableDesc>(count(plan_source.executables())));
    for (uint32_t i = 0; i < executables.size(); ++i) {
      const schema::Executable& source = *plan_source.executables()->Get(i);
      HALCYON_ASSIGN(const auto exports, array<hal::ExportDesc>(count(source.exports())));
      for (uint32_t e = 0; e < exports.size(); ++e) {
        const schema::Export& kernel = *source.exports()->Get(e);
        if (!location_exists(kernel.location())) return corrupt("load: a kernel's location does not exist", &kernel);
        exports[e] = {text(kernel.name()), kernel.bindings(), kernel.parameters(), kernel.location()};
      }
      HALCYON_ASSIGN(const auto variants, array<hal::VariantDesc>(count(source.variants())));
      for (uint32_t v = 0; v < variants.size(); ++v)
        HALCYON_TRY(decode_variant(*source.variants()->Get(v), static_cast<uint32_t>(exports.size()), variants[v]));
      executables[i].exports = exports;
      executables[i].variants = variants;
    }
    plan.executables = executables;
    return {};
  }

  Status decode_operand(const schema::Operand& source, uint32_t parameters, const void* owner, hal::Operand& operand) const {
    operand = {source.value(), source.is_parameter()};
    if (operand.is_parameter && operand.value >= parameters) return corrupt("load: a command's parameter slot does not exist", owner);
    return {};
  }

  Status decode_command(const schema::Command& source, const PlanDesc& plan, const CommandListDesc& list, hal::Command& command,
                        uint32_t& executable) {
    if (source.type() > schema::CommandType::update) return corrupt("load: unknown command", &source);
    HALCYON_TRY(aligned(source.workload(), 8));
    HALCYON_TRY(aligned(source.ranges(), 8));
    HALCYON_TRY(aligned(source.operands(), 8));
    command.type = static_cast<hal::Command::Type>(source.type());
    command.location = source.location();
    if (!location_exists(command.location)) return corrupt("load: a command's location does not exist", &source);
    command.pattern = source.pattern();
    command.pattern_size = source.pattern_size();
    executable = UINT32_MAX;

    HALCYON_ASSIGN(const auto ranges, array<hal::Range>(count(source.ranges())));
    for (uint32_t i = 0; i < ranges.size(); ++i) {
      const schema::Range& range = *source.ranges()->Get(i);
      ranges[i].slot = range.slot();
      if (range.slot() >= list.bindings) return corrupt("load: a command's binding slot does not exist", &source);
      HALCYON_TRY(decode_operand(range.offset(), list.parameters, &source, ranges[i].offset));
      HALCYON_TRY(decode_operand(range.size(), list.parameters, &source, ranges[i].size));
    }
    command.ranges = ranges;
    HALCYON_ASSIGN(const auto operands, array<hal::Operand>(count(source.operands())));
    for (uint32_t i = 0; i < operands.size(); ++i)
      HALCYON_TRY(decode_operand(*source.operands()->Get(i), list.parameters, &source, operands[i]));
    command.operands = operands;

    const bool has_pattern = command.type == hal::Command::Type::fill || command.type == hal::Command::Type::update;
    const uint8_t size = command.pattern_size;
    if (has_pattern && size != 1 && size != 2 && size != 4 && size != 8) return corrupt("load: a pattern is 1, 2, 4 or 8 bytes", &source);
    switch (command.type) {
      case hal::Command::Type::barrier:
        if (!ranges.empty() || !operands.empty()) return corrupt("load: a barrier has no operands", &source);
        return {};
      case hal::Command::Type::copy:
        if (ranges.size() != 2 || !operands.empty()) return corrupt("load: a copy has a target and a source", &source);
        return {};
      case hal::Command::Type::fill:
        if (ranges.size() != 1 || !operands.empty()) return corrupt("load: a fill has one target", &source);
        return {};
      case hal::Command::Type::update:
        if (ranges.size() != 1 || operands.size() != 1) return corrupt("load: an update has one target and one value", &source);
        return {};
      case hal::Command::Type::dispatch:
        break;
    }
    executable = source.executable();
    if (executable >= plan.executables.size()) return corrupt("load: a dispatch's executable does not exist", &source);
    const hal::ExecutableDesc& kernels = plan.executables[executable];
    command.export_index = source.export_index();
    if (command.export_index >= kernels.exports.size()) return corrupt("load: a dispatch's kernel does not exist", &source);
    const hal::ExportDesc& kernel = kernels.exports[command.export_index];
    if (ranges.size() != kernel.bindings || operands.size() != kernel.parameters)
      return corrupt("load: a dispatch does not match its kernel's bindings and parameters", &source);
    if (count(source.workload()) != 3) return corrupt("load: a workload has three sizes", &source);
    for (uint32_t i = 0; i < 3; ++i)
      HALCYON_TRY(decode_operand(*source.workload()->Get(i), list.parameters, &source, command.workload[i]));
    return {};
  }

  Status decode_command_lists(const schema::Plan& plan_source, PlanDesc& plan) {
    HALCYON_ASSIGN(const auto lists, array<CommandListDesc>(count(plan_source.command_lists())));
    for (uint32_t i = 0; i < lists.size(); ++i) {
      const schema::CommandList& source = *plan_source.command_lists()->Get(i);
      CommandListDesc& list = lists[i];
      list.bindings = source.bindings();
      list.parameters = source.parameters();
      if (list.bindings > UINT16_MAX || list.parameters > UINT16_MAX) return corrupt("load: a command list has too many slots", &source);
      HALCYON_ASSIGN(list.commands, array<hal::Command>(count(source.commands())));
      HALCYON_ASSIGN(const auto executables, array<uint32_t>(list.commands.size()));
      for (uint32_t c = 0; c < list.commands.size(); ++c)
        HALCYON_TRY(decode_command(*source.commands()->Get(c), plan, list, list.commands[c], executables[c]));
      list.executables = executables;
      if (list.bindings > plan.max_bindings) plan.max_bindings = list.bindings;
      if (list.parameters > plan.max_parameters) plan.max_parameters = list.parameters;
    }
    plan.command_lists = lists;
    return {};
  }

  Status decode_registers(const flatbuffers::Vector<schema::RegisterType>* source, std::span<const RegisterType>& registers) {
    if (count(source) > UINT16_MAX) return corrupt("load: a host function has more than 65535 registers", source);
    HALCYON_ASSIGN(const auto decoded, array<RegisterType>(count(source)));
    for (uint32_t i = 0; i < decoded.size(); ++i) {
      const uint8_t type = source->Data()[i];
      if (type > static_cast<uint8_t>(RegisterType::list)) return corrupt("load: unknown type of register", source);
      decoded[i] = static_cast<RegisterType>(type);
    }
    registers = decoded;
    return {};
  }

  Status decode_host_functions(const schema::Plan& plan_source, PlanDesc& plan) {
    HALCYON_ASSIGN(const auto functions, array<HostFunctionDesc>(count(plan_source.functions())));
    for (uint32_t i = 0; i < functions.size(); ++i) {
      const schema::HostFunction& source = *plan_source.functions()->Get(i);
      HostFunctionDesc& function = functions[i];
      function.function = source.function();
      if (function.function < -1 || function.function >= static_cast<int64_t>(artifact_.functions_.size()))
        return corrupt("load: a host function implements a function that does not exist", &source);
      HALCYON_TRY(decode_registers(source.registers(), function.registers));
      HALCYON_TRY(decode_registers(source.returns(), function.returns));
      function.parameters = source.parameters();
      if (function.parameters > function.registers.size()) return corrupt("load: a host function has fewer registers than parameters", &source);
      function.allocations = source.allocations();
      if (function.allocations > UINT16_MAX) return corrupt("load: a host function has too many alloca sites", &source);
      HALCYON_TRY(aligned(source.code(), 4));
      HALCYON_ASSIGN(const auto code, array<uint32_t>(count(source.code())));
      for (uint32_t w = 0; w < code.size(); ++w) code[w] = source.code()->Get(w);
      function.code = code;
    }
    HostVerifier verifier(artifact_, artifact_.arena_, plan, functions);
    return verifier.verify();
  }

  Artifact& artifact_;
  const schema::Metadata& metadata_;
};

HALCYON_FUNC Result<Owned<Artifact>> Artifact::open(std::span<const std::byte> file, const OpenOptions& options,
                                                    const Allocator& allocator) {
  const auto at = [](uint64_t offset) { return Where{Kind::byte_offset, 255, 0, 0, static_cast<int64_t>(offset), 0}; };
  ArtifactHeader header;
  if (file.size() < sizeof header) return Status(Code::corrupt_artifact, "load: the file is too short for a header", at(file.size()));
  std::memcpy(&header, file.data(), sizeof header);
  if (std::memcmp(header.magic, "HCM1", 4) != 0) return Status(Code::corrupt_artifact, "load: not a Halcyon artifact", at(0));
  if (header.major != 1)
    return Status(Code::unsupported, "load: the artifact is of another major version", Where{Kind::none, 255, 0, 0, 1, header.major});
  if (header.file_size > file.size()) return Status(Code::corrupt_artifact, "load: the file ends early", at(file.size()));
  if (header.file_size < file.size()) return Status(Code::corrupt_artifact, "load: bytes after the end", at(header.file_size));
  if (header.metadata_offset != sizeof header) return Status(Code::corrupt_artifact, "load: the metadata does not follow the header", at(16));
  if (header.metadata_size > file.size() - sizeof header)
    return Status(Code::corrupt_artifact, "load: the metadata is not inside the file", at(24));
  if (header.metadata_size > max_metadata_size) return Status(Code::corrupt_artifact, "load: more than 64 MiB of metadata", at(24));

  HALCYON_ASSIGN(Owned<Artifact> artifact, make<Artifact>(allocator, allocator));
  struct alignas(16) Chunk {
    std::byte bytes[16];
  };
  const size_t size = header.metadata_size;
  HALCYON_ASSIGN(const auto chunks, artifact->arena_.allocate<Chunk>((size + 47) / 16));
  std::byte* copy = reinterpret_cast<std::byte*>(chunks.data());
  std::memcpy(copy, file.data() + sizeof header, size);
  uint8_t* digest = reinterpret_cast<uint8_t*>(copy + (chunks.size() * 16 - 32));
  std::memcpy(digest, header.metadata_sha256, 32);
  artifact->file_ = file;
  artifact->metadata_ = {copy, size};
  artifact->metadata_sha256_ = {digest, 32};
  artifact->minor_ = header.minor;
  if (options.authenticate) HALCYON_TRY(options.authenticate(options.user, artifact->metadata_));

  // A table takes at least 4 bytes: more of them than fit means that they are shared to blow up the work.
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(copy), size, 16, static_cast<uint32_t>(size / 4 + 1));
  if (size < 16 || !verifier.VerifyBuffer<schema::Metadata>("HCM1"))
    return Status(Code::corrupt_artifact, "load: the metadata is not a FlatBuffer of its schema", at(sizeof header));
  ArtifactDecoder decoder(*artifact, *schema::GetMetadata(copy));
  HALCYON_TRY(decoder.decode());
  if (options.verify_sha256) HALCYON_TRY(artifact->verify_sha256());
  return artifact;
}

HALCYON_FUNC Status Artifact::verify_sha256() const {
  uint8_t digest[32];
  const uint8_t none[32] = {};
  if (std::memcmp(metadata_sha256_.data(), none, 32) != 0) {
    sha256(metadata_, digest);
    if (std::memcmp(digest, metadata_sha256_.data(), 32) != 0)
      return {Code::corrupt_artifact, "verify: the metadata's SHA-256 differs", Where{Kind::byte_offset, 255, 0, 0, 64, 0}};
  }
  for (const SegmentDesc& segment : segments_) {
    if (segment.sha256.empty()) continue;
    sha256(bytes(segment), digest);
    if (std::memcmp(digest, segment.sha256.data(), 32) != 0)
      return {Code::corrupt_artifact, "verify: a segment's SHA-256 differs",
              Where{Kind::byte_offset, 255, 0, 0, static_cast<int64_t>(segment.offset), 0}};
  }
  return {};
}

HALCYON_NAMESPACE_END
