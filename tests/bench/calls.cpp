// What the HAL itself costs, without kernels, and what sharing out costs: nanoseconds a round, the least of several batches.
//
//   build/tests/bench/calls [MODEL.hcm]
//
// With a model whose arguments are tensors of known shapes, also a prepared call of it at one thread: of one trivial op it
// takes what a call costs. Jobs are shared with one thread beside the caller; where another program has its processor, the
// caller does all, and the number is too small: pin both (`taskset -c 0,1`), on a quiet machine. Nothing is asserted.
#include <cstdio>
#include <cstring>

#include "halcyon/drivers/cpu.hpp"
#include "halcyon/drivers/cpu/threads.hpp"
#include "halcyon/halcyon.hpp"
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

// A thread that is awake, and tasks that do nothing or take a microsecond.
Status share_out() {
  cpu::ThreadPool pool(system_allocator());
  HALCYON_TRY(pool.start(1, false));
  const auto job = [&](uint32_t count, cpu::ThreadPool::Task task) {
    pool.run(count, task, nullptr);
    return Status();
  };
  const auto nothing = [](void*, uint32_t, uint32_t) {};
  const auto busy = [](void*, uint32_t, uint32_t) {
    const uint64_t until = platform::monotonic_ns() + 1000;
    while (platform::monotonic_ns() < until) {
    }
  };
  HALCYON_TRY(measure("a job of 2 empty tasks, shared with a thread that is awake", [&] { return job(2, nothing); }));
  HALCYON_TRY(measure("a job of 16 empty tasks", [&] { return job(16, nothing); }));
  HALCYON_TRY(measure("a job of 2 tasks of 1 us", [&] { return job(2, busy); }));
  return measure("a job of 16 tasks of 1 us", [&] { return job(16, busy); });
}

Status call(const char* path) {
  cpu::DeviceOptions options;
  options.threads = 1;
  HALCYON_ASSIGN(auto device, cpu::create_device(options));
  HALCYON_ASSIGN(auto program, Program::load(*device, path));
  HALCYON_ASSIGN(auto main, program->function("main"));
  HALCYON_ASSIGN(auto prepared, main.prepare());
  for (uint32_t i = 0; i < main.arguments().size(); ++i) {
    const ValueDesc& value = main.arguments()[i];
    int64_t sizes[max_rank] = {};
    for (size_t d = 0; d < value.shape.size(); ++d) {
      if (value.shape[d].dynamic()) return {Code::invalid_argument, "calls: an argument has a size that is not known"};
      sizes[d] = value.shape[d].size;
    }
    HALCYON_ASSIGN(auto tensor, Tensor::allocate(*device, Shape(std::span<const int64_t>(sizes, value.shape.size())), value.type));
    HALCYON_ASSIGN(auto mapped, tensor.map(hal::Access::write));
    std::memset(mapped.bytes().data(), 0, mapped.bytes().size());
    HALCYON_TRY(prepared->set_argument(i, tensor));
  }
  return measure("a prepared call of the model", [&] { return prepared->run(); });
}

}  // namespace

int main(int count, char** words) {
  Status status = run();
  if (status.ok()) status = share_out();
  if (status.ok() && count > 1) status = call(words[1]);
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", name(status.code()), status.what());
  return status.ok() ? 0 : 1;
}
