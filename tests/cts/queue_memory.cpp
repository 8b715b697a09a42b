// Memory that is allocated and freed in the order of semaphores, pools and their statistics.
#include "cts.hpp"
#include "halcyon/hal/transfer_async.hpp"

using namespace cts;

namespace {

std::span<std::byte> bytes(std::vector<uint8_t>& into) { return std::as_writable_bytes(std::span(into)); }

// A line of semaphore values, as a queue has one.
struct Line {
  explicit Line(hal::Device& device) : semaphore(need(device.create_semaphore(0))) {}
  Timepoint at(uint64_t value) const { return {semaphore.get(), value}; }
  Ref<hal::Semaphore> semaphore;
};

}  // namespace

TEST_CASE("memory lives from its allocation to its free in the order of the queue", "[queue_memory]") {
  CTS_DEVICE(device);
  Line line(*device);
  const Timepoint begin[] = {line.at(1)}, filled[] = {line.at(3)}, copied[] = {line.at(4)};
  auto buffer = need(device->allocate_async({.size = 1000, .label = "temporary"}, begin, line.at(2)));
  need(submit_fill(*device, *buffer, 6, {line.at(2)}, {line.at(3)}));
  auto readback = need(hal::read_async(*device, *buffer, 0, 1000, filled, copied));
  need(device->free_async(*buffer, copied, line.at(5)));
  const uint64_t before = device->stats().live_bytes;

  need(line.semaphore->signal(1));
  std::vector<uint8_t> got(1000);
  need(readback.finish(bytes(got), second_ns));
  REQUIRE(wait(*device, {line.at(5)}, hal::Wait::all, second_ns) == Code::ok);
  readback = {};
  device->trim();

  REQUIRE(got == std::vector<uint8_t>(1000, 6));
  REQUIRE(device->stats().live_bytes < before + 1000);
  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("a free whose wait fails frees nothing", "[queue_memory][failure]") {
  CTS_DEVICE(device);
  const bool already = GENERATE(false, true);
  auto buffer = buffer_of(*device, pattern(100));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  if (already) begin->fail(Status(Code::device_lost, "test: failed"));

  const Status status = device->free_async(*buffer, waits, {end.get(), 1});
  if (!already) begin->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE((status.ok() || (already && status.code() == Code::device_lost)));
  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::device_lost);
  REQUIRE(device->stats().live_bytes == 100);
  REQUIRE(bytes_of(*device, *buffer) == pattern(100));
}

