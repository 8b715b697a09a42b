#include "cases.hpp"

#include <fstream>
#include <sstream>

#include "fail.hpp"

namespace conformance {

std::vector<Case> read_cases(const std::string& folder) {
  const std::string path = folder + "/index.txt";
  std::ifstream file(path);
  if (!file) tools::fail("'" + path + "': cannot be read; tests/conformance/generate.py writes it");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Case made;
    if (!(words >> made.name >> made.rtol >> made.atol >> std::ws) || !std::getline(words, made.excluded) ||
        made.name.find('/') == std::string::npos)
      tools::fail("'" + path + "': is not an index: '" + line + "'");
    if (made.excluded == "-") made.excluded.clear();
    cases.push_back(made);
  }
  if (cases.empty()) tools::fail("'" + path + "': has no tests");
  return cases;
}

}  // namespace conformance
