// halcyon/drivers/cpu/features.ipp -- bodies of features.hpp: one table for each architecture.
#pragma once
#include "halcyon/drivers/cpu/features.hpp"
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace detail {

enum class Level : uint8_t { baseline, avx2, avx512 };

#if defined(__x86_64__)

// Where a bit is found: a CPUID leaf, a register and what the operating system must save for it.
enum class Leaf : uint8_t { one, seven, seven_one, extended };
enum class Register : uint8_t { eax, ebx, ecx, edx };
enum class Saved : uint8_t { none, ymm, zmm };

struct Feature {
  std::string_view name;
  Level level;
  Leaf leaf;
  Register reg;
  uint8_t bit;
  Saved saved = Saved::none;
  constexpr uint16_t place() const {
    return static_cast<uint16_t>(static_cast<int>(leaf) | static_cast<int>(reg) << 2 | static_cast<int>(saved) << 4 | bit << 6);
  }
};

constexpr Feature features[] = {
    {"cx8", Level::baseline, Leaf::one, Register::edx, 8},
    {"cmov", Level::baseline, Leaf::one, Register::edx, 15},
    {"mmx", Level::baseline, Leaf::one, Register::edx, 23},
    {"fxsr", Level::baseline, Leaf::one, Register::edx, 24},
    {"sse", Level::baseline, Leaf::one, Register::edx, 25},
    {"sse2", Level::baseline, Leaf::one, Register::edx, 26},
    {"x87", Level::baseline, Leaf::one, Register::edx, 0},
    {"64bit", Level::baseline, Leaf::extended, Register::edx, 29},
    {"sse3", Level::avx2, Leaf::one, Register::ecx, 0},
    {"pclmul", Level::avx2, Leaf::one, Register::ecx, 1},
    {"ssse3", Level::avx2, Leaf::one, Register::ecx, 9},
    {"fma", Level::avx2, Leaf::one, Register::ecx, 12, Saved::ymm},
    {"cx16", Level::avx2, Leaf::one, Register::ecx, 13},
    {"sse4.1", Level::avx2, Leaf::one, Register::ecx, 19},
    {"sse4.2", Level::avx2, Leaf::one, Register::ecx, 20},
    {"crc32", Level::avx2, Leaf::one, Register::ecx, 20},
    {"movbe", Level::avx2, Leaf::one, Register::ecx, 22},
    {"popcnt", Level::avx2, Leaf::one, Register::ecx, 23},
    {"aes", Level::avx2, Leaf::one, Register::ecx, 25},
    {"xsave", Level::avx2, Leaf::one, Register::ecx, 27},  // OSXSAVE: what programs may use
    {"avx", Level::avx2, Leaf::one, Register::ecx, 28, Saved::ymm},
    {"f16c", Level::avx2, Leaf::one, Register::ecx, 29, Saved::ymm},
    {"rdrnd", Level::avx2, Leaf::one, Register::ecx, 30},
    {"fsgsbase", Level::avx2, Leaf::seven, Register::ebx, 0},
    {"bmi", Level::avx2, Leaf::seven, Register::ebx, 3},
    {"avx2", Level::avx2, Leaf::seven, Register::ebx, 5, Saved::ymm},
    {"bmi2", Level::avx2, Leaf::seven, Register::ebx, 8},
    {"rdseed", Level::avx2, Leaf::seven, Register::ebx, 18},
    {"adx", Level::avx2, Leaf::seven, Register::ebx, 19},
    {"clflushopt", Level::avx2, Leaf::seven, Register::ebx, 23},
    {"clwb", Level::avx2, Leaf::seven, Register::ebx, 24},
    {"sha", Level::avx2, Leaf::seven, Register::ebx, 29},
    {"gfni", Level::avx2, Leaf::seven, Register::ecx, 8},
    {"vaes", Level::avx2, Leaf::seven, Register::ecx, 9, Saved::ymm},
    {"vpclmulqdq", Level::avx2, Leaf::seven, Register::ecx, 10, Saved::ymm},
    {"avxvnni", Level::avx2, Leaf::seven_one, Register::eax, 4, Saved::ymm},
    {"avxifma", Level::avx2, Leaf::seven_one, Register::eax, 23, Saved::ymm},
    {"avxvnniint8", Level::avx2, Leaf::seven_one, Register::edx, 4, Saved::ymm},
    {"avxneconvert", Level::avx2, Leaf::seven_one, Register::edx, 5, Saved::ymm},
    {"sahf", Level::avx2, Leaf::extended, Register::ecx, 0},
    {"lzcnt", Level::avx2, Leaf::extended, Register::ecx, 5},
    {"sse4a", Level::avx2, Leaf::extended, Register::ecx, 6},
    {"prfchw", Level::avx2, Leaf::extended, Register::ecx, 8},
    {"avx512f", Level::avx512, Leaf::seven, Register::ebx, 16, Saved::zmm},
    {"avx512dq", Level::avx512, Leaf::seven, Register::ebx, 17, Saved::zmm},
    {"avx512ifma", Level::avx512, Leaf::seven, Register::ebx, 21, Saved::zmm},
    {"avx512cd", Level::avx512, Leaf::seven, Register::ebx, 28, Saved::zmm},
    {"avx512bw", Level::avx512, Leaf::seven, Register::ebx, 30, Saved::zmm},
    {"avx512vl", Level::avx512, Leaf::seven, Register::ebx, 31, Saved::zmm},
    {"evex512", Level::avx512, Leaf::seven, Register::ebx, 16, Saved::zmm},
    {"avx512vbmi", Level::avx512, Leaf::seven, Register::ecx, 1, Saved::zmm},
    {"avx512vbmi2", Level::avx512, Leaf::seven, Register::ecx, 6, Saved::zmm},
    {"avx512vnni", Level::avx512, Leaf::seven, Register::ecx, 11, Saved::zmm},
    {"avx512bitalg", Level::avx512, Leaf::seven, Register::ecx, 12, Saved::zmm},
    {"avx512vpopcntdq", Level::avx512, Leaf::seven, Register::ecx, 14, Saved::zmm},
    {"avx512vp2intersect", Level::avx512, Leaf::seven, Register::edx, 8, Saved::zmm},
    {"avx512fp16", Level::avx512, Leaf::seven, Register::edx, 23, Saved::zmm},
    {"avx512bf16", Level::avx512, Leaf::seven_one, Register::eax, 5, Saved::zmm},
};

// XCR0: which registers the operating system saves. Only where CPUID says that it can be read.
inline uint64_t saved_registers() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

struct Machine {
  uint32_t leaves[4][4] = {};
  uint64_t saved = 0;

  Machine() {
    constexpr uint32_t numbers[4] = {1, 7, 7, 0x80000001u};
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t part = i == 2 ? 1 : 0;
      uint32_t most[4], *r = leaves[i];
      __cpuid_count(numbers[i] & 0x80000000u, 0, most[0], most[1], most[2], most[3]);
      if (numbers[i] > most[0] || (part != 0 && leaves[1][0] == 0)) continue;  // no such leaf, or no second part of it
      __cpuid_count(numbers[i], part, r[0], r[1], r[2], r[3]);
    }
    if (leaves[0][2] & (1u << 27)) saved = saved_registers();
  }
  bool has(uint16_t place) const {
    const Saved wanted = static_cast<Saved>(place >> 4 & 3);
    const uint64_t registers = wanted == Saved::none ? 0 : wanted == Saved::ymm ? 0x6 : 0xe6;
    return (saved & registers) == registers && (leaves[place & 3][place >> 2 & 3] >> (place >> 6) & 1) != 0;
  }
};

