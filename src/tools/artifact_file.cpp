#include "artifact_file.hpp"

#include "fail.hpp"
#include "halcyon/platform.hpp"
#include "halcyon/program.hpp"

namespace tools {

ArtifactFile::ArtifactFile(const std::string& path, bool verify_sha256) {
  char line[256];
  auto file = halcyon::platform::map_file(path.c_str());
  if (!file.ok()) fail("'" + path + "': " + std::string(halcyon::describe(file.status(), line)));
  file_ = *file;
  auto artifact = halcyon::Artifact::open(file_, {}, halcyon::system_allocator());
  halcyon::Status status = artifact.status();
  if (status.ok() && verify_sha256) status = (*artifact)->verify_sha256();
  if (!status.ok()) fail("'" + path + "': " + std::string(halcyon::describe(status, line)));
  artifact_ = std::move(artifact).value();
}

ArtifactFile::~ArtifactFile() {
  artifact_.reset();
  halcyon::platform::unmap_file(file_);
}

}  // namespace tools
