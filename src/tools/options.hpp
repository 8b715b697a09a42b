// The command line of a verb: files, and options of the form --name=value or --name.
//
//   Options options("FILE.hcm", {"device", "input*", "json!"});   // *: may be repeated, !: takes no value
//   options.parse(arguments);
//   const std::string device = options.value("device", "cpu");
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tools {

class Options {
 public:
  // Every mistake in `words` ends the program through fail_usage.
  Options(std::vector<std::string> known, size_t files, const std::vector<std::string>& words);

  const std::string& file() const { return files_.front(); }
  bool has(const std::string& name) const;
  std::string value(const std::string& name, const std::string& otherwise) const;
  std::vector<std::string> values(const std::string& name) const;
  double number(const std::string& name, double otherwise) const;  // not negative
  uint32_t count(const std::string& name, uint32_t otherwise) const;  // 1 and more

 private:
  struct Given {
    std::string name, value;
  };
  std::vector<Given> given_;
  std::vector<std::string> files_;
};

}  // namespace tools
