// Floating-point formats below 32 bits, as numbers: f16, bf16 and the four f8 formats.
#pragma once
#include <cstdint>

#include "halcyon/element_type.hpp"

namespace tools {

long double decode_small_float(halcyon::ElementType type, uint32_t bits);

// The nearest value, ties to even; NaN or the format's overflow value (infinity where it has one, else NaN)
// for what is out of range.
uint32_t encode_small_float(halcyon::ElementType type, long double value);

}  // namespace tools
