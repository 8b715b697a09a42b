// Dispatches: what a kernel sees, how often it runs, what its failure does. And variants.
#include "cts.hpp"
#include "halcyon/platform.hpp"

using namespace cts;

namespace {

struct Run {
  std::vector<Binding> bindings;
  std::vector<uint64_t> parameters;
};

Status submit(hal::Device& device, const Dispatch& dispatch, const Run& run) {
  auto commands = list(device, {dispatch.command}, static_cast<uint32_t>(run.bindings.size()),
                       static_cast<uint32_t>(run.parameters.size()));
  return finish(device, {.commands = commands.get(), .bindings = run.bindings, .parameters = run.parameters});
}

std::vector<uint8_t> zeros(size_t size) { return std::vector<uint8_t>(size, 0); }

std::vector<uint8_t> floats(std::vector<float> values) {
  std::vector<uint8_t> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

uint64_t tally(hal::Device& device, hal::Executable& executable, uint64_t x, uint64_t y, uint64_t z) {
  auto counter = buffer_of(device, zeros(8));
  Dispatch one{{range(0)}, {}, {}};
  dispatch(one, executable, Kernel::tally, Operand::parameter(0), Operand::parameter(1), Operand::parameter(2));
  need(submit(device, one, {{{.buffer = counter.get()}}, {x, y, z}}));
  return values_of<uint64_t>(device, *counter)[0];
}

}  // namespace

TEST_CASE("a kernel computes", "[dispatch]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  auto a = buffer_of(*device, floats({1, 2, 3, 4, 5, 6, 7})), b = buffer_of(*device, floats({10, 20, 30, 40, 50, 60, 70}));
  auto c = need(device->allocate({.size = 28}));
  Dispatch add{{range(0), range(1), range(2)}, {}, {}};
  dispatch(add, *executable, Kernel::add, Operand::literal(7));

  need(submit(*device, add, {{{.buffer = a.get()}, {.buffer = b.get()}, {.buffer = c.get()}}, {}}));

  REQUIRE(values_of<float>(*device, *c) == std::vector<float>{11, 22, 33, 44, 55, 66, 77});
  REQUIRE(device->stats().dispatches == 1);
}

TEST_CASE("a kernel sees its ids, its grid, its ranges and its parameters", "[dispatch]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const Operand parameter = GENERATE(Operand::literal(77), Operand::parameter(0));
  auto executable = kernels(*device);
  auto out = buffer_of(*device, zeros(2000));
  Dispatch record{{range(0, 8, 1920)}, {parameter}, {}};
  dispatch(record, *executable, Kernel::record, Operand::literal(9), Operand::literal(7), Operand::literal(2));  // 5 x 3 x 2

  need(submit(*device, record, {{{.buffer = out.get(), .offset = 16, .size = 1984}}, {77}}));

  const auto values = values_of<uint64_t>(*device, *out);
  int wrong = 0;
  for (uint64_t i = 0; i < 30; ++i) {
    const std::vector<uint64_t> expected = {i % 5, i / 5 % 3, i / 15, 5, 3, 2, 1920, 77};
    wrong += std::vector<uint64_t>(values.begin() + 3 + static_cast<int>(i) * 8, values.begin() + 11 + static_cast<int>(i) * 8) != expected;
  }
  REQUIRE(wrong == 0);
}

TEST_CASE("each workgroup runs once", "[dispatch]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const auto [x, y, z] = GENERATE(table<uint64_t, uint64_t, uint64_t>(
      {{1, 1, 1}, {2, 1, 1}, {1, 2, 1}, {17, 1, 1}, {3, 5, 7}, {1000, 3, 1}, {1, 1, 100000}}));
  auto executable = kernels(*device);

  REQUIRE(tally(*device, *executable, x, y, z) == x * y * z);
}

TEST_CASE("a workload of 0 runs nothing", "[dispatch]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const auto [x, y, z] = GENERATE(table<uint64_t, uint64_t, uint64_t>({{0, 1, 1}, {1, 0, 1}, {5, 5, 0}, {0, 0, 0}}));
  auto executable = kernels(*device);

  REQUIRE(tally(*device, *executable, x, y, z) == 0);
}

TEST_CASE("a workload that cannot be counted is refused", "[dispatch]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const bool literal = GENERATE(false, true);
  const auto [x, y, z] = GENERATE(table<uint64_t, uint64_t, uint64_t>(
      {{uint64_t{1} << 32, 1, 1}, {UINT64_MAX, 1, 1}, {UINT32_MAX, UINT32_MAX, UINT32_MAX}}));
  auto executable = kernels(*device);
  auto counter = buffer_of(*device, zeros(8));
  Dispatch one{{range(0)}, {}, {}};
  if (literal)
    dispatch(one, *executable, Kernel::tally, Operand::literal(x), Operand::literal(y), Operand::literal(z));
  else
    dispatch(one, *executable, Kernel::tally, Operand::parameter(0), Operand::parameter(1), Operand::parameter(2));

  const Status status = submit(*device, one, {{{.buffer = counter.get()}}, {x, y, z}});

  REQUIRE(status.code() == Code::invalid_argument);
  REQUIRE(values_of<uint64_t>(*device, *counter)[0] == 0);
}

