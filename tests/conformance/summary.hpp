// How many tests of which group pass, as a table in Markdown.
#pragma once
#include <string>
#include <vector>

#include "cases.hpp"
#include "expected.hpp"

namespace conformance {

// `cases` and their outcomes; the exclusions from the ordinary types are rows of their own.
std::string summary(const std::vector<Case>& cases, const Outcomes& outcomes);

// Puts the table between the two marks of a README, or says whether it is there. Ends the program where the
// marks are missing.
void write_summary(const std::string& path, const std::string& table);
bool has_summary(const std::string& path, const std::string& table);

}  // namespace conformance
