// A whole life of a program on one device, in steps that are repeated once where they fail.
#pragma once
#include <string>
#include <vector>

#include "faults.hpp"
#include "halcyon/halcyon.hpp"

namespace faults {

// What runs where.
struct Setting {
  std::string device;
  std::string path;  // of the artifact
  LoadMode mode = LoadMode::map;
};

// What came out of the calls, byte for byte, and of the state that each left behind.
using Bytes = std::vector<std::byte>;
struct Outcome {
  std::vector<std::vector<Bytes>> results, variables;  // of each call
  std::vector<Status> errors;                          // of the steps that failed
  std::string wrong;                                   // what must not have happened; empty: nothing
};

// Creates the device and loads, prepares, calls ten times (at once, in the background, unprepared, in turn) and unloads. The
// first error ends the refusals, and the step is repeated: then it must succeed. `expected` (may be null) tells the
// variables' bytes, to which a failed call is set back.
Outcome live(const Setting& setting, Faults& faults, const Outcome* expected);

}  // namespace faults
