// The rule of --expect: |a - b| <= rtol * |b| + atol * max|b| for every element, NaN only where the
// reference has NaN, shape and type equal. An infinite reference must be met exactly, and is left out of max|b|.
#pragma once
#include <string>

#include "host_tensor.hpp"

namespace tools {

struct Comparison {
  bool holds = false;
  std::string text;  // "max |a-b| / max|b| = 2.1e-07 at [0,3]", or what differs before any element is looked at
};

Comparison compare(const HostTensor& actual, const HostTensor& reference, double rtol, double atol);

}  // namespace tools
