#include "test_data.hpp"

#include <filesystem>

#include "fail.hpp"
#include "import/onnx/wire/Model.h"

namespace conformance {
namespace {

halcyon::ElementType type_of(halcyon::onnx::DataType type) {
  if (type == halcyon::onnx::DataType::boolean) return halcyon::ElementType::i1;
  if (type == halcyon::onnx::DataType::complex64) return halcyon::ElementType::c64;
  if (type == halcyon::onnx::DataType::complex128) return halcyon::ElementType::c128;
  halcyon::ElementType made;
  tools::parse_type(halcyon::onnx::nameOf(type), made);  // the others have the same names
  return made;
}

tools::HostTensor read_tensor(const std::string& path) {
  std::string error;
  const auto tensor = halcyon::onnx::openTensor(path, error);
  if (!tensor) tools::fail("'" + path + "': " + error);
  tools::HostTensor made{type_of(tensor->type), tensor->dims, {tensor->bytes.view.begin(), tensor->bytes.view.end()}};
  if (made.type == halcyon::ElementType{})
    tools::fail("'" + path + "': no element type here is " + halcyon::onnx::nameOf(tensor->type));
  return made;
}

}  // namespace

std::vector<tools::HostTensor> read_tensors(const std::string& folder, const std::string& prefix) {
  std::vector<tools::HostTensor> made;
  for (;;) {
    const std::string path = folder + "/" + prefix + "_" + std::to_string(made.size()) + ".pb";
    if (!std::filesystem::exists(path)) return made;
    made.push_back(read_tensor(path));
  }
}

}  // namespace conformance
