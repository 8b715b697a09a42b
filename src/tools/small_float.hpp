// Floating-point formats below 32 bits, as numbers: f16, bf16, the five f8 formats and f4e2m1.
#pragma once
#include <cstdint>

#include "halcyon/element_type.hpp"

namespace tools {

long double decode_small_float(halcyon::ElementType type, uint32_t bits);

// The nearest value, ties to even (of f8e8m0, to the larger); for what is out of range infinity where the format has it,
// else NaN, else the largest value. f4e2m1 has no NaN: it becomes -0.
uint32_t encode_small_float(halcyon::ElementType type, long double value);

}  // namespace tools
