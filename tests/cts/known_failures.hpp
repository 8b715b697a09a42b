// What a driver is known to fail: lines "ROW | test name | reason" of a file. The suite leaves those out, then runs each by
// itself: one that passes is a failure, so that the list does not outlive its reasons.
#pragma once
#include <string>
#include <vector>

namespace cts {

class KnownFailures {
 public:
  // Of the file that CTS_KNOWN_FAILURES names in the environment, or else in the build. False, and a line that says why,
  // where it is not as it should be.
  bool read();
  bool covers(const std::string& row, const std::string& test) const;
  // Runs each in a process of its own. False, and a line for each, where one passes.
  bool still_fail(const char* program) const;

 private:
  struct Line {
    int number;
    std::string row, test, reason;
  };
  std::string path_;
  std::vector<Line> lines_;
};

KnownFailures& known_failures();

}  // namespace cts
