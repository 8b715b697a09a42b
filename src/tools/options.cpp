#include "options.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "fail.hpp"

namespace tools {

Options::Options(std::vector<std::string> known, size_t files, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.size() < 2 || word.rfind("--", 0) != 0) {
      if (word.rfind('-', 0) == 0) fail_usage("unknown option '" + word + "'");
      files_.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const bool has_value = equals != std::string::npos;
    const auto is = [&](const char* suffix) {
      return std::find(known.begin(), known.end(), name + suffix) != known.end();
    };
    const bool flag = is("!"), repeated = is("*");
    if (!flag && !repeated && !is("")) fail_usage("unknown option '--" + name + "'");
    if (flag && has_value) fail_usage("option '--" + name + "' takes no value");
    if (!flag && !has_value) fail_usage("option '--" + name + "' needs a value: --" + name + "=...");
    if (!repeated && has(name)) fail_usage("option '--" + name + "' is given twice");
    given_.push_back({name, has_value ? word.substr(equals + 1) : ""});
  }
  if (files_.size() < files) fail_usage("no file is given");
  if (files_.size() > files) fail_usage("unexpected argument '" + files_[files] + "'");
}

bool Options::has(const std::string& name) const {
  return std::any_of(given_.begin(), given_.end(), [&](const Given& g) { return g.name == name; });
}

std::string Options::value(const std::string& name, const std::string& otherwise) const {
  for (const Given& g : given_)
    if (g.name == name) return g.value;
  return otherwise;
}

std::vector<std::string> Options::values(const std::string& name) const {
  std::vector<std::string> result;
  for (const Given& g : given_)
    if (g.name == name) result.push_back(g.value);
  return result;
}

double Options::number(const std::string& name, double otherwise) const {
  if (!has(name)) return otherwise;
  const std::string text = value(name, "");
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(number) || number < 0)
    fail_usage("option '--" + name + "': '" + text + "' is not a number that is 0 or more");
  return number;
}

uint32_t Options::count(const std::string& name, uint32_t otherwise) const {
  const double number = this->number(name, otherwise);
  if (number < 1 || number > 65536 || number != std::floor(number))
    fail_usage("option '--" + name + "': '" + value(name, "") + "' is not a whole number from 1 to 65536");
  return static_cast<uint32_t>(number);
}

}  // namespace tools
