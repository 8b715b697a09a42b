// halcyon/hal/executable.hpp -- compiled kernels in one format, loaded by a device.
//
//   HALCYON_ASSIGN(auto kernels, device.create_executable(desc, &rejections));
//
// An executable comes in variants (instruction sets, GPU architectures) which share exports, bindings
// and parameters. The driver takes the first variant that it can run and says of the others why not.
// Threads: immutable once created.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/ref.hpp"
#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

// static_table and named have no image: the application gave the device its kernels, by hash or by the export's name. A
// device that takes none, or lacks one, rejects the variant; Rejection::feature is then the kernel's name.
enum class Format : uint8_t { none, elf, static_table, spirv, ptx, named };  // as in src/schema/artifact.fbs

// Part of the work of one dispatch, for tools: each number times the parameters that `factors` names, `none` for none.
// As in src/schema/artifact.fbs.
struct Cost {
  static constexpr uint16_t none = UINT16_MAX;
  uint64_t flops = 0;                // a multiply-add is two
  uint64_t read = 0, written = 0;    // bytes
  uint16_t factors[4] = {none, none, none, none};
};

// What a kernel is, in every variant.
struct ExportDesc {
  std::string_view name = {};           // for errors and traces
  uint32_t bindings = 0;           // how many buffer ranges it sees
  uint32_t parameters = 0;         // how many u64 it sees
  uint32_t location = UINT32_MAX;  // the source op, for errors
  uint64_t written = UINT64_MAX;   // bit i: binding i may be written; all ones: any of them may be
  std::span<const Cost> costs = {};  // none: not known
};

// How one variant runs one export.
struct VariantExport {
  uint32_t tile[3] = {1, 1, 1};  // grid of workgroups = ceil(workload / tile), per dimension
  uint32_t local_memory = 0;     // bytes of scratch a worker lends to it
  uint64_t hash = 0;             // names the kernel in a static table
};

struct VariantDesc {
  Format format = Format::none;
  std::string_view target = {};                       // "x86_64", "aarch64", "vulkan1.2", "sm_80"
  std::string_view cpu = {};                          // for people
  std::span<const std::string_view> features = {};    // all must be there, spelled as LLVM does: "avx2", "fma"
  std::span<const VariantExport> exports = {};        // one for each of ExecutableDesc::exports
  std::span<const std::byte> image = {};              // borrowed from the mapped artifact
};

struct ExecutableDesc {
  std::span<const ExportDesc> exports = {};
  std::span<const VariantDesc> variants = {};  // in order of preference
  const char* label = "";
};

// Why a variant was not taken.
struct Rejection {
  const char* reason = "";   // a literal
  std::string_view feature = {};  // the missing feature or kernel, if that was it; borrowed from the desc
};

class Executable : public Counted {
 public:
  uint32_t variant() const { return variant_; }  // the index of the variant that was taken

 protected:
  uint32_t variant_ = 0;
};

}  // namespace hal
HALCYON_NAMESPACE_END
