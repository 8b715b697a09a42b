// NumPy's .npy files, versions 1 to 3, little-endian and in C order.
//
// What NumPy has no type for is stored as raw bytes: bf16 as V2, the f8 types as V1. Of types that are packed, each
// element takes a byte: integers (i4, u4, i2, u2) as numbers of type i1 or u1, f4e2m1 as u1 with its four bits. Where
// such a type is `wanted` (kind none: nothing is known), a file is packed as it is read: numbers, or the V1 that ml_dtypes
// gives, of which the low bits count.
#pragma once
#include <string>

#include "host_tensor.hpp"

namespace tools {

// Ends the program with one line that names the file where it cannot be read.
HostTensor read_npy(const std::string& path, halcyon::ElementType wanted = {});
void write_npy(const std::string& path, const HostTensor& tensor);

}  // namespace tools
