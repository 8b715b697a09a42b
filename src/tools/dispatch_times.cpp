#include "dispatch_times.hpp"

#include <algorithm>
#include <cstdio>

#include "fail.hpp"
#include "halcyon/platform.hpp"
#include "json.hpp"

namespace tools {
namespace {

struct Recorder {
  struct Key {
    uint32_t location;
    std::string kernel;
    auto operator<=>(const Key&) const = default;
  };
  struct Sums {
    size_t count = 0;
    uint64_t ns = 0, least_ns = UINT64_MAX;
    bool known = true;
    double flops = 0, bytes = 0;
  };
  explicit Recorder(const KernelCosts& from) : costs(from) {}

  const KernelCosts& costs;
  std::map<Key, Sums> sums;

  static void event(void* self, const halcyon::hal::ProfileEvent& event) {
    auto& recorder = *static_cast<Recorder*>(self);
    Sums& row = recorder.sums[{event.location, std::string(event.name)}];
    ++row.count;
    row.ns += event.end_ns - event.begin_ns;
    double flops = 0, bytes = 0;
    row.known = row.known && recorder.costs.find(std::string(event.name), event.parameters, flops, bytes);
    row.flops += flops;
    row.bytes += bytes;
  }
  void begin_call() {
    for (auto& [key, row] : sums) row.count = row.ns = 0, row.flops = row.bytes = 0;
  }
  void end_call() {
    for (auto& [key, row] : sums) row.least_ns = std::min(row.least_ns, row.ns);
  }
};

// The share that `row` is of what the machine can do, by whichever bound is nearer; negative: not known.
double share_of(const DispatchRow& row, const Peak& peak) {
  if (!row.known || row.ms <= 0) return -1;
  const double compute = peak.gflops > 0 ? row.flops / (peak.gflops * 1e6) : 0, memory = peak.gbs > 0 ? row.bytes / (peak.gbs * 1e6) : 0;
  return std::max(compute, memory) / row.ms;
}

// The op's name, or where it stands in its file.
std::string name_of(const halcyon::LocationDesc& location) {
  if (!location.name.empty() || location.file.empty()) return std::string(location.name);
  const size_t slash = location.file.rfind('/');
  return std::string(location.file.substr(slash == std::string_view::npos ? 0 : slash + 1)) + ":" + std::to_string(location.line);
}

double rate(double amount, double ms) { return ms > 0 ? amount / (ms * 1e6) : 0; }

}  // namespace

KernelCosts::KernelCosts(const halcyon::Artifact& artifact) {
  for (const halcyon::PlanDesc& plan : artifact.plans())
    for (const halcyon::hal::ExecutableDesc& executable : plan.executables)
      for (const halcyon::hal::ExportDesc& kernel : executable.exports)
        if (!kernel.costs.empty()) costs_[std::string(kernel.name)] = kernel.costs;
}

bool KernelCosts::find(const std::string& kernel, std::span<const uint64_t> parameters, double& flops, double& bytes) const {
  const auto found = costs_.find(kernel);
  if (found == costs_.end()) return false;
  for (const halcyon::hal::Cost& cost : found->second) {
    double times = 1;
    for (const uint16_t factor : cost.factors) {
      if (factor == halcyon::hal::Cost::none) continue;
      if (factor >= parameters.size()) return false;
      times *= static_cast<double>(parameters[factor]);
    }
    flops += static_cast<double>(cost.flops) * times;
    bytes += (static_cast<double>(cost.read) + static_cast<double>(cost.written)) * times;
  }
  return true;
}

DispatchTimes time_dispatches(Session& session, double seconds) {
  using halcyon::platform::monotonic_ns;
  const KernelCosts costs(session.program().artifact());
  Recorder recorder(costs);
  auto call = session.prepare();
  session.check(call->run());
  session.feed_back(*call);
  session.check(call->run());  // warm
  session.device().profile({&recorder, &Recorder::event});
  DispatchTimes times;
  uint64_t least = UINT64_MAX;
  const uint64_t until = monotonic_ns() + static_cast<uint64_t>(seconds * 1e9);
  do {
    session.feed_back(*call);
    recorder.begin_call();
    const uint64_t begin = monotonic_ns();
    session.check(call->run());
    least = std::min(least, monotonic_ns() - begin);
    recorder.end_call();
  } while (monotonic_ns() < until);
  session.device().profile({});
  times.call_ms = static_cast<double>(least) / 1e6;
  const auto locations = session.program().artifact().locations();
  for (const auto& [key, sums] : recorder.sums) {
    DispatchRow row{key.kernel, "", sums.count, static_cast<double>(sums.least_ns) / 1e6, sums.known, sums.flops, sums.bytes};
    if (key.location < locations.size()) row.source = name_of(locations[key.location]);
    times.total_ms += row.ms;
    times.rows.push_back(row);
  }
  std::stable_sort(times.rows.begin(), times.rows.end(), [](const DispatchRow& a, const DispatchRow& b) { return a.ms > b.ms; });
  return times;
}

void print_json(const DispatchTimes& times, const Peak& peak) {
  std::printf("{\"call_ms\": %.6f, \"dispatches_ms\": %.6f, \"dispatches\": [", times.call_ms, times.total_ms);
  const char* separator = "";
  for (const DispatchRow& row : times.rows) {
    Json kernel, source;
    kernel.text(row.kernel);
    source.text(row.source);
    std::printf("%s\n  {\"kernel\": %s, \"source\": %s, \"count\": %zu, \"ms\": %.6f", separator, kernel.str().c_str(), source.str().c_str(), row.count, row.ms);
    if (row.known) std::printf(", \"flops\": %.0f, \"bytes\": %.0f", row.flops, row.bytes);
    if (const double share = share_of(row, peak); share > 0) std::printf(", \"share\": %.4f", share);
    std::printf("}");
    separator = ",";
  }
  std::printf("]}\n");
}

void print_text(const DispatchTimes& times, const Peak& peak) {
  std::printf("call %.6g ms (the fastest, profiled), dispatches %.6g ms\n", times.call_ms, times.total_ms);
  std::printf("%10s %6s %6s %9s %8s %6s  %s\n", "ms", "%", "count", "GFLOP/s", "GB/s", "peak %", "kernel (source)");
  for (const DispatchRow& row : times.rows) {
    std::string gflops = "?", gbs = "?", share = "";
    if (row.known) gflops = format("%.1f", rate(row.flops, row.ms)), gbs = format("%.1f", rate(row.bytes, row.ms));
    if (const double of = share_of(row, peak); of > 0) share = format("%.0f", 100 * of);
    std::printf("%10.5f %6.1f %6zu %9s %8s %6s  %s%s\n", row.ms, times.total_ms > 0 ? 100 * row.ms / times.total_ms : 0.0, row.count, gflops.c_str(),
                gbs.c_str(), share.c_str(), row.kernel.c_str(), row.source.empty() ? "" : (" (" + row.source + ")").c_str());
  }
}

}  // namespace tools
