#include "outcome.hpp"

#include <cstring>
#include <iterator>
#include <regex>

#include "fail.hpp"

namespace conformance {
namespace {

constexpr const char* names[] = {"pass", "wrong", "unsupported", "compile error", "run error", "crash", "timeout"};

// The first line that is an error; warnings may come before it.
std::string error_line(const std::string& text) {
  const size_t at = text.find("error: ");
  const size_t begin = at == std::string::npos ? 0 : text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// "halcyonc: x/model.onnx: 'Foo_0': error: node 'Foo_0' (Foo): what" -> "Foo: what", and "Foo ('a', 'b')" -> "Foo": what is
// the same for many tests.
std::string without_names(std::string line) {
  const std::string severity = "error: ";
  const size_t at = line.find(severity);
  if (at != std::string::npos) line.erase(0, at + severity.size());
  line = std::regex_replace(line, std::regex("^node '[^']*' \\(([^)]*)\\): "), "$1: ");
  return std::regex_replace(line, std::regex(" \\('[^()]*'\\)"), "");
}

Outcome compile_failure(const std::string& output) {
  const std::string reason = without_names(error_line(output));
  const bool refused = reason.find("not supported") != std::string::npos || reason.find("unsupported") != std::string::npos;
  return {refused ? Status::unsupported : Status::compile_error, reason};
}

}  // namespace

const char* name(Status status) { return names[static_cast<size_t>(status)]; }

bool parse_status(const std::string& text, Status& status) {
  for (size_t i = 0; i < std::size(names); ++i) {
    if (text != names[i]) continue;
    status = static_cast<Status>(i);
    return true;
  }
  return false;
}

Outcome outcome_of(const Ended& ended, const std::string& test) {
  if (ended.timed_out) return {Status::timeout, "ran past the limit"};
  if (ended.signal) return {Status::crash, std::string(strsignal(ended.signal))};
  switch (ended.exit_status) {
    case exit_pass: return {};
    case exit_wrong: return {Status::wrong, last_line(ended.output)};
    case exit_compile_error: return compile_failure(ended.output);
    case exit_run_error: return {Status::run_error, last_line(ended.output)};
    default: tools::fail(test + ": ended with status " + std::to_string(ended.exit_status) + ": " + last_line(ended.output));
  }
}

}  // namespace conformance
