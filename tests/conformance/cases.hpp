// The backend tests of the ONNX package as generate.py wrote them: a folder with index.txt.
#pragma once
#include <string>
#include <vector>

namespace conformance {

struct Case {
  std::string name;      // "node/relu": its folder, below the suite's
  double rtol = 0, atol = 0;
  std::string excluded;  // why it is outside the ordinary types, else empty

  std::string group() const { return name.substr(0, name.find('/')); }
};

// Ends the program with one line where there is no such file or it is not what generate.py writes.
std::vector<Case> read_cases(const std::string& folder);

}  // namespace conformance
