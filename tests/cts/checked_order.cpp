// checked(): races. Each beside the program that orders the same work, of which nothing is said.
#include "checked.hpp"
#include "halcyon/hal/transfer_async.hpp"

using namespace cts;

namespace {

constexpr const char* race = "no semaphore orders them";


}  // namespace

TEST_CASE("two writes of the same bytes need an order", "[checked][order]") {
  Checked device(GENERATE(true, false), {.asynchronous = true});
  auto cache = device.buffer("cache");
  auto done = device.semaphore();

  need(device.fill(*cache, {}, {{done.get(), 1}}));
  const Status unordered = device.fill(*cache, {}, {{done.get(), 2}});
  const Status ordered = device.fill(*cache, {{done.get(), 1}}, {{done.get(), 2}});

  REQUIRE(unordered.code() == Code::failed_precondition);
  REQUIRE((unordered.where().kind == Kind::command && unordered.where().object == 0));
  REQUIRE(ordered.ok());
  REQUIRE(device.reports == std::vector<std::string>{
                                "submission 2, transfer 0, writes bytes 0 to 64 of buffer 1 'cache'; submission 1, transfer 0, "
                                "writes bytes 0 to 64 of it, and no semaphore orders them"});
}

TEST_CASE("a read and a write of the same bytes need an order, two reads do not", "[checked][order]") {
  Checked device(true, {.asynchronous = true});
  auto weights = device.buffer("weights"), a = device.buffer("a"), b = device.buffer("b");

  REQUIRE(device.copy(*a, *weights).ok());
  REQUIRE(device.copy(*b, *weights).ok());
  REQUIRE(device.reports.empty());

  REQUIRE(device.fill(*weights).code() == Code::failed_precondition);
  REQUIRE(device.copy(*weights, *a).code() == Code::failed_precondition);
  REQUIRE(device.reports_of(race) == 2);
}

TEST_CASE("only bytes that both touch need an order", "[checked][order]") {
  Checked device(true, {.asynchronous = true});
  auto arena = device.buffer("arena");

  REQUIRE(device.fill(*arena, {}, {}, 0, 16).ok());
  REQUIRE(device.fill(*arena, {}, {}, 16, 16).ok());
  REQUIRE(device.fill(*arena, {}, {}, 40, 0).ok());
  REQUIRE(device.reports.empty());

  REQUIRE(device.fill(*arena, {}, {}, 31, 2).code() == Code::failed_precondition);
  REQUIRE(device.reports_of("writes bytes 31 to 33 of buffer 1 'arena'; submission 2, transfer 0, writes bytes 16 to 32") == 1);
}

TEST_CASE("what the host has seen to be over is over", "[checked][order]") {
  Checked device(GENERATE(true, false), {.asynchronous = true});
  auto cache = device.buffer("cache");
  auto done = device.semaphore();
  const Timepoint points[] = {{done.get(), 1}};
  const int how = GENERATE(0, 1, 2, 3);
  need(device.fill(*cache, {}, {{done.get(), 1}}));

  if (how == 0) need(device->wait(points, hal::Wait::all, UINT64_MAX));
  if (how == 1) need(device->wait(points, hal::Wait::any, UINT64_MAX));
  if (how == 2) REQUIRE(need(done->query()) == 1);
  if (how == 3) need(device->wait_idle(*cache, UINT64_MAX));

  REQUIRE(device.fill(*cache).ok());
  REQUIRE(device.reports.empty());
}

TEST_CASE("a wait for other work is no order", "[checked][order]") {
  Checked device(true, {.asynchronous = true});
  auto cache = device.buffer("cache"), other = device.buffer("other");
  auto done = device.semaphore(), others = device.semaphore();
  const Timepoint points[] = {{others.get(), 1}};
  need(device.fill(*cache, {}, {{done.get(), 1}}));
  need(device.fill(*other, {}, {{others.get(), 1}}));

  need(device->wait(points, hal::Wait::all, UINT64_MAX));
  need(device->wait_idle(*other, UINT64_MAX));

  REQUIRE(device.fill(*cache, {{others.get(), 1}}).code() == Code::failed_precondition);
  REQUIRE(device.reports_of(race) == 1);
}

