// The checked-in list of tests that do not pass. Under a line `STATUS: REASON` stand, indented, the tests
// that end so; lines with `#` are comments.
#pragma once
#include <map>
#include <string>

#include "outcome.hpp"

namespace conformance {

using Outcomes = std::map<std::string, Outcome>;  // by the test's name

// Ends the program where a line is not as above, or names a test twice.
Outcomes read_expected(const std::string& path);

// What the list says of outcomes: of those that do not pass. What was written by hand after the reason, as
// `wrong: values: one unit in the last place`, stays as long as the reason does.
Outcomes to_list(const Outcomes& outcomes, const Outcomes& before);

void write_expected(const std::string& path, const Outcomes& list);

// Empty where `outcome` is what the list says, reason included, else one line.
std::string surprise(const std::string& test, const Outcome& outcome, const Outcomes& list);

}  // namespace conformance
