// The drivers that this build of the command has, and devices by name.
#pragma once
#include <string>

#include "halcyon/registry.hpp"

namespace tools {

halcyon::Registry builtin_registry();

// Ends the program where there is no such device. `threads` 0: every processor that this process may use.
// `allocator` is where the device's own memory comes from.
halcyon::Owned<halcyon::hal::Device> create_device(const std::string& name, uint32_t threads,
                                                   const halcyon::Allocator& allocator);

}  // namespace tools