TEST_CASE("a map waits for the work that writes its bytes", "[checked][order][map]") {
  Checked device(true, {.asynchronous = true});
  auto result = device.buffer("result");
  auto done = device.semaphore();
  const Timepoint points[] = {{done.get(), 1}};
  need(device.fill(*result, {}, {{done.get(), 1}}, 0, 32));

  const Code elsewhere = code(result->map(hal::Access::read_write, 32, 32));
  const Code early = code(result->map(hal::Access::read, 31, 1));
  result->unmap();
  need(device->wait(points, hal::Wait::all, UINT64_MAX));
  const Code late = code(result->map(hal::Access::read));
  result->unmap();

  REQUIRE((elsewhere == Code::ok && late == Code::ok));
  REQUIRE(early == Code::failed_precondition);
  REQUIRE(device.reports == std::vector<std::string>{
                                "map: buffer 1 'result': submission 1, transfer 0, writes bytes 0 to 32 of it and is not known to be over; "
                                "wait for it first"});
}

TEST_CASE("a map for reading goes with work that reads, one for writing does not", "[checked][order][map]") {
  Checked device(true, {.asynchronous = true});
  auto source = device.buffer("source"), target = device.buffer("target");
  need(device.copy(*target, *source));

  need(source->map(hal::Access::read));
  source->unmap();
  REQUIRE(device.reports.empty());

  REQUIRE(code(source->map(hal::Access::write)) == Code::failed_precondition);
  REQUIRE(device.reports_of("reads bytes 0 to 64 of it and is not known to be over") == 1);
}

TEST_CASE("the host may map what work waits for it to write", "[checked][order][map]") {
  Checked device(true, {.asynchronous = GENERATE(true, false)});
  auto input = device.buffer("input"), target = device.buffer("target");
  auto ready = device.semaphore();
  need(device.copy(*target, *input, {{ready.get(), 1}}));

  need(input->map(hal::Access::write));
  input->unmap();
  need(ready->signal(1));

  REQUIRE(device.reports.empty());
}

TEST_CASE("order goes through other work and other semaphores", "[checked][order]") {
  Checked device(true, {.asynchronous = true});
  auto cache = device.buffer("cache"), other = device.buffer("other");
  auto a = device.semaphore(), b = device.semaphore();

  need(device.fill(*cache, {}, {{a.get(), 1}}));
  need(device.fill(*other, {{a.get(), 1}}, {{b.get(), 5}}));
  need(device.fill(*cache, {{b.get(), 5}}));

  REQUIRE(device.reports.empty());
}

TEST_CASE("fan-out and fan-in are ordered, the branches among themselves are not", "[checked][order]") {
  Checked device(true, {.asynchronous = true});
  auto input = device.buffer("input"), left = device.buffer("left"), right = device.buffer("right");
  auto begun = device.semaphore(), l = device.semaphore(), r = device.semaphore();

  need(device.fill(*input, {}, {{begun.get(), 1}}));
  need(device.copy(*left, *input, {{begun.get(), 1}}, {{l.get(), 1}}));
  need(device.copy(*right, *input, {{begun.get(), 1}}, {{r.get(), 1}}));
  need(device.copy(*left, *right, {{l.get(), 1}, {r.get(), 1}}));
  need(device.fill(*input, {{l.get(), 1}, {r.get(), 1}}));
  REQUIRE(device.reports.empty());

  REQUIRE(device.copy(*left, *right, {{r.get(), 1}}).code() == Code::failed_precondition);
}

TEST_CASE("work that is submitted before what it waits for is judged once that is there", "[checked][order]") {
  Checked device(true, {.asynchronous = GENERATE(true, false)});
  auto cache = device.buffer("cache"), other = device.buffer("other");
  auto written = device.semaphore();

  need(device.copy(*other, *cache, {{written.get(), 1}}));
  need(device.fill(*cache, {}, {{written.get(), 1}}));

  REQUIRE(device.reports.empty());
}

TEST_CASE("the submission that lets two others race is at fault", "[checked][order]") {
  Checked device(GENERATE(true, false), {.asynchronous = GENERATE(true, false)});
  auto cache = device.buffer("cache"), other = device.buffer("other");
  auto begin = device.semaphore(), more = device.semaphore();
  need(device.fill(*cache, {{begin.get(), 1}}));
  need(device.fill(*cache, {{more.get(), 1}}));

  const Status first = device.fill(*other, {}, {{begin.get(), 1}});
  const Status unordered = device.fill(*other, {{begin.get(), 1}}, {{more.get(), 1}});

  // On a device with queues the second write may begin while the first is under way.
  REQUIRE(first.ok());
  REQUIRE(unordered.code() == (device->caps().inline_execution ? Code::ok : Code::failed_precondition));
  REQUIRE(device.reports_of(race) == (device->caps().inline_execution ? 0 : 1));
}

