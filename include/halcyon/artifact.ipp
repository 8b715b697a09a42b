// Bodies of halcyon/artifact.hpp: the container, and what the metadata must be beyond its schema. Each table is
// checked when it has been read; the host programs of a plan at its end, in host_verify.ipp.
#pragma once
#include <bit>
#include <cstring>

#include "halcyon/artifact.hpp"
#include "halcyon/artifact_tables.ipp"
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
inline constexpr uint32_t max_functions = 4096;

class ArtifactReader final : public FlatReader {
 public:
  ArtifactReader(Artifact& artifact)
      : FlatReader(artifact.metadata_, artifact_tables::tables, artifact.arena_), artifact_(artifact), desc_(*artifact.desc_) {}

  bool read() { return FlatReader::read(artifact_tables::metadata, "HCM1", &desc_); }

 private:
  bool check(uint8_t table, const Scope& scope) override;
  bool check_segment(const Scope& scope, SegmentDesc& segment);
  bool check_constant(const Scope& scope, ConstantDesc& constant);
  bool check_variable(const Scope& scope, VariableDesc& variable);
  bool check_function(const Scope& scope, const FunctionDesc& function);
  bool check_value(const Scope& scope, ValueDesc& value, bool is_argument);
  bool check_variant(const Scope& scope, hal::VariantDesc& variant);
  bool check_command(const Scope& scope, hal::Command& command);
  bool check_operands(const Scope& scope, std::span<const hal::Operand> operands);
  bool check_list(const Scope& scope, const CommandListDesc& list);
  bool check_host_function(const Scope& scope, const HostFunctionDesc& function);

  HALCYON_COLD bool corrupt(Literal what, const Scope& scope) {
    return fail(corrupt_at(place(scope.position), what));
  }
  bool location_exists(uint32_t location) const { return location == UINT32_MAX || location < desc_.locations.size(); }
  // Of a static shape; false where the size is not below 2^63.
  static bool static_bytes(ElementType type, std::span<const uint64_t> shape, uint64_t& bytes) {
    uint64_t elements = 1;
    for (const uint64_t size : shape)
      if (__builtin_mul_overflow(elements, size, &elements)) return false;
    return byte_size(type, elements, bytes) && bytes <= INT64_MAX;
  }

  Artifact& artifact_;
  MetadataDesc& desc_;
};

HALCYON_FUNC bool ArtifactReader::check(uint8_t table, const Scope& scope) {
  switch (table) {
    case artifact_tables::metadata:
      if ((desc_.required_features & ~known_features) == 0) return true;
      return fail(mismatch(Code::unsupported, "load: the artifact needs a newer runtime",
                           known_features, desc_.required_features));
    case artifact_tables::segment: return check_segment(scope, scope.as<SegmentDesc>());
    case artifact_tables::constant: return check_constant(scope, scope.as<ConstantDesc>());
    case artifact_tables::variable: return check_variable(scope, scope.as<VariableDesc>());
    case artifact_tables::function: return check_function(scope, scope.as<FunctionDesc>());
    case artifact_tables::argument: return check_value(scope, scope.as<ValueDesc>(), true);
    case artifact_tables::result: return check_value(scope, scope.as<ValueDesc>(), false);
    case artifact_tables::kernel:
      return location_exists(scope.as<hal::ExportDesc>().location) || corrupt("load: a kernel's location does not exist", scope);
    case artifact_tables::variant: return check_variant(scope, scope.as<hal::VariantDesc>());
    case artifact_tables::command: return check_command(scope, scope.as<hal::Command>());
    case artifact_tables::command_list: return check_list(scope, scope.as<CommandListDesc>());
    case artifact_tables::host_function: return check_host_function(scope, scope.as<HostFunctionDesc>());
    case artifact_tables::plan: {
      PlanDesc& plan = scope.as<PlanDesc>();
      HostVerifier verifier(artifact_, arena_, plan);
      return verifier.verify() || fail(verifier.failure());
    }
    default: return true;
  }
}

// ---- shared by all plans ------------------------------------------------------------------------------------

HALCYON_FUNC bool ArtifactReader::check_segment(const Scope& scope, SegmentDesc& segment) {
  if (segment.kind > SegmentKind::code) return corrupt("load: unknown kind of segment", scope);
  const uint64_t file_size = artifact_.file_.size();
  if (segment.offset > file_size || segment.length > file_size - segment.offset)
    return corrupt("load: a segment is not inside the file", scope);
  const uint64_t alignment = segment.kind == SegmentKind::code ? code_alignment : constants_alignment;
  if (segment.offset % alignment != 0) return corrupt("load: a segment is not aligned", scope);
  if (!segment.sha256.empty() && segment.sha256.size() != 32) return corrupt("load: a segment's SHA-256 is not 32 bytes", scope);
  return true;
}

