#include "import/onnx/wire/Convert.h"
#include "import/onnx/wire/ExternalData.h"
#include "import/onnx/wire/onnx.pb.h"
#include <bit>
#include <cstring>
#include <map>
#include <set>

namespace halcyon::onnx {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are little-endian views");

class Converter {
public:
  Converter(const Bytes &file, const std::string &path, std::string &error)
      : file(file), external(path), error(error) {}

  bool model(const ModelProto &from, Model &to) {
    if (!from.has_graph())
      return fail("not an ONNX model: it has no graph");
    to.irVersion = from.ir_version();
    to.producer = from.producer_name() + " " + from.producer_version();
    if (!opsets(from.opset_import(), to.opsets))
      return false;
    if (to.opsets.empty())
      return fail("not an ONNX model: it imports no operator set");
    for (const FunctionProto &functionFrom : from.functions())
      if (!function(functionFrom, to.functions.emplace_back()))
        return false;
    forgetNames();
    return graph(from.graph(), to.graph);
  }

  bool tensor(const TensorProto &from, Tensor &to) {
    return tensor(from, "tensor '" + from.name() + "'", to);
  }

private:
  template <class Opsets> bool opsets(const Opsets &from, std::map<std::string, int64_t> &to) {
    for (const OperatorSetIdProto &opset : from)
      if (!to.emplace(domainOf(opset.domain()), opset.version()).second)
        return fail("operator set '" + opset.domain() + "' is imported twice");
    return true;
  }

  static std::string domainOf(const std::string &domain) {
    return domain == "ai.onnx" ? std::string() : domain;
  }

  bool function(const FunctionProto &from, Function &to) {
    forgetNames();
    to.domain = domainOf(from.domain());
    to.name = from.name();
    to.inputs.assign(from.input().begin(), from.input().end());
    to.outputs.assign(from.output().begin(), from.output().end());
    for (const AttributeProto &attributeFrom : from.attribute_proto())
      if (!attribute(attributeFrom, "function '" + to.name + "'", to.defaults.emplace_back()))
        return false;
    for (const ValueInfoProto &info : from.value_info())
      if (!valueInfo(info, to.inner.emplace_back()))
        return false;
    return opsets(from.opset_import(), to.opsets) && nodes(from.node(), to.nodes);
  }

  bool graph(const GraphProto &from, Graph &to) {
    to.name = from.name();
    if (from.sparse_initializer_size())
      return fail("sparse initializers are not supported");
    for (const TensorProto &tensorFrom : from.initializer()) {
      auto made = std::make_shared<Tensor>();
      if (!tensor(tensorFrom, "initializer '" + tensorFrom.name() + "'", *made))
        return false;
      to.initializers.push_back(std::move(made));
    }
    for (const ValueInfoProto &info : from.input())
      if (!valueInfo(info, to.inputs.emplace_back()))
        return false;
    for (const ValueInfoProto &info : from.output())
      if (!valueInfo(info, to.outputs.emplace_back()))
        return false;
    for (const ValueInfoProto &info : from.value_info())
      if (!valueInfo(info, to.inner.emplace_back()))
        return false;
    return nodes(from.node(), to.nodes);
  }

  void forgetNames() {
    taken.clear();
    nodeNames.clear();
  }

  template <class Nodes> bool nodes(const Nodes &from, std::vector<Node> &to) {
    size_t index = 0;
    for (const NodeProto &nodeFrom : from) {
      Node &node = to.emplace_back();
      node.opType = nodeFrom.op_type();
      node.domain = domainOf(nodeFrom.domain());
      node.name = nodeFrom.name();
      if (node.name.empty())
        node.name = node.opType + "_" + std::to_string(index);
      ++index;
      node.name = nameOnce(node.name);
      if (node.opType.empty())
        return fail("node '" + node.name + "' has no operator");
      node.inputs.assign(nodeFrom.input().begin(), nodeFrom.input().end());
      node.outputs.assign(nodeFrom.output().begin(), nodeFrom.output().end());
      for (const AttributeProto &attributeFrom : nodeFrom.attribute())
        if (!attribute(attributeFrom, "node '" + node.name + "'", node.attributes.emplace_back()))
          return false;
    }
    return true;
  }

