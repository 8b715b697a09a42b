// halcyon devices: each driver of this build and the device that its bare name opens.
#include <cstdio>

#include "devices.hpp"
#include "halcyon/program.hpp"
#include "options.hpp"
#include "verbs.hpp"

namespace tools {

int devices(const Words& words) {
  const Options options({}, 0, words);
  const halcyon::Registry registry = builtin_registry();
  for (const halcyon::Driver& driver : registry.drivers()) {
    auto device = registry.create(driver.name, halcyon::system_allocator());
    if (!device.ok()) {
      char line[256];
      std::printf("%s: not available: %s\n", std::string(driver.name).c_str(),
                  std::string(halcyon::describe(device.status(), line)).c_str());
      continue;
    }
    const halcyon::hal::Caps& caps = (*device)->caps();
    std::printf("%s: %s; runs plans for %s; device memory %s\n", caps.driver, caps.name,
                caps.accepts_any_plan ? "any family (it loads no code)" : caps.family,
                caps.device_memory_mappable ? "maps" : "does not map");
  }
  return 0;
}

}  // namespace tools
