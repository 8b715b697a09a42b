// halcyon devices: what each driver's device can do, and why a driver is missing.
#include <cstdio>

#include "devices.hpp"
#include "fail.hpp"
#include "halcyon/platform.hpp"
#include "halcyon/program.hpp"
#include "json.hpp"
#include "options.hpp"
#include "verbs.hpp"
#if defined(TOOLS_CPU)
#include "halcyon/drivers/cpu/features.hpp"
#endif

namespace tools {
namespace {

using halcyon::hal::Caps;
using halcyon::hal::Compatibility;
using halcyon::hal::Memory;

// Memory that a program may ask for without asking that it maps.
struct MemoryKind {
  const char* name;
  Compatibility fits;
};

// One device, or why there is none.
struct Found {
  std::string name, file, reason;
  halcyon::Owned<halcyon::hal::Device> device;
  std::vector<MemoryKind> memory;
  std::vector<std::string> features;  // of the processors, where the driver is for them
  uint32_t processors = 0;
};

Compatibility compatibility(halcyon::hal::Device& device, Memory memory) {
  halcyon::hal::BufferDesc desc;
  desc.size = 4096;
  desc.memory = memory;
  if (memory == Memory::host) desc.map = halcyon::hal::Map::read_write;
  return device.compatibility(desc);
}

void add_processors([[maybe_unused]] Found& found) {
#if defined(TOOLS_CPU)
  found.processors = halcyon::platform::processor_count();
  halcyon::cpu::Features features;
  features.detect();
  for (uint32_t i = 0; !halcyon::cpu::Features::name(i).empty(); ++i)
    if (const std::string_view name = halcyon::cpu::Features::name(i); features.has(name)) found.features.emplace_back(name);
#endif
}

Found find(const Drivers& drivers, const std::string& name) {
  Found found;
  found.name = name;
  std::string_view driver = name;
  while (name_inside(driver).data()) driver = name_inside(driver);
  found.file = drivers.file(driver.substr(0, driver.find_first_of(":,")));
  auto device = drivers.create(name, halcyon::system_allocator());
  if (!device.ok()) {
    char line[256];
    found.reason = std::string(halcyon::describe(device.status(), line));
    return found;
  }
  found.device = std::move(device).value();
  found.memory = {{"device", compatibility(*found.device, Memory::device)}, {"host", compatibility(*found.device, Memory::host)}};
  if (found.file.empty() && std::string_view(found.device->caps().driver) == "cpu") add_processors(found);
  return found;
}

std::vector<Found> find_all(const Drivers& drivers, std::vector<std::string> names) {
  std::vector<Found> all;
  const bool everything = names.empty();
  if (everything)
    for (const halcyon::Driver& driver : drivers.registry().drivers()) names.emplace_back(driver.name);
  for (const std::string& name : names) all.push_back(find(drivers, name));
  for (const AbsentDriver& absent : absent_drivers()) {
    if (everything) {
      all.emplace_back();
      all.back().name = absent.name;
      all.back().reason = absent.reason;
    }
    for (Found& found : all)
      if (!found.device && found.name.substr(0, found.name.find_first_of(":,")) == absent.name) found.reason = absent.reason;
  }
  return all;
}

std::string bytes(uint64_t count) {
  if (count >= uint64_t{1} << 62) return "as large as memory";
  const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  for (; unit < 4 && count >= 1024 && count % 1024 == 0; ++unit) count /= 1024;
  return format("%llu %s", static_cast<unsigned long long>(count), units[unit]);
}

void print(const Found& found) {
  const std::string from = found.file.empty() ? "" : " (from " + found.file + ")";
  if (!found.device) {
    std::printf("%s%s: not available: %s\n", found.name.c_str(), from.c_str(), found.reason.c_str());
    return;
  }
  const Caps& caps = found.device->caps();
  std::printf("%s%s: %s; runs plans for %s\n", found.name.c_str(), from.c_str(), caps.name,
              caps.accepts_any_plan ? "any family (it loads no code)" : caps.family);
  for (const MemoryKind& kind : found.memory) {
    const Compatibility& fits = kind.fits;
    std::string text = !fits.allocatable ? std::string("none: ") + fits.why.not_allocatable
                       : fits.mappable   ? std::string(caps.coherent ? "maps, coherent" : "maps, not coherent: flush and invalidate")
                                         : std::string("does not map: ") + fits.why.not_mappable;
    if (fits.slow) text += std::string("; slow: ") + fits.why.slow;
    if (fits.importable) text += "; imports the program's";
    std::printf("  %s memory: %s\n", kind.name, text.c_str());
  }
  std::printf("  buffers: up to %s, aligned to %llu bytes\n", bytes(caps.max_buffer_size).c_str(),
              static_cast<unsigned long long>(caps.min_alignment));
  std::printf("  work: %s\n", caps.inline_execution ? "runs on the thread that submits it, or that signals its last wait" : "is queued: submit returns before it is done");
  if (found.processors != 0)
    std::printf("  processors: %u; the device uses 1 thread unless threads=N says more (halcyon run: all)\n", found.processors);
  if (!found.features.empty()) {
    std::printf("  instructions:");
    for (const std::string& feature : found.features) std::printf(" %s", feature.c_str());
    std::printf("\n");
  }
}

void json_device(Json& json, const Found& found) {
  const Caps& caps = found.device->caps();
  json.key("driver").text(caps.driver);
  json.key("device").text(caps.name);
  json.key("family").text(caps.family);
  json.key("any_plan").boolean(caps.accepts_any_plan);
  json.key("inline").boolean(caps.inline_execution);
  json.key("coherent").boolean(caps.coherent);
  json.key("max_buffer_bytes").number(caps.max_buffer_size);
  json.key("alignment").number(caps.min_alignment);
  json.key("memory").array([&] {
    for (const MemoryKind& kind : found.memory)
      json.object([&] {
        json.key("kind").text(kind.name);
        json.key("allocatable").boolean(kind.fits.allocatable);
        json.key("mappable").boolean(kind.fits.mappable);
        json.key("importable").boolean(kind.fits.importable);
        json.key("exportable").boolean(kind.fits.exportable);
        json.key("slow").boolean(kind.fits.slow);
        json.key("not_allocatable").text(kind.fits.why.not_allocatable);
        json.key("not_mappable").text(kind.fits.why.not_mappable);
        json.key("not_importable").text(kind.fits.why.not_importable);
        json.key("not_exportable").text(kind.fits.why.not_exportable);
        json.key("why_slow").text(kind.fits.why.slow);
      });
  });
  if (found.processors == 0) return;
  json.key("processors").number(uint64_t{found.processors});
  json.key("features").array([&] {
    for (const std::string& feature : found.features) json.text(feature);
  });
}

void print_json(const std::vector<Found>& all) {
  Json json;
  json.array([&] {
    for (const Found& found : all)
      json.object([&] {
        json.key("name").text(found.name);
        json.key("available").boolean(static_cast<bool>(found.device));
        if (!found.file.empty()) json.key("file").text(found.file);
        if (found.device) json_device(json, found);
        else json.key("reason").text(found.reason);
      });
  });
  std::puts(json.str().c_str());
}

}  // namespace

int devices(const Words& words) {
  const Options options({"device*", "driver*", "json!"}, 0, words);
  const Drivers drivers(options.values("driver"));
  const std::vector<Found> all = find_all(drivers, options.values("device"));
  if (options.has("json")) print_json(all);
  else
    for (const Found& found : all) print(found);
  for (const std::string& name : options.values("device"))
    for (const Found& found : all)
      if (found.name == name && !found.device) return 1;
  return 0;
}

}  // namespace tools