HALCYON_FUNC bool ArtifactReader::check_constant(const Scope& scope, ConstantDesc& constant) {
  if (!is_known(constant.type)) return corrupt("load: unknown element type", scope);
  if (constant.shape.size() > max_rank) return corrupt("load: more than 8 dimensions", scope);
  uint64_t bytes = 0;
  if (!static_bytes(constant.type, constant.shape, bytes)) return corrupt("load: a shape is negative or too large", scope);
  constant.external = constant.scope.data() || constant.key.data();
  if (constant.external) {
    constant.length = bytes;
    return true;
  }
  if (constant.segment >= desc_.segments.size()) return corrupt("load: a constant's segment does not exist", scope);
  const SegmentDesc& segment = desc_.segments[constant.segment];
  if (segment.kind != SegmentKind::constants) return corrupt("load: a constant lies in a code segment", scope);
  if (constant.offset > segment.length || constant.length > segment.length - constant.offset)
    return corrupt("load: a constant is not inside its segment", scope);
  if (constant.length < bytes) return corrupt("load: a constant is shorter than its shape", scope);
  if (constant.offset % alignment(constant.type) != 0) return corrupt("load: a constant is not aligned to its element type", scope);
  return true;
}

HALCYON_FUNC bool ArtifactReader::check_variable(const Scope& scope, VariableDesc& variable) {
  if (!is_known(variable.type)) return corrupt("load: unknown element type", scope);
  if (variable.shape.size() > max_rank) return corrupt("load: more than 8 dimensions", scope);
  if (!static_bytes(variable.type, variable.shape, variable.bytes)) return corrupt("load: a shape is negative or too large", scope);
  if (variable.initial == -1) return true;
  if (static_cast<uint32_t>(variable.initial) >= desc_.constants.size())
    return corrupt("load: a variable's initial constant is missing or too short", scope);
  if (desc_.constants[static_cast<uint32_t>(variable.initial)].length < variable.bytes)
    return corrupt("load: a variable's initial constant is missing or too short", scope);
  return true;
}

// ---- functions ----------------------------------------------------------------------------------------------

HALCYON_FUNC bool ArtifactReader::check_value(const Scope& scope, ValueDesc& value, bool is_argument) {
  if (!is_known(value.type)) return corrupt("load: unknown element type", scope);
  if (value.residence > Residence::both) return corrupt("load: unknown residence", scope);
  std::span<const std::byte> raw;
  if (!array(scope, schema::Value::VT_SHAPE, sizeof(schema::Dim), alignof(schema::Dim), raw)) return false;
  const schema::Dim* dims = reinterpret_cast<const schema::Dim*>(raw.data());
  const size_t rank = raw.size() / sizeof(schema::Dim);
  if (rank > max_rank) return corrupt("load: more than 8 dimensions", scope);
  std::span<Dimension> shape;
  if (rank != 0 && !arena_.allocate(rank, shape)) return fail(out_of_memory());
  value.shape = shape;
  uint64_t elements = 1;
  bool is_static = true;
  for (size_t i = 0; i < rank; ++i) {
    const int32_t symbol = dims[i].symbol();
    if (symbol == -1) {
      shape[i].size = dims[i].size();
      if (shape[i].size < 0) return corrupt("load: a shape is negative or too large", scope);
      if (__builtin_mul_overflow(elements, static_cast<uint64_t>(shape[i].size), &elements))
        return corrupt("load: a shape is negative or too large", scope);
    } else {
      if (static_cast<uint32_t>(symbol) >= desc_.symbols.size()) return corrupt("load: a dimension's symbol does not exist", scope);
      shape[i].symbol = symbol;
      shape[i].name = desc_.symbols[static_cast<uint32_t>(symbol)];
      is_static = false;
    }
  }
  uint64_t bytes = 0;
  if (!byte_size(value.type, elements, bytes) || bytes > INT64_MAX) return corrupt("load: a shape is negative or too large", scope);
  if (!is_argument || value.residence == Residence::device) return true;
  if (!is_static || elements > max_host_elements)
    return corrupt("load: a host argument is dynamic, or larger than 64 elements", scope);
  if (!is_host_type(value.type)) return corrupt("load: a host argument's element type has no host value", scope);
  return true;
}

