// Timelines, queued submissions, asynchronous allocation.
#include "cts.hpp"
#include "halcyon/platform.hpp"

using namespace cts;

TEST_CASE("a semaphore has the value it was made with", "[semaphore]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(7));

  REQUIRE(need(semaphore->query()) == 7);
}

TEST_CASE("a signal raises a semaphore", "[semaphore]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(0));

  need(semaphore->signal(5));

  REQUIRE(need(semaphore->query()) == 5);
}

TEST_CASE("a semaphore never falls or stays", "[semaphore]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(5));

  REQUIRE(semaphore->signal(5).code() == Code::invalid_argument);
  REQUIRE(semaphore->signal(4).code() == Code::invalid_argument);
  REQUIRE(need(semaphore->query()) == 5);
}

TEST_CASE("a semaphore reaches the largest value", "[semaphore]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(0));

  need(semaphore->signal(UINT64_MAX));

  REQUIRE(need(semaphore->query()) == UINT64_MAX);
}

TEST_CASE("waiting for a value that was reached returns at once", "[semaphore][wait]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(3));

  REQUIRE(wait(*device, {{semaphore.get(), 3}}) == Code::ok);
  REQUIRE(wait(*device, {{semaphore.get(), 2}}) == Code::ok);
}

TEST_CASE("a poll of a value that was not reached times out", "[semaphore][wait]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(3));

  REQUIRE(wait(*device, {{semaphore.get(), 4}}) == Code::timeout);
}

TEST_CASE("a wait ends with its timeout", "[semaphore][wait]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(0));
  const uint64_t begin = platform::monotonic_ns();

  const Code result = wait(*device, {{semaphore.get(), 1}}, hal::Wait::all, 20'000'000);

  REQUIRE(result == Code::timeout);
  REQUIRE(platform::monotonic_ns() - begin >= 20'000'000);
}

TEST_CASE("waiting for all needs all, waiting for any needs one", "[semaphore][wait]") {
  CTS_DEVICE(device);
  auto a = need(device->create_semaphore(0)), b = need(device->create_semaphore(0));
  need(a->signal(1));

  REQUIRE(wait(*device, {{a.get(), 1}, {b.get(), 1}}, hal::Wait::all) == Code::timeout);
  REQUIRE(wait(*device, {{a.get(), 1}, {b.get(), 1}}, hal::Wait::any) == Code::ok);
  need(b->signal(1));
  REQUIRE(wait(*device, {{a.get(), 1}, {b.get(), 1}}, hal::Wait::all) == Code::ok);
}

TEST_CASE("waiting for nothing is over", "[semaphore][wait]") {
  CTS_DEVICE(device);

  REQUIRE(wait(*device, {}, hal::Wait::all) == Code::ok);
  REQUIRE(wait(*device, {}, hal::Wait::any) == Code::ok);
}

TEST_CASE("a wait without a semaphore is refused", "[semaphore][wait]") {
  CTS_DEVICE(device);

  REQUIRE(wait(*device, {{nullptr, 1}}) == Code::invalid_argument);
}

TEST_CASE("a failed semaphore fails queries and waits with its status", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(9));

  semaphore->fail(Status(Code::device_lost, "test: it went away"));

  REQUIRE(code(semaphore->query()) == Code::device_lost);
  REQUIRE(wait(*device, {{semaphore.get(), 1}}) == Code::device_lost);
  REQUIRE(wait(*device, {{semaphore.get(), 100}}, hal::Wait::any, UINT64_MAX) == Code::device_lost);
  REQUIRE(semaphore->signal(10).code() == Code::device_lost);
}

TEST_CASE("the first failure of a semaphore stays", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(0));

  semaphore->fail(Status(Code::device_lost, "test: first"));
  semaphore->fail(Status(Code::internal, "test: second"));

  REQUIRE(code(semaphore->query()) == Code::device_lost);
}