#elif defined(__aarch64__)

struct Feature {
  std::string_view name;
  Level level;
  uint8_t word;  // AT_HWCAP or AT_HWCAP2
  uint8_t bit;
  constexpr uint16_t place() const { return static_cast<uint16_t>(word | bit << 6); }
};

constexpr Feature features[] = {
    {"fp-armv8", Level::baseline, 0, 0}, {"neon", Level::baseline, 0, 1},  {"aes", Level::avx2, 0, 3},
    {"sha2", Level::avx2, 0, 6},         {"crc", Level::avx2, 0, 7},       {"lse", Level::avx2, 0, 8},
    {"fullfp16", Level::avx2, 0, 10},    {"rdm", Level::avx2, 0, 12},      {"jsconv", Level::avx2, 0, 13},
    {"complxnum", Level::avx2, 0, 14},   {"rcpc", Level::avx2, 0, 15},     {"sha3", Level::avx2, 0, 17},
    {"dotprod", Level::avx2, 0, 20},     {"sve", Level::avx512, 0, 22},    {"fp16fml", Level::avx2, 0, 23},
    {"sve2", Level::avx512, 1, 1},       {"i8mm", Level::avx2, 1, 13},     {"bf16", Level::avx2, 1, 14},
};

struct Machine {
  uint64_t words[2] = {};

