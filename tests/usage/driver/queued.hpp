// queued.hpp -- a device with memory and a queue of its own, as a GPU has: what is submitted runs on the queue's thread, and the host
// reaches its memory by transfers only.
//
//   HALCYON_ASSIGN(auto device, queued::create_device({.static_kernels = kernels}));
//
// Written from include/halcyon/hal (its MANUAL.md first of all) and drivers/null.
#pragma once
#include "halcyon/hal/device.hpp"
#include "halcyon/hal/kernel_abi.h"

namespace queued {

struct DeviceOptions {
  halcyon::Allocator allocator = halcyon::system_allocator();
  std::span<const hcy_static_kernel> static_kernels = {};  // borrowed
};
halcyon::Result<halcyon::Owned<halcyon::hal::Device>> create_device(const DeviceOptions& options = {});

}  // namespace queued