TEST_CASE("a signal of the host that lets two submissions race is refused, and reaches nothing", "[checked][order]") {
  Checked device(GENERATE(true, false));
  auto cache = device.buffer("cache"), bytes = device.buffer("bytes");
  auto begin = device.semaphore(), first = device.semaphore(), second = device.semaphore();
  need(device.fill(*cache, {{begin.get(), 1}}, {{first.get(), 1}}));
  need(device.copy(*bytes, *cache, {{begin.get(), 1}}, {{second.get(), 1}}));

  const Status status = begin->signal(1);

  REQUIRE(status.code() == Code::failed_precondition);
  REQUIRE(need(begin->query()) == 0);
  REQUIRE(need(first->query()) == 0);
  REQUIRE(device.reports_of("signal: submission") == 1);
  REQUIRE(device.reports_of(race) == 1);
  REQUIRE(device.fill(*cache, {{begin.get(), 1}}).ok());  // it waits still
  REQUIRE(begin->signal(2).code() == Code::failed_precondition);
}

TEST_CASE("a signal of the host starts work that is ordered", "[checked][order]") {
  Checked device(GENERATE(true, false), {.asynchronous = GENERATE(true, false)});
  auto cache = device.buffer("cache"), bytes = device.buffer("bytes");
  auto begin = device.semaphore(), first = device.semaphore();
  need(device.fill(*cache, {{begin.get(), 1}}, {{first.get(), 1}}));
  need(device.copy(*bytes, *cache, {{begin.get(), 1}, {first.get(), 1}}));

  REQUIRE(begin->signal(1).ok());
  REQUIRE(device.reports.empty());
}

TEST_CASE("a race that is refused has done nothing", "[checked][order]") {
  Checked device(true, {.asynchronous = true});
  auto cache = device.buffer("cache");
  auto begin = device.semaphore(), end = device.semaphore();
  const Timepoint points[] = {{begin.get(), 1}};
  need(device.fill(*cache, {}, {{begin.get(), 1}}));

  const Status refused = device.fill(*cache, {}, {{end.get(), 1}});
  need(device->wait(points, hal::Wait::all, UINT64_MAX));

  REQUIRE(refused.code() == Code::failed_precondition);
  REQUIRE(need(end->query()) == 0);
  REQUIRE_FALSE(cache->in_use());
  REQUIRE(device.fill(*cache, {}, {{end.get(), 1}}).ok());
  REQUIRE(device.reports.size() == 1);
}

TEST_CASE("a wait is for the sender of its value, not for those of other values", "[checked][order]") {
  Checked device(true, {.asynchronous = true});
  auto a = device.buffer("a"), b = device.buffer("b");
  auto line = device.semaphore();
  need(device.fill(*a, {}, {{line.get(), 1}}));
  need(device.fill(*b, {}, {{line.get(), 2}}));

  REQUIRE(device.fill(*b, {{line.get(), 1}}).code() == Code::failed_precondition);
  REQUIRE(device.fill(*a, {{line.get(), 2}}).code() == Code::failed_precondition);
  REQUIRE(device.reports_of(race) == 2);

  REQUIRE(device.fill(*a, {{line.get(), 1}}).ok());
  REQUIRE(device.fill(*b, {{line.get(), 2}}).ok());
  REQUIRE(device.reports_of(race) == 2);
}

TEST_CASE("a chain on one semaphore is ordered, in whatever order it is submitted", "[checked][order]") {
  Checked device(GENERATE(true, false), {.asynchronous = GENERATE(true, false)});
  const int order = GENERATE(0, 1, 2);
  auto cache = device.buffer("cache");
  auto line = device.semaphore();
  for (uint64_t i = 0; i < 60; ++i) {
    const uint64_t at = order == 0 ? i : order == 1 ? 59 - i : i * 7 % 60;
    need(device.fill(*cache, {{line.get(), at + 1}}, {{line.get(), at + 2}}));
  }

  need(line->signal(1));

  const Timepoint points[] = {{line.get(), 61}};
  need(device->wait(points, hal::Wait::all, UINT64_MAX));
  need(device.fill(*cache));
  REQUIRE(device.reports.empty());
}

TEST_CASE("what failed races with nothing", "[checked][order][failure]") {
  Checked device(true, {.asynchronous = GENERATE(true, false)});
  auto cache = device.buffer("cache");
  auto bad = device.semaphore(), end = device.semaphore();
  need(device.fill(*cache, {{bad.get(), 1}}, {{end.get(), 1}}));
  bad->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE(code(end->query()) == Code::device_lost);
  REQUIRE(device.fill(*cache).ok());
  REQUIRE(device.reports.empty());
}

