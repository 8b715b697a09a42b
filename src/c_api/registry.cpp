// Drivers by name, and opening devices.
#include "drivers.hpp"
#include "objects.hpp"

using namespace c_api;

halcyon_code halcyon_registry_create(const halcyon_registry_options* given, halcyon_registry** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_registry>> {
    halcyon_registry_options options;
    HALCYON_TRY(read_options(given, options));
    Allocator allocator = {options.allocator.self, options.allocator.allocate, options.allocator.release};
    if (!allocator.allocate && !allocator.release && !allocator.self) allocator = system_allocator();
    if (!allocator.allocate || !allocator.release)
      return Status(Code::invalid_argument, "registry_create: an allocator needs `allocate` and `release`");
    auto registry = create<halcyon_registry>(allocator);
    if (!registry) return out_of_memory();
#define HALCYON_DRIVER(driver) HALCYON_TRY(registry->drivers.add({#driver, &halcyon::driver::create_from_options}));
#include "drivers.inc"
#undef HALCYON_DRIVER
    return registry;
  });
}

void halcyon_registry_release(halcyon_registry* registry) {
  if (registry) registry->release();
}

halcyon_code halcyon_registry_load_driver(halcyon_registry* registry, const char* path, halcyon_error* error) {
  char message[384] = "";
  const auto load = [&]() -> Status {
    HALCYON_TRY(needed(registry, "load_driver: the registry is NULL"));
    HALCYON_TRY(needed(path, "load_driver: the path is NULL"));
    HALCYON_ASSIGN(DriverLibrary library, DriverLibrary::open(path, message));
    if (!registry->libraries.reserve(registry->libraries.size() + 1)) return out_of_memory();
    HALCYON_TRY(registry->drivers.add(library.driver()));
    return registry->libraries.push(std::move(library)) ? Status() : out_of_memory();
  };
  return report(load(), error, nullptr, message);
}

size_t halcyon_registry_driver_count(const halcyon_registry* registry) { return registry ? registry->drivers.drivers().size() : 0; }

halcyon_string halcyon_registry_driver_name(const halcyon_registry* registry, size_t index) {
  if (index >= halcyon_registry_driver_count(registry)) return to_c(std::string_view());
  return to_c(registry->drivers.drivers()[index].name);
}

namespace {

Result<Ref<halcyon_device>> make_device(halcyon_registry& registry, Result<Owned<hal::Device>> opened) {
  if (!opened.ok()) return opened.status();
  auto device = create<halcyon_device>(registry.allocator(), registry, std::move(opened).value());
  if (!device) return out_of_memory();
  return device;
}

}  // namespace

halcyon_code halcyon_registry_open(halcyon_registry* registry, const char* name, halcyon_device** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_device>> {
    HALCYON_TRY(needed(registry, "open: the registry is NULL"));
    HALCYON_TRY(needed(name, "open: the name is NULL"));
    return make_device(*registry, registry->drivers.create(name, registry->allocator()));
  });
}

#if defined(C_API_CPU)
namespace {

Status read_cpu_options(const halcyon_cpu_options* given, cpu::DeviceOptions& chosen) {
  halcyon_cpu_options options;
  HALCYON_TRY(read_options(given, options));
  if (options.static_kernel_count != 0) HALCYON_TRY(needed(options.static_kernels, "cpu options: `static_kernels` is NULL"));
  if (options.kernel_count != 0) HALCYON_TRY(needed(options.kernels, "cpu options: `kernels` is NULL"));
  if (options.threads != HALCYON_ALL_PROCESSORS && options.threads > 1024)
    return mismatch(Code::invalid_argument, "cpu options: more threads than a device may have", 1024, options.threads);
  chosen.mappable = options.unmappable == 0;
  chosen.threads = options.threads == HALCYON_ALL_PROCESSORS ? 0 : options.threads == 0 ? 1 : options.threads;
  chosen.guard = options.guard != 0;
  chosen.pin = options.pin != 0;
  if (options.features) chosen.features = options.features;
  chosen.static_kernels = std::span<const hcy_static_kernel>(options.static_kernels, options.static_kernel_count);
  chosen.kernels = std::span<const hcy_named_kernel>(options.kernels, options.kernel_count);
  if (options.task_pool.run && options.task_pool.workers == 0)
    return {Code::invalid_argument, "cpu options: a task pool needs workers"};
  chosen.task_pool = {options.task_pool.self, options.task_pool.run, options.task_pool.workers};
  return {};
}

}  // namespace
#endif

halcyon_code halcyon_registry_open_cpu(halcyon_registry* registry, [[maybe_unused]] const halcyon_cpu_options* options, halcyon_device** out,
                                       halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_device>> {
    HALCYON_TRY(needed(registry, "open_cpu: the registry is NULL"));
#if defined(C_API_CPU)
    cpu::DeviceOptions chosen;
    HALCYON_TRY(read_cpu_options(options, chosen));
    chosen.allocator = registry->allocator();
    return make_device(*registry, cpu::create_device(chosen));
#else
    return Status(Code::unsupported, "open_cpu: the library was built without the CPU driver");
#endif
  });
}
