// halcyon/loader.hpp -- opens a driver that lives in a shared object (halcyon/driver_plugin.hpp).
//
//   char why[256];
//   HALCYON_ASSIGN(auto library, DriverLibrary::open("./libmine.so", why));
//   HALCYON_TRY(registry.add(library.driver()));
//   HALCYON_ASSIGN(auto device, registry.create("mine"));
//
// A driver is code: open only files that you would also execute. The object stays loaded as long as the DriverLibrary,
// which must outlive the registries that have its driver and every device that it made. Threads: a value.
#pragma once
#include <span>

#include "halcyon/registry.hpp"

HALCYON_NAMESPACE_BEGIN

class DriverLibrary {
 public:
  // `path` is a file's, with or without a slash; nothing is searched for. `message` (may be empty) receives what the
  // system says where the object does not load, else "".
  // Errors: not_found for no such file; failed_precondition for a file that is no shared object of this machine, that is no
  // driver, that was built for another version (expected and actual are abi, or major * 65536 + minor), that sees another
  // HAL, or that refuses.
  static Result<DriverLibrary> open(const char* path, std::span<char> message = {});

  DriverLibrary(DriverLibrary&& other) noexcept
      : library_(std::exchange(other.library_, nullptr)), driver_(std::exchange(other.driver_, nullptr)) {}
  DriverLibrary& operator=(DriverLibrary&& other) noexcept;
  ~DriverLibrary();

  const Driver& driver() const { HALCYON_ASSERT(driver_); return *driver_; }

 private:
  explicit DriverLibrary(void* library) : library_(library) {}
  Status find_driver();

  void* library_ = nullptr;
  const Driver* driver_ = nullptr;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/loader.ipp"
#endif
