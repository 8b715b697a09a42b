#include "host_tensor.hpp"

#include <cmath>
#include <cstring>

#include "fail.hpp"
#include "small_float.hpp"

namespace tools {

using halcyon::ElementKind;
using halcyon::ElementType;

namespace {

constexpr ElementType all_types[] = {
    ElementType::i2,  ElementType::u2,   ElementType::f8e8m0,   ElementType::f4e2m1,
    ElementType::i1,  ElementType::i4,   ElementType::u4,       ElementType::i8,     ElementType::u8,
    ElementType::i16, ElementType::u16,  ElementType::i32,      ElementType::u32,    ElementType::i64,
    ElementType::u64, ElementType::f16,  ElementType::bf16,     ElementType::f32,    ElementType::f64,
    ElementType::c64, ElementType::c128, ElementType::f8e4m3fn, ElementType::f8e5m2, ElementType::f8e4m3fnuz,
    ElementType::f8e5m2fnuz};

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <class T>
void store(std::byte* bytes, long double value) {
  const T stored = static_cast<T>(value);
  std::memcpy(bytes, &stored, sizeof(T));
}

uint64_t load_bits(const std::byte* bytes, size_t size) {
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, size);  // the file formats and the tested machines are little-endian
  return bits;
}

// An element of fewer bits than a byte: the low ones of the byte come first.
struct Packed {
  Packed(ElementType type, uint64_t index)
      : byte(index * type.bits / 8), shift(static_cast<unsigned>(index * type.bits % 8)), mask((1u << type.bits) - 1) {}
  unsigned load(const HostTensor& tensor) const { return std::to_integer<unsigned>(tensor.bytes[byte]) >> shift & mask; }
  void store(HostTensor& tensor, unsigned bits) const {
    tensor.bytes[byte] &= static_cast<std::byte>(~(mask << shift));
    tensor.bytes[byte] |= static_cast<std::byte>((bits & mask) << shift);
  }

  uint64_t byte;
  unsigned shift, mask;
};

}  // namespace

uint64_t HostTensor::elements() const {
  uint64_t count = 1;
  for (const int64_t size : shape) count *= static_cast<uint64_t>(size);
  return count;
}

std::string describe(ElementType type, const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) text += std::to_string(size) + "x";
  return text + name(type);
}

bool parse_type(const std::string& text, ElementType& type) {
  for (const ElementType candidate : all_types) {
    if (text != name(candidate)) continue;
    type = candidate;
    return true;
  }
  return false;
}

uint64_t tensor_bytes(ElementType type, const std::vector<int64_t>& shape, const std::string& what) {
  uint64_t count = 1, bytes = 0;
  for (const int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(count, static_cast<uint64_t>(size), &count))
      fail(what + ": the shape is too large");
  if (!byte_size(type, count, bytes) || bytes > (uint64_t{1} << 40)) fail(what + ": the shape is too large");
  return bytes;
}

long double element(const HostTensor& tensor, uint64_t index, bool imaginary) {
  const ElementType type = tensor.type;
  if (type.bits < 8) {
    const Packed at(type, index);
    const unsigned bits = at.load(tensor);
    if (type.kind == ElementKind::f4e2m1) return decode_small_float(type, bits);
    const bool negative = type.kind == ElementKind::sint && bits > at.mask / 2;
    return static_cast<long double>(bits) - (negative ? at.mask + 1 : 0);
  }
  const size_t size = type.bits / 8;
  const std::byte* bytes = tensor.bytes.data() + index * size;
  switch (type.kind) {
    case ElementKind::boolean: return load<uint8_t>(bytes) != 0;
    case ElementKind::uint: return static_cast<long double>(load_bits(bytes, size));
    case ElementKind::sint: {
      const unsigned shift = static_cast<unsigned>(64 - type.bits);
      return static_cast<long double>(static_cast<int64_t>(load_bits(bytes, size) << shift) >> shift);
    }
    case ElementKind::complex:
      return size == 8 ? static_cast<long double>(load<float>(bytes + (imaginary ? 4 : 0)))
                       : static_cast<long double>(load<double>(bytes + (imaginary ? 8 : 0)));
    case ElementKind::ieee:
      if (size == 8) return load<double>(bytes);
      if (size == 4) return load<float>(bytes);
      [[fallthrough]];
    default: return decode_small_float(type, static_cast<uint32_t>(load_bits(bytes, size)));
  }
}

void set_element(HostTensor& tensor, uint64_t index, long double value) {
  const ElementType type = tensor.type;
  if (type.bits < 8) {
    const bool is_float = type.kind == ElementKind::f4e2m1;
    Packed(type, index).store(tensor, is_float ? encode_small_float(type, value) : static_cast<unsigned>(static_cast<int>(value)));
    return;
  }
  const size_t size = type.bits / 8;
  std::byte* bytes = tensor.bytes.data() + index * size;
  switch (type.kind) {
    case ElementKind::boolean: store<uint8_t>(bytes, value != 0); return;
    case ElementKind::uint: {
      const uint64_t bits = static_cast<uint64_t>(value);
      std::memcpy(bytes, &bits, size);
      return;
    }
    case ElementKind::sint: {
      const int64_t bits = static_cast<int64_t>(value);
      std::memcpy(bytes, &bits, size);
      return;
    }
    case ElementKind::complex:
      if (size == 8) store<float>(bytes, value);
      else store<double>(bytes, value);
      return;
    case ElementKind::ieee:
      if (size == 8) return store<double>(bytes, value);
      if (size == 4) return store<float>(bytes, value);
      [[fallthrough]];
    default: {
      const uint32_t bits = encode_small_float(type, value);
      std::memcpy(bytes, &bits, size);
    }
  }
}

std::string position(const std::vector<int64_t>& shape, uint64_t index) {
  std::string text;
  for (size_t i = shape.size(); i-- > 0;) {
    const uint64_t size = static_cast<uint64_t>(shape[i]);
    text = std::to_string(index % size) + (text.empty() ? "" : "," + text);
    index /= size;
  }
  return "[" + text + "]";
}

std::string preview(const HostTensor& tensor, size_t limit) {
  const uint64_t count = tensor.elements();
  std::string text;
  for (uint64_t i = 0; i < count && i < limit; ++i) {
    if (i) text += ", ";
    text += format("%.7Lg", element(tensor, i));
    if (tensor.type.kind == ElementKind::complex) text += format("%+.7Lgi", element(tensor, i, true));
  }
  return count > limit ? text + ", ..." : text;
}

}  // namespace tools
