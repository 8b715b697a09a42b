#include "summary.hpp"

#include <fstream>
#include <iterator>
#include <map>

#include "fail.hpp"

namespace conformance {
namespace {

constexpr const char* begin_mark = "<!-- table -->\n";
constexpr const char* end_mark = "<!-- end -->\n";

struct Count {
  size_t passed = 0, total = 0;
};

std::string row(const std::string& title, const Count& count) {
  return tools::format("| %s | %zu | %zu | %.1f %% |\n", title.c_str(), count.passed, count.total,
                       100.0 * static_cast<double>(count.passed) / static_cast<double>(count.total));
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) tools::fail("'" + path + "': cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The README's text before, between and after the marks.
struct Parts {
  std::string before, between, after;
};
Parts split(const std::string& path) {
  const std::string text = read_file(path);
  const size_t begin = text.find(begin_mark), end = text.find(end_mark);
  if (begin == std::string::npos || end == std::string::npos || end < begin) tools::fail("'" + path + "': has no table's marks");
  const size_t inside = begin + std::string(begin_mark).size();
  return {text.substr(0, inside), text.substr(inside, end - inside), text.substr(end)};
}

}  // namespace

std::string summary(const std::vector<Case>& cases, const Outcomes& outcomes) {
  std::map<std::string, Count> groups, excluded;
  Count all;
  for (const Case& test : cases) {
    const bool passed = outcomes.at(test.name).status == Status::pass;
    const auto add = [&](Count& count) { ++count.total, count.passed += passed; };
    add(all);
    if (test.group() != "node") add(groups[test.group()]);
    else if (test.excluded.empty()) add(groups["node, ordinary types"]);
    else add(excluded[test.excluded]);
  }
  std::string table = "| tests | pass | of | |\n|---|---|---|---|\n";
  for (const auto& [title, count] : groups) table += row(title, count);
  for (const auto& [title, count] : excluded) table += row("node, not ordinary: " + title, count);
  return table + row("all", all);
}

void write_summary(const std::string& path, const std::string& table) {
  const Parts parts = split(path);
  std::ofstream file(path);
  file << parts.before << table << parts.after;
  if (!file.flush()) tools::fail("'" + path + "': cannot be written");
}

bool has_summary(const std::string& path, const std::string& table) { return split(path).between == table; }

}  // namespace conformance
