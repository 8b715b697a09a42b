// halcyon/drivers/cpu/executable.hpp -- the kernels of the variant that this machine runs best.
#pragma once
#include "halcyon/drivers/cpu/elf.hpp"
#include "halcyon/drivers/cpu/features.hpp"
#include "halcyon/drivers/shared/recording.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class CpuExecutable final : public shared::HostExecutable {
 public:
  explicit CpuExecutable(shared::Owner& owner) : HostExecutable(owner.allocator), owner_(owner) {}

  // Takes the first variant that runs here. Errors: as hal::Device::create_executable.
  Status load(const hal::ExecutableDesc& desc, const Features& features, std::span<const hcy_static_kernel> table,
              std::span<hal::Rejection> rejections);

 private:
  void recycle() override { owner_.destroy(this); }
  static hal::Rejection judge(const hal::VariantDesc& variant, const Features& features,
                              std::span<const hcy_static_kernel> table);
  Status take(const hal::VariantDesc& variant, std::span<const hcy_static_kernel> table);

  shared::Owner& owner_;
  ElfImage image_;
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/executable.ipp"
#endif
