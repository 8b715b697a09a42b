// halcyon/checked/options.hpp -- what checked() can be asked for.
#pragma once
#include <cstdint>
#include <string_view>

#include "halcyon/config.hpp"

HALCYON_NAMESPACE_BEGIN

struct CheckedOptions {
  void (*report)(void* user, std::string_view text) = nullptr;  // one line a fault, from the thread at fault
  void* user = nullptr;
  uint32_t window = 256;      // submissions among which races are looked for: 16 to 4096
  bool strict = false;        // bindings of unknown use count as written
  bool asynchronous = false;  // judge, and say in caps(), as if the device ran its work by itself
};

HALCYON_NAMESPACE_END
