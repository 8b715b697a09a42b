// Reading known_failures.txt, and holding it to what it says.
#include "known_failures.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "cts.hpp"

namespace cts {

namespace {

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

bool is_row(const std::string& name) {
  return std::any_of(table().begin(), table().end(), [&](const Backend& backend) { return backend.name == name; });
}

bool is_test(const std::string& name) {
  const auto& all = Catch::getRegistryHub().getTestCaseRegistry().getAllTests();
  return std::any_of(all.begin(), all.end(), [&](const Catch::TestCase& test) { return test.name == name; });
}

// Commas and brackets mean something to Catch.
std::string pattern_of(const std::string& test) {
  std::string pattern;
  for (const char c : test) {
    if (c == ',' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// True where the test passes, on that row alone; what it prints goes nowhere.
bool passes(const char* program, const std::string& row, const std::string& test) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("CTS_ONLY", row.c_str(), 1);
    if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr)) _exit(126);
    const std::string pattern = pattern_of(test);
    execl(program, program, pattern.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

KnownFailures& known_failures() {
  static KnownFailures all;
  return all;
}

bool KnownFailures::read() {
  const char* chosen = std::getenv("CTS_KNOWN_FAILURES");
  path_ = chosen ? chosen : CTS_KNOWN_FAILURES;
  std::ifstream file(path_);
  bool fine = static_cast<bool>(file);
  if (!fine) std::printf("%s: cannot be read\n", path_.c_str());
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    if (trimmed(text).empty() || trimmed(text)[0] == '#') continue;
    const size_t first = text.find('|'), second = first == std::string::npos ? first : text.find('|', first + 1);
    Line line{number, {}, {}, {}};
    if (second != std::string::npos)
      line = {number, trimmed(text.substr(0, first)), trimmed(text.substr(first + 1, second - first - 1)), trimmed(text.substr(second + 1))};
    const char* wrong = line.reason.empty()    ? "a line is ROW | test name | reason"
                        : !is_row(line.row)    ? "there is no such row"
                        : !is_test(line.test) ? "there is no such test"
                                              : nullptr;
    if (wrong) std::printf("%s:%d: %s\n", path_.c_str(), number, wrong);
    fine = fine && !wrong;
    lines_.push_back(line);
  }
  return fine;
}

bool KnownFailures::covers(const std::string& row, const std::string& test) const {
  return std::any_of(lines_.begin(), lines_.end(), [&](const Line& line) { return line.row == row && line.test == test; });
}

bool KnownFailures::still_fail(const char* program) const {
  bool all = true;
  for (const Line& line : lines_) {
    if (!passes(program, line.row, line.test)) continue;
    std::printf("%s:%d: passes now, take it out: %s | %s\n", path_.c_str(), line.number, line.row.c_str(), line.test.c_str());
    all = false;
  }
  return all;
}

}  // namespace cts

// Fails everywhere, and is left out unless asked for: the test of this mechanism.
TEST_CASE("a test that fails, always", "[.self]") {
  CTS_BACKEND();
  REQUIRE(false);
}
TEST_CASE("a test that passes, always", "[.self]") {
  CTS_BACKEND();
  REQUIRE(true);
}
