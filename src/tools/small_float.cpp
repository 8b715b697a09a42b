#include "small_float.hpp"

#include <cmath>
#include <limits>

namespace tools {

using halcyon::ElementKind;
using halcyon::ElementType;

namespace {

struct Format {
  int exponent_bits, mantissa_bits, bias;
  bool infinities;     // the largest exponent means infinity and NaN
  bool unsigned_zero;  // "fnuz": no -0, whose bits are the one NaN
  bool finite = false; // numbers only
};

Format format_of(ElementType type) {
  switch (type.kind) {
    case ElementKind::bfloat: return {8, 7, 127, true, false};
    case ElementKind::f8e4m3fn: return {4, 3, 7, false, false};
    case ElementKind::f8e5m2: return {5, 2, 15, true, false};
    case ElementKind::f8e4m3fnuz: return {4, 3, 8, false, true};
    case ElementKind::f8e5m2fnuz: return {5, 2, 16, false, true};
    case ElementKind::f4e2m1: return {2, 1, 1, false, false, true};
    default: return {5, 10, 15, true, false};
  }
}

uint32_t mask(int bits) { return (1u << bits) - 1u; }

// f8e8m0: powers of two without a sign, 255 is NaN.
uint32_t encode_power(long double value) {
  if (!(value > 0) || !std::isfinite(value)) return value == 0 ? 0 : 255;
  int exponent = 0;
  if (std::frexp(value, &exponent) >= 0.75L) ++exponent;
  const int code = exponent - 1 + 127;
  return code < 0 ? 0 : code > 254 ? 255 : static_cast<uint32_t>(code);
}

}  // namespace

long double decode_small_float(ElementType type, uint32_t bits) {
  if (type.kind == ElementKind::f8e8m0)
    return bits == 255 ? std::numeric_limits<long double>::quiet_NaN() : std::ldexp(1.0L, static_cast<int>(bits) - 127);
  const Format f = format_of(type);
  const uint32_t magnitude = bits & mask(f.exponent_bits + f.mantissa_bits);
  const bool negative = (bits >> (f.exponent_bits + f.mantissa_bits)) & 1;
  const uint32_t exponent = magnitude >> f.mantissa_bits, mantissa = magnitude & mask(f.mantissa_bits);
  const long double nan = std::numeric_limits<long double>::quiet_NaN();
  if (f.unsigned_zero && negative && magnitude == 0) return nan;
  if (f.infinities && exponent == mask(f.exponent_bits))
    return mantissa ? nan : (negative ? -1 : 1) * std::numeric_limits<long double>::infinity();
  if (!f.infinities && !f.unsigned_zero && !f.finite && magnitude == mask(f.exponent_bits + f.mantissa_bits)) return nan;
  const long double value =
      exponent ? std::ldexp(1.0L + std::ldexp(static_cast<long double>(mantissa), -f.mantissa_bits),
                            static_cast<int>(exponent) - f.bias)
               : std::ldexp(static_cast<long double>(mantissa), 1 - f.bias - f.mantissa_bits);
  return negative ? -value : value;
}

uint32_t encode_small_float(ElementType type, long double value) {
  if (type.kind == ElementKind::f8e8m0) return encode_power(value);
  const Format f = format_of(type);
  const int width = f.exponent_bits + f.mantissa_bits;
  const uint32_t sign = std::signbit(value) ? 1u << width : 0u;
  const uint32_t infinity = mask(f.exponent_bits) << f.mantissa_bits;
  const uint32_t nan = f.unsigned_zero || f.finite ? 1u << width
                       : f.infinities              ? infinity | 1u << (f.mantissa_bits - 1)
                                                   : mask(width);
  const uint32_t largest = f.infinities ? infinity - 1 : f.unsigned_zero || f.finite ? mask(width) : mask(width) - 1;
  if (std::isnan(value)) return nan;
  if (value == 0) return f.unsigned_zero ? 0 : sign;
  const long double magnitude = std::fabs(value);
  int exponent = 0;
  if (std::isfinite(magnitude)) std::frexp(magnitude, &exponent);
  const int lowest = 1 - f.bias;
  const int scale = (exponent - 1 < lowest ? lowest : exponent - 1) - f.mantissa_bits;
  const long double units = std::isfinite(magnitude) ? std::nearbyint(std::ldexp(magnitude, -scale)) : 0;
  // In units of the last place of `scale`; a carry into the exponent comes out right by itself.
  const int biased = scale + f.mantissa_bits + f.bias;
  const long double bits = std::ldexp(static_cast<long double>(biased - 1), f.mantissa_bits) + units;
  if (!std::isfinite(magnitude) || bits > largest)
    return f.infinities ? sign | infinity : f.finite ? sign | largest : nan;
  const uint32_t result = static_cast<uint32_t>(bits);
  return f.unsigned_zero && result == 0 ? 0 : sign | result;
}

}  // namespace tools
