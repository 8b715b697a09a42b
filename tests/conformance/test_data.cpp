#include "test_data.hpp"

#include <filesystem>

#include "fail.hpp"
#include "import/onnx/wire/Stored.h"

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

tools::HostTensor to_host(const halcyon::onnx::Tensor& tensor, const std::string& path) {
  tools::HostTensor made{type_of(tensor.type), tensor.dims, {tensor.bytes.view.begin(), tensor.bytes.view.end()}};
  if (made.type == halcyon::ElementType{})
    tools::fail("'" + path + "': no element type here is " + halcyon::onnx::nameOf(tensor.type));
  return made;
}

tools::HostTensor make(halcyon::ElementType type, std::vector<int64_t> shape, const void* bytes, size_t size) {
  const auto* first = static_cast<const std::byte*>(bytes);
  return {type, std::move(shape), {first, first + size}};
}

}  // namespace

Signature read_signature(const std::string& model) {
  std::string error;
  const auto read = halcyon::onnx::openModel(model, error);
  if (!read) tools::fail("'" + model + "': " + error);
  Signature made;
  made.outputs = read->graph.outputs;
  for (const halcyon::onnx::ValueInfo& input : read->graph.inputs) {
    bool initialized = false;
    for (const auto& tensor : read->graph.initializers) initialized |= tensor->name == input.name;
    if (!initialized) made.inputs.push_back(input);
  }
  return made;
}

std::vector<tools::HostTensor> packed(const std::vector<tools::HostTensor>& elements, halcyon::ElementType type) {
  constexpr size_t columns = 8;
  tools::HostTensor values{type, {0}, {}};
  std::vector<int64_t> shapes;
  for (const tools::HostTensor& element : elements) {
    values.shape[0] += static_cast<int64_t>(element.elements());
    values.bytes.insert(values.bytes.end(), element.bytes.begin(), element.bytes.end());
    std::vector<int64_t> row = element.shape;
    row.resize(columns, -1);
    shapes.insert(shapes.end(), row.begin(), row.end());
  }
  return {values, make(halcyon::ElementType::i64, {static_cast<int64_t>(elements.size()), columns}, shapes.data(), shapes.size() * 8)};
}

std::vector<tools::HostTensor> read_values(const std::string& folder, const std::string& prefix,
                                           const std::vector<halcyon::onnx::ValueInfo>& infos) {
  using halcyon::onnx::ValueKind;
  std::vector<tools::HostTensor> made;
  for (size_t i = 0; i < infos.size(); ++i) {
    const std::string path = folder + "/" + prefix + "_" + std::to_string(i) + ".pb";
    if (!std::filesystem::exists(path)) return made;
    std::string error;
    const auto value = halcyon::onnx::openStored(path, infos[i].kind, error);
    if (!value) tools::fail("'" + path + "': " + error);
    std::vector<tools::HostTensor> elements;
    for (const halcyon::onnx::Tensor& tensor : value->tensors) elements.push_back(to_host(tensor, path));
    if (infos[i].kind != ValueKind::tensor) elements = packed(elements, type_of(infos[i].type));
    if (infos[i].kind == ValueKind::optionalSequence)
      elements.push_back(make(halcyon::ElementType::i1, {}, &value->present, 1));
    made.insert(made.end(), elements.begin(), elements.end());
  }
  return made;
}

}  // namespace conformance
