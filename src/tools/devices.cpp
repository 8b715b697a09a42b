#include "devices.hpp"

#include "drivers.hpp"
#include "fail.hpp"
#include "halcyon/platform.hpp"
#include "halcyon/program.hpp"

namespace tools {

Drivers::Drivers(const std::vector<std::string>& files) {
#define HALCYON_DRIVER(driver)                                                     \
  if (!registry_.add({#driver, &halcyon::driver::create_from_options}).ok()) \
    fail("the driver " #driver " is registered twice");
#include "drivers.inc"
#undef HALCYON_DRIVER
  for (const std::string& file : files) {
    char line[256], message[512];
    auto library = halcyon::DriverLibrary::open(file.c_str(), message);
    if (!library.ok())
      fail("driver '" + file + "': " + std::string(describe(library.status(), line)) + (message[0] ? std::string(": ") + message : ""));
    if (const halcyon::Status added = registry_.add(library->driver()); !added.ok())
      fail("driver '" + file + "', which is '" + std::string(library->driver().name) + "': " + std::string(describe(added, line)));
    loaded_.push_back({file, std::move(library).value()});
  }
}

std::string Drivers::file(std::string_view driver) const {
  for (const Loaded& loaded : loaded_)
    if (loaded.library.driver().name == driver) return loaded.file;
  return "";
}

halcyon::Owned<halcyon::hal::Device> Drivers::create_device(const std::string& name, uint32_t threads,
                                                            const halcyon::Allocator& allocator) const {
  std::string full = name;
  const bool is_cpu = name.rfind("cpu", 0) == 0 && (name.size() == 3 || name[3] == ':' || name[3] == ',');
  if (threads == 0 && is_cpu && name.find(",threads=") == std::string::npos)
    threads = halcyon::platform::processor_count();
  if (threads != 0) full += ",threads=" + std::to_string(threads);
  auto device = registry_.create(full, allocator);
  if (device.ok()) return std::move(device).value();
  char line[256];
  const std::string why(describe(device.status(), line));
  if (device.status().code() != halcyon::Code::not_found) fail("device '" + name + "': " + why);
  std::string known;
  for (const halcyon::Driver& driver : registry_.drivers()) known += (known.empty() ? "" : ", ") + std::string(driver.name);
  for (const AbsentDriver& absent : absent_drivers())
    if (name.substr(0, name.find_first_of(":,")) == absent.name) fail("device '" + name + "': " + absent.reason);
  fail("device '" + name + "': " + why + "; this build has " + known);
}

std::vector<AbsentDriver> absent_drivers() {
  return {
#define HALCYON_ABSENT_DRIVER(driver, reason) {#driver, reason},
#include "drivers_absent.inc"
#undef HALCYON_ABSENT_DRIVER
  };
}

}  // namespace tools
