// NumPy's .npy files, versions 1 to 3, little-endian and in C order.
//
// What NumPy has no type for is stored as raw bytes: bf16 as V2, the f8 types as V1, i4 and u4 unpacked to
// one signed or unsigned byte an element. `wanted` (kind none: nothing is known) says what raw bytes and
// unpacked ones are to become.
#pragma once
#include <string>

#include "host_tensor.hpp"

namespace tools {

// Ends the program with one line that names the file where it cannot be read.
HostTensor read_npy(const std::string& path, halcyon::ElementType wanted = {});
void write_npy(const std::string& path, const HostTensor& tensor);

}  // namespace tools
