// What became of a test, and why: one row.
#pragma once
#include <string>

#include "processes.hpp"

namespace conformance {

enum class Status { pass, wrong, unsupported, compile_error, run_error, crash, timeout };

const char* name(Status status);
bool parse_status(const std::string& text, Status& status);

struct Outcome {
  Status status = Status::pass;
  std::string reason;  // one line; of a pass, empty
};

// The exit statuses of a test's process; any other is a mistake in the suite's files.
enum Exit { exit_pass = 0, exit_wrong = 10, exit_compile_error = 11, exit_run_error = 12 };

// A test's own words for the list: `output` is the compiler's lines, or the runner's last one. Ends the
// program where the test's files could not be read: that is no result.
Outcome outcome_of(const Ended& ended, const std::string& test);

}  // namespace conformance
