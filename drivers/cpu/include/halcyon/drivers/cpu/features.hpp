// halcyon/drivers/cpu/features.hpp -- which instructions this machine and its operating system support,
// by the names that LLVM gives them.
//
//   Features features;
//   features.detect();
//   if (!features.has("avx512vnni")) ...
//
// Threads: immutable once detected.
#pragma once
#include <cstdint>
#include <string_view>

#include "halcyon/config.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

// The target that variants name, "" where this driver knows none.
constexpr std::string_view machine() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "";
#endif
}

class Features {
 public:
  void detect();
  // Hides what lies beyond a level: "baseline", "avx2" or "avx512". False for another name.
  bool limit(std::string_view level);
  bool has(std::string_view name) const;
  // The names that this driver knows, one by one; "" after the last.
  static std::string_view name(uint32_t index);

 private:
  uint64_t present_[2] = {};  // a bit for each row of the table in features.ipp
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/features.ipp"
#endif
