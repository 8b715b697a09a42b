// How the command ends when it cannot go on: one line on stderr that names what was wrong and where.
#pragma once
#include <string>

namespace tools {

// "halcyon run": printed in front of every message. Set once by main.
void set_command(const std::string& command);

[[noreturn]] void fail(const std::string& message);        // exit status 1
[[noreturn]] void fail_usage(const std::string& message);  // exit status 2: the command line is wrong

void warn(const std::string& message);                     // goes on

// A printf into a string.
[[gnu::format(printf, 1, 2)]] std::string format(const char* text, ...);

}  // namespace tools
