// import/onnx/wire/Model.h -- an ONNX file as plain data, without MLIR.
//
//   std::string error;
//   std::unique_ptr<onnx::Model> model = onnx::openModel("model.onnx", error);
//   if (!model)
//     complain(error); // one line: what is wrong, and where
//
// Big tensors are views into the mapped file (inline raw_data and external
// files alike); `Bytes::owner` keeps the mapping alive. No function throws.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halcyon::onnx {

// ONNX's numbers.
enum class DataType : int32_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  complex64 = 14,
  complex128 = 15,
  bf16 = 16,
  f8e4m3fn = 17,
  f8e4m3fnuz = 18,
  f8e5m2 = 19,
  f8e5m2fnuz = 20,
  u4 = 21,
  i4 = 22,
  f4e2m1 = 23,
  f8e8m0 = 24,
  u2 = 25,
  i2 = 26,
  f6e2m3 = 27,
  f6e3m2 = 28,
};

// 0 for a type that has no fixed size or is not known.
unsigned bitsOf(DataType type);
const char *nameOf(DataType type);

struct Bytes {
  std::span<const std::byte> view;
  std::shared_ptr<const void> owner;
};

// Elements are little-endian, row-major; a bool is a byte, elements of 4 and 2
// bits are two and four a byte, low bits first. The size of `bytes` was checked against `dims`.
struct Tensor {
  std::string name;
  DataType type = DataType::undefined;
  std::vector<int64_t> dims;
  Bytes bytes;
  std::vector<std::string> strings; // for DataType::string only

  int64_t numElements() const;
};

struct Dim {
  int64_t value = -1; // -1: not known; `symbol` may name it
  std::string symbol;
};

enum class ValueKind {
  tensor,
  sequence,         // of tensors
  optional,         // of a tensor
  optionalSequence, // of a sequence of tensors
  other,            // maps, sparse tensors, sequences of sequences
};

struct ValueInfo {
  std::string name;
  ValueKind kind = ValueKind::other;
  // Of the tensor, or the tensors inside.
  DataType type = DataType::undefined;
  bool ranked = false;
  std::vector<Dim> dims;
};

struct Graph;

enum class AttributeKind {
  none,
  f,
  i,
  s,
  tensor,
  graph,
  floats,
  ints,
  strings,
  tensors,
  graphs,
  type,
  other,
};

const char *nameOf(AttributeKind kind);

struct NodeAttribute {
  std::string name;
  std::string reference; // inside a function: the caller's attribute to take
  AttributeKind kind = AttributeKind::none;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  std::vector<std::shared_ptr<const Tensor>> tensors; // one for kind tensor
  std::vector<std::shared_ptr<const Graph>> graphs;   // one for kind graph
  std::shared_ptr<const ValueInfo> type;
};

struct Node {
  std::string name; // of this node alone in its model or function, never empty: "Relu_12" where the file gives none
  std::string opType;
  std::string domain; // "" for "ai.onnx"
  std::vector<std::string> inputs, outputs;
  std::vector<NodeAttribute> attributes;
  std::string composed; // the operator that is imported as others, of which this is one; empty: none
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<std::shared_ptr<const Tensor>> initializers;
  std::vector<ValueInfo> inputs, outputs;
  std::vector<ValueInfo> inner; // what the file says of other names
};

struct Function {
  std::string domain, name;
  std::vector<std::string> inputs, outputs;
  std::vector<NodeAttribute> defaults;
  std::vector<Node> nodes;
  std::map<std::string, int64_t> opsets;
  std::vector<ValueInfo> inner; // what the file says of the names in it
};

struct Model {
  int64_t irVersion = 0;
  std::string producer;
  std::map<std::string, int64_t> opsets; // domain -> version
  Graph graph;
  std::vector<Function> functions;
};

// Null and one line in `error`, without the path, if the file cannot be read or
// is not right.
std::unique_ptr<Model> openModel(const std::string &path, std::string &error);

// As openModel, over bytes that `owner` keeps. External data is looked for in
// `path`'s folder; an empty one allows none.
std::unique_ptr<Model> parseModel(Bytes bytes, const std::string &path, std::string &error);

// A file that is one tensor, as test data are stored: a TensorProto whose data lie in it.
std::unique_ptr<Tensor> openTensor(const std::string &path, std::string &error);

} // namespace halcyon::onnx
