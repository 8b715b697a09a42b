// The drivers that this build of the command has, those that --driver=FILE adds, and devices by name.
#pragma once
#include <string>
#include <vector>

#include "halcyon/loader.hpp"
#include "halcyon/registry.hpp"

namespace tools {

// Outlives the devices that it made.
class Drivers {
 public:
  // Each file is a shared object with a driver. Ends the program where one does not load.
  explicit Drivers(const std::vector<std::string>& files);

  const halcyon::Registry& registry() const { return registry_; }
  // The file that a driver came from, "" for one of this build.
  std::string file(std::string_view driver) const;

  // The device of a name; "checked:NAME" and "checked(NAME)" are one that checks how it is used, and says on stderr what
  // it finds.
  halcyon::Result<halcyon::Owned<halcyon::hal::Device>> create(std::string_view name, const halcyon::Allocator& allocator) const;
  // Ends the program where there is no such device. `threads` 0: every processor that this process may use.
  // `allocator` is where the device's own memory comes from.
  halcyon::Owned<halcyon::hal::Device> create_device(const std::string& name, uint32_t threads,
                                                     const halcyon::Allocator& allocator) const;

 private:
  struct Loaded {
    std::string file;
    halcyon::DriverLibrary library;
  };
  halcyon::Registry registry_;
  std::vector<Loaded> loaded_;
};

// How many faults checked devices have found so far.
uint32_t fault_count();

// The NAME of "checked:NAME" or "checked(NAME)"; null data where it is neither.
std::string_view name_inside(std::string_view name);

// A driver that this build could have and does not, and why.
struct AbsentDriver {
  const char* name;
  const char* reason;
};
std::vector<AbsentDriver> absent_drivers();

}  // namespace tools
