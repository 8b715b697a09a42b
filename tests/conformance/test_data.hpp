// The .pb files of a test: one value each, as the tensors that stand for it at a function's boundary (a sequence or an
// optional is packed: compiler/import/README.md).
#pragma once
#include <string>
#include <vector>

#include "host_tensor.hpp"
#include "import/onnx/wire/Model.h"

namespace conformance {

// What a model takes and gives.
struct Signature {
  std::vector<halcyon::onnx::ValueInfo> inputs, outputs;
};
Signature read_signature(const std::string& model);

// FOLDER/PREFIX_0.pb, FOLDER/PREFIX_1.pb, ... as far as there are any. Ends the program where one is no value
// of a type that Halcyon has.
std::vector<tools::HostTensor> read_values(const std::string& folder, const std::string& prefix,
                                           const std::vector<halcyon::onnx::ValueInfo>& infos);

// The tensors that stand for a sequence; `type` is that of its elements.
std::vector<tools::HostTensor> packed(const std::vector<tools::HostTensor>& elements, halcyon::ElementType type);

}  // namespace conformance
