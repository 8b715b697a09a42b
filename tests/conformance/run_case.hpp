// One test, in a process of its own: compiles the model, runs every data set on every device, compares.
#pragma once
#include <string>
#include <vector>

#include "cases.hpp"

namespace conformance {

// Prints the compiler's errors, or one line on what went wrong; returns an `Exit` (outcome.hpp).
// `artifact` is the file to compile into; it is gone afterwards.
int run_case(const std::string& suite, const Case& test, const std::vector<std::string>& devices, const std::string& artifact);

}  // namespace conformance