HALCYON_FUNC bool ArtifactReader::check_function(const Scope& scope, const FunctionDesc& function) {
  if (desc_.functions.size() > max_functions) return corrupt("load: more than 4096 functions", scope);
  for (const FunctionDesc* other = desc_.functions.data(); other != &function; ++other)
    if (other->name == function.name) return corrupt("load: two functions have one name", scope);
  if (function.arguments.size() > UINT16_MAX || function.results.size() > UINT16_MAX)
    return corrupt("load: too many arguments or results", scope);
  for (const DonationDesc& donation : function.donations) {
    if (donation.argument >= function.arguments.size() || donation.result >= function.results.size())
      return corrupt("load: a donation names no argument or result", scope);
    if (function.arguments[donation.argument].residence == Residence::host)
      return corrupt("load: a host argument cannot be donated", scope);
    for (const DonationDesc* other = function.donations.data(); other != &donation; ++other)
      if (other->argument == donation.argument || other->result == donation.result)
        return corrupt("load: an argument or result is donated twice", scope);
  }
  return true;
}

// ---- plans --------------------------------------------------------------------------------------------------

HALCYON_FUNC bool ArtifactReader::check_variant(const Scope& scope, hal::VariantDesc& variant) {
  if (variant.format > hal::Format::named || variant.format == hal::Format::none) return corrupt("load: unknown executable format", scope);
  if (variant.exports.size() != scope.parent->as<hal::ExecutableDesc>().exports.size())
    return corrupt("load: a variant's exports are not its executable's", scope);
  for (const hal::VariantExport& entry : variant.exports)
    if (entry.tile[0] == 0 || entry.tile[1] == 0 || entry.tile[2] == 0) return corrupt("load: a tile of size 0", scope);
  uint32_t segment = 0;
  if (!number(scope, schema::Variant::VT_SEGMENT, segment)) return false;
  if (variant.format == hal::Format::static_table || variant.format == hal::Format::named) return true;
  if (segment >= desc_.segments.size()) return corrupt("load: a variant's segment does not exist", scope);
  if (desc_.segments[segment].kind != SegmentKind::code) return corrupt("load: a variant lies in a constants segment", scope);
  variant.image = artifact_.bytes(desc_.segments[segment]);
  return true;
}

// A bool is one once its byte is 0 or 1.
HALCYON_FUNC bool ArtifactReader::check_operands(const Scope& scope, std::span<const hal::Operand> operands) {
  for (const hal::Operand& operand : operands)
    if (*reinterpret_cast<const uint8_t*>(&operand.is_parameter) > 1) return corrupt("load: an operand is neither a number nor a parameter", scope);
  return true;
}

HALCYON_FUNC bool ArtifactReader::check_command(const Scope& scope, hal::Command& command) {
  const CommandListDesc& list = scope.parent->as<CommandListDesc>();
  for (const hal::Range& range : command.ranges)
    if (!check_operands(scope, {&range.offset, 1}) || !check_operands(scope, {&range.size, 1})) return false;
  if (!check_operands(scope, command.operands)) return false;
  if (!location_exists(command.location)) return corrupt("load: a command's location does not exist", scope);
  std::span<const std::byte> workload;
  if (!array(scope, schema::Command::VT_WORKLOAD, sizeof(hal::Operand), alignof(hal::Operand), workload)) return false;
  hal::KernelShape kernel;
  if (command.type == hal::Command::Type::dispatch) {
    const std::span<const hal::ExecutableDesc> executables = scope.parent->parent->as<PlanDesc>().executables;
    if (command.executable_index >= executables.size()) return corrupt("load: a dispatch's executable does not exist", scope);
    const std::span<const hal::ExportDesc> kernels = executables[command.executable_index].exports;
    if (command.export_index >= kernels.size()) return corrupt("load: a dispatch's kernel does not exist", scope);
    kernel = {kernels[command.export_index].bindings, kernels[command.export_index].parameters};
    if (workload.size() != sizeof command.workload) return corrupt("load: a workload has three sizes", scope);
    std::memcpy(command.workload, workload.data(), sizeof command.workload);
    if (!check_operands(scope, command.workload)) return false;
  }
  const Status status = hal::validate(command, 0, {list.bindings, list.parameters}, kernel);
  return status.ok() || fail(status.as(Code::corrupt_artifact, {Kind::byte_offset, Where::whole, 0, 0, static_cast<int64_t>(place(scope.position)), 0}));
}