TEST_CASE("more work than the window holds is never accused", "[checked][order][window]") {
  Checked device(true, {.window = 16, .asynchronous = GENERATE(true, false)});
  const bool backwards = GENERATE(true, false);
  auto cache = device.buffer("cache"), other = device.buffer("other");
  auto line = device.semaphore(), begin = device.semaphore();
  for (uint64_t i = 0; i < 100; ++i) {
    const uint64_t at = backwards ? 99 - i : i;
    need(device.fill(*cache, {{line.get(), at + 1}}, {{line.get(), at + 2}}));
    need(device.copy(*other, *cache, {{line.get(), at + 2}, {begin.get(), at}}, {{begin.get(), at + 1}}));
    if (at == 0) break;
  }
  for (uint64_t i = 1; i < 100 && !backwards; ++i) need(device.fill(*device.buffer("more"), {{line.get(), 2}}));

  REQUIRE(device.reports.empty());
}

TEST_CASE("a race is found as long as the window holds both", "[checked][order][window]") {
  const uint64_t between = GENERATE(as<uint64_t>(), 14, 16);
  Checked device(true, {.window = 16, .asynchronous = true});
  auto cache = device.buffer("cache");
  need(device.fill(*cache));
  std::vector<Ref<hal::Buffer>> others;
  for (uint64_t i = 0; i < between; ++i) {
    others.push_back(device.buffer("other"));
    need(device.fill(*others.back()));
  }

  REQUIRE(device.fill(*cache).code() == (between == 14 ? Code::failed_precondition : Code::ok));
}

TEST_CASE("an order that goes through work which the window has forgotten is believed", "[checked][order][window]") {
  Checked device(true, {.window = 16, .asynchronous = true});
  auto cache = device.buffer("cache"), between = device.buffer("between");
  auto written = device.semaphore(), forwarded = device.semaphore();
  need(device.fill(*between, {{written.get(), 1}}, {{forwarded.get(), 1}}));
  std::vector<Ref<hal::Buffer>> others;
  for (int i = 0; i < 16; ++i) {
    others.push_back(device.buffer("other"));
    need(device.fill(*others.back()));
  }

  need(device.fill(*cache, {}, {{written.get(), 1}}));
  need(device.fill(*cache, {{forwarded.get(), 1}}));

  REQUIRE(device.reports.empty());
}

TEST_CASE("work is not taken for what was there before it", "[checked][order][window]") {
  Checked device(true, {.asynchronous = true});
  auto cache = device.buffer("cache"), other = device.buffer("other");
  auto first = device.semaphore();
  const Timepoint points[] = {{first.get(), 1}};
  need(device.fill(*other, {}, {{first.get(), 1}}));
  need(device.fill(*cache, {{first.get(), 1}}));
  need(device->wait(points, hal::Wait::all, UINT64_MAX));

  REQUIRE(device.fill(*cache).code() == Code::failed_precondition);
  REQUIRE(device.reports_of(race) == 1);
}

TEST_CASE("an inline device orders what its submissions ran", "[checked][order]") {
  Checked device(GENERATE(true, false));
  auto cache = device.buffer("cache");

  need(device.fill(*cache));
  need(device.fill(*cache));
  need(hal::fill_async(*device, *cache, 0, 64, 1, 1, {}, {}));

  REQUIRE(device.reports.empty());
}

TEST_CASE("two commands of a list that touch the same bytes need a barrier between them", "[checked][barrier]") {
  Checked device;
  auto cache = device.buffer("cache"), other = device.buffer("other");
  Transfer writes, reads, apart;
  fill(writes, range(0), 1, 1);
  copy(reads, range(1, 0, 32), range(0, 0, 32));
  fill(apart, range(1, 32, 32), 1, 1);
  const Binding bindings[] = {{.buffer = cache.get()}, {.buffer = other.get()}};
  const Command good[] = {writes.command, apart.command, Command{}, reads.command}, bad[] = {writes.command, apart.command, reads.command};
  auto ordered = need(device->create_commands({.commands = good, .bindings = 2, .label = "good"}));
  auto unordered = need(device->create_commands({.commands = bad, .bindings = 2, .label = "bad"}));

  REQUIRE(device->submit({.commands = ordered.get(), .bindings = bindings}).ok());
  REQUIRE(device.reports.empty());

  const Status status = device->submit({.commands = unordered.get(), .bindings = bindings});
  REQUIRE(status.code() == Code::failed_precondition);
  REQUIRE((status.where().kind == Kind::command && status.where().object == 2));
  REQUIRE(device.reports == std::vector<std::string>{"submission 2 'bad', command 0, writes bytes 0 to 64 of buffer 1 'cache', and no "
                                                     "barrier is between it and command 2"});
}

