// The .pb files of a test: one tensor each.
#pragma once
#include <string>
#include <vector>

#include "host_tensor.hpp"

namespace conformance {

// FOLDER/PREFIX_0.pb, FOLDER/PREFIX_1.pb, ... as far as there are any. Ends the program where one is no tensor
// of a type that Halcyon has.
std::vector<tools::HostTensor> read_tensors(const std::string& folder, const std::string& prefix);

}  // namespace conformance
