#include "fail.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace tools {
namespace {

std::string& command() {
  static std::string name = "halcyon";
  return name;
}

[[noreturn]] void leave(const std::string& message, int status) {
  warn(message);
  std::exit(status);
}

}  // namespace

void set_command(const std::string& name) { command() = name; }

void warn(const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", command().c_str(), message.c_str());
}

void fail(const std::string& message) { leave(message, 1); }
void fail_usage(const std::string& message) { leave(message, 2); }

std::string format(const char* text, ...) {
  va_list arguments, again;
  va_start(arguments, text);
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, text, arguments);
  va_end(arguments);
  std::string result(length > 0 ? static_cast<size_t>(length) : 0, '\0');
  std::vsnprintf(result.data(), result.size() + 1, text, again);
  va_end(again);
  return result;
}

}  // namespace tools