  // Names are locations: those that occur again are told apart.
  std::string nameOnce(const std::string &wanted) {
    std::string name = wanted;
    for (size_t &count = nodeNames[wanted]; !taken.insert(name).second;)
      name = wanted + "_" + std::to_string(++count + 1);
    return name;
  }

  bool attribute(const AttributeProto &from, const std::string &where, NodeAttribute &to) {
    to.name = from.name();
    to.reference = from.ref_attr_name();
    std::string at = where + ", attribute '" + to.name + "'";
    switch (from.type()) {
    case AttributeProto::FLOAT:
      to.kind = AttributeKind::f;
      to.f = from.f();
      return true;
    case AttributeProto::INT:
      to.kind = AttributeKind::i;
      to.i = from.i();
      return true;
    case AttributeProto::STRING:
      to.kind = AttributeKind::s;
      to.s = from.s();
      return true;
    case AttributeProto::FLOATS:
      to.kind = AttributeKind::floats;
      to.floats.assign(from.floats().begin(), from.floats().end());
      return true;
    case AttributeProto::INTS:
      to.kind = AttributeKind::ints;
      to.ints.assign(from.ints().begin(), from.ints().end());
      return true;
    case AttributeProto::STRINGS:
      to.kind = AttributeKind::strings;
      to.strings.assign(from.strings().begin(), from.strings().end());
      return true;
    case AttributeProto::TENSOR:
      to.kind = AttributeKind::tensor;
      return addTensor(from.t(), at, to);
    case AttributeProto::TENSORS:
      to.kind = AttributeKind::tensors;
      for (const TensorProto &tensorFrom : from.tensors())
        if (!addTensor(tensorFrom, at, to))
          return false;
      return true;
    case AttributeProto::GRAPH:
      to.kind = AttributeKind::graph;
      return addGraph(from.g(), to);
    case AttributeProto::GRAPHS:
      to.kind = AttributeKind::graphs;
      for (const GraphProto &graphFrom : from.graphs())
        if (!addGraph(graphFrom, to))
          return false;
      return true;
    case AttributeProto::TYPE_PROTO:
      return addType(from.tp(), to);
    case AttributeProto::UNDEFINED:
      if (!to.reference.empty())
        return true;
      return fail(at + " has no type");
    default:
      to.kind = AttributeKind::other;
      return true;
    }
  }

  static bool addType(const TypeProto &from, NodeAttribute &to) {
    auto made = std::make_shared<ValueInfo>();
    type(from, *made);
    to.kind = AttributeKind::type;
    to.type = std::move(made);
    return true;
  }

  bool addTensor(const TensorProto &from, const std::string &where, NodeAttribute &to) {
    auto made = std::make_shared<Tensor>();
    if (!tensor(from, where, *made))
      return false;
    to.tensors.push_back(std::move(made));
    return true;
  }

  bool addGraph(const GraphProto &from, NodeAttribute &to) {
    auto made = std::make_shared<Graph>();
    if (!graph(from, *made))
      return false;
    to.graphs.push_back(std::move(made));
    return true;
  }

  bool valueInfo(const ValueInfoProto &from, ValueInfo &to) {
    to.name = from.name();
    type(from.type(), to);
    return true;
  }

  // Leaves kind `other` where there is no tensor at the bottom.
  static void type(const TypeProto &from, ValueInfo &to) {
    if (from.has_tensor_type()) {
      tensorType(from.tensor_type(), to);
      to.kind = ValueKind::tensor;
    } else if (from.has_sequence_type() && from.sequence_type().elem_type().has_tensor_type()) {
      tensorType(from.sequence_type().elem_type().tensor_type(), to);
      to.kind = ValueKind::sequence;
    } else if (from.has_optional_type()) {
      ValueInfo inner;
      type(from.optional_type().elem_type(), inner);
      if (inner.kind != ValueKind::tensor && inner.kind != ValueKind::sequence)
        return;
      inner.name = to.name;
      inner.kind = inner.kind == ValueKind::tensor ? ValueKind::optional : ValueKind::optionalSequence;
      to = std::move(inner);
    }
  }

