// Semaphores in numbers: fan-in and fan-out, long chains, failures on their way, many threads.
#include "cts.hpp"
#include "halcyon/hal/transfer_async.hpp"

using namespace cts;

namespace {

Status submit_nothing(hal::Device& device, const std::vector<Timepoint>& waits, const std::vector<Timepoint>& signals) {
  return device.submit({.waits = waits, .signals = signals});
}

std::vector<Ref<hal::Semaphore>> semaphores(hal::Device& device, size_t count) {
  std::vector<Ref<hal::Semaphore>> all;
  for (size_t i = 0; i < count; ++i) all.push_back(need(device.create_semaphore(0)));
  return all;
}

}  // namespace

TEST_CASE("one signal readies all that wait for it", "[timelines]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0));
  auto ends = semaphores(*device, 200);
  for (auto& end : ends) need(submit_nothing(*device, {{begin.get(), 1}}, {{end.get(), 1}}));

  need(begin->signal(1));

  std::vector<Timepoint> all;
  for (auto& end : ends) all.push_back({end.get(), 1});
  REQUIRE(device->wait(all, hal::Wait::all, second_ns).ok());
}

TEST_CASE("a submission waits for the last of many", "[timelines]") {
  CTS_DEVICE(device);
  auto begins = semaphores(*device, 100);
  auto end = need(device->create_semaphore(0));
  std::vector<Timepoint> waits;
  for (auto& begin : begins) waits.push_back({begin.get(), 3});
  need(submit_nothing(*device, waits, {{end.get(), 1}}));
  for (auto& begin : begins) need(begin->signal(2));
  for (size_t i = 0; i + 1 < begins.size(); ++i) need(begins[i]->signal(4));
  const Code early = wait(*device, {{end.get(), 1}});

  need(begins.back()->signal(3));

  REQUIRE(early == Code::timeout);
  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
}

TEST_CASE("branches meet again in order", "[timelines]") {
  CTS_DEVICE(device);
  auto source = need(device->allocate({.size = 16})), left = need(device->allocate({.size = 16})), right = need(device->allocate({.size = 16}));
  auto both = need(device->allocate({.size = 32}));
  auto all = semaphores(*device, 5);
  const Timepoint begin[] = {{all[0].get(), 1}}, filled[] = {{all[1].get(), 1}}, left_done[] = {{all[2].get(), 1}},
                  right_done[] = {{all[3].get(), 1}}, both_done[] = {{all[2].get(), 1}, {all[3].get(), 1}},
                  end[] = {{all[4].get(), 1}};
  need(hal::copy_async(*device, *both, 0, *left, 0, 16, both_done, {}));
  need(hal::copy_async(*device, *both, 16, *right, 0, 16, both_done, end));
  need(hal::copy_async(*device, *left, 0, *source, 0, 16, filled, left_done));
  need(hal::copy_async(*device, *right, 0, *source, 0, 16, filled, right_done));
  need(hal::fill_async(*device, *source, 0, 16, 8, 1, begin, filled));

  need(all[0]->signal(1));

  REQUIRE(device->wait(end, hal::Wait::all, second_ns).ok());
  need(device->wait_idle(*both, second_ns));
  REQUIRE(bytes_of(*device, *both) == std::vector<uint8_t>(32, 8));
}

TEST_CASE("a signal from the host may jump over values", "[timelines]") {
  CTS_DEVICE(device);
  auto line = need(device->create_semaphore(0));
  auto ends = semaphores(*device, 10);
  for (uint64_t i = 0; i < 10; ++i) need(submit_nothing(*device, {{line.get(), i + 1}}, {{ends[i].get(), 1}}));

  need(line->signal(7));

  for (uint64_t i = 0; i < 10; ++i) CHECK(wait(*device, {{ends[i].get(), 1}}, hal::Wait::all, i < 7 ? second_ns : 0) == (i < 7 ? Code::ok : Code::timeout));
  need(line->signal(UINT64_MAX));
}

