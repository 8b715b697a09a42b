#include "import/onnx/wire/Skeleton.h"
#include <cstdint>

namespace halcyon::onnx {
namespace {

constexpr size_t inlineLimit = 64;
constexpr int depthLimit = 40; // protobuf's own is 100; each level is ~2

enum class Message { leaf, model, graph, node, attribute, tensor, sparse, function };

// Which message a length-delimited field holds, if it can lead to a tensor.
Message childOf(Message parent, uint64_t field) {
  switch (parent) {
  case Message::model:
    return field == 7 ? Message::graph : field == 25 ? Message::function : Message::leaf;
  case Message::graph:
    return field == 1    ? Message::node
           : field == 5  ? Message::tensor
           : field == 15 ? Message::sparse
                         : Message::leaf;
  case Message::node:
    return field == 5 ? Message::attribute : Message::leaf;
  case Message::function:
    return field == 7 ? Message::node : field == 11 ? Message::attribute : Message::leaf;
  case Message::attribute:
    return field == 5 || field == 10   ? Message::tensor
           : field == 6 || field == 11 ? Message::graph
                                       : Message::leaf;
  case Message::sparse:
    return field == 1 || field == 2 ? Message::tensor : Message::leaf;
  case Message::leaf:
  case Message::tensor:
    return Message::leaf;
  }
  return Message::leaf;
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

class Walker {
public:
  Walker(std::span<const std::byte> file, std::string &error) : file(file), error(error) {}

  bool walk(size_t begin, size_t end, Message kind, int depth, std::string &out) {
    if (depth > depthLimit)
      return fail(begin, "messages are nested too deeply");
    size_t at = begin;
    while (at < end) {
      size_t fieldBegin = at;
      uint64_t key = 0, length = 0;
      if (!readVarint(at, end, key))
        return fail(fieldBegin, "broken field key");
      uint64_t field = key >> 3;
      switch (key & 7) {
      case 0:
        if (!readVarint(at, end, length))
          return fail(fieldBegin, "broken varint");
        break;
      case 1:
        if (end - at < 8)
          return fail(fieldBegin, "8-byte field passes the end");
        at += 8;
        break;
      case 5:
        if (end - at < 4)
          return fail(fieldBegin, "4-byte field passes the end");
        at += 4;
        break;
      case 2:
        if (!readVarint(at, end, length) || length > end - at)
          return fail(fieldBegin, "field is longer than its message");
        break;
      default:
        return fail(fieldBegin, "unknown wire type");
      }
      bool reserved = kind == Message::tensor && field >= 1000;
      if (reserved)
        return fail(fieldBegin, "field number is not one of TensorProto's");
      if ((key & 7) != 2) {
        append(out, fieldBegin, at);
        continue;
      }
      size_t payload = at;
      at += length;
      if (kind == Message::tensor && field == 9 && length > inlineLimit) {
        appendVarint(out, 1000 << 3);
        appendVarint(out, payload);
        appendVarint(out, 1001 << 3);
        appendVarint(out, length);
        continue;
      }
      Message child = childOf(kind, field);
      if (child == Message::leaf) {
        append(out, fieldBegin, at);
        continue;
      }
      std::string inner;
      if (!walk(payload, at, child, depth + 1, inner))
        return false;
      appendVarint(out, key);
      appendVarint(out, inner.size());
      out += inner;
    }
    return true;
  }

private:
  bool readVarint(size_t &at, size_t end, uint64_t &value) {
    value = 0;
    for (int shift = 0; shift < 64 && at < end; shift += 7) {
      auto byte = static_cast<uint8_t>(file[at++]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80)
        return true;
    }
    return false;
  }

  void append(std::string &out, size_t begin, size_t end) {
    out.append(reinterpret_cast<const char *>(file.data()) + begin, end - begin);
  }

  bool fail(size_t at, const char *what) {
    error = std::string("not an ONNX model: ") + what + " at byte " + std::to_string(at);
    return false;
  }

  std::span<const std::byte> file;
  std::string &error;
};

} // namespace

bool makeSkeleton(std::span<const std::byte> file, std::string &skeleton, std::string &error) {
  return Walker(file, error).walk(0, file.size(), Message::model, 0, skeleton);
}

} // namespace halcyon::onnx
