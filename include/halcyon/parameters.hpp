// halcyon/parameters.hpp -- external parameters from a .safetensors file, used in place.
//
//   HALCYON_ASSIGN(const auto weights, SafetensorsFile::open("weights.safetensors", "model"));
//   LoadOptions options;
//   options.parameters = weights.source();       // `weights` outlives the program
//
// The file is mapped read-only and searched where it lies; nothing is allocated. Threads: immutable once open.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN

class SafetensorsFile {
 public:
  // Serves the parameters of `scope` ("": of every scope), which must outlive the file. Errors:
  // corrupt_artifact with a byte offset; what opening a file gives.
  static Result<SafetensorsFile> open(const char* path, std::string_view scope = {});
  // Over bytes that the caller keeps.
  static Result<SafetensorsFile> open(std::span<const std::byte> file, std::string_view scope = {});

  // The tensor's bytes, or not_found.
  Result<std::span<const std::byte>> find(std::string_view key) const;
  ParameterSource source() const;

  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) = delete;
  ~SafetensorsFile();

 private:
  SafetensorsFile() = default;
  Status check();
  std::span<const std::byte> file_;
  std::string_view header_, scope_;
  std::span<const std::byte> data_;
  bool mapped_ = false;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/parameters.ipp"
#endif
