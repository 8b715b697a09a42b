// import/onnx/wire/ExternalData.h -- tensors that lie in files of their own.
#pragma once
#include "import/onnx/wire/Model.h"
#include <map>

namespace halcyon::onnx {

struct ExternalData {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = 0;
  bool hasLength = false;

  bool set(const std::string &key, const std::string &value, std::string &error);
};

// Maps each file once. A location must stay inside the model's folder, links followed.
class ExternalFiles {
public:
  explicit ExternalFiles(const std::string &modelPath);
  bool find(const ExternalData &data, uint64_t size, Bytes &bytes, std::string &error);

private:
  bool allowed;
  std::string model; // its path
  std::string folder; // with its slash; empty: the current one
  std::map<std::string, Bytes> files;
};

} // namespace halcyon::onnx
