#include "expected.hpp"

#include <fstream>
#include <sstream>
#include <vector>

#include "fail.hpp"

namespace conformance {
namespace {

constexpr const char* preamble =
    "# The tests of the ONNX backend suite that do not pass, by what keeps them from it. `--update` writes it;\n"
    "# what is written by hand after the kind of a difference, an error of the run or a crash stays.\n";

// The element that is wrong changes from machine to machine; a list must not.
std::string lasting_reason(const Outcome& outcome) {
  if (outcome.status != Status::wrong) return outcome.reason;
  if (outcome.reason.find("elements differ") != std::string::npos) return "values";
  return outcome.reason.find("results") != std::string::npos ? "number of results" : "shape or element type";
}

// Whether what was listed is what happened: the same words, and maybe more by hand.
bool covers(const Outcome& listed, const Outcome& outcome) {
  const std::string reason = lasting_reason(outcome);
  return listed.status == outcome.status && (listed.reason == reason || listed.reason.starts_with(reason + ": "));
}

}  // namespace

Outcomes read_expected(const std::string& path) {
  std::ifstream file(path);
  if (!file) tools::fail("'" + path + "': cannot be read");
  Outcomes list;
  Outcome heading;
  bool has_heading = false;
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    const std::string where = path + ":" + std::to_string(++number) + ": ";
    if (line.empty() || line[0] == '#') continue;
    if (line[0] != ' ') {
      const size_t colon = line.find(": ");
      if (colon == std::string::npos || !parse_status(line.substr(0, colon), heading.status) || heading.status == Status::pass)
        tools::fail(where + "expected STATUS: REASON, got '" + line + "'");
      heading.reason = line.substr(colon + 2);
      has_heading = true;
      continue;
    }
    std::istringstream words(line);
    for (std::string test; words >> test;)
      if (!has_heading || !list.emplace(test, heading).second)
        tools::fail(where + "'" + test + (has_heading ? "' is listed twice" : "' has no reason above it"));
  }
  return list;
}

Outcomes to_list(const Outcomes& outcomes, const Outcomes& before) {
  Outcomes list;
  for (const auto& [test, outcome] : outcomes) {
    if (outcome.status == Status::pass) continue;
    const auto old = before.find(test);
    list[test] = old != before.end() && covers(old->second, outcome) ? old->second : Outcome{outcome.status, lasting_reason(outcome)};
  }
  return list;
}

void write_expected(const std::string& path, const Outcomes& list) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& [test, outcome] : list) by_reason[std::string(name(outcome.status)) + ": " + outcome.reason].push_back(test);
  std::ofstream file(path);
  file << preamble;
  for (const auto& [reason, tests] : by_reason) {
    file << "\n" << reason;
    size_t column = 200;
    for (const std::string& test : tests) {
      if (column + test.size() > 126) file << "\n ", column = 1;
      file << " " << test;
      column += test.size() + 1;
    }
    file << "\n";
  }
  if (!file.flush()) tools::fail("'" + path + "': cannot be written");
}

std::string surprise(const std::string& test, const Outcome& outcome, const Outcomes& list) {
  const auto found = list.find(test);
  const Outcome expected = found == list.end() ? Outcome() : found->second;
  if (covers(expected, outcome)) return "";
  const auto text = [](const Outcome& of, const std::string& reason) {
    return std::string(name(of.status)) + (reason.empty() ? "" : ": " + reason);
  };
  return test + ": expected " + text(expected, expected.status == outcome.status ? expected.reason : "") + ", got " +
         text(outcome, outcome.reason);
}

}  // namespace conformance