TEST_CASE("a kernel gets the local memory that it asked for, one for each worker", "[dispatch]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  auto out = buffer_of(*device, zeros(200 * 8));
  Dispatch local{{range(0)}, {}, {}};
  dispatch(local, *executable, Kernel::local, Operand::literal(200));

  need(submit(*device, local, {{{.buffer = out.get()}}, {}}));

  const auto sums = values_of<uint64_t>(*device, *out);
  int wrong = 0;
  for (uint64_t i = 0; i < 200; ++i) wrong += sums[i] != i * 1000;
  REQUIRE(wrong == 0);
}

TEST_CASE("results are the same bits for any number of threads", "[dispatch][threads]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  auto out = buffer_of(*device, zeros(500 * 8));
  Dispatch mix{{range(0)}, {}, {}};
  dispatch(mix, *executable, Kernel::mix, Operand::literal(50), Operand::literal(10));

  for (int i = 0; i < 20; ++i) need(submit(*device, mix, {{{.buffer = out.get()}}, {}}));

  const auto values = values_of<uint64_t>(*device, *out);
  std::vector<uint64_t> expected(500);
  for (uint64_t i = 0; i < 500; ++i) {
    uint64_t state = i + 1;
    for (int k = 0; k < 4000; ++k) state = state * 6364136223846793005u + 1442695040888963407u;
    expected[i] = state;
  }
  REQUIRE(values == expected);
}

TEST_CASE("a kernel's failure is returned with its op and its number", "[dispatch][failure]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  Dispatch fail{{}, {Operand::parameter(0), Operand::literal(7)}, {}};
  dispatch(fail, *executable, Kernel::fail, Operand::literal(100));
  fail.command.location = GENERATE(UINT32_MAX, 55u);

  const Status status = submit(*device, fail, {{}, {60}});

  REQUIRE(status.code() == Code::failed_precondition);
  REQUIRE(status.native() == 7);
  REQUIRE(status.where().kind == Kind::source_op);
  REQUIRE(status.where().object == (fail.command.location == 55 ? 55 : 103));
}

TEST_CASE("nothing runs after a failed dispatch, and the device stays usable", "[dispatch][failure]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  auto counter = buffer_of(*device, zeros(8));
  Dispatch fail{{}, {Operand::literal(0), Operand::literal(7)}, {}}, count{{range(0)}, {}, {}};
  dispatch(fail, *executable, Kernel::fail, Operand::literal(1));
  dispatch(count, *executable, Kernel::tally, Operand::literal(1));
  auto commands = list(*device, {fail.command, Command{}, count.command}, 1);
  const Binding bindings[] = {{.buffer = counter.get()}};

  const Status status = finish(*device, {.commands = commands.get(), .bindings = bindings});

  REQUIRE(status.code() == Code::failed_precondition);
  REQUIRE(values_of<uint64_t>(*device, *counter)[0] == 0);
  REQUIRE(tally(*device, *executable, 3, 1, 1) == 3);
}

