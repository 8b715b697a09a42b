// halcyon/drivers/cpu/elf.hpp -- loads the one kind of ELF image that the compiler links: position-independent,
// RELATIVE relocations only, no dependencies, one exported symbol, `hcy_library`.
//
//   ElfImage image;
//   HALCYON_TRY(image.load(bytes, kernel_count));
//   image.kernel(0);
//
// The image is copied and protected: no page is ever writable and executable. Every offset and size is
// checked before it is used; what is wrong is corrupt_artifact with the literal reason.
// Threads: immutable once loaded.
#pragma once
#include <cstddef>
#include <span>

#include "halcyon/hal/kernel_abi.h"
#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class ElfImage {
 public:
  ElfImage() = default;
  ElfImage(const ElfImage&) = delete;
  ElfImage& operator=(const ElfImage&) = delete;
  ~ElfImage() { unload(); }

  // `kernel_count`: how many the library must have.
  Status load(std::span<const std::byte> file, uint32_t kernel_count);
  void unload();
  hcy_kernel kernel(uint32_t index) const;

 private:
  std::byte* memory_ = nullptr;
  size_t size_ = 0;                  // whole pages
  const std::byte* kernels_ = nullptr;  // hcy_library::kernels
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/elf.ipp"
#endif