HALCYON_FUNC bool ArtifactReader::check_list(const Scope& scope, const CommandListDesc& list) {
  if (list.bindings > UINT16_MAX || list.parameters > UINT16_MAX) return corrupt("load: a command list has too many slots", scope);
  PlanDesc& plan = scope.parent->as<PlanDesc>();
  if (list.bindings > plan.max_bindings) plan.max_bindings = list.bindings;
  if (list.parameters > plan.max_parameters) plan.max_parameters = list.parameters;
  return true;
}

HALCYON_FUNC bool ArtifactReader::check_host_function(const Scope& scope, const HostFunctionDesc& function) {
  if (function.function != -1 && static_cast<uint32_t>(function.function) >= desc_.functions.size())
    return corrupt("load: a host function implements no function", scope);
  if (function.registers.size() > UINT16_MAX || function.returns.size() > UINT16_MAX)
    return corrupt("load: a host function has more than 65535 registers", scope);
  for (const std::span<const RegisterType> types : {function.registers, function.returns})
    for (const RegisterType type : types)
      if (type > RegisterType::list) return corrupt("load: unknown type of register", scope);
  if (function.parameters > function.registers.size()) return corrupt("load: a host function has fewer registers than parameters", scope);
  if (function.allocations > UINT16_MAX) return corrupt("load: a host function has too many alloca sites", scope);
  return true;
}

// ---- the container ------------------------------------------------------------------------------------------

HALCYON_FUNC Result<Owned<Artifact>> Artifact::open(std::span<const std::byte> file, const OpenOptions& options,
                                                    const Allocator& allocator) {
  ArtifactHeader header;
  if (file.size() < sizeof header) return corrupt_at(file.size(), "load: the file is too short for a header");
  std::memcpy(&header, file.data(), sizeof header);
  if (std::memcmp(header.magic, "HCM1", 4) != 0) return corrupt_at(0, "load: not a Halcyon artifact");
  if (header.major != 1)
    return mismatch(Code::unsupported, "load: the artifact is of another major version", 1, header.major);
  if (header.file_size > file.size()) return corrupt_at(file.size(), "load: the file ends early");
  if (header.file_size < file.size()) return corrupt_at(header.file_size, "load: bytes after the end");
  if (header.metadata_offset != sizeof header) return corrupt_at(16, "load: the metadata does not follow the header");
  if (header.metadata_size > file.size() - sizeof header) return corrupt_at(24, "load: the metadata is not inside the file");
  if (header.metadata_size > max_metadata_size) return corrupt_at(24, "load: more than 64 MiB of metadata");

  auto artifact = make<Artifact>(allocator, allocator);
  if (!artifact) return out_of_memory();
  const size_t size = static_cast<size_t>(header.metadata_size);
  void* memory = artifact->arena_.take(1, size + 1);
  artifact->desc_ = static_cast<MetadataDesc*>(artifact->arena_.take(1, sizeof(MetadataDesc)));
  if (!memory || !artifact->desc_) return out_of_memory();
  std::memcpy(memory, file.data() + sizeof header, size);
  std::memcpy(artifact->metadata_sha256_, header.metadata_sha256, 32);
  artifact->file_ = file;
  artifact->metadata_ = {static_cast<const std::byte*>(memory), size};
  artifact->minor_ = header.minor;
  artifact->calls_host_ = options.calls_host;
  artifact->lists_ = options.lists;
  if (options.authenticate) HALCYON_TRY(options.authenticate(options.user, artifact->metadata_));
  ArtifactReader reader(*artifact);
  if (!reader.read()) return reader.failure();
  return artifact;
}

HALCYON_FUNC Status Artifact::verify_sha256() const {
  uint8_t digest[32];
  const uint8_t none[32] = {};
  if (std::memcmp(metadata_sha256_, none, 32) != 0) {
    sha256(metadata_, digest);
    if (std::memcmp(digest, metadata_sha256_, 32) != 0)
      return corrupt_at(sizeof(ArtifactHeader), "verify: the metadata's SHA-256 differs");
  }
  for (const SegmentDesc& segment : segments()) {
    if (segment.sha256.empty()) continue;
    sha256(bytes(segment), digest);
    if (std::memcmp(digest, segment.sha256.data(), 32) != 0)
      return corrupt_at(segment.offset, "verify: a segment's SHA-256 differs");
  }
  return {};
}

HALCYON_NAMESPACE_END
