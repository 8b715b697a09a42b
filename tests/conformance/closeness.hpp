// The suite's own rule, that of numpy's assert_allclose: |a - b| <= atol + rtol * |b| for every element, NaN
// where the reference has NaN, infinities equal, type and shape equal. For bf16, rtol is at least 2^-6.
#pragma once
#include <string>

#include "host_tensor.hpp"

namespace conformance {

// Empty where it holds, else what differs, in one line.
std::string difference(const tools::HostTensor& actual, const tools::HostTensor& reference, double rtol, double atol);

}  // namespace conformance