TEST_CASE("any of several is satisfied by one that was reached, though another failed", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto good = need(device->create_semaphore(1)), bad = need(device->create_semaphore(0));
  bad->fail(Status(Code::internal, "test: failed"));

  REQUIRE(wait(*device, {{bad.get(), 1}, {good.get(), 1}}, hal::Wait::any) == Code::ok);
  REQUIRE(wait(*device, {{bad.get(), 1}, {good.get(), 1}}, hal::Wait::all) == Code::internal);
}

TEST_CASE("a submission reaches its signals", "[semaphore][submit]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 16);
  auto a = need(device->create_semaphore(0)), b = need(device->create_semaphore(10));

  need(submit_fill(*device, *buffer, 3, {}, {{a.get(), 1}, {b.get(), 11}}));

  REQUIRE(wait(*device, {{a.get(), 1}, {b.get(), 11}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(first_byte(*device, *buffer) == 3);
}

TEST_CASE("a submission waits for its waits without blocking its caller", "[semaphore][submit]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));

  need(submit_fill(*device, *buffer, 3, {{begin.get(), 2}}, {{end.get(), 1}}));
  need(begin->signal(1));
  const uint8_t early = first_byte(*device, *buffer);
  const Code before = wait(*device, {{end.get(), 1}});
  need(begin->signal(2));

  REQUIRE(early == 0);
  REQUIRE(before == Code::timeout);
  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(first_byte(*device, *buffer) == 3);
}

TEST_CASE("one signal runs a long chain of submissions in order", "[semaphore][submit]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  auto semaphore = need(device->create_semaphore(0));
  // Queued backwards: each waits for the one that is submitted after it.
  for (uint64_t i = 2000; i >= 1; --i)
    need(submit_fill(*device, *buffer, static_cast<uint8_t>(i % 251), {{semaphore.get(), i}}, {{semaphore.get(), i + 1}}));

  need(semaphore->signal(1));

  REQUIRE(wait(*device, {{semaphore.get(), 2001}}, hal::Wait::all, 10 * second_ns) == Code::ok);
  REQUIRE(first_byte(*device, *buffer) == 2000 % 251);
}

TEST_CASE("what a queued submission uses may be let go of", "[semaphore][submit]") {
  CTS_DEVICE(device);
  auto target = mappable(*device, 16);
  auto end = need(device->create_semaphore(0));
  auto begin = need(device->create_semaphore(0));
  {
    auto source = buffer_of(*device, std::vector<uint8_t>(16, 8));
    Transfer transfer;
    copy(transfer, {0, Operand::literal(0), Operand::parameter(0)}, {1, Operand::literal(0), Operand::parameter(0)});
    auto commands = list(*device, {transfer.command}, 2, 1);
    const std::vector<uint64_t> parameters = {16};
    const Binding bindings[] = {{.buffer = target.get()}, {.buffer = source.get()}};
    const Timepoint waits[] = {{begin.get(), 1}}, signals[] = {{end.get(), 1}};
    need(device->submit({.waits = waits, .signals = signals, .commands = commands.get(), .bindings = bindings, .parameters = parameters}));
  }

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(first_byte(*device, *target) == 8);
}

TEST_CASE("a retired submission holds nothing", "[semaphore][submit]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 16);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  need(submit_fill(*device, *buffer, 1, {{begin.get(), 1}}, {{end.get(), 1}}));
  const bool held = !buffer->unique();

  need(begin->signal(1));
  need(device->wait(std::vector<Timepoint>{{end.get(), 1}}, hal::Wait::all, second_ns));

  REQUIRE(held);
  REQUIRE(buffer->unique());
}

TEST_CASE("a failed wait fails the submission's signals, and what waits for those", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  auto first = need(device->create_semaphore(0)), second = need(device->create_semaphore(0)),
       third = need(device->create_semaphore(0));
  need(submit_fill(*device, *buffer, 1, {{first.get(), 1}}, {{second.get(), 1}}));
  need(submit_fill(*device, *buffer, 2, {{second.get(), 1}}, {{third.get(), 1}}));

  first->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE(wait(*device, {{third.get(), 1}}, hal::Wait::all, second_ns) == Code::device_lost);
  REQUIRE(first_byte(*device, *buffer) == 0);
}

TEST_CASE("a submission that waits for what failed fails at once", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  auto bad = need(device->create_semaphore(5)), end = need(device->create_semaphore(0));
  bad->fail(Status(Code::device_lost, "test: failed"));

  const Status status = submit_fill(*device, *buffer, 1, {{bad.get(), 1}}, {{end.get(), 1}});

  REQUIRE((status.ok() || status.code() == Code::device_lost));
  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::device_lost);
  REQUIRE(first_byte(*device, *buffer) == 0);
}

TEST_CASE("a submission that is refused reaches and fails nothing", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 16);
  auto end = need(device->create_semaphore(0));
  Transfer transfer;
  fill(transfer, range(0, 0, 17), 0, 1);
  const Binding bindings[] = {{.buffer = buffer.get()}};
  const Timepoint signals[] = {{end.get(), 1}};

  const Status status = device->submit({.signals = signals, .transfers = {&transfer.command, 1}, .bindings = bindings});

  REQUIRE(status.code() == Code::invalid_argument);
  REQUIRE(need(end->query()) == 0);
}

TEST_CASE("a submission whose ranges are wrong is refused though it would wait", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 16);
  auto begin = need(device->create_semaphore(0));
  Transfer transfer;
  fill(transfer, range(0, 0, 17), 0, 1);
  const Binding bindings[] = {{.buffer = buffer.get()}};
  const Timepoint waits[] = {{begin.get(), 1}};

  REQUIRE(device->submit({.waits = waits, .transfers = {&transfer.command, 1}, .bindings = bindings}).code() ==
          Code::invalid_argument);
}

