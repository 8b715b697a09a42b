// Staging memory: transfers to and from buffers that do not map.
#include "cts.hpp"
#include "halcyon/hal/staging.hpp"
#include "halcyon/hal/transfer_async.hpp"

using namespace cts;

namespace {

constexpr uint64_t ring_bytes = hal::StagingRing::slot_count * hal::StagingRing::slot_size;

std::span<const std::byte> bytes(const std::vector<uint8_t>& from) { return std::as_bytes(std::span(from)); }
std::span<std::byte> bytes(std::vector<uint8_t>& into) { return std::as_writable_bytes(std::span(into)); }

#define CTS_STAGES(backend, device) CTS_NEEDS(backend, !(device)->caps().device_memory_mappable, "its device memory maps")

}  // namespace

TEST_CASE("a transfer of any size arrives", "[staging]") {
  CTS_DEVICE(device);
  const size_t size = GENERATE(as<size_t>(), 1, 4096, hal::StagingRing::slot_size, hal::StagingRing::slot_size + 1, 5'000'001);
  auto buffer = need(device->allocate({.size = size + 9}));
  const std::vector<uint8_t> sent = pattern(size);
  std::vector<uint8_t> got(size);

  need(hal::write(*device, *buffer, 9, bytes(sent)));
  need(hal::read(*device, *buffer, 9, bytes(got)));

  REQUIRE(got == sent);
  REQUIRE(device->stats().host_to_device_copies == 1);
  REQUIRE(device->stats().device_to_host_copies == 1);
  REQUIRE(device->stats().host_to_device_bytes == size);
}

TEST_CASE("a device whose memory maps needs no staging", "[staging][stats]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().device_memory_mappable, "its device memory does not map");
  auto buffer = need(device->allocate({.size = 1000000}));

  need(hal::write(*device, *buffer, 0, bytes(pattern(1000000))));

  REQUIRE(device->stats().staging_bytes == 0);
  REQUIRE(device->stats().live_bytes == 1000000);
}

TEST_CASE("a transfer of 100 MB uses no more than the ring", "[staging][stats]") {
  CTS_DEVICE(device);
  CTS_STAGES(backend, device);
  constexpr size_t size = 100 << 20;
  auto buffer = need(device->allocate({.size = size}));
  std::vector<uint8_t> both(size, 3);

  need(hal::write(*device, *buffer, 0, bytes(both)));
  std::fill(both.begin(), both.end(), uint8_t{0});
  need(hal::read(*device, *buffer, 0, bytes(both)));

  const hal::Stats stats = device->stats();
  REQUIRE(both == std::vector<uint8_t>(size, 3));
  REQUIRE(stats.staging_bytes > 0);
  REQUIRE(stats.staging_bytes <= ring_bytes);
  REQUIRE(stats.peak_bytes <= size + ring_bytes);
}

TEST_CASE("staging memory is reused: later transfers allocate nothing", "[staging]") {
  CTS_BACKEND();
  CountingAllocator counting;
  auto device = backend.create(counting.allocator());
  CTS_STAGES(backend, device);
  auto buffer = need(device->allocate({.size = 1000}));
  std::vector<uint8_t> back(1000);
  need(hal::write(*device, *buffer, 0, bytes(pattern(1000))));
  const uint64_t calls = counting.calls, allocations = device->stats().allocations;

  for (int i = 0; i < 50; ++i) need(hal::write(*device, *buffer, 0, bytes(pattern(1000))));
  for (int i = 0; i < 50; ++i) need(hal::read(*device, *buffer, 0, bytes(back)));

  if (device->caps().inline_execution) REQUIRE(counting.calls == calls);
  REQUIRE(device->stats().allocations == allocations);
}

TEST_CASE("trim gives staging memory back, and the next transfer gets new", "[staging]") {
  CTS_DEVICE(device);
  CTS_STAGES(backend, device);
  auto buffer = need(device->allocate({.size = 1000}));
  need(hal::write(*device, *buffer, 0, bytes(pattern(1000))));

  device->trim();
  const hal::Stats trimmed = device->stats();
  std::vector<uint8_t> back(1000);
  need(hal::read(*device, *buffer, 0, bytes(back)));

  REQUIRE(trimmed.staging_bytes == 0);
  REQUIRE(trimmed.live_bytes == 1000);
  REQUIRE(back == pattern(1000));
}

