// An artifact as a file, for the length of a test.
#pragma once

namespace faults {

// `image`: an ELF file of kernels (tests/cts/elf_kernels.c), or null: nothing but copies. `reads`: the host waits for numbers
// from the device during the call.
class ArtifactFile {
 public:
  explicit ArtifactFile(const char* image, bool reads);
  ArtifactFile(const ArtifactFile&) = delete;
  ArtifactFile& operator=(const ArtifactFile&) = delete;
  ~ArtifactFile();
  const char* path() const { return path_; }

 private:
  char path_[40] = "/tmp/halcyon-faults-XXXXXX";
};

}  // namespace faults
