// halcyon bench: how long a prepared call takes, and what it keeps.
#include <algorithm>
#include <cstdio>

#include "dispatch_times.hpp"
#include "fail.hpp"
#include "halcyon/platform_pages.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace tools {
namespace {

constexpr size_t fewest_calls = 3, most_calls = size_t{1} << 22;

struct Measured {
  double load_ms = 0, first_ms = 0, median_ms = 0, min_ms = 0, p90_ms = 0, p99_ms = 0;
  uint64_t transient_bytes = 0;  // device memory that a call needs beside arguments, results and constants
  uint64_t constant_bytes = 0;
  double allocations_per_call = 0;  // of host or device memory, once warm
  double page_faults_per_call = 0;  // once warm
  size_t calls = 0;
};

double milliseconds(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

uint64_t constant_bytes(const halcyon::Artifact& artifact) {
  uint64_t bytes = 0;
  for (const halcyon::SegmentDesc& segment : artifact.segments())
    if (segment.kind == halcyon::SegmentKind::constants) bytes += segment.length;
  for (const halcyon::ConstantDesc& constant : artifact.constants())
    if (constant.external) bytes += constant.length;
  return bytes;
}

Measured measure(Session& session, double seconds) {
  using halcyon::platform::monotonic_ns;
  halcyon::hal::Device& device = session.device();
  Measured measured;
  measured.load_ms = session.load_ms();
  measured.constant_bytes = constant_bytes(session.program().artifact());
  auto call = session.prepare();
  const uint64_t given = device.stats().live_bytes;  // with the arguments

  uint64_t begin = monotonic_ns();
  session.check(call->run());
  measured.first_ms = milliseconds(monotonic_ns() - begin);
  uint64_t results = 0;
  for (uint32_t i = 0; i < call->result_count(); ++i) results += call->result(i).byte_size();
  const uint64_t peak = device.stats().peak_bytes;
  measured.transient_bytes = peak > given + results ? peak - given - results : 0;

  session.feed_back(*call);
  session.check(call->run());  // warm: buffers are there, caches are filled
  std::vector<uint32_t> times;  // in units of 1 ns, capped at 4 s
  times.assign(most_calls, 0);  // its pages are there, too
  times.clear();
  const bool donates = session.donates();
  const uint64_t host_before = session.allocations(), device_before = device.stats().allocations;
  const uint64_t faults_before = halcyon::platform::page_faults();
  const uint64_t until = monotonic_ns() + static_cast<uint64_t>(seconds * 1e9);
  for (begin = monotonic_ns(); (begin < until || times.size() < fewest_calls) && times.size() < most_calls;) {
    if (donates) {
      session.feed_back(*call);
      begin = monotonic_ns();
    }
    if (const halcyon::Status status = call->run(); !status.ok()) session.check(status);
    const uint64_t end = monotonic_ns();
    times.push_back(static_cast<uint32_t>(std::min<uint64_t>(end - begin, UINT32_MAX)));
    begin = end;
  }
  measured.calls = times.size();
  const uint64_t faults = halcyon::platform::page_faults() - faults_before;
  measured.page_faults_per_call = static_cast<double>(faults) / static_cast<double>(times.size());
  const uint64_t allocated = session.allocations() - host_before + device.stats().allocations - device_before;
  measured.allocations_per_call = static_cast<double>(allocated) / static_cast<double>(times.size());
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return milliseconds(times[static_cast<size_t>(share * static_cast<double>(times.size() - 1))]);
  };
  measured.min_ms = at(0);
  measured.median_ms = at(0.5);
  measured.p90_ms = at(0.9);
  measured.p99_ms = at(0.99);
  return measured;
}

void print_json(const Measured& m) {
  std::printf(
      "{\"load_ms\": %.6f, \"first_ms\": %.6f, \"median_ms\": %.6f, \"min_ms\": %.6f, \"p90_ms\": %.6f, \"p99_ms\": %.6f, "
      "\"transient_bytes\": %llu, \"constant_bytes\": %llu, \"allocations_per_call\": %g, \"page_faults_per_call\": %g, \"calls\": %zu}\n",
      m.load_ms, m.first_ms, m.median_ms, m.min_ms, m.p90_ms, m.p99_ms, static_cast<unsigned long long>(m.transient_bytes),
      static_cast<unsigned long long>(m.constant_bytes), m.allocations_per_call, m.page_faults_per_call, m.calls);
}

void print_text(const Measured& m, const std::string& function) {
  std::printf("%s: median %.6g ms, min %.6g, p90 %.6g, p99 %.6g (%zu calls)\n", function.c_str(), m.median_ms, m.min_ms,
              m.p90_ms, m.p99_ms, m.calls);
  std::printf("load %.6g ms, first call %.6g ms\n", m.load_ms, m.first_ms);
  std::printf("transient %llu bytes, constants %llu bytes, %g allocations and %g page faults a call\n",
              static_cast<unsigned long long>(m.transient_bytes), static_cast<unsigned long long>(m.constant_bytes),
              m.allocations_per_call, m.page_faults_per_call);
}

// "264,28": GFLOP/s and GB/s.
Peak parse_peak(const Options& options) {
  const std::string text = options.value("peak", "0,0");
  Peak peak;
  int used = 0;
  if (std::sscanf(text.c_str(), "%lf,%lf%n", &peak.gflops, &peak.gbs, &used) != 2 || static_cast<size_t>(used) != text.size() ||
      !(peak.gflops >= 0 && peak.gbs >= 0))
    fail_usage("option '--peak': '" + text + "' is not GFLOP/s,GB/s as tests/bench/peak measures them");
  return peak;
}

}  // namespace

int bench(const Words& words) {
  const Options options(session_options({"seconds", "json!", "by-dispatch!", "peak"}), 1, words);
  const double seconds = options.number("seconds", 2);
  if (options.has("peak") && !options.has("by-dispatch")) fail_usage("option '--peak' goes with --by-dispatch");
  const Peak peak = parse_peak(options);
  Session session(options);
  if (options.has("by-dispatch")) {
    const DispatchTimes times = time_dispatches(session, seconds);
    if (options.has("json")) print_json(times, peak);
    else print_text(times, peak);
    return 0;
  }
  const Measured measured = measure(session, seconds);
  if (options.has("json")) print_json(measured);
  else print_text(measured, std::string(session.function().name()));
  return 0;
}

}  // namespace tools