  static void tensorType(const TypeProto::Tensor &from, ValueInfo &to) {
    to.type = static_cast<DataType>(from.elem_type());
    to.ranked = from.has_shape();
    for (const TensorShapeProto::Dimension &dim : from.shape().dim()) {
      Dim &made = to.dims.emplace_back();
      made.symbol = dim.dim_param();
      // Some exporters write an unknown dimension as -1.
      if (dim.has_dim_value() && dim.dim_value() >= 0)
        made.value = dim.dim_value();
    }
  }

  bool tensor(const TensorProto &from, const std::string &where, Tensor &to) {
    to.name = from.name();
    to.type = static_cast<DataType>(from.data_type());
    to.dims.assign(from.dims().begin(), from.dims().end());
    unsigned bits = bitsOf(to.type);
    if (to.type == DataType::f6e2m3 || to.type == DataType::f6e3m2)
      return fail(where + ": element type " + nameOf(to.type) + " is not supported");
    if (!bits && to.type != DataType::string)
      return fail(where + ": unknown element type " + std::to_string(from.data_type()));
    uint64_t count = 1;
    for (int64_t dim : to.dims) {
      if (dim < 0)
        return fail(where + ": dimension " + std::to_string(dim) + " is negative");
      if (__builtin_mul_overflow(count, static_cast<uint64_t>(dim), &count) ||
          count > (uint64_t{1} << 56))
        return fail(where + ": too many elements");
    }
    if (to.type == DataType::string) {
      to.strings.assign(from.string_data().begin(), from.string_data().end());
      if (to.strings.size() != count)
        return failCount(where, count, to.strings.size(), "strings");
      return true;
    }
    uint64_t size = (count * bits + 7) / 8;
    if (from.data_location() == TensorProto::EXTERNAL) {
      ExternalData data;
      for (const StringStringEntryProto &entry : from.external_data())
        if (!data.set(entry.key(), entry.value(), error))
          return fail(where + ": " + error);
      if (!external.find(data, size, to.bytes, error))
        return fail(where + ": " + error);
    } else if (from.has_file_offset()) {
      if (from.file_offset() > file.view.size() ||
          from.file_size() > file.view.size() - from.file_offset())
        return fail(where + ": data passes the end of the file");
      to.bytes = {file.view.subspan(from.file_offset(), from.file_size()), file.owner};
    } else if (from.has_raw_data()) {
      own(std::make_shared<std::string>(from.raw_data()), to.bytes);
    } else if (!typedData(from, to)) {
      return fail(where + ": element type " + nameOf(to.type) + " needs raw data");
    }
    if (to.bytes.view.size() != size)
      return failCount(where, size, to.bytes.view.size(), "bytes");
    return true;
  }

  // The element's bits sit in the low bits of a wider field.
  template <class Element, class Field> static void narrow(const Field &from, Bytes &to) {
    auto made = std::make_shared<std::vector<Element>>();
    made->reserve(static_cast<size_t>(from.size()));
    for (auto value : from)
      made->push_back(static_cast<Element>(value));
    to.view = std::as_bytes(std::span<const Element>(*made));
    to.owner = std::move(made);
  }

  static void own(std::shared_ptr<std::string> from, Bytes &to) {
    to.view = std::as_bytes(std::span<const char>(*from));
    to.owner = std::move(from);
  }

