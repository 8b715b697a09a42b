// What the HAL itself costs, without kernels: nanoseconds a round on one thread, the least of several batches.
//
//   build/tests/bench/calls
//
// Nothing is asserted: a busy machine has other numbers.
#include <cstdio>

#include "halcyon/drivers/cpu.hpp"
#include "halcyon/hal/transfer_async.hpp"
#include "halcyon/platform.hpp"

namespace {

using namespace halcyon;
using hal::Timepoint;

constexpr int batches = 20, rounds = 20000;

template <class Round>
Status measure(const char* name, Round round) {
  uint64_t least = UINT64_MAX;
  for (int batch = 0; batch < batches; ++batch) {
    const uint64_t begin = platform::monotonic_ns();
    for (int i = 0; i < rounds; ++i) HALCYON_TRY(round());
    const uint64_t taken = platform::monotonic_ns() - begin;
    if (taken < least) least = taken;
  }
  std::printf("%-66s %7.1f ns\n", name, static_cast<double>(least) / rounds);
  return {};
}

Status run() {
  HALCYON_ASSIGN(auto device, cpu::create_device());
  HALCYON_ASSIGN(auto line, device->create_semaphore(0));
  HALCYON_ASSIGN(auto kept, device->allocate({.size = 4096}));
  uint64_t at = 0;
  const auto point = [&](uint64_t value) { return Timepoint{line.get(), value}; };

  HALCYON_TRY(measure("submit, nothing", [&] { return device->submit({}); }));
  HALCYON_TRY(measure("submit, a wait that is reached and a signal", [&]() -> Status {
    const Timepoint before[] = {point(at)}, after[] = {point(at + 1)};
    ++at;
    return device->submit({.waits = before, .signals = after});
  }));
  HALCYON_TRY(measure("allocate, and let go", [&]() -> Status {
    HALCYON_ASSIGN(auto buffer, device->allocate({.size = 4096}));
    return {};
  }));
  HALCYON_TRY(measure("allocate_async, submit, free_async on one timeline", [&]() -> Status {
    const Timepoint before[] = {point(at)}, allocated[] = {point(at + 1)}, ran[] = {point(at + 2)};
    HALCYON_ASSIGN(auto buffer, device->allocate_async({.size = 4096}, before, allocated[0]));
    const hal::Binding binding{buffer.get()};
    HALCYON_TRY(device->submit({.waits = allocated, .signals = ran, .bindings = {&binding, 1}}));
    HALCYON_TRY(device->free_async(*buffer, ran, point(at + 3)));
    at += 3;
    return {};
  }));
  HALCYON_TRY(measure("the same, queued behind a semaphore of the host", [&]() -> Status {
    const Timepoint before[] = {point(at + 1)}, allocated[] = {point(at + 2)}, ran[] = {point(at + 3)};
    HALCYON_ASSIGN(auto buffer, device->allocate_async({.size = 4096}, before, allocated[0]));
    const hal::Binding binding{buffer.get()};
    HALCYON_TRY(device->submit({.waits = allocated, .signals = ran, .bindings = {&binding, 1}}));
    HALCYON_TRY(device->free_async(*buffer, ran, point(at + 4)));
    HALCYON_TRY(line->signal(at + 1));
    at += 4;
    return {};
  }));
  std::byte bytes[64] = {};
  HALCYON_TRY(measure("write, 64 bytes", [&] { return hal::write(*device, *kept, 0, bytes); }));
  HALCYON_TRY(measure("write_async, 64 bytes", [&] { return hal::write_async(*device, *kept, 0, bytes, {}, {}); }));

  cpu::DeviceOptions options;
  options.mappable = false;
  HALCYON_ASSIGN(auto remote, cpu::create_device(options));
  HALCYON_ASSIGN(auto far, remote->allocate({.size = 4096}));
  HALCYON_TRY(measure("write, 64 bytes, through staging", [&] { return hal::write(*remote, *far, 0, bytes); }));
  return hal::read(*remote, *far, 0, bytes);
}

}  // namespace

int main() {
  const Status status = run();
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", name(status.code()), status.what());
  return status.ok() ? 0 : 1;
}
