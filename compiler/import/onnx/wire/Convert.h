// import/onnx/wire/Convert.h -- protobuf's classes to plain data.
#pragma once
#include "import/onnx/wire/Stored.h"

namespace halcyon::onnx {

// `file` is what the skeleton was made of. False and a line in `error` where
// a tensor's bytes do not fit its type and dims, or external data is missing.
// May throw std::bad_alloc.
bool convertModel(const std::string &skeleton, const Bytes &file, const std::string &path,
                  Model &model, std::string &error);

// A TensorProto by itself.
bool convertTensor(const Bytes &file, Tensor &tensor, std::string &error);

// A value of that kind by itself.
bool convertStored(const Bytes &file, ValueKind kind, StoredValue &value, std::string &error);

// Every name defined once and before its use; graph outputs defined.
bool verifyModel(const Model &model, std::string &error);

} // namespace halcyon::onnx
