// halcyon verify: checks an artifact whole, the SHA-256 of every segment included.
#include <cstdio>

#include "artifact_file.hpp"
#include "options.hpp"
#include "verbs.hpp"

namespace tools {

int verify(const Words& words) {
  const Options options({}, 1, words);
  const ArtifactFile file(options.file(), true);
  const halcyon::Artifact& artifact = file.artifact();
  size_t unsigned_segments = 0;
  for (const halcyon::SegmentDesc& segment : artifact.segments()) unsigned_segments += segment.sha256.empty();
  std::printf("%s: good: %zu functions, %zu plans, %zu segments", options.file().c_str(), artifact.functions().size(),
              artifact.plans().size(), artifact.segments().size());
  if (unsigned_segments) std::printf(", %zu of them without a SHA-256", unsigned_segments);
  std::printf("\n");
  return 0;
}

}  // namespace tools