TEST_CASE("a device without memory for staging says so, and works once there is some", "[staging]") {
  CTS_BACKEND();
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    CTS_STAGES(backend, device);
    auto buffer = need(device->allocate({.size = 1000}));
    counting.refuse_from = counting.calls.load();
    const Code refused = hal::write(*device, *buffer, 0, bytes(pattern(1000))).code();
    const uint64_t counted = device->stats().host_to_device_copies;
    counting.refuse_from = UINT64_MAX;

    REQUIRE(refused == Code::out_of_memory);
    REQUIRE(counted == 0);
    REQUIRE(hal::write(*device, *buffer, 0, bytes(pattern(1000))).ok());
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("where memory is short a smaller slot does", "[staging]") {
  CTS_BACKEND();
  CountingAllocator counting;
  auto device = backend.create(counting.allocator());
  CTS_STAGES(backend, device);
  auto buffer = need(device->allocate({.size = 1000000}));
  std::vector<uint8_t> got(1000000);
  counting.largest = 100000;

  need(hal::write(*device, *buffer, 0, bytes(pattern(1000000))));
  need(hal::read(*device, *buffer, 0, bytes(got)));

  REQUIRE(got == pattern(1000000));
  REQUIRE(device->stats().staging_bytes <= 100000);
}

TEST_CASE("queued transfers never keep the last of the staging memory", "[staging][transfer_async]") {
  CTS_DEVICE(device);
  constexpr size_t size = 100000;
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  std::vector<Ref<hal::Buffer>> buffers;
  std::vector<hal::Readback> readbacks;
  auto other = need(device->allocate({.size = size}));
  for (uint8_t i = 0; i < 10; ++i) {
    const Timepoint signals[] = {{end.get(), i + 1u}};
    buffers.push_back(need(device->allocate({.size = size})));
    need(hal::write_async(*device, *buffers.back(), 0, bytes(pattern(size, i)), waits, signals));
    readbacks.push_back(need(hal::read_async(*device, *buffers.back(), 0, size, signals, {})));
  }
  std::vector<uint8_t> got(size);

  need(hal::write(*device, *other, 0, bytes(pattern(size, 99)), {}, second_ns));
  need(hal::read(*device, *other, 0, bytes(got), {}, second_ns));
  const std::vector<uint8_t> blocking = got;
  need(begin->signal(1));
  int wrong = 0;
  for (uint8_t i = 0; i < 10; ++i) {
    need(readbacks[i].finish(bytes(got), second_ns));
    wrong += got != pattern(size, i);
  }

  REQUIRE(blocking == pattern(size, 99));
  REQUIRE(wrong == 0);
  REQUIRE(device->stats().staging_bytes <= ring_bytes);
}

TEST_CASE("threads share the staging memory", "[staging][threads]") {
  CTS_DEVICE(device);
  struct Writer {
    hal::Device* device;
    uint8_t seed;
    std::atomic<int>* errors;
    platform::Thread thread;
  };
  std::atomic<int> errors{0};
  std::vector<Writer> writers(8);
  for (uint8_t i = 0; i < 8; ++i) {
    writers[i].device = device.get();
    writers[i].seed = i;
    writers[i].errors = &errors;
    need(writers[i].thread.start(
        [](void* user) {
          auto& self = *static_cast<Writer*>(user);
          const std::vector<uint8_t> sent = pattern(700000, self.seed);
          std::vector<uint8_t> got(sent.size());
          auto buffer = self.device->allocate({.size = sent.size()});
          for (int round = 0; round < 10; ++round) {
            std::fill(got.begin(), got.end(), uint8_t{0});
            const bool right = buffer.ok() && hal::write(*self.device, **buffer, 0, bytes(sent)).ok() &&
                               hal::read(*self.device, **buffer, 0, bytes(got)).ok() && got == sent;
            if (!right) self.errors->fetch_add(1);
          }
        },
        &writers[i]));
  }
  for (Writer& writer : writers) writer.thread.join();

  REQUIRE(errors == 0);
  REQUIRE(device->stats().staging_bytes <= ring_bytes);
}