TEST_CASE("a kernel's failure fails the submission's signals", "[dispatch][failure][semaphore]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  const bool queued = GENERATE(false, true);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  Dispatch fail{{}, {Operand::literal(0), Operand::literal(7)}, {}};
  dispatch(fail, *executable, Kernel::fail, Operand::literal(1));
  auto commands = list(*device, {fail.command}, 0);
  const Timepoint waits[] = {{begin.get(), 1}}, signals[] = {{end.get(), 1}};

  hal::Submission submission;
  if (queued) submission.waits = waits;
  submission.signals = signals;
  submission.commands = commands.get();
  const Status submitted = device->submit(submission);
  need(begin->signal(1));

  REQUIRE(submitted.code() == (queued || !device->caps().inline_execution ? Code::ok : Code::failed_precondition));
  REQUIRE(device->wait(signals, hal::Wait::all, 1'000'000'000).code() == Code::failed_precondition);
}

TEST_CASE("a dispatch must fit its export", "[dispatch][commands]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  Dispatch no_binding{{}, {}, {}}, extra_parameter{{range(0)}, {Operand::literal(1)}, {}}, unknown{{range(0)}, {}, {}},
      bad_workload{{range(0)}, {}, {}}, no_executable{{range(0)}, {}, {}};
  dispatch(no_binding, *executable, Kernel::tally, Operand::literal(1));
  dispatch(extra_parameter, *executable, Kernel::tally, Operand::literal(1));
  dispatch(unknown, *executable, Kernel::count_, Operand::literal(1));
  dispatch(bad_workload, *executable, Kernel::tally, Operand::parameter(0));
  dispatch(no_executable, *executable, Kernel::tally, Operand::literal(1));
  no_executable.command.executable = nullptr;

  for (const Dispatch* bad : {&no_binding, &extra_parameter, &unknown, &bad_workload, &no_executable}) {
    const auto commands = device->create_commands({.commands = {&bad->command, 1}, .bindings = 1});
    REQUIRE(code(commands) == Code::invalid_argument);
    REQUIRE(commands.status().where().kind == Kind::command);
  }
}

TEST_CASE("a dispatch's ranges are checked though nothing is computed", "[dispatch]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  auto buffer = mappable(*device, 8);
  const Range bad = GENERATE(cts::range(0, 0, 9), cts::range(0, 9), Range{0, Operand::parameter(0), Operand::literal(0)});
  Dispatch count{{bad}, {}, {}};
  dispatch(count, *executable, Kernel::tally, Operand::literal(1));

  REQUIRE(submit(*device, count, {{{.buffer = buffer.get()}}, {9}}).code() == Code::invalid_argument);
}

TEST_CASE("a dispatch is no transfer", "[dispatch][transfers]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  auto buffer = mappable(*device, 8);
  Dispatch count{{range(0)}, {}, {}};
  dispatch(count, *executable, Kernel::tally, Operand::literal(1));
  const Binding bindings[] = {{.buffer = buffer.get()}};

  REQUIRE(finish(*device, {.transfers = {&count.command, 1}, .bindings = bindings}).code() == Code::invalid_argument);
}

TEST_CASE("a warm submission makes no call to the allocator", "[dispatch]") {
  CTS_BACKEND();
  CountingAllocator counting;
  auto device = backend.create(counting.allocator());
  auto executable = kernels(*device);
  auto out = buffer_of(*device, zeros(200 * 8));
  Dispatch local{{range(0)}, {}, {}};
  dispatch(local, *executable, Kernel::local, Operand::parameter(0));
  auto commands = list(*device, {local.command}, 1, 1);
  const Binding bindings[] = {{.buffer = out.get()}};
  const uint64_t parameters[] = {200};
  const hal::Submission submission{.commands = commands.get(), .bindings = bindings, .parameters = parameters};
  CTS_NEEDS(backend, device->caps().inline_execution, "queues every submission");
  need(device->submit(submission));
  const uint64_t calls = counting.calls;

  for (int i = 0; i < 100; ++i) need(device->submit(submission));

  REQUIRE(counting.calls == calls);
}

TEST_CASE("a profile names each dispatch with its time", "[dispatch][profile]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  struct Seen {
    std::vector<std::string> names;
    bool ordered = true;
  } seen;
  device->profile({&seen, [](void* self, const hal::ProfileEvent& event) {
                     auto& all = *static_cast<Seen*>(self);
                     all.names.emplace_back(event.name);
                     all.ordered = all.ordered && event.begin_ns <= event.end_ns;
                   }});

  tally(*device, *executable, 5, 1, 1);
  device->profile({});
  tally(*device, *executable, 5, 1, 1);

  REQUIRE(seen.names == std::vector<std::string>{"tally"});
  REQUIRE(seen.ordered);
}

TEST_CASE("several threads dispatch at once", "[dispatch][threads]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  auto executable = kernels(*device);
  struct Caller {
    hal::Device* device;
    hal::Commands* commands;
    hal::Buffer* buffer;
    std::atomic<int>* errors;
    platform::Thread thread;
  };
  std::atomic<int> errors{0};
  std::vector<Ref<hal::Buffer>> buffers;
  Dispatch local{{range(0)}, {}, {}};
  dispatch(local, *executable, Kernel::local, Operand::literal(64));
  auto commands = list(*device, {local.command}, 1);
  std::vector<Caller> callers(4);
  for (Caller& caller : callers) {
    buffers.push_back(buffer_of(*device, zeros(64 * 8)));
    caller.device = device.get();
    caller.commands = commands.get();
    caller.buffer = buffers.back().get();
    caller.errors = &errors;
    need(caller.thread.start(
        [](void* user) {
          auto& self = *static_cast<Caller*>(user);
          const Binding binding{.buffer = self.buffer};
          for (int i = 0; i < 200; ++i)
            if (!finish(*self.device, {.commands = self.commands, .bindings = {&binding, 1}}).ok()) self.errors->fetch_add(1);
        },
        &caller));
  }
  for (Caller& caller : callers) caller.thread.join();

  REQUIRE(errors == 0);
  for (const auto& buffer : buffers) REQUIRE(values_of<uint64_t>(*device, *buffer)[63] == 63 * 1000);
}