  Machine() {
#if defined(__linux__)
    words[0] = getauxval(AT_HWCAP);
    words[1] = getauxval(AT_HWCAP2);
#else
    words[0] = 3;
#endif
  }
  bool has(uint16_t place) const { return (words[place & 1] >> (place >> 6) & 1) != 0; }
};

#else

struct Feature {
  std::string_view name;
  Level level;
  constexpr uint16_t place() const { return 0; }
};
constexpr Feature features[] = {{"", Level::baseline}};
struct Machine {
  bool has(uint16_t) const { return false; }
};

#endif

constexpr uint32_t feature_count = sizeof features / sizeof features[0];
static_assert(feature_count <= 128);

constexpr size_t name_bytes() {
  size_t bytes = 0;
  for (const Feature& feature : features) bytes += feature.name.size() + 1;
  return bytes;
}

// The table as it is linked: without pointers or padding.
struct PackedFeatures {
  uint16_t places[feature_count] = {};
  Level levels[feature_count] = {};
  char names[name_bytes()] = {};  // one after the other, a zero behind each

  constexpr PackedFeatures() {
    size_t at = 0;
    for (uint32_t i = 0; i < feature_count; ++i) {
      places[i] = features[i].place();
      levels[i] = features[i].level;
      for (const char c : features[i].name) names[at++] = c;
      ++at;
    }
  }
};
inline constexpr PackedFeatures packed_features;

}  // namespace detail

HALCYON_FUNC void Features::detect() {
  const detail::Machine machine;
  for (uint32_t i = 0; i < detail::feature_count; ++i)
    if (machine.has(detail::packed_features.places[i])) present_[i / 64] |= uint64_t{1} << (i % 64);
}

HALCYON_FUNC bool Features::limit(std::string_view level) {
  constexpr std::string_view levels[] = {"baseline", "avx2", "avx512"};
  for (uint8_t l = 0; l < 3; ++l) {
    if (level != levels[l]) continue;
    for (uint32_t i = 0; i < detail::feature_count; ++i)
      if (static_cast<uint8_t>(detail::packed_features.levels[i]) > l) present_[i / 64] &= ~(uint64_t{1} << (i % 64));
    return true;
  }
  return false;
}

HALCYON_FUNC std::string_view Features::name(uint32_t index) {
  return index < detail::feature_count ? detail::features[index].name : std::string_view();
}

HALCYON_FUNC bool Features::has(std::string_view name) const {
  const char* next = detail::packed_features.names;
  for (uint32_t i = 0; i < detail::feature_count; ++i) {
    const std::string_view known = next;
    if (name == known) return (present_[i / 64] >> (i % 64)) & 1;
    next += known.size() + 1;
  }
  return false;
}

}  // namespace cpu
HALCYON_NAMESPACE_END
