// Writes artifacts that need no compiler, for tests that are no C++: write_artifacts FOLDER
#include <cstdio>
#include <string>

#include "artifact_spec.hpp"

namespace {

bool write(const std::string& path, const support::ArtifactSpec& spec) {
  const std::vector<std::byte> bytes = support::build(spec);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool good = file && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (!file || std::fclose(file) != 0 || !good) {
    std::fprintf(stderr, "write_artifacts: cannot write %s\n", path.c_str());
    return false;
  }
  return true;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  const std::string folder = std::string(words[1]) + "/";
  return write(folder + "copy.hcm", support::copy_artifact()) && write(folder + "dynamic_copy.hcm", support::dynamic_copy_artifact()) ? 0 : 1;
}
