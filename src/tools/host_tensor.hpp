// A tensor in the command's own memory: what files and the command line give, and what results are
// copied into.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "halcyon/element_type.hpp"

namespace tools {

struct HostTensor {
  halcyon::ElementType type;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  uint64_t elements() const;
};

// "2x3xf32"; a scalar is "f32". `?` where the type has no name.
std::string describe(halcyon::ElementType type, const std::vector<int64_t>& shape);

bool parse_type(const std::string& name, halcyon::ElementType& type);

// Bytes of a tensor; ends the program where they do not fit into memory.
uint64_t tensor_bytes(halcyon::ElementType type, const std::vector<int64_t>& shape, const std::string& what);

// An element as a number, exactly (long double holds every i64 and u64 on the platforms that we test).
// Of a complex element the real part, or the imaginary one.
long double element(const HostTensor& tensor, uint64_t index, bool imaginary = false);
void set_element(HostTensor& tensor, uint64_t index, long double value);

// Where row-major element `index` is: "[0,3,1]"; "[]" for a scalar.
std::string position(const std::vector<int64_t>& shape, uint64_t index);

// "1, 2, 3, ..., 9": at most `limit` elements.
std::string preview(const HostTensor& tensor, size_t limit);

}  // namespace tools