TEST_CASE("a submission cannot signal the past, or nothing", "[semaphore][failure]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 16);
  auto semaphore = need(device->create_semaphore(5));

  REQUIRE(submit_fill(*device, *buffer, 1, {}, {{semaphore.get(), 5}}).code() == Code::invalid_argument);
  REQUIRE(submit_fill(*device, *buffer, 1, {}, {{nullptr, 5}}).code() == Code::invalid_argument);
  REQUIRE(submit_fill(*device, *buffer, 1, {{nullptr, 5}}, {}).code() == Code::invalid_argument);
}

TEST_CASE("work that never became ready goes with its device", "[semaphore][submit]") {
  CTS_BACKEND();
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    auto buffer = mappable(*device, 16);
    auto begin = need(device->create_semaphore(0));
    need(submit_fill(*device, *buffer, 1, {{begin.get(), 1}}, {}));
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("work that cannot be queued is out of memory and reaches nothing", "[semaphore][submit]") {
  CTS_BACKEND();
  CountingAllocator counting;
  int refused = 0;
  {
    auto device = backend.create(counting.allocator());
    auto buffer = mappable(*device, 16);
    auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
    for (uint64_t allowed = 0; allowed < 12; ++allowed) {
      counting.refuse_from = counting.calls + allowed;
      const Status status = submit_fill(*device, *buffer, 1, {{begin.get(), 1}}, {{end.get(), 1}});
      counting.refuse_from = UINT64_MAX;
      if (status.ok()) break;
      REQUIRE(status.code() == Code::out_of_memory);
      ++refused;
    }
    REQUIRE(need(end->query()) == 0);
    need(begin->signal(1));
    REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
    REQUIRE(buffer->unique());
  }
  REQUIRE(refused > 0);
  REQUIRE(counting.live == 0);
}

TEST_CASE("memory that is allocated asynchronously is there after its signal", "[async]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), allocated = need(device->create_semaphore(0)),
       end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};

  auto buffer = need(device->allocate_async({.size = 100}, waits, {allocated.get(), 1}));
  need(submit_fill(*device, *buffer, 6, {{allocated.get(), 1}}, {{end.get(), 1}}));
  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(first_byte(*device, *buffer) == 6);
}

