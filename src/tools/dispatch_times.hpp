// bench --by-dispatch: where the time of a call goes.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "session.hpp"

namespace tools {

// What the machine can do, to compare with; 0: not given.
struct Peak {
  double gflops = 0;  // 10^9 floating-point operations a second
  double gbs = 0;     // 10^9 bytes a second, read or written
};

// All dispatches of one kernel that come from one place of the model.
struct DispatchRow {
  std::string kernel, source;  // source: the op of the model; "" where the artifact does not say
  size_t count = 0;            // dispatches in a call
  double ms = 0;               // of all of them, in the fastest call
  bool known = false;          // whether flops and bytes are
  double flops = 0, bytes = 0; // of all of them, in one call
};

struct DispatchTimes {
  std::vector<DispatchRow> rows;  // slowest first
  double total_ms = 0;            // of the rows
  double call_ms = 0;             // the fastest whole call, profiled
};

// Work of the kernels of a file, as the compiler wrote it down. Must not outlive the artifact.
class KernelCosts {
 public:
  explicit KernelCosts(const halcyon::Artifact& artifact);
  // False where the file does not say.
  bool find(const std::string& kernel, std::span<const uint64_t> parameters, double& flops, double& bytes) const;

 private:
  std::map<std::string, std::span<const halcyon::hal::Cost>> costs_;
};

// Runs the function for some seconds, with a profile. The device's profile is off afterwards.
DispatchTimes time_dispatches(Session& session, double seconds);

void print_json(const DispatchTimes& times, const Peak& peak);
void print_text(const DispatchTimes& times, const Peak& peak);

}  // namespace tools
