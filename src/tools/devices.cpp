#include "devices.hpp"

#include <atomic>

#include "drivers.hpp"
#include "fail.hpp"
#include "halcyon/checked.hpp"
#include "halcyon/platform.hpp"
#include "halcyon/program.hpp"

namespace tools {
namespace {

std::atomic<uint32_t> faults{0};

halcyon::Result<halcyon::Owned<halcyon::hal::Device>> check(halcyon::Owned<halcyon::hal::Device> device) {
  halcyon::CheckedOptions options;
  options.report = [](void*, std::string_view text) {
    faults.fetch_add(1);
    warn("checked device: " + std::string(text));
  };
  return halcyon::checked(std::move(device), options);
}

}  // namespace

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

uint32_t fault_count() { return faults; }

std::string_view name_inside(std::string_view name) {
  if (name.rfind("checked:", 0) == 0) return name.substr(8);
  if (name.rfind("checked(", 0) == 0 && name.back() == ')') return name.substr(8, name.size() - 9);
  return {};
}

halcyon::Result<halcyon::Owned<halcyon::hal::Device>> Drivers::create(std::string_view name, const halcyon::Allocator& allocator) const {
  const std::string_view inside = name_inside(name);
  if (!inside.data()) return registry_.create(name, allocator);
  auto device = create(inside, allocator);
  return device.ok() ? check(std::move(device).value()) : std::move(device);
}

halcyon::Owned<halcyon::hal::Device> Drivers::create_device(const std::string& name, uint32_t threads,
                                                            const halcyon::Allocator& allocator) const {
  if (const std::string_view inside = name_inside(name); inside.data()) {
    auto device = check(create_device(std::string(inside), threads, allocator));
    if (!device.ok()) fail("device '" + name + "': " + device.status().what());
    return std::move(device).value();
  }
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
