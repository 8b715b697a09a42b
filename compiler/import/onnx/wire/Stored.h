// import/onnx/wire/Stored.h -- a file that is one value, as test data are stored: a TensorProto, SequenceProto or
// OptionalProto whose data lie in it.
#pragma once
#include "import/onnx/wire/Model.h"

namespace halcyon::onnx {

struct StoredValue {
  bool present = true; // of an optional
  std::vector<Tensor> tensors; // one, or a sequence's
};

// Null and one line in `error` where the file is not of that kind. Does not throw.
std::unique_ptr<StoredValue> openStored(const std::string &path, ValueKind kind, std::string &error);

} // namespace halcyon::onnx
