// One test, in a process of its own: compiles the model, runs every data set on every device, compares.
#pragma once
#include <string>
#include <vector>

#include "cases.hpp"

namespace conformance {

struct RunOptions {
  std::vector<std::string> devices;
  int level = 2;         // of the compiler, 0 to 2
  bool results = false;  // write what each data set gives, on the last device, as result_N.npy beside it; compare nothing
};

// Prints the compiler's errors, or one line on what went wrong; returns an `Exit` (outcome.hpp).
// `artifact` is the file to compile into; it is gone afterwards.
int run_case(const std::string& suite, const Case& test, const RunOptions& options, const std::string& artifact);

}  // namespace conformance
