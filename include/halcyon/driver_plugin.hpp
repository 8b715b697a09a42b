// halcyon/driver_plugin.hpp -- a driver in a shared object of its own, found through one C symbol.
//
//   static const halcyon::Driver driver = {"mine", &mine::create_from_options};
//   HALCYON_EXPORT_DRIVER(driver)
//
// That is all a driver's shared object adds to a driver that is compiled in; halcyon/loader.hpp opens it. The symbol and
// its answer are C, but what the driver then gives is C++: host and object must see the same HAL. The loader compares
// `layout`, which driver_layout() computes from what a compiler makes of the HAL's headers on either side: sizes, offsets,
// places in vtables, the C++ library's span and string_view. Compile the object with -fvisibility=hidden, so that it uses
// its own copies of Halcyon's functions.
#pragma once
#include <cstdint>

#include "halcyon/registry.hpp"

// Raised when a driver must change though no layout does: another meaning of a call, another rule.
#define HALCYON_DRIVER_ABI 1

extern "C" {

// What the symbol `halcyon_driver` returns. The first two fields keep their places for ever.
struct halcyon_driver_plugin {
  uint32_t abi;        // HALCYON_DRIVER_ABI of the object
  uint32_t size;       // of this struct, bytes
  uint32_t major, minor;  // the version of Halcyon's headers
  uint64_t layout;     // driver_layout() as the object sees it
  const void* driver;  // a halcyon::Driver; lives as long as the object is loaded
};

// `abi` is the host's. Returns null where the driver will not serve it, or has no means to start.
typedef const halcyon_driver_plugin* (*halcyon_driver_function)(uint32_t abi);

}  // extern "C"

// Defines the symbol, once in an object, outside any namespace. `driver` names a halcyon::Driver of static lifetime.
#define HALCYON_EXPORT_DRIVER(driver)                                                                      \
  extern "C" __attribute__((visibility("default"))) const halcyon_driver_plugin* halcyon_driver(uint32_t); \
  extern "C" const halcyon_driver_plugin* halcyon_driver(uint32_t) {                                       \
    static const halcyon_driver_plugin plugin = {HALCYON_DRIVER_ABI,    sizeof(halcyon_driver_plugin),     \
                                                 HALCYON_VERSION_MAJOR, HALCYON_VERSION_MINOR,             \
                                                 ::halcyon::driver_layout(), &(driver)};                   \
    return &plugin;                                                                                        \
  }

HALCYON_NAMESPACE_BEGIN

// A number that is the same on both sides where the HAL is the same for both compilers. Never taken from the other side.
__attribute__((visibility("hidden"))) uint64_t driver_layout();

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/driver_plugin.ipp"
#endif
