// halcyon/drivers/cpu/executable.hpp -- the kernels of the variant that this machine runs best.
#pragma once
#include "halcyon/drivers/cpu/elf.hpp"
#include "halcyon/drivers/cpu/features.hpp"
#include "halcyon/drivers/cpu/options.hpp"
#include "halcyon/drivers/shared/recording.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

// The kernels that the application gave: by hash, by name.
using OwnKernels = Kernels[2];

class CpuExecutable final : public shared::HostExecutable {
 public:
  explicit CpuExecutable(shared::Owner& owner) : HostExecutable(owner.allocator), owner_(owner) {}

  // Takes the first variant that runs here. Errors: as hal::Device::create_executable.
  Status load(const hal::ExecutableDesc& desc, const Features& features, const OwnKernels& own, std::span<hal::Rejection> rejections);

 private:
  void recycle() override { owner_.destroy(this); }
  hal::Rejection judge(const hal::ExecutableDesc& desc, const hal::VariantDesc& variant, const Features& features, const OwnKernels& own);
  Status take(const hal::VariantDesc& variant);

  shared::Owner& owner_;
  ElfImage image_;
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/executable.ipp"
#endif