TEST_CASE("one submission may wait for and signal a semaphore several times", "[timelines]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  need(submit_nothing(*device, {{begin.get(), 2}, {begin.get(), 1}, {begin.get(), 2}}, {{end.get(), 1}, {end.get(), 3}}));
  need(begin->signal(1));
  const Code early = wait(*device, {{end.get(), 1}});

  need(begin->signal(2));

  REQUIRE(early == Code::timeout);
  REQUIRE(wait(*device, {{end.get(), 3}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(need(end->query()) == 3);
}

TEST_CASE("a value that a semaphore has from the start needs no signal", "[timelines]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(4)), end = need(device->create_semaphore(0));

  need(submit_nothing(*device, {{begin.get(), 0}, {begin.get(), 4}}, {{end.get(), 1}}));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
}

TEST_CASE("a chain of thousands runs, whichever end it was built from", "[timelines][long]") {
  CTS_DEVICE(device);
  const bool backwards = GENERATE(false, true);
  // What checks each submission against those before it takes 3 s for as many as the others take in 0.01 s.
  const uint64_t count = std::string_view(backend.name).starts_with("checked(") ? 4000 : 20000;
  auto line = need(device->create_semaphore(0));
  for (uint64_t i = 1; i <= count; ++i) {
    const uint64_t at = backwards ? count + 1 - i : i;
    const Timepoint waits[] = {{line.get(), at}}, signals[] = {{line.get(), at + 1}};
    if (!device->submit({.waits = waits, .signals = signals}).ok()) FAIL("submission " << at);
  }

  need(line->signal(1));

  REQUIRE(wait(*device, {{line.get(), count + 1}}, hal::Wait::all, 60 * second_ns) == Code::ok);
}

TEST_CASE("a chain through many semaphores runs, and gives them back", "[timelines][long]") {
  CTS_DEVICE(device);
  constexpr size_t count = 3000;
  auto first = need(device->create_semaphore(0)), last = first;
  for (size_t i = 0; i < count; ++i) {
    auto next = need(device->create_semaphore(0));
    need(submit_nothing(*device, {{last.get(), 1}}, {{next.get(), 1}}));
    last = std::move(next);
  }

  need(first->signal(1));

  REQUIRE(wait(*device, {{last.get(), 1}}, hal::Wait::all, 60 * second_ns) == Code::ok);
  if (device->caps().inline_execution) REQUIRE(last->unique());
}

TEST_CASE("a failure goes through a long chain", "[timelines][failure][long]") {
  CTS_DEVICE(device);
  constexpr size_t count = 3000;
  auto first = need(device->create_semaphore(0)), last = first;
  for (size_t i = 0; i < count; ++i) {
    auto next = need(device->create_semaphore(0));
    need(submit_nothing(*device, {{last.get(), 1}}, {{next.get(), 1}}));
    last = std::move(next);
  }

  first->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE(wait(*device, {{last.get(), 1}}, hal::Wait::all, 60 * second_ns) == Code::device_lost);
}

TEST_CASE("a failure reaches all dependents with its whole status", "[timelines][failure]") {
  CTS_DEVICE(device);
  auto all = semaphores(*device, 5);
  need(submit_nothing(*device, {{all[0].get(), 1}}, {{all[1].get(), 1}, {all[2].get(), 1}}));
  need(submit_nothing(*device, {{all[1].get(), 1}, {all[2].get(), 1}}, {{all[3].get(), 1}}));
  need(submit_nothing(*device, {{all[3].get(), 1}}, {{all[4].get(), 1}}));

  all[0]->fail(Status(Code::internal, "test: the reason", Where{Kind::command, Where::whole, 0, 42, 0, 0}, 7));

  for (size_t i = 1; i < 5; ++i) {
    const Timepoint point{all[i].get(), 1};
    const Status status = device->wait({&point, 1}, hal::Wait::all, second_ns);
    CHECK(status.code() == Code::internal);
    CHECK(std::string(status.what()) == "test: the reason");
    CHECK(status.where().object == 42);
    CHECK(status.native() == 7);
  }
}

TEST_CASE("what waits for several fails as soon as one does", "[timelines][failure]") {
  CTS_DEVICE(device);
  const size_t failing = GENERATE(as<size_t>(), 0, 1, 2);
  auto begins = semaphores(*device, 3);
  auto end = need(device->create_semaphore(0));
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  need(submit_fill(*device, *buffer, 1, {{begins[0].get(), 1}, {begins[1].get(), 1}, {begins[2].get(), 1}}, {{end.get(), 1}}));

  begins[failing]->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::device_lost);
  for (size_t i = 0; i < 3; ++i)
    if (i != failing) need(begins[i]->signal(1));
  REQUIRE(first_byte(*device, *buffer) == 0);
}

TEST_CASE("a failure does not touch what does not depend on it", "[timelines][failure]") {
  CTS_DEVICE(device);
  auto bad = need(device->create_semaphore(0)), good = need(device->create_semaphore(0));
  auto ends = semaphores(*device, 2);
  need(submit_nothing(*device, {{bad.get(), 1}}, {{ends[0].get(), 1}}));
  need(submit_nothing(*device, {{good.get(), 1}}, {{ends[1].get(), 1}}));

  bad->fail(Status(Code::device_lost, "test: failed"));
  need(good->signal(1));

  REQUIRE(wait(*device, {{ends[1].get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
}

TEST_CASE("work that fails fails its own signals, and the device goes on", "[timelines][failure]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0)), after = need(device->create_semaphore(0));
  auto buffer = need(device->allocate({.size = 16}));
  need(submit_fill(*device, *buffer, 1, {{begin.get(), 1}}, {{end.get(), 1}}));
  CTS_NEEDS(backend, device->free_async(*buffer, {}, {}).ok(), "refuses to free what is in use");

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::failed_precondition);
  need(submit_nothing(*device, {{begin.get(), 1}}, {{after.get(), 1}}));
  REQUIRE(wait(*device, {{after.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
}

TEST_CASE("waiting for any ends with the first that is reached", "[timelines][wait][threads]") {
  CTS_DEVICE(device);
  auto all = semaphores(*device, 3);
  Signaller other;
  other.start(*all[1], 5);

  const Code result = wait(*device, {{all[0].get(), 1}, {all[1].get(), 5}, {all[2].get(), 1}}, hal::Wait::any, 10 * second_ns);

  REQUIRE(result == Code::ok);
  REQUIRE(need(all[0]->query()) == 0);
}

TEST_CASE("waiting for any ends with a failure where nothing is reached", "[timelines][wait][failure][threads]") {
  CTS_DEVICE(device);
  auto all = semaphores(*device, 2);
  Signaller other;
  other.start(*all[1], 0);

  REQUIRE(wait(*device, {{all[0].get(), 1}, {all[1].get(), 5}}, hal::Wait::any, 10 * second_ns) == Code::device_lost);
}

TEST_CASE("waiting for all ends with the first failure", "[timelines][wait][failure][threads]") {
  CTS_DEVICE(device);
  auto all = semaphores(*device, 2);
  Signaller other;
  other.start(*all[1], 0);

  REQUIRE(wait(*device, {{all[0].get(), 1}, {all[1].get(), 5}}, hal::Wait::all, 10 * second_ns) == Code::device_lost);
}

TEST_CASE("a wait for all or any of many times out as a whole", "[timelines][wait]") {
  CTS_DEVICE(device);
  const auto mode = GENERATE(hal::Wait::all, hal::Wait::any);
  auto all = semaphores(*device, 20);
  std::vector<Timepoint> points;
  for (auto& one : all) points.push_back({one.get(), 1});

  REQUIRE(device->wait(points, mode, 1'000'000).code() == Code::timeout);
}

TEST_CASE("a semaphore that its user let go of still readies what waits for it", "[timelines]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  {
    auto middle = need(device->create_semaphore(0));
    need(submit_nothing(*device, {{begin.get(), 1}}, {{middle.get(), 1}}));
    need(submit_nothing(*device, {{middle.get(), 1}}, {{end.get(), 1}}));
  }

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
}

TEST_CASE("work that never ran leaves nothing behind, whatever it waited for", "[timelines]") {
  CTS_BACKEND();
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    auto begins = semaphores(*device, 3);
    auto buffer = need(device->allocate({.size = 64}));
    for (uint64_t i = 0; i < 20; ++i) {
      const Timepoint waits[] = {{begins[i % 3].get(), 20 - i}, {begins[(i + 1) % 3].get(), i + 1}};
      need(hal::fill_async(*device, *buffer, 0, 64, i, 1, waits, {}));
      (void)need(hal::read_async(*device, *buffer, 0, 64, waits, {})).size();
    }
    need(begins[0]->signal(7));
    begins[1]->fail(Status(Code::device_lost, "test: failed"));
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("many threads submit to one timeline, and one waits for all", "[timelines][threads]") {
  CTS_DEVICE(device);
  constexpr uint64_t per_thread = 200, count = 8;
  struct Submitter {
    hal::Device* device;
    hal::Semaphore *begin, *own;
    std::atomic<int>* errors;
    platform::Thread thread;
    void run() {
      for (uint64_t i = 0; i < per_thread; ++i) {
        const Timepoint waits[] = {{begin, i % 10 + 1}, {own, i}}, signals[] = {{own, i + 1}};
        if (!device->submit({.waits = waits, .signals = signals}).ok()) errors->fetch_add(1);
      }
    }
  };
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  auto own = semaphores(*device, count);
  std::vector<Timepoint> waits;
  for (auto& one : own) waits.push_back({one.get(), per_thread});
  need(submit_nothing(*device, waits, {{end.get(), 1}}));
  std::atomic<int> errors{0};
  std::vector<Submitter> submitters(count);
  for (uint64_t i = 0; i < count; ++i) {
    submitters[i].device = device.get();
    submitters[i].begin = begin.get();
    submitters[i].own = own[i].get();
    submitters[i].errors = &errors;
    need(submitters[i].thread.start([](void* user) { static_cast<Submitter*>(user)->run(); }, &submitters[i]));
  }
  for (uint64_t value = 1; value <= 10; ++value) need(begin->signal(value));
  for (Submitter& submitter : submitters) submitter.thread.join();

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, 30 * second_ns) == Code::ok);
  REQUIRE(errors == 0);
}

TEST_CASE("threads that wait are all woken", "[timelines][wait][threads]") {
  CTS_DEVICE(device);
  struct Waiter {
    hal::Device* device;
    Timepoint point;
    std::atomic<int>* woken;
    platform::Thread thread;
  };
  auto line = need(device->create_semaphore(0));
  std::atomic<int> woken{0};
  std::vector<Waiter> waiters(6);
  for (uint64_t i = 0; i < 6; ++i) {
    waiters[i].device = device.get();
    waiters[i].point = {line.get(), i + 1};
    waiters[i].woken = &woken;
    need(waiters[i].thread.start(
        [](void* user) {
          auto& self = *static_cast<Waiter*>(user);
          if (self.device->wait({&self.point, 1}, hal::Wait::all, 30 * second_ns).ok()) self.woken->fetch_add(1);
        },
        &waiters[i]));
  }

  for (uint64_t value = 1; value <= 6; ++value) need(line->signal(value));
  for (Waiter& waiter : waiters) waiter.thread.join();

  REQUIRE(woken == 6);
}

TEST_CASE("one of two threads fails a semaphore while work is submitted to it", "[timelines][failure][threads]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0));
  auto ends = semaphores(*device, 100);
  Signaller other;
  other.start(*begin, 0);

  int refused = 0;
  for (auto& end : ends) {
    const Status status = submit_nothing(*device, {{begin.get(), 1}}, {{end.get(), 1}});
    refused += !status.ok() && status.code() != Code::device_lost;
  }
  other.join();

  REQUIRE(refused == 0);
  int wrong = 0;
  for (auto& end : ends) wrong += wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) != Code::device_lost;
  REQUIRE(wrong == 0);
}
