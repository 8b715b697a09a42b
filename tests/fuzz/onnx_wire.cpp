// Every truncation and seeded mutations of a small ONNX model: each gives a model or one line of
// error. Run under the sanitizers.  onnx_wire [--count=N] [--seed=S]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "import/onnx/wire/Model.h"
#include "import/onnx/wire/onnx.pb.h"

using namespace halcyon::onnx;

namespace {

void add_value(google::protobuf::RepeatedPtrField<ValueInfoProto>& list, const char* name) {
  ValueInfoProto& info = *list.Add();
  info.set_name(name);
  TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(1);
  type.mutable_shape()->add_dim()->set_dim_param("n");
  type.mutable_shape()->add_dim()->set_dim_value(64);
}

NodeProto& add_node(GraphProto& graph, const char* op, const char* input, const char* output) {
  NodeProto& node = *graph.add_node();
  node.set_op_type(op);
  node.add_input(input);
  node.add_output(output);
  return node;
}

// Raw, typed and external tensors; attributes of every kind that leads to a tensor; a function.
std::string small_model() {
  ModelProto model;
  model.set_ir_version(8);
  OperatorSetIdProto& opset = *model.add_opset_import();
  opset.set_version(17);
  GraphProto& graph = *model.mutable_graph();
  add_value(*graph.mutable_input(), "x");
  add_value(*graph.mutable_output(), "y");
  TensorProto& raw = *graph.add_initializer();
  raw.set_name("raw");
  raw.set_data_type(1);
  raw.add_dims(64);
  raw.set_raw_data(std::string(256, '\1'));
  TensorProto& typed = *graph.add_initializer();
  typed.set_name("typed");
  typed.set_data_type(7);
  typed.add_dims(3);
  for (int i = 0; i < 3; ++i) typed.add_int64_data(i);
  add_node(graph, "Relu", "x", "a").add_input("raw");
  NodeProto& branch = add_node(graph, "If", "a", "y");
  AttributeProto& body = *branch.add_attribute();
  body.set_name("then_branch");
  body.set_type(AttributeProto::GRAPH);
  add_node(*body.mutable_g(), "Neg", "x", "b");
  add_value(*body.mutable_g()->mutable_output(), "b");
  AttributeProto& value = *branch.add_attribute();
  value.set_name("value");
  value.set_type(AttributeProto::TENSOR);
  *value.mutable_t() = raw;
  FunctionProto& function = *model.add_functions();
  function.set_name("f");
  function.add_input("u");
  function.add_output("v");
  NodeProto& inner = *function.add_node();
  inner.set_op_type("Neg");
  inner.add_input("u");
  inner.add_output("v");
  return model.SerializeAsString();
}

struct Counts {
  long models = 0, errors = 0, wrong = 0;
};

void try_bytes(const std::string& text, Counts& counts) {
  // Exactly as long as the text, so that a read past the end is seen.
  auto owner = std::make_shared<std::vector<std::byte>>(text.size());
  if (!text.empty()) std::memcpy(owner->data(), text.data(), text.size());
  Bytes bytes{std::span<const std::byte>(*owner), owner};
  std::string error;
  if (parseModel(bytes, "", error))
    ++counts.models;
  else if (error.empty() || error.find('\n') != std::string::npos)
    ++counts.wrong;
  else
    ++counts.errors;
}

}  // namespace

int main(int argc, char** argv) {
  long count = 5000;
  unsigned seed = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--count=", 8) == 0) count = std::atol(argv[i] + 8);
    if (std::strncmp(argv[i], "--seed=", 7) == 0) seed = static_cast<unsigned>(std::atol(argv[i] + 7));
  }
  std::string model = small_model();
  Counts counts;
  try_bytes(model, counts);
  if (counts.models != 1) {
    std::printf("onnx_wire: the model itself does not read\n");
    return 1;
  }
  for (size_t length = 0; length < model.size(); ++length) try_bytes(model.substr(0, length), counts);
  std::mt19937 random(seed);
  for (long i = 0; i < count; ++i) {
    std::string mutated = model;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes)
      mutated[random() % mutated.size()] = static_cast<char>(random());
    try_bytes(mutated, counts);
  }
  std::printf("onnx_wire: %ld models, %ld errors, %ld without a proper error line\n", counts.models,
              counts.errors, counts.wrong);
  return counts.wrong != 0;
}
