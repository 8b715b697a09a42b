// Devices and semaphores.
#include "objects.hpp"

using namespace c_api;

void halcyon_device_release(halcyon_device* device) {
  if (device) device->release();
}

halcyon_code halcyon_device_checked(halcyon_device* device, const halcyon_checked_options* given, halcyon_device** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_device>> {
    HALCYON_TRY(needed(device, "checked: the device is NULL"));
    halcyon_checked_options options;
    HALCYON_TRY(read_options(given, options));
    // The handle first: the checks report to it.
    auto handle = create<halcyon_device>(device->allocator(), *device, Owned<hal::Device>());
    if (!handle) return out_of_memory();
    handle->fault = options.report;
    handle->fault_user = options.user;
    CheckedOptions chosen;
    if (options.report)
      chosen.report = [](void* user, std::string_view line) {
        const halcyon_device& to = *static_cast<halcyon_device*>(user);
        to.fault(to.fault_user, to_c(line));
      };
    chosen.user = handle.get();
    if (options.window != 0) chosen.window = options.window;
    chosen.strict = options.strict != 0;
    chosen.asynchronous = options.asynchronous != 0;
    HALCYON_ASSIGN(handle->device, checked(*device->device, chosen));
    return handle;
  });
}

halcyon_code halcyon_device_caps(const halcyon_device* device, halcyon_caps* out, halcyon_error* error) {
  if (!device) return report({Code::invalid_argument, "caps: the device is NULL"}, error);
  const hal::Caps& caps = device->device->caps();
  const halcyon_caps filled = {sizeof filled,          caps.driver,           caps.name,        caps.family,           caps.device_memory_mappable,
                               caps.inline_execution, caps.import_host, caps.accepts_any_plan, caps.min_alignment, caps.max_buffer_size, caps.coherent};
  return report(write_struct(filled, out), error);
}

halcyon_code halcyon_device_stats(const halcyon_device* device, halcyon_stats* out, halcyon_error* error) {
  if (!device) return report({Code::invalid_argument, "stats: the device is NULL"}, error);
  const hal::Stats stats = device->device->stats();
  halcyon_stats filled = {};
  filled.host_to_device_copies = stats.host_to_device_copies;
  filled.host_to_device_bytes = stats.host_to_device_bytes;
  filled.device_to_host_copies = stats.device_to_host_copies;
  filled.device_to_host_bytes = stats.device_to_host_bytes;
  filled.allocations = stats.allocations;
  filled.live_bytes = stats.live_bytes;
  filled.peak_bytes = stats.peak_bytes;
  filled.pooled_bytes = stats.pooled_bytes;
  filled.submissions = stats.submissions;
  filled.dispatches = stats.dispatches;
  filled.staging_bytes = stats.staging_bytes;
  filled.reserved_bytes = stats.reserved_bytes;
  filled.peak_reserved_bytes = stats.peak_reserved_bytes;
  return report(write_struct(filled, out), error);
}

halcyon_code halcyon_device_profile(halcyon_device* device, void (*event)(void* user, const halcyon_profile_event* event), void* user,
                                    halcyon_error* error) {
  if (!device) return report({Code::invalid_argument, "profile: the device is NULL"}, error);
  device->event = event;
  device->event_user = user;
  const auto pass_on = [](void* self, const hal::ProfileEvent& seen) {
    const halcyon_device& to = *static_cast<halcyon_device*>(self);
    const halcyon_profile_event passed = {sizeof passed, to_c(seen.name), seen.location, seen.begin_ns, seen.end_ns};
    to.event(to.event_user, &passed);
  };
  device->device->profile(event ? hal::ProfileSink{device, pass_on} : hal::ProfileSink{});
  return report({}, error);
}

halcyon_code halcyon_device_trim(halcyon_device* device, halcyon_error* error) {
  if (!device) return report({Code::invalid_argument, "trim: the device is NULL"}, error);
  device->device->trim();
  return report({}, error);
}

halcyon_code halcyon_device_wait(halcyon_device* device, halcyon_timepoints given, halcyon_wait_mode mode, uint64_t timeout_ns,
                                 halcyon_error* error) {
  const auto wait = [&]() -> Status {
    HALCYON_TRY(needed(device, "wait: the device is NULL"));
    if (mode != HALCYON_WAIT_ALL && mode != HALCYON_WAIT_ANY) return {Code::invalid_argument, "wait: the mode is none that there is"};
    Timepoints timepoints(*device);
    HALCYON_TRY(timepoints.read(given));
    return device->device->wait(timepoints.span(), static_cast<hal::Wait>(mode), timeout_ns);
  };
  return report(wait(), error);
}

halcyon_code halcyon_device_compatibility(const halcyon_device* device, const halcyon_buffer_options* options, uint64_t bytes,
                                          halcyon_compatibility* out, halcyon_error* error) {
  const auto ask = [&]() -> Status {
    HALCYON_TRY(needed(device, "compatibility: the device is NULL"));
    hal::BufferDesc desc;
    HALCYON_TRY(read_buffer_options(options, desc));
    desc.size = bytes;
    const hal::Compatibility fits = device->device->compatibility(desc);
    halcyon_compatibility filled = {};
    filled.allocatable = fits.allocatable;
    filled.importable = fits.importable;
    filled.exportable = fits.exportable;
    filled.mappable = fits.mappable;
    filled.slow = fits.slow;
    filled.reason = fits.reason();
    filled.not_allocatable = fits.why.not_allocatable;
    filled.not_importable = fits.why.not_importable;
    filled.not_exportable = fits.why.not_exportable;
    filled.not_mappable = fits.why.not_mappable;
    filled.why_slow = fits.why.slow;
    return write_struct(filled, out);
  };
  return report(ask(), error);
}

// ---- semaphores ---------------------------------------------------------------------------------------------------

halcyon_code halcyon_semaphore_create(halcyon_device* device, uint64_t value, halcyon_semaphore** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_semaphore>> {
    HALCYON_TRY(needed(device, "semaphore_create: the device is NULL"));
    HALCYON_ASSIGN(Ref<hal::Semaphore> made, device->device->create_semaphore(value));
    auto semaphore = create<halcyon_semaphore>(device->allocator(), *device, std::move(made));
    if (!semaphore) return out_of_memory();
    return semaphore;
  });
}

void halcyon_semaphore_release(halcyon_semaphore* semaphore) {
  if (semaphore) semaphore->release();
}

halcyon_code halcyon_semaphore_query(halcyon_semaphore* semaphore, uint64_t* value, halcyon_error* error) {
  const auto query = [&]() -> Status {
    HALCYON_TRY(needed(semaphore, "query: the semaphore is NULL"));
    HALCYON_TRY(needed(value, "query: the value is NULL"));
    HALCYON_ASSIGN(*value, semaphore->semaphore->query());
    return {};
  };
  return report(query(), error);
}

halcyon_code halcyon_semaphore_signal(halcyon_semaphore* semaphore, uint64_t value, halcyon_error* error) {
  if (!semaphore) return report({Code::invalid_argument, "signal: the semaphore is NULL"}, error);
  return report(semaphore->semaphore->signal(value), error);
}

halcyon_code halcyon_semaphore_fail(halcyon_semaphore* semaphore, halcyon_code code, halcyon_error* error) {
  if (!semaphore) return report({Code::invalid_argument, "fail: the semaphore is NULL"}, error);
  if (code <= HALCYON_OK || code > HALCYON_INTERNAL) return report({Code::invalid_argument, "fail: the code is no failure"}, error);
  semaphore->semaphore->fail(Status(static_cast<Code>(code), "the program failed the semaphore"));
  return report({}, error);
}