TEST_CASE("an asynchronous allocation without waits is there as soon as it is idle", "[async]") {
  CTS_DEVICE(device);

  auto buffer = need(device->allocate_async({.size = 100}, {}, {}));
  need(device->wait_idle(*buffer, device->caps().inline_execution ? 0 : second_ns));
  set_bytes(*device, *buffer, pattern(100));

  REQUIRE(bytes_of(*device, *buffer) == pattern(100));
}

TEST_CASE("an asynchronous free gives memory back in order and then signals", "[async][stats]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 100}));
  auto begin = need(device->create_semaphore(0)), freed = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};

  need(device->free_async(*buffer, waits, {freed.get(), 1}));
  const uint64_t before = device->stats().live_bytes;
  need(begin->signal(1));

  REQUIRE(before == 100);
  REQUIRE(wait(*device, {{freed.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("a chain of frees and allocations runs in constant memory", "[async][stats]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(0));
  std::vector<Ref<hal::Buffer>> buffers;
  for (uint64_t i = 0; i < 50; ++i) {
    const Timepoint allocate_after[] = {{semaphore.get(), 2 * i + 1}};
    const Timepoint free_after[] = {{semaphore.get(), 2 * i + 2}};
    buffers.push_back(need(device->allocate_async({.size = 1000}, allocate_after, {semaphore.get(), 2 * i + 2})));
    need(device->free_async(*buffers.back(), free_after, {semaphore.get(), 2 * i + 3}));
  }

  need(semaphore->signal(1));

  REQUIRE(wait(*device, {{semaphore.get(), 101}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(device->stats().peak_bytes == 1000);
  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("a buffer without memory is an error at the submission that uses it", "[async]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 100}));
  need(device->free_async(*buffer, {}, {}));

  REQUIRE(submit_fill(*device, *buffer, 1, {}, {}).code() == Code::failed_precondition);
}

TEST_CASE("a wait before its signal ends when another thread signals", "[semaphore][wait][threads]") {
  CTS_DEVICE(device);
  auto semaphore = need(device->create_semaphore(0));
  const auto mode = GENERATE(hal::Wait::all, hal::Wait::any);
  Signaller other;
  other.start(*semaphore, 3);

  const Code result = wait(*device, {{semaphore.get(), 3}}, mode, 10 * second_ns);
  other.join();

  REQUIRE(result == Code::ok);
}

TEST_CASE("work runs on the thread that signals its last wait", "[semaphore][submit][threads]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  need(submit_fill(*device, *buffer, 4, {{begin.get(), 1}}, {{end.get(), 1}}));
  Signaller other;
  other.start(*begin, 1);

  const Code result = wait(*device, {{end.get(), 1}}, hal::Wait::all, 10 * second_ns);
  other.join();

  REQUIRE(result == Code::ok);
  REQUIRE(first_byte(*device, *buffer) == 4);
}

namespace {

// Allocates, queues work behind its own semaphore, signals, waits, and checks; many at once.
struct Hammer {
  hal::Device* device;
  uint8_t seed;
  uint32_t rounds;
  std::atomic<int>* errors;
  platform::Thread thread;

  Status round(uint64_t value, hal::Semaphore& begin, hal::Semaphore& end) {
    HALCYON_ASSIGN(auto buffer, device->allocate({.size = 256, .memory = hal::Memory::host, .map = hal::Map::read_write}));
    HALCYON_TRY(submit_fill(*device, *buffer, seed, {{&begin, value}}, {{&end, value}}));
    HALCYON_TRY(begin.signal(value));
    const Timepoint point{&end, value};
    HALCYON_TRY(device->wait({&point, 1}, hal::Wait::all, 10 * second_ns));
    HALCYON_ASSIGN(auto view, buffer->map(hal::Access::read));
    HALCYON_TRY(buffer->invalidate(0, 256));
    const bool right = view[0] == std::byte{seed} && view[255] == std::byte{seed};
    buffer->unmap();
    return right ? Status() : Status(Code::internal, "test: wrong bytes");
  }
  void run() {
    auto begin = device->create_semaphore(0), end = device->create_semaphore(0);
    if (!begin.ok() || !end.ok()) {
      errors->fetch_add(1);
      return;
    }
    for (uint32_t i = 1; i <= rounds; ++i)
      if (!round(i, *begin.value(), *end.value()).ok()) errors->fetch_add(1);
  }
};

}  // namespace

TEST_CASE("many threads submit, signal and wait at once", "[semaphore][submit][threads]") {
  CTS_DEVICE(device);
  std::atomic<int> errors{0};
  std::vector<Hammer> hammers(4);
  for (uint8_t i = 0; i < 4; ++i) {
    hammers[i].device = device.get();
    hammers[i].seed = static_cast<uint8_t>(i + 1);
    hammers[i].rounds = 300;
    hammers[i].errors = &errors;
    need(hammers[i].thread.start([](void* user) { static_cast<Hammer*>(user)->run(); }, &hammers[i]));
  }
  for (Hammer& hammer : hammers) hammer.thread.join();

  REQUIRE(errors == 0);
  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("threads can hand work to each other through one semaphore", "[semaphore][submit][threads]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  auto baton = need(device->create_semaphore(0));
  struct Runner {
    hal::Device* device;
    hal::Semaphore* baton;
    hal::Buffer* buffer;
    uint64_t first;
    std::atomic<int>* errors;
    platform::Thread thread;
  };
  std::atomic<int> errors{0};
  std::vector<Runner> runners(2);
  for (uint64_t i = 0; i < 2; ++i) {
    runners[i].device = device.get();
    runners[i].baton = baton.get();
    runners[i].buffer = buffer.get();
    runners[i].first = i;
    runners[i].errors = &errors;
    need(runners[i].thread.start(
        [](void* user) {
          auto& self = *static_cast<Runner*>(user);
          for (uint64_t at = self.first; at < 400; at += 2)
            if (!submit_fill(*self.device, *self.buffer, static_cast<uint8_t>(at), {{self.baton, at}}, {{self.baton, at + 1}}).ok())
              self.errors->fetch_add(1);
        },
        &runners[i]));
  }
  for (Runner& runner : runners) runner.thread.join();

  REQUIRE(wait(*device, {{baton.get(), 400}}, hal::Wait::all, 10 * second_ns) == Code::ok);
  REQUIRE(errors == 0);
  REQUIRE(first_byte(*device, *buffer) == static_cast<uint8_t>(399));
}

TEST_CASE("a list may be in flight several times, with other bindings and parameters", "[semaphore][submit]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  Transfer transfer;
  update(transfer, range(0, 0, 1), Operand::parameter(0), 1);
  auto commands = list(*device, {transfer.command}, 1, 1);
  std::vector<Ref<hal::Buffer>> buffers;
  for (uint64_t i = 0; i < 10; ++i) {
    buffers.push_back(buffer_of(*device, {0}));
    const Binding binding{.buffer = buffers.back().get()};
    const Timepoint waits[] = {{begin.get(), 1}, {end.get(), i}}, signals[] = {{end.get(), i + 1}};
    const uint64_t value = i + 100;
    need(device->submit({.waits = waits, .signals = signals, .commands = commands.get(), .bindings = {&binding, 1}, .parameters = {&value, 1}}));
  }

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 10}}, hal::Wait::all, second_ns) == Code::ok);
  int wrong = 0;
  for (uint8_t i = 0; i < 10; ++i) wrong += first_byte(*device, *buffers[i]) != i + 100;
  REQUIRE(wrong == 0);
}
