// Work in processes of its own, some at a time: a crash or a hang is that piece's end and nobody else's.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

namespace conformance {

struct Ended {
  size_t index = 0;
  int exit_status = 0;     // what `work` returned
  int signal = 0;          // or what ended it
  bool timed_out = false;  // or that it ran past the limit, and was killed
  std::string output;      // everything it printed, the last 64 KiB
};

// Forks for each index below `count`, at most `jobs` at once. `ended` is called here, in the order of ending.
// The caller has no other threads.
void run_processes(size_t count, unsigned jobs, double limit_s, const std::function<int(size_t)>& work,
                   const std::function<void(const Ended&)>& ended);

}  // namespace conformance
