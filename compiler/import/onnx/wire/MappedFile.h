// import/onnx/wire/MappedFile.h -- a whole file, read-only, in memory.
#pragma once
#include "import/onnx/wire/Model.h"

namespace halcyon::onnx {

// An empty owner and a line in `error`, without the path, if the file cannot be
// mapped. An empty file gives an owner and an empty view.
Bytes mapFile(const std::string &path, std::string &error);

} // namespace halcyon::onnx
