// halcyon/drivers/cpu/executable.ipp -- bodies of executable.hpp.
#pragma once
#include "halcyon/drivers/cpu/executable.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

HALCYON_FUNC hal::Rejection CpuExecutable::judge(const hal::ExecutableDesc& desc, const hal::VariantDesc& variant,
                                                 const Features& features, const OwnKernels& own) {
  const bool is_named = variant.format == hal::Format::named;
  if (!is_named && (variant.target != machine() || variant.format > hal::Format::static_table)) return {"made for another machine", {}};
  for (std::string_view feature : variant.features)
    if (!features.has(feature)) return {"the CPU lacks a feature", feature};
  if (variant.format == hal::Format::elf) return {};
  return own[is_named].resolve(desc, variant, kernels_);
}

HALCYON_FUNC Status CpuExecutable::take(const hal::VariantDesc& variant) {
  const uint32_t count = static_cast<uint32_t>(kernels_.size());
  const bool is_elf = variant.format == hal::Format::elf;
  if (variant.exports.size() != kernels_.size())
    return {Code::corrupt_artifact, "create_executable: the variant has other exports"};
  if (is_elf) HALCYON_TRY(image_.load(variant.image, count));
  for (uint32_t i = 0; i < count; ++i) {
    const hal::VariantExport& entry = variant.exports[i];
    for (int d = 0; d < 3; ++d) {
      if (entry.tile[d] == 0) return {Code::corrupt_artifact, "create_executable: a tile is 0"};
      kernels_[i].tile[d] = entry.tile[d];
    }
    kernels_[i].local_memory = entry.local_memory;
    if (is_elf) kernels_[i].function = image_.kernel(i);
  }
  return {};
}

HALCYON_FUNC Status CpuExecutable::load(const hal::ExecutableDesc& desc, const Features& features, const OwnKernels& own,
                                        std::span<hal::Rejection> rejections) {
  HALCYON_TRY(describe(desc));
  bool taken = false;
  for (size_t i = 0; i < desc.variants.size(); ++i) {
    const hal::Rejection rejection =
        taken ? hal::Rejection{"a variant before it was taken", {}} : judge(desc, desc.variants[i], features, own);
    if (i < rejections.size()) rejections[i] = rejection;
    if (rejection.reason[0] != 0) continue;
    taken = true;
    variant_ = static_cast<uint32_t>(i);
    HALCYON_TRY(take(desc.variants[i]));
  }
  if (!taken) return {Code::unsupported, "create_executable: no variant runs on this machine"};
  return {};
}

}  // namespace cpu
HALCYON_NAMESPACE_END
