#include "tools/OutputFile.h"

using namespace llvm;
using namespace halcyon;

OutputFile::OutputFile(StringRef path) : path(path) {
  sys::fs::file_status status;
  bool direct = path == "-" || (!sys::fs::status(path, status) && sys::fs::exists(status) &&
                                !sys::fs::is_regular_file(status));
  if (direct) {
    std::error_code code;
    file = std::make_unique<raw_fd_ostream>(path, code);
    if (code) {
      error_ = code.message();
      file.reset();
      return;
    }
    buffer = std::make_unique<buffer_ostream>(*file);
    stream_ = buffer.get();
    return;
  }
  Expected<sys::fs::TempFile> made = sys::fs::TempFile::create(path + ".%%%%%%%%", sys::fs::all_read | sys::fs::all_write);
  if (!made) {
    error_ = toString(made.takeError());
    return;
  }
  temporary.emplace(std::move(*made));
  file = std::make_unique<raw_fd_ostream>(temporary->FD, /*shouldClose=*/false);
  stream_ = file.get();
}

OutputFile::~OutputFile() {
  if (file)
    file->clear_error();
  if (temporary)
    consumeError(temporary->discard());
}

bool OutputFile::keep() {
  if (!stream_)
    return false;
  buffer.reset();
  file->flush();
  if (std::error_code code = file->error()) {
    error_ = code.message();
    return false;
  }
  if (!temporary)
    return true;
  file.reset();
  stream_ = nullptr;
  Error failed = temporary->keep(path);
  temporary.reset();
  if (failed) {
    error_ = toString(std::move(failed));
    return false;
  }
  return true;
}
