#include "devices.hpp"

#include "drivers.hpp"
#include "fail.hpp"
#include "halcyon/platform.hpp"
#include "halcyon/program.hpp"

namespace tools {

halcyon::Registry builtin_registry() {
  halcyon::Registry registry;
#define HALCYON_DRIVER(driver)                                                     \
  if (!registry.add({#driver, &halcyon::driver::create_from_options}).ok()) \
    fail("the driver " #driver " is registered twice");
#include "drivers.inc"
#undef HALCYON_DRIVER
  return registry;
}

halcyon::Owned<halcyon::hal::Device> create_device(const std::string& name, uint32_t threads,
                                                   const halcyon::Allocator& allocator) {
  std::string full = name;
  const bool is_cpu = name.rfind("cpu", 0) == 0 && (name.size() == 3 || name[3] == ':' || name[3] == ',');
  if (threads == 0 && is_cpu && name.find(",threads=") == std::string::npos)
    threads = halcyon::platform::processor_count();
  if (threads != 0) full += ",threads=" + std::to_string(threads);
  const halcyon::Registry registry = builtin_registry();
  auto device = registry.create(full, allocator);
  if (device.ok()) return std::move(device).value();
  char line[256];
  const std::string why(describe(device.status(), line));
  if (device.status().code() != halcyon::Code::not_found) fail("device '" + name + "': " + why);
  std::string known;
  for (const halcyon::Driver& driver : registry.drivers()) known += (known.empty() ? "" : ", ") + std::string(driver.name);
  fail("device '" + name + "': " + why + "; this build has " + known);
}

}  // namespace tools
