// Bodies of halcyon/host_ops.hpp: elements to and from host values.
#pragma once
#include <bit>
#include <cmath>

#include "halcyon/host_ops.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC int64_t load_integer(ElementType type, const void* element) {
  uint64_t bits = 0;
  std::memcpy(&bits, element, type.bits / 8u);
  if (type.kind == ElementKind::boolean) return bits != 0;
  if (type.kind == ElementKind::uint || type.bits == 64) return static_cast<int64_t>(bits);
  const uint32_t unused = 64u - type.bits;
  return static_cast<int64_t>(bits << unused) >> unused;
}

HALCYON_FUNC double load_float(ElementType type, const void* element) {
  if (type == ElementType::f64) {
    double value = 0;
    std::memcpy(&value, element, 8);
    return value;
  }
  if (type == ElementType::f32) {
    float value = 0;
    std::memcpy(&value, element, 4);
    return static_cast<double>(value);
  }
  uint16_t half = 0;
  std::memcpy(&half, element, 2);
  if (type == ElementType::bf16) return static_cast<double>(std::bit_cast<float>(uint32_t{half} << 16));
  const uint64_t sign = uint64_t{half & 0x8000u} << 48, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  uint64_t bits = std::bit_cast<uint64_t>(static_cast<double>(fraction) * 0x1p-24);
  if (exponent != 0) bits = (exponent == 31 ? uint64_t{0x7ff} : exponent + (1023 - 15)) << 52 | fraction << 42;
  return std::bit_cast<double>(sign | bits);
}

HALCYON_FUNC uint64_t load_bits(ElementType type, const void* element) {
  return is_host_float(type) ? std::bit_cast<uint64_t>(load_float(type, element)) : static_cast<uint64_t>(load_integer(type, element));
}

HALCYON_FUNC uint64_t integer_bits(ElementType type, int64_t value) {
  if (type.kind == ElementKind::boolean) return value != 0;
  const uint64_t bits = static_cast<uint64_t>(value);
  return type.bits >= 64 ? bits : bits & ((uint64_t{1} << type.bits) - 1);
}

namespace host_detail {

// Rounds to a format with `fraction` stored bits and the given exponent range; ties to even.
inline uint64_t round_float(double value, int fraction, int min_exponent, int max_exponent) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const int exponent_bits = max_exponent == 15 ? 5 : 8;
  const uint64_t sign = bits >> 63 << (fraction + exponent_bits);
  const uint64_t infinity = ((uint64_t{1} << exponent_bits) - 1) << fraction;
  if (std::isnan(value)) return sign | infinity | uint64_t{1} << (fraction - 1);
  int exponent = static_cast<int>(bits >> 52 & 0x7ff) - 1023;
  if (exponent > max_exponent) return sign | infinity;
  if (exponent < min_exponent) exponent = min_exponent;
  // In units of the last place, rounded half to even as the mode is by default: 2^52 has no bits behind the point.
  const double unit = std::bit_cast<double>(static_cast<uint64_t>(fraction - exponent + 1023) << 52);
  const double scaled = std::bit_cast<double>(bits << 1 >> 1) * unit;
  const uint64_t significand = static_cast<uint64_t>((scaled + 0x1p52) - 0x1p52);
  // A significand that reached the next power of two carries into the exponent by addition.
  const uint64_t implicit = uint64_t{1} << fraction;
  const uint64_t biased = static_cast<uint64_t>(exponent - min_exponent + 1);
  const uint64_t packed = significand < implicit ? significand : (biased << fraction) + (significand - implicit);
  return sign | (packed > infinity ? infinity : packed);
}

}  // namespace host_detail

HALCYON_FUNC uint64_t float_bits(ElementType type, double value) {
  if (type == ElementType::f64) return std::bit_cast<uint64_t>(value);
  if (type == ElementType::f32) return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (type == ElementType::bf16) return host_detail::round_float(value, 7, -126, 127);
  return host_detail::round_float(value, 10, -14, 15);
}

HALCYON_NAMESPACE_END
