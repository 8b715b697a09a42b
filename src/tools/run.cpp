// halcyon run: calls a function; prints, writes or checks its results.
#include <cstdio>

#include "compare.hpp"
#include "fail.hpp"
#include "input.hpp"
#include "npy.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace tools {
namespace {

void print_transfers(const halcyon::hal::Stats& before, const halcyon::hal::Stats& after) {
  const auto rise = [](uint64_t from, uint64_t to) { return static_cast<unsigned long long>(to - from); };
  std::printf("transfers: %llu to the device (%llu bytes), %llu from it (%llu bytes)\n",
              rise(before.host_to_device_copies, after.host_to_device_copies),
              rise(before.host_to_device_bytes, after.host_to_device_bytes),
              rise(before.device_to_host_copies, after.device_to_host_copies),
              rise(before.device_to_host_bytes, after.device_to_host_bytes));
}

std::string output_path(const std::string& word) {
  if (word.size() < 2 || word[0] != '@') fail_usage("option '--output': '" + word + "' is not @FILE.npy");
  return word.substr(1);
}

}  // namespace

int run(const Words& words) {
  const Options options(session_options({"output*", "expect*", "rtol", "atol", "calls", "transfers!"}), 1, words);
  const double rtol = options.number("rtol", 0), atol = options.number("atol", 1e-4);
  const uint32_t calls = options.count("calls", 1);
  const Words outputs = options.values("output"), expected = options.values("expect");
  for (const std::string& word : outputs) output_path(word);

  Session session(options);
  const auto results = session.function().results();
  const std::string function(session.function().name());
  const auto too_many = [&](const char* option, size_t given) {
    if (given > results.size())
      fail(format("%s: has %zu results, %zu are given with --%s", function.c_str(), results.size(), given, option));
  };
  too_many("output", outputs.size());
  too_many("expect", expected.size());

  const halcyon::hal::Stats loaded = session.device().stats();
  auto call = session.prepare();
  for (uint32_t i = 0; i < calls; ++i) {
    if (i > 0) session.feed_back(*call);
    session.check(call->run());
  }
  bool holds = true;
  for (uint32_t i = 0; i < results.size(); ++i) {
    const HostTensor value = session.take(call->result(i));
    const std::string title = std::string(results[i].name) + ": " + describe(value.type, value.shape);
    if (i < outputs.size()) write_npy(output_path(outputs[i]), value);
    if (i < expected.size()) {
      const Comparison found = compare(value, parse_input(expected[i], 0, value.type), rtol, atol);
      std::printf("%s: %s, %s\n", title.c_str(), found.text.c_str(), found.holds ? "holds" : "DOES NOT HOLD");
      holds = holds && found.holds;
    } else if (i >= outputs.size()) {
      std::printf("%s = %s\n", title.c_str(), preview(value, 8).c_str());
    }
  }
  if (options.has("transfers")) print_transfers(loaded, session.device().stats());
  if (!holds) fail(function + ": the results are not as expected");
  return 0;
}

}  // namespace tools