  static bool typedData(const TensorProto &from, Tensor &to) {
    switch (to.type) {
    case DataType::f32:
    case DataType::complex64:
      narrow<float>(from.float_data(), to.bytes);
      return true;
    case DataType::f64:
    case DataType::complex128:
      narrow<double>(from.double_data(), to.bytes);
      return true;
    case DataType::i64:
      narrow<int64_t>(from.int64_data(), to.bytes);
      return true;
    case DataType::u64:
      narrow<uint64_t>(from.uint64_data(), to.bytes);
      return true;
    case DataType::u32:
      narrow<uint32_t>(from.uint64_data(), to.bytes);
      return true;
    case DataType::i32:
      narrow<int32_t>(from.int32_data(), to.bytes);
      return true;
    case DataType::u16:
    case DataType::i16:
    case DataType::f16:
    case DataType::bf16:
      narrow<uint16_t>(from.int32_data(), to.bytes);
      return true;
    case DataType::u8:
    case DataType::i8:
    case DataType::boolean:
    case DataType::f8e4m3fn:
    case DataType::f8e4m3fnuz:
    case DataType::f8e5m2:
    case DataType::f8e5m2fnuz:
    case DataType::f8e8m0:
    case DataType::u4:
    case DataType::i4:
    case DataType::f4e2m1:
    case DataType::u2:
    case DataType::i2:
      narrow<uint8_t>(from.int32_data(), to.bytes);
      return true;
    case DataType::undefined:
    case DataType::string:
    case DataType::f6e2m3:
    case DataType::f6e3m2:
      break;
    }
    return false;
  }

  bool failCount(const std::string &where, uint64_t expected, uint64_t actual, const char *unit) {
    return fail(where + ": expected " + std::to_string(expected) + " " + unit + ", got " +
                std::to_string(actual));
  }

  bool fail(std::string what) {
    error = std::move(what);
    return false;
  }

  std::set<std::string> taken;             // names of nodes
  std::map<std::string, size_t> nodeNames; // how often each was wanted again
  const Bytes &file;
  ExternalFiles external;
  std::string &error;
};

} // namespace

bool convertModel(const std::string &skeleton, const Bytes &file, const std::string &path,
                  Model &model, std::string &error) {
  ModelProto proto;
  if (!proto.ParseFromString(skeleton)) {
    error = "not an ONNX model: protobuf cannot parse it";
    return false;
  }
  return Converter(file, path, error).model(proto, model);
}

bool convertTensor(const Bytes &file, Tensor &tensor, std::string &error) {
  TensorProto proto;
  if (!proto.ParseFromArray(file.view.data(), static_cast<int>(file.view.size()))) {
    error = "not an ONNX tensor: protobuf cannot parse it";
    return false;
  }
  return Converter(file, "", error).tensor(proto, tensor);
}

bool convertStored(const Bytes &file, ValueKind kind, StoredValue &value, std::string &error) {
  const auto size = static_cast<int>(file.view.size());
  Converter converter(file, "", error);
  auto addAll = [&](const SequenceProto &from) {
    for (const TensorProto &tensor : from.tensor_values())
      if (!converter.tensor(tensor, value.tensors.emplace_back()))
        return false;
    return true;
  };
  SequenceProto sequence;
  OptionalProto optional;
  switch (kind) {
  case ValueKind::tensor:
    return convertTensor(file, value.tensors.emplace_back(), error);
  case ValueKind::sequence:
    if (sequence.ParseFromArray(file.view.data(), size))
      return addAll(sequence);
    error = "not an ONNX sequence: protobuf cannot parse it";
    return false;
  case ValueKind::optional:
  case ValueKind::optionalSequence:
    if (!optional.ParseFromArray(file.view.data(), size))
      break;
    value.present = kind == ValueKind::optional ? optional.has_tensor_value() : optional.has_sequence_value();
    if (optional.has_tensor_value() && kind == ValueKind::optional)
      return converter.tensor(optional.tensor_value(), value.tensors.emplace_back());
    return addAll(optional.sequence_value());
  case ValueKind::other:
    break;
  }
  error = "not an ONNX value that can be read";
  return false;
}

} // namespace halcyon::onnx
