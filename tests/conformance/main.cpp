// conformance SUITE [--expected=FILE] [--readme=FILE] [--update] [--devices=A;B] [--shard=I/N] [--jobs=N] [--limit=SECONDS]
//                   [--only=TEXT] [--rows=FILE] [--verbose] [--level=N] [--results]
//
// Runs the ONNX package's backend tests, each in a process of its own, and compares what becomes of them with the list of
// those that do not pass. SUITE is the folder that generate.py wrote. With --results nothing is compared: the last device's
// results stand beside the inputs, as .npy files (tests/fuzz/graphs.py judges them).
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "cases.hpp"
#include "expected.hpp"
#include "fail.hpp"
#include "options.hpp"
#include "processes.hpp"
#include "run_case.hpp"
#include "summary.hpp"

using namespace conformance;

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// Every N-th test from I on, so that a shard has tests of every kind.
std::vector<Case> shard_of(const std::vector<Case>& cases, const std::string& text) {
  unsigned shard = 0, count = 0;
  int read = 0;
  if (std::sscanf(text.c_str(), "%u/%u%n", &shard, &count, &read) != 2 || read != static_cast<int>(text.size()) ||
      count == 0 || shard >= count)
    tools::fail_usage("option '--shard': '" + text + "' is not I/N with I below N");
  std::vector<Case> made;
  for (size_t i = shard; i < cases.size(); i += count) made.push_back(cases[i]);
  return made;
}

int level_of(const std::string& text) {
  if (text.size() != 1 || text[0] < '0' || text[0] > '2') tools::fail_usage("option '--level': '" + text + "' is not 0, 1 or 2");
  return text[0] - '0';
}

struct Folder {
  Folder() {
    const char* base = std::getenv("TMPDIR");
    path = std::string(base ? base : "/tmp") + "/halcyon_conformance_XXXXXX";
    if (!mkdtemp(path.data())) tools::fail("'" + path + "': cannot be made");
  }
  ~Folder() { rmdir(path.c_str()); }
  std::string path;
};

Outcomes run_all(const std::string& suite, const std::vector<Case>& cases, const tools::Options& options) {
  const Folder folder;
  const auto artifact = [&](size_t index) { return folder.path + "/" + std::to_string(index) + ".hcm"; };
  const RunOptions how{split(options.value("devices", "cpu;cpu:unmappable"), ';'), level_of(options.value("level", "2")),
                       options.has("results")};
  const bool progress = isatty(STDERR_FILENO);
  Outcomes outcomes;
  run_processes(
      cases.size(), options.count("jobs", std::max(1u, std::thread::hardware_concurrency())), options.number("limit", 300),
      [&](size_t index) { return run_case(suite, cases[index], how, artifact(index)); },
      [&](const Ended& ended) {
        const Case& test = cases[ended.index];
        unlink(artifact(ended.index).c_str());
        const Outcome& outcome = outcomes[test.name] = outcome_of(ended, test.name);
        if (options.has("verbose")) std::printf("%s: %s %s\n", test.name.c_str(), name(outcome.status), outcome.reason.c_str());
        if (progress) std::fprintf(stderr, "\r%zu of %zu ", outcomes.size(), cases.size());
      });
  if (progress) std::fprintf(stderr, "\r");
  return outcomes;
}

void write_rows(const std::string& path, const Outcomes& outcomes) {
  std::ofstream file(path);
  for (const auto& [test, outcome] : outcomes) file << test << "\t" << name(outcome.status) << "\t" << outcome.reason << "\n";
  if (!file.flush()) tools::fail("'" + path + "': cannot be written");
}

// Prints each surprise; returns how many there are. A listed test that there is not is one, where all were run.
size_t check(const Outcomes& outcomes, const Outcomes& list, bool whole) {
  size_t surprises = 0;
  const auto say = [&](const std::string& line) {
    if (!line.empty()) std::printf("%s\n", line.c_str()), ++surprises;
  };
  for (const auto& [test, outcome] : outcomes) say(surprise(test, outcome, list));
  for (const auto& [test, outcome] : list)
    if (whole && !outcomes.count(test)) say(test + ": is listed, but there is no such test");
  return surprises;
}

}  // namespace

int main(int argc, char** argv) {
  tools::set_command("conformance");
  const tools::Options options({"expected", "readme", "update!", "devices", "shard", "jobs", "limit", "only", "rows", "verbose!", "level",
                                "results!"}, 1,
                               {argv + 1, argv + argc});
  const std::string suite = options.file(), expected = options.value("expected", ""), readme = options.value("readme", "");
  const Outcomes before = expected.empty() ? Outcomes() : read_expected(expected);
  std::vector<Case> cases = shard_of(read_cases(suite), options.value("shard", "0/1"));
  std::erase_if(cases, [&](const Case& test) { return test.name.find(options.value("only", "")) == std::string::npos; });
  if (cases.empty()) tools::fail("no test's name has '" + options.value("only", "") + "' in it");
  const bool whole = !options.has("shard") && !options.has("only");
  if (options.has("update") && (!whole || expected.empty())) tools::fail_usage("option '--update': needs the whole suite and --expected");

  const Outcomes outcomes = run_all(suite, cases, options);
  const std::string table = summary(cases, outcomes);
  std::printf("%s", table.c_str());
  if (options.has("rows")) write_rows(options.value("rows", ""), outcomes);
  const Outcomes list = options.has("update") ? to_list(outcomes, before) : before;
  if (options.has("update")) {
    write_expected(expected, list);
    if (!readme.empty()) write_summary(readme, table);
  }
  size_t surprises = check(outcomes, list, whole);
  if (whole && !readme.empty() && !has_summary(readme, table)) {
    std::printf("%s: its table is not the one above; --update writes it\n", readme.c_str());
    ++surprises;
  }
  std::printf("conformance: %zu passed, %zu failed\n", outcomes.size() - std::min(surprises, outcomes.size()), surprises);
  return surprises ? 1 : 0;
}
