// tools/OutputFile.h -- a file that appears whole or not at all.
#pragma once
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <optional>
#include <string>

namespace halcyon {

// Writes beside `path` and renames at keep(). "-" is the standard output; a path that is no regular
// file (a pipe, a device) is written directly.
class OutputFile {
public:
  explicit OutputFile(llvm::StringRef path);
  ~OutputFile();

  explicit operator bool() const { return stream_ != nullptr; }
  llvm::raw_pwrite_stream &stream() { return *stream_; }
  bool keep();
  const std::string &error() const { return error_; } // after a failed constructor or keep()

private:
  std::string path;
  std::string error_;
  std::optional<llvm::sys::fs::TempFile> temporary;
  std::unique_ptr<llvm::raw_fd_ostream> file;
  std::unique_ptr<llvm::raw_pwrite_stream> buffer; // for streams that cannot seek
  llvm::raw_pwrite_stream *stream_ = nullptr;
};

} // namespace halcyon
