// What the unit tests share: an allocator that counts and refuses, devices, artifacts that are open.
#pragma once
#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "artifact_spec.hpp"
#include "drivers.hpp"
#include "halcyon/halcyon.hpp"

namespace unit {

using namespace halcyon;

// Counts live allocations, and refuses from call number `refuse_from` on, or that one only. Devices with threads call it from
// any; what it refuses is said before them.
struct CountingAllocator {
  std::atomic<uint64_t> calls{0}, live{0};
  uint64_t refuse_from = UINT64_MAX;
  bool refuse_once = false;

  Allocator allocator() {
    return {this,
            [](void* self, size_t size, size_t alignment) -> void* {
              CountingAllocator& counter = *static_cast<CountingAllocator*>(self);
              const uint64_t call = counter.calls++;
              if (counter.refuse_once ? call == counter.refuse_from : call >= counter.refuse_from) return nullptr;
              ++counter.live;
              return system_allocator().allocate(nullptr, size, alignment);
            },
            [](void* self, void* memory, size_t size, size_t alignment) {
              --static_cast<CountingAllocator*>(self)->live;
              system_allocator().release(nullptr, memory, size, alignment);
            }};
  }
};

template <class T>
T need(Result<T> result) {
  char text[256];
  INFO(describe(result.status(), text));
  REQUIRE(result.ok());
  return std::move(result).value();
}
inline void need(const Status& status) {
  char text[256];
  INFO(describe(status, text));
  REQUIRE(status.ok());
}

// Every use of the device is checked: a fault fails the test, unless it is made on purpose.
enum class Faults : uint8_t { none, expected };
inline Owned<hal::Device> check(Owned<hal::Device> device, bool asynchronous = false, Faults faults = Faults::none) {
  CheckedOptions options;
  if (faults == Faults::none) options.report = [](void*, std::string_view text) { FAIL_CHECK("checked device: " << text); };
  options.asynchronous = asynchronous;
  return need(checked(std::move(device), options));
}

inline Owned<hal::Device> null_device(const Allocator& allocator = system_allocator()) {
  return check(need(null::create_from_options("", allocator)));
}

// The drivers of the build.
inline Registry registry() {
  Registry drivers;
#define HALCYON_DRIVER(driver) need(drivers.add({#driver, &halcyon::driver::create_from_options}));
#include "drivers.inc"
#undef HALCYON_DRIVER
  return drivers;
}

inline std::vector<std::string> devices() {
  std::vector<std::string> names = {"null"};
  const Registry all = registry();
  for (const Driver& driver : all.drivers())
    if (driver.name == "cpu")
      names.insert(names.end(), {"cpu", "cpu:unmappable", "cpu:unmappable,threads=2", "cpu,coherent=0", "cpu,queue=1", "cpu:unmappable,queue=1",
                                 "queued cpu", "queued cpu:unmappable"});
  return names;
}

// All are checked; "queued" ones as devices that run work by themselves, where semaphores alone order it.
inline Owned<hal::Device> create(const std::string& name, const Allocator& allocator = system_allocator(), Faults faults = Faults::none) {
  const bool queued = name.rfind("queued ", 0) == 0;
  return check(need(registry().create(queued ? name.substr(7) : name, allocator)), queued, faults);
}

// A loaded program and what it borrows.
struct Loaded {
  explicit Loaded(hal::Device& device, const support::ArtifactSpec& spec, LoadOptions options = {})
      : file(support::build(spec)), program(need(Program::load(device, file.bytes(), options))) {}
  support::Aligned file;
  Owned<Program> program;
  Function main() { return need(program->function("main")); }
};

inline Code open(const support::ArtifactSpec& spec) {
  const support::Aligned file(support::build(spec));
  return Artifact::open(file.bytes(), {}, system_allocator()).status().code();
}

}  // namespace unit

// Runs the test's body for each device.
#define EACH_DEVICE(device)                                 \
  const std::string device_name = GENERATE(from_range(unit::devices())); \
  CAPTURE(device_name);                                     \
  const Owned<hal::Device> device = unit::create(device_name)
