// halcyon/artifact.hpp -- a .hcm file, decoded and verified: plain data that the program runs from.
//
//   HALCYON_ASSIGN(auto artifact, Artifact::open(bytes, {}, allocator));
//   for (const FunctionDesc& function : artifact->functions()) ...
//
// `open` copies the metadata to private memory and verifies that copy whole: what was verified is what
// runs. Segments stay where they are. Borrowed: the file's bytes, which must not change while it is open.
// Threads: immutable once open.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/allocator.hpp"
#include "halcyon/element_type.hpp"
#include "halcyon/hal/commands.hpp"
#include "halcyon/hal/executable.hpp"

HALCYON_NAMESPACE_BEGIN

// The values below are those of src/schema/artifact.fbs, and so are the layouts of what is read in place.
enum class Residence : uint8_t { device, host, both };
enum class SegmentKind : uint8_t { constants, code };
enum class RegisterType : uint8_t { i64, f64, buffer, list };

struct Dimension {
  int64_t size = -1;        // -1: known at the call
  int32_t symbol = -1;      // equal symbols of one function are equal sizes
  std::string_view name;    // the symbol's
  bool dynamic() const { return symbol >= 0; }
};

struct ValueDesc {
  std::string_view name;
  ElementType type;
  std::span<const Dimension> shape;
  Residence residence = Residence::device;
};

struct DonationDesc {
  uint32_t argument = 0, result = 0;
};

struct FunctionDesc {
  std::string_view name;
  std::span<const ValueDesc> arguments;
  std::span<const ValueDesc> results;
  std::span<const DonationDesc> donations;
};

struct SegmentDesc {
  SegmentKind kind = SegmentKind::constants;
  uint64_t offset = 0, length = 0;
  std::span<const uint8_t> sha256;  // 32 bytes, or none
};

struct ConstantDesc {
  uint32_t segment = 0;
  uint64_t offset = 0, length = 0;
  bool external = false;
  std::string_view scope, key;
  ElementType type;
  std::span<const uint64_t> shape;
};

struct VariableDesc {
  std::string_view name;
  ElementType type;
  std::span<const uint64_t> shape;
  int32_t initial = -1;  // constant, or -1: zeros
  uint64_t bytes = 0;
};

struct LocationDesc {
  std::string_view name, file;
  uint32_t line = 0;
};

// Where an argument or result lies in the registers of its host function.
struct ValueSlots {
  uint32_t buffer = UINT32_MAX;      // register (argument) or position in `returns` (result)
  uint32_t dimensions = UINT32_MAX;  // the first of its dynamic dimensions
  uint32_t elements = UINT32_MAX;    // the first of its host elements
  uint32_t element_count = 0;
  uint32_t site = UINT32_MAX;        // result: the alloca site that makes its buffer, where that is certain
  uint32_t donor = UINT32_MAX;       // result: the argument whose buffer it is
};

struct HostFunctionDesc {
  int32_t function = -1;  // of Artifact::functions(), or -1: internal
  std::span<const RegisterType> registers;
  uint32_t parameters = 0;
  std::span<const RegisterType> returns;
  uint32_t allocations = 0;
  std::span<const uint32_t> code;
  // Found by the verifier:
  uint32_t first_site = 0;        // its alloca sites in the plan's numbering
  uint32_t stack_registers = 0;   // its own and its deepest callees'
  uint32_t depth = 0;             // of calls; the call graph has no cycles
  std::span<const ValueSlots> arguments;
  std::span<const ValueSlots> results;
};

struct CommandListDesc {
  uint32_t bindings = 0, parameters = 0;
  std::span<hal::Command> commands;  // Command::executable is filled in at load, from its executable_index
};

struct PlanDesc {
  std::string_view family;
  std::span<HostFunctionDesc> functions;
  std::span<CommandListDesc> command_lists;
  std::span<hal::ExecutableDesc> executables;
  std::span<const uint32_t> entries;  // of each exported function, its host function
  uint32_t sites = 0;                 // alloca sites of all functions
  uint32_t max_bindings = 0, max_parameters = 0;  // of any command list
};

// The whole of the metadata.
struct MetadataDesc {
  uint64_t required_features = 0;
  std::string_view producer, flags;
  std::span<const std::string_view> symbols;
  std::span<const FunctionDesc> functions;
  std::span<const SegmentDesc> segments;
  std::span<const ConstantDesc> constants;
  std::span<const VariableDesc> variables;
  std::span<const LocationDesc> locations;
  std::span<PlanDesc> plans;
  uint8_t results_mappable = 0;  // 0: not
  std::span<const FunctionDesc> callbacks;
};

// What may be asked of the file before anything of it is used.
struct OpenOptions {
  // May refuse the metadata (a signature of the application's own); null: everything is taken.
  Status (*authenticate)(void* user, std::span<const std::byte> metadata) = nullptr;
  void* user = nullptr;
  bool calls_host = true;  // false: a program that calls functions of the application is refused
  bool lists = true;       // false: one that uses lists is
};

class Artifact {
 public:
  // Errors: corrupt_artifact with a byte offset, index or source op; unsupported for a newer format.
  static Result<Owned<Artifact>> open(std::span<const std::byte> file, const OpenOptions& options, const Allocator& allocator);

  std::string_view producer() const { return desc_->producer; }
  std::string_view flags() const { return desc_->flags; }
  std::span<const std::string_view> symbols() const { return desc_->symbols; }
  std::span<const FunctionDesc> functions() const { return desc_->functions; }
  std::span<const SegmentDesc> segments() const { return desc_->segments; }
  std::span<const ConstantDesc> constants() const { return desc_->constants; }
  std::span<const VariableDesc> variables() const { return desc_->variables; }
  std::span<const LocationDesc> locations() const { return desc_->locations; }
  std::span<const PlanDesc> plans() const { return desc_->plans; }
  std::span<const FunctionDesc> callbacks() const { return desc_->callbacks; }
  bool calls_host() const { return calls_host_; }
  bool lists() const { return lists_; }
  bool results_mappable() const { return desc_->results_mappable != 0; }
  std::span<const std::byte> bytes(const SegmentDesc& segment) const { return file_.subspan(segment.offset, segment.length); }
  std::span<const std::byte> file() const { return file_; }
  std::span<const std::byte> metadata() const { return metadata_; }  // the private copy
  uint16_t minor() const { return minor_; }
  // Compares every segment that carries a SHA-256 and the metadata's own; corrupt_artifact where one differs.
  Status verify_sha256() const;

  explicit Artifact(const Allocator& allocator) : arena_(allocator) {}
  const Allocator& allocator() const { return arena_.allocator(); }
  size_t object_size() const { return sizeof(Artifact); }
  size_t object_alignment() const { return alignof(Artifact); }
  void* object_memory() { return this; }

 private:
  friend class Program;
  friend class ArtifactReader;

  Arena arena_;
  std::span<const std::byte> file_;
  std::span<const std::byte> metadata_;
  uint8_t metadata_sha256_[32] = {};
  uint16_t minor_ = 0;
  bool calls_host_ = true, lists_ = true;
  MetadataDesc* desc_ = nullptr;  // in the arena
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/artifact.ipp"
#endif
