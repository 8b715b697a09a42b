// What --input and --expect may say: `@x.npy`, `2x3xf32=1,2,3,4,5,6`, `2x3xf32=random`, `i64=5`.
// One value fills the whole tensor.
#pragma once
#include <string>

#include "host_tensor.hpp"

namespace tools {

// `seed` chooses the stream of `random`; `wanted` is what the function asks for, kind none if unknown.
HostTensor parse_input(const std::string& text, uint32_t seed, halcyon::ElementType wanted);

}  // namespace tools