TEST_CASE("transfers of a submission run in order and need no barrier", "[checked][barrier]") {
  Checked device;
  auto cache = device.buffer("cache");
  Transfer first, second;
  fill(first, range(0), 1, 1);
  fill(second, range(0, 0, 8), 2, 1);
  auto commands = list(*device, {first.command}, 1);
  const Command transfers[] = {first.command, second.command};
  const Binding binding{.buffer = cache.get()};

  REQUIRE(device->submit({.commands = commands.get(), .transfers = transfers, .bindings = {&binding, 1}}).ok());
  REQUIRE(device.reports.empty());
}

namespace {

// The kernel `add` of kernels.cpp: z = x + y. `written` as its export says.
struct Add {
  Ref<hal::Executable> executable;
  Ref<hal::Commands> commands;

  Add(hal::Device& device, uint64_t written, Operand workload = Operand::literal(4)) {
    const hal::ExportDesc exports[] = {{.name = "add", .bindings = 3, .written = written}};
    const hal::VariantExport how[] = {{.tile = {4, 1, 1}, .hash = 11}};
    hal::VariantDesc variant;
    variant.format = hal::Format::static_table;
#if defined(__aarch64__)
    variant.target = "aarch64";
#else
    variant.target = "x86_64";
#endif
    variant.exports = how;
    executable = need(device.create_executable({.exports = exports, .variants = {&variant, 1}}, {}));
    Dispatch add{{range(0), range(1), range(2)}, {}, {}};
    dispatch(add, *executable, Kernel::add, workload);
    commands = list(device, {add.command}, 3);
  }
  Status run(Checked& device, hal::Buffer& a, hal::Buffer& b, hal::Buffer& c) const {
    const Binding bindings[] = {{.buffer = &a}, {.buffer = &b}, {.buffer = &c}};
    return device->submit({.commands = commands.get(), .bindings = bindings});
  }
};

}  // namespace

TEST_CASE("dispatches race by what their kernel says it writes", "[checked][order][dispatch]") {
  Checked device(true, {.asynchronous = true});
  const Add add(*device, 4);
  auto x = device.buffer("x"), y = device.buffer("y"), z = device.buffer("z"), other = device.buffer("other");

  REQUIRE(add.run(device, *x, *y, *z).ok());
  REQUIRE(add.run(device, *x, *y, *other).ok());
  REQUIRE(device.reports.empty());

  REQUIRE(add.run(device, *x, *y, *z).code() == Code::failed_precondition);
  REQUIRE(add.run(device, *z, *y, *device.buffer("more")).code() == Code::failed_precondition);
  REQUIRE(device.reports_of("reads bytes 0 to 64 of buffer") == 1);
  REQUIRE(device.reports_of(race) == 2);
}

TEST_CASE("of a kernel that does not say what it writes only the strict speak, or where bytes are surely written", "[checked][order][dispatch]") {
  const bool strict = GENERATE(true, false);
  Checked device(true, {.strict = strict, .asynchronous = true});
  const Add add(*device, UINT64_MAX);
  auto x = device.buffer("x"), y = device.buffer("y"), z = device.buffer("z");

  REQUIRE(add.run(device, *x, *y, *z).ok());
  REQUIRE(add.run(device, *x, *y, *z).code() == (strict ? Code::failed_precondition : Code::ok));
  REQUIRE(device.fill(*x).code() == Code::failed_precondition);
  REQUIRE(device.reports_of("binds bytes 0 to 64 of it") == (strict ? 2 : 1));
}

TEST_CASE("a dispatch without workgroups touches nothing", "[checked][order][dispatch]") {
  Checked device(true, {.asynchronous = true});
  const Add add(*device, 4, Operand::literal(0));
  auto x = device.buffer("x"), y = device.buffer("y"), z = device.buffer("z");

  REQUIRE((add.run(device, *x, *y, *z).ok() && add.run(device, *x, *y, *z).ok() && device.fill(*x).ok()));
  REQUIRE(device.reports.empty());
}
