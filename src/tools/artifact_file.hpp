// A .hcm file, mapped and verified, without a device.
#pragma once
#include <string>

#include "halcyon/artifact.hpp"

namespace tools {

class ArtifactFile {
 public:
  // Ends the program with one line where the file cannot be read or is not what it should be.
  ArtifactFile(const std::string& path, bool verify_sha256);
  ~ArtifactFile();
  ArtifactFile(const ArtifactFile&) = delete;
  ArtifactFile& operator=(const ArtifactFile&) = delete;

  const halcyon::Artifact& artifact() const { return *artifact_; }
  size_t size() const { return file_.size(); }

 private:
  std::span<const std::byte> file_;
  halcyon::Owned<halcyon::Artifact> artifact_;
};

}  // namespace tools
