#include "input.hpp"

#include <cmath>
#include <cstdlib>

#include "fail.hpp"
#include "npy.hpp"

namespace tools {

using halcyon::ElementKind;
using halcyon::ElementType;

namespace {

// SplitMix64: the same numbers on every machine.
uint64_t next_random(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Floats uniform in [-1, 1), bools 0 or 1, integers 0 to 99 as far as the type goes.
void fill_random(HostTensor& tensor, uint32_t seed) {
  uint64_t state = seed;
  const uint64_t range = tensor.type.kind == ElementKind::boolean ? 2 : tensor.type.bits < 8 ? 1u << (tensor.type.bits - 1) : 100;
  const bool integral = tensor.type.kind == ElementKind::boolean || tensor.type.kind == ElementKind::sint ||
                        tensor.type.kind == ElementKind::uint;
  for (uint64_t i = 0; i < tensor.elements(); ++i) {
    const uint64_t bits = next_random(state);
    set_element(tensor, i, integral ? static_cast<long double>(bits % range)
                                    : static_cast<long double>(bits >> 40) / (1 << 23) - 1);
  }
}

bool in_range(ElementType type, long double value) {
  if (type.kind == ElementKind::boolean) return value == 0 || value == 1;
  if (type.kind != ElementKind::sint && type.kind != ElementKind::uint) return true;
  const bool is_signed = type.kind == ElementKind::sint;
  const long double limit = std::ldexp(1.0L, is_signed ? type.bits - 1 : type.bits);
  return value == std::floor(value) && value >= (is_signed ? -limit : 0) && value < limit;
}

// "2x3xf32" -> shape and type.
HostTensor parse_shape(const std::string& text, const std::string& whole) {
  HostTensor tensor;
  size_t begin = 0;
  for (size_t x; (x = text.find('x', begin)) != std::string::npos; begin = x + 1) {
    char* end = nullptr;
    const std::string size = text.substr(begin, x - begin);
    const long long extent = std::strtoll(size.c_str(), &end, 10);
    if (size.empty() || *end || extent < 0) fail_usage("'" + whole + "': '" + size + "' is not a dimension");
    tensor.shape.push_back(extent);
  }
  const std::string type = text.substr(begin);
  if (!parse_type(type, tensor.type)) fail_usage("'" + whole + "': '" + type + "' is not an element type");
  tensor.bytes.resize(tensor_bytes(tensor.type, tensor.shape, "'" + whole + "'"));
  return tensor;
}

void fill_values(HostTensor& tensor, const std::string& values, const std::string& whole) {
  const uint64_t count = tensor.elements();
  uint64_t given = 0;
  for (const char* at = values.c_str(); *at;) {
    char* end = nullptr;
    const long double value = std::strtold(at, &end);
    if (end == at || (*end && *end != ',')) fail_usage("'" + whole + "': '" + at + "' does not begin with a number");
    if (!in_range(tensor.type, value))
      fail_usage(format("'%s': %.20Lg is not a value of %s", whole.c_str(), value, name(tensor.type)));
    if (given < count) set_element(tensor, given, value);
    ++given;
    at = *end == ',' ? end + 1 : end;
  }
  if (given == 1)
    for (uint64_t i = 1; i < count; ++i) set_element(tensor, i, element(tensor, 0));
  else if (given != count)
    fail_usage(format("'%s': the shape has %llu elements, %llu values are given", whole.c_str(),
                      static_cast<unsigned long long>(count), static_cast<unsigned long long>(given)));
}

}  // namespace

HostTensor parse_input(const std::string& text, uint32_t seed, ElementType wanted) {
  if (text.rfind('@', 0) == 0) return read_npy(text.substr(1), wanted);
  const size_t equals = text.find('=');
  if (equals == std::string::npos)
    fail_usage("'" + text + "': expected @FILE.npy or SHAPExTYPE=VALUES, as in 2x3xf32=random");
  HostTensor tensor = parse_shape(text.substr(0, equals), text);
  const std::string values = text.substr(equals + 1);
  if (values == "random") fill_random(tensor, seed);
  else fill_values(tensor, values, text);
  return tensor;
}

}  // namespace tools