TEST_CASE("what a failed free did not free can be freed", "[queue_memory][failure]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 100}));
  auto begin = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  need(device->free_async(*buffer, waits, {}));
  begin->fail(Status(Code::device_lost, "test: failed"));
  need(device->wait_idle(*buffer, second_ns));

  need(device->free_async(*buffer, {}, {}));
  need(device->wait_idle(*buffer, second_ns));

  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("an allocation whose wait fails fails its signal, and has no memory", "[queue_memory][failure]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), allocated = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  auto buffer = need(device->allocate_async({.size = 100}, waits, {allocated.get(), 1}));

  begin->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE(wait(*device, {{allocated.get(), 1}}, hal::Wait::all, second_ns) == Code::device_lost);
  REQUIRE(submit_fill(*device, *buffer, 1, {}, {}).code() == Code::failed_precondition);
  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("memory is freed once", "[queue_memory]") {
  CTS_DEVICE(device);
  const bool pending = GENERATE(false, true);
  auto buffer = need(device->allocate({.size = 100})), other = need(device->allocate({.size = 100}));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  std::vector<Timepoint> waits;
  if (pending) waits.push_back({begin.get(), 1});
  need(device->free_async(*buffer, waits, {}));

  const Status second = device->free_async(*buffer, waits, {end.get(), 1});
  need(begin->signal(1));

  need(device->wait_idle(*buffer, second_ns));

  REQUIRE(second.code() == Code::failed_precondition);
  REQUIRE(need(end->query()) == 0);
  REQUIRE(device->stats().live_bytes == 100);
}

TEST_CASE("memory that was imported is its owner's to free", "[queue_memory][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
  std::vector<uint8_t> own = pattern(64);
  auto buffer = need(device->import_host(bytes(own), {}, nullptr, nullptr));
  auto end = need(device->create_semaphore(0));

  REQUIRE(device->free_async(*buffer, {}, {end.get(), 1}).code() == Code::failed_precondition);
  REQUIRE(need(end->query()) == 0);
  REQUIRE(bytes_of(*device, *buffer) == pattern(64));
}

TEST_CASE("memory that is not there yet is an error where it is used", "[queue_memory]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  auto buffer = need(device->allocate_async({.size = 100}, waits, {}));

  const Status used = submit_fill(*device, *buffer, 1, {}, {{end.get(), 1}});
  const auto view = buffer->map(hal::Access::write);

  REQUIRE((used.code() == Code::failed_precondition || wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::failed_precondition));
  REQUIRE(code(view) == Code::failed_precondition);
}

TEST_CASE("memory that was freed is an error where it is used", "[queue_memory]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 100}));
  need(device->free_async(*buffer, {}, {}));
  std::vector<uint8_t> got(100);

  CHECK(hal::read(*device, *buffer, 0, bytes(got)).code() == Code::failed_precondition);
  CHECK(hal::write(*device, *buffer, 0, bytes(got)).code() == Code::failed_precondition);
  CHECK(code(buffer->map(hal::Access::read)) == Code::failed_precondition);
}

TEST_CASE("a buffer that is let go of is freed when its queued free comes", "[queue_memory]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  {
    auto buffer = need(device->allocate({.size = 100}));
    need(device->free_async(*buffer, waits, {end.get(), 1}));
  }
  const uint64_t before = device->stats().live_bytes;

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(before == 100);
  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("a buffer that is let go of before it has memory leaves nothing", "[queue_memory]") {
  CTS_BACKEND();
  const bool signalled = GENERATE(false, true);
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
    const Timepoint waits[] = {{begin.get(), 1}};
    (void)need(device->allocate_async({.size = 100}, waits, {end.get(), 1}))->size();
    if (signalled) need(begin->signal(1));
    if (signalled) REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
    if (signalled) REQUIRE(device->stats().live_bytes == 0);
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("where there is no memory when its turn comes, the signal fails and so does what waits for it", "[queue_memory][failure]") {
  CTS_BACKEND();
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    auto begin = need(device->create_semaphore(0)), allocated = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
    const Timepoint waits[] = {{begin.get(), 1}};
    auto buffer = need(device->allocate_async({.size = 100000}, waits, {allocated.get(), 1}));
    need(submit_fill(*device, *buffer, 1, {{allocated.get(), 1}}, {{end.get(), 1}}));
    counting.largest = 50000;

    need(begin->signal(1));
    const Code of_the_end = wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns);
    counting.largest = SIZE_MAX;

    CTS_NEEDS(backend, of_the_end != Code::ok, "takes its memory elsewhere");
    REQUIRE(of_the_end == Code::out_of_memory);
    REQUIRE(wait(*device, {{allocated.get(), 1}}) == Code::out_of_memory);
    REQUIRE(device->allocate({.size = 100000}).ok());
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("an allocation that can never be is refused at once and reaches nothing", "[queue_memory]") {
  CTS_DEVICE(device);
  const hal::BufferDesc desc = GENERATE(hal::BufferDesc{.size = 100, .alignment = 3}, hal::BufferDesc{.size = 100, .device_ordinal = 4});
  auto end = need(device->create_semaphore(0));

  REQUIRE(code(device->allocate_async(desc, {}, {end.get(), 1})) == Code::invalid_argument);
  REQUIRE(need(end->query()) == 0);
}

TEST_CASE("asynchronous allocations and frees cannot signal the past", "[queue_memory]") {
  CTS_DEVICE(device);
  auto end = need(device->create_semaphore(5));
  auto buffer = need(device->allocate({.size = 100}));

  CHECK(code(device->allocate_async({.size = 100}, {}, {end.get(), 5})) == Code::invalid_argument);
  CHECK(device->free_async(*buffer, {}, {end.get(), 4}).code() == Code::invalid_argument);
  CHECK(device->stats().live_bytes == 100);
  CHECK(device->free_async(*buffer, {}, {end.get(), 6}).ok());
}

TEST_CASE("nothing can be allocated and freed asynchronously too", "[queue_memory]") {
  CTS_DEVICE(device);
  Line line(*device);
  const Timepoint allocated[] = {line.at(1)};
  auto buffer = need(device->allocate_async({.size = 0}, {}, line.at(1)));

  need(device->free_async(*buffer, allocated, line.at(2)));

  REQUIRE(wait(*device, {line.at(2)}, hal::Wait::all, second_ns) == Code::ok);
}

TEST_CASE("an asynchronous allocation is as its description says", "[queue_memory]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate_async({.size = 100, .memory = hal::Memory::host, .map = hal::Map::read_write, .alignment = 1024, .label = "x"}, {}, {}));
  need(device->wait_idle(*buffer, second_ns));

  const auto view = need(buffer->map(hal::Access::write));
  buffer->unmap();

  REQUIRE(reinterpret_cast<uintptr_t>(view.data()) % 1024 == 0);
  REQUIRE(buffer->memory() == hal::Memory::host);
  REQUIRE(std::string(buffer->label()) == "x");
}

TEST_CASE("work that is queued keeps a buffer from being freed under it by the last reference", "[queue_memory]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0));
  auto target = need(device->allocate({.size = 100}));
  {
    auto source = buffer_of(*device, pattern(100));
    const Timepoint waits[] = {{begin.get(), 1}};
    need(hal::copy_async(*device, *target, 0, *source, 0, 100, waits, {}));
  }
  auto reused = need(device->allocate({.size = 100}));
  set_bytes(*device, *reused, std::vector<uint8_t>(100, 0));

  need(begin->signal(1));
  need(device->wait_idle(*target, second_ns));

  REQUIRE(bytes_of(*device, *target) == pattern(100));
}

TEST_CASE("what is reserved is what lives, what is kept, and a little more", "[queue_memory][stats]") {
  CTS_DEVICE(device);
  auto kept = need(device->allocate({.size = 50000}));
  need(device->allocate({.size = 100000}));

  const hal::Stats before = device->stats();
  device->trim();
  const hal::Stats after = device->stats();

  REQUIRE(before.reserved_bytes >= before.live_bytes + before.pooled_bytes);
  REQUIRE(after.pooled_bytes == 0);
  REQUIRE(after.live_bytes == 50000);
  REQUIRE(after.reserved_bytes >= 50000);
  REQUIRE(after.reserved_bytes < 100000);
  REQUIRE(after.peak_bytes == 150000);
  REQUIRE(after.peak_reserved_bytes >= 150000);
}

TEST_CASE("threads allocate and free asynchronously at once", "[queue_memory][threads]") {
  CTS_DEVICE(device);
  struct User {
    hal::Device* device;
    uint8_t seed;
    std::atomic<int>* errors;
    platform::Thread thread;

    Status round(hal::Semaphore& line, uint64_t at) {
      const Timepoint begin[] = {{&line, at}}, filled[] = {{&line, at + 2}}, read[] = {{&line, at + 3}};
      HALCYON_ASSIGN(auto buffer, device->allocate_async({.size = 256u + seed}, begin, {&line, at + 1}));
      HALCYON_TRY(submit_fill(*device, *buffer, seed, {{&line, at + 1}}, {{&line, at + 2}}));
      HALCYON_ASSIGN(auto readback, hal::read_async(*device, *buffer, 0, 256, filled, read));
      HALCYON_TRY(device->free_async(*buffer, read, {&line, at + 4}));
      std::vector<uint8_t> got(256);
      HALCYON_TRY(readback.finish(bytes(got), 10 * second_ns));
      return got == std::vector<uint8_t>(256, seed) ? Status() : Status(Code::internal, "test: wrong bytes");
    }
    Status rounds() {
      HALCYON_ASSIGN(auto line, device->create_semaphore(1));
      for (uint64_t i = 0; i < 100; ++i) HALCYON_TRY(round(*line, 1 + 4 * i));
      const Timepoint freed{line.get(), 1 + 4 * 100};  // the last readback does not wait for it
      return device->wait({&freed, 1}, hal::Wait::all, 10 * second_ns);
    }
    void run() {
      if (!rounds().ok()) errors->fetch_add(1);
    }
  };
  std::atomic<int> errors{0};
  std::vector<User> users(4);
  for (uint8_t i = 0; i < 4; ++i) {
    users[i].device = device.get();
    users[i].seed = static_cast<uint8_t>(i + 1);
    users[i].errors = &errors;
    need(users[i].thread.start([](void* user) { static_cast<User*>(user)->run(); }, &users[i]));
  }
  for (User& user : users) user.thread.join();
  device->trim();

  REQUIRE(errors == 0);
  REQUIRE(device->stats().live_bytes == 0);
}
