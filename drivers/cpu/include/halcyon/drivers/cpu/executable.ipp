// halcyon/drivers/cpu/executable.ipp -- bodies of executable.hpp.
#pragma once
#include "halcyon/drivers/cpu/executable.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace detail {

inline hcy_kernel find_static(std::span<const hcy_static_kernel> table, uint64_t hash) {
  for (const hcy_static_kernel& entry : table)
    if (entry.hash == hash) return entry.kernel;
  return nullptr;
}

}  // namespace detail

HALCYON_FUNC hal::Rejection CpuExecutable::judge(const hal::VariantDesc& variant, const Features& features,
                                                 std::span<const hcy_static_kernel> table) {
  if (variant.format != hal::Format::elf && variant.format != hal::Format::static_table)
    return {"the format is not one of a CPU", {}};
  if (variant.target != machine()) return {"made for another machine", {}};
  for (std::string_view feature : variant.features)
    if (!features.has(feature)) return {"the CPU lacks a feature", feature};
  if (variant.format == hal::Format::static_table)
    for (const hal::VariantExport& entry : variant.exports)
      if (!detail::find_static(table, entry.hash)) return {"kernel is not in the static table", {}};
  return {};
}

HALCYON_FUNC Status CpuExecutable::take(const hal::VariantDesc& variant, std::span<const hcy_static_kernel> table) {
  const uint32_t count = static_cast<uint32_t>(kernels_.size());
  const bool is_elf = variant.format == hal::Format::elf;
  if (variant.exports.size() != kernels_.size())
    return {Code::corrupt_artifact, "create_executable: a variant's exports are not its executable's"};
  if (is_elf) HALCYON_TRY(image_.load(variant.image, count));
  for (uint32_t i = 0; i < count; ++i) {
    const hal::VariantExport& entry = variant.exports[i];
    for (int d = 0; d < 3; ++d) {
      if (entry.tile[d] == 0) return {Code::corrupt_artifact, "create_executable: a tile is 0"};
      kernels_[i].tile[d] = entry.tile[d];
    }
    kernels_[i].local_memory = entry.local_memory;
    kernels_[i].function = is_elf ? image_.kernel(i) : detail::find_static(table, entry.hash);
  }
  return {};
}

HALCYON_FUNC Status CpuExecutable::load(const hal::ExecutableDesc& desc, const Features& features,
                                        std::span<const hcy_static_kernel> table, std::span<hal::Rejection> rejections) {
  HALCYON_TRY(describe(desc));
  bool taken = false;
  for (size_t i = 0; i < desc.variants.size(); ++i) {
    const hal::Rejection rejection =
        taken ? hal::Rejection{"a variant before it was taken", {}} : judge(desc.variants[i], features, table);
    if (i < rejections.size()) rejections[i] = rejection;
    if (rejection.reason[0] != 0) continue;
    taken = true;
    variant_ = static_cast<uint32_t>(i);
    HALCYON_TRY(take(desc.variants[i], table));
  }
  if (!taken) return {Code::unsupported, "create_executable: no variant runs on this machine"};
  return {};
}

}  // namespace cpu
HALCYON_NAMESPACE_END
