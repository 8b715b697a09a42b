// checked(): ranges, usage, objects of other devices. Each fault beside the call that does it right.
#include "checked.hpp"
#include "halcyon/hal/transfer.hpp"

using namespace cts;

TEST_CASE("a range that leaves its binding is reported by the buffer's label", "[checked][ranges]") {
  Checked device(GENERATE(true, false));
  auto weights = device.buffer("weights");

  const Status right = device.fill(*weights, {}, {}, 60, 4), wrong = device.fill(*weights, {}, {}, 60, 5);

  REQUIRE(right.ok());
  REQUIRE(wrong.code() == Code::invalid_argument);
  REQUIRE((wrong.where().kind == Kind::command && wrong.where().object == 0));
  REQUIRE(device.reports == std::vector<std::string>{"submission 2, transfer 0: buffer 1 'weights': the range is not inside its binding"});
}

TEST_CASE("a binding that leaves its buffer is reported by the buffer's label", "[checked][ranges]") {
  Checked device;
  auto weights = device.buffer("weights");
  Transfer transfer;
  fill(transfer, range(0), 1, 1);

  REQUIRE(device.submit(transfer.command, {{.buffer = weights.get(), .offset = 32, .size = 32}}).ok());
  const Status wrong = device.submit(transfer.command, {{.buffer = weights.get(), .offset = 32, .size = 33}});

  REQUIRE(wrong.code() == Code::invalid_argument);
  REQUIRE(device.reports == std::vector<std::string>{"submit: binding 0 is not inside buffer 1 'weights'"});
}

TEST_CASE("a command of a list that leaves its binding is named with the list", "[checked][ranges]") {
  Checked device;
  auto weights = device.buffer("weights");
  Transfer good, bad;
  fill(good, range(0, 0, 1), 1, 1);
  fill(bad, {0, Operand::parameter(0), Operand::literal(8)}, 1, 1);
  const Command commands[] = {good.command, Command{}, bad.command};
  auto list = need(device->create_commands({.commands = commands, .bindings = 1, .parameters = 1, .label = "decode"}));
  const Binding binding{.buffer = weights.get()};
  const uint64_t inside = 56, outside = 57;

  REQUIRE(device->submit({.commands = list.get(), .bindings = {&binding, 1}, .parameters = {&inside, 1}}).ok());
  const Status wrong = device->submit({.commands = list.get(), .bindings = {&binding, 1}, .parameters = {&outside, 1}});

  REQUIRE((wrong.code() == Code::invalid_argument && wrong.where().object == 2));
  REQUIRE(device.reports_of("submission 2 'decode', command 2: buffer 1 'weights'") == 1);
}

TEST_CASE("a map, a flush and an invalidate stay inside the buffer", "[checked][ranges]") {
  Checked device;
  auto buffer = device.buffer("image");

  need(buffer->map(hal::Access::write, 60, 4));
  buffer->unmap();
  REQUIRE((buffer->flush(60, 4).ok() && buffer->invalidate(0, UINT64_MAX).ok()));
  REQUIRE(device.reports.empty());

  REQUIRE(code(buffer->map(hal::Access::write, 60, 5)) == Code::invalid_argument);
  REQUIRE(buffer->flush(60, 5).code() == Code::invalid_argument);
  REQUIRE(buffer->invalidate(65, 0).code() == Code::invalid_argument);
  REQUIRE(device.reports_of("buffer 1 'image'") == 3);
}

TEST_CASE("to ask whether a buffer maps is no fault", "[checked][ranges]") {
  Checked device(false);
  auto buffer = device.buffer("weights");

  REQUIRE(code(buffer->map(hal::Access::read)) == Code::failed_precondition);

  REQUIRE(device.reports.empty());
}

TEST_CASE("a buffer is used for what it was allocated for", "[checked][usage]") {
  Checked device;
  auto any = device.buffer("any"), other = device.buffer("other");
  auto transfers = need(device->allocate({.size = 64, .usage = {.transfer = true}, .label = "transfers"}));
  auto dispatches = need(device->allocate({.size = 64, .usage = {.dispatch = true}, .label = "dispatches"}));

  REQUIRE((device.fill(*any).ok() && device.fill(*transfers).ok() && device.copy(*transfers, *any).ok()));
  REQUIRE(device.reports.empty());

  REQUIRE(device.fill(*dispatches).code() == Code::failed_precondition);
  REQUIRE(device.copy(*other, *dispatches).code() == Code::failed_precondition);
  REQUIRE(device.reports_of("'dispatches' was not allocated for transfers") == 2);
}

TEST_CASE("a dispatch needs buffers that were allocated for dispatches", "[checked][usage]") {
  Checked device;
  auto executable = kernels(*device);
  Dispatch tally{{range(0)}, {}, {}};
  dispatch(tally, *executable, Kernel::tally, Operand::literal(1));
  auto commands = list(*device, {tally.command}, 1);
  auto right = need(device->allocate({.size = 64, .usage = {.dispatch = true}}));
  auto wrong = need(device->allocate({.size = 64, .usage = {.transfer = true}, .label = "transfers"}));
  const Binding good[] = {{.buffer = right.get()}}, bad[] = {{.buffer = wrong.get()}};

  REQUIRE(device->submit({.commands = commands.get(), .bindings = good}).ok());
  REQUIRE(device->submit({.commands = commands.get(), .bindings = bad}).code() == Code::failed_precondition);
  REQUIRE(device.reports_of("'transfers' was not allocated for dispatches") == 1);
}

TEST_CASE("objects of another device are refused, checked or not", "[checked][lifetimes]") {
  Checked device, other;
  auto plain = plain_device(true);
  hal::Device& stranger = GENERATE(true, false) ? *other : *plain;
  auto own = device.buffer("own"), foreign = need(stranger.allocate({.size = 64}));
  auto semaphore = need(stranger.create_semaphore(1)), mine = device.semaphore(1);
  auto commands = list(stranger, {}, 0), list_of_mine = list(*device, {}, 0);
  const Timepoint theirs[] = {{semaphore.get(), 1}}, ours[] = {{mine.get(), 1}};

  REQUIRE(device.fill(*own, {{mine.get(), 1}}).ok());
  REQUIRE(device->submit({.commands = list_of_mine.get()}).ok());
  REQUIRE(device->wait(ours, hal::Wait::all, 0).ok());
  REQUIRE(device.reports.empty());

  REQUIRE(device.fill(*foreign).code() == Code::invalid_argument);
  REQUIRE(device.fill(*own, {{semaphore.get(), 1}}).code() == Code::invalid_argument);
  REQUIRE(device.fill(*own, {}, {{semaphore.get(), 2}}).code() == Code::invalid_argument);
  REQUIRE(device->submit({.commands = commands.get()}).code() == Code::invalid_argument);
  REQUIRE(device->wait(theirs, hal::Wait::all, 0).code() == Code::invalid_argument);
  REQUIRE(device->free_async(*foreign, {}, {}).code() == Code::invalid_argument);
  REQUIRE(code(device->export_native(*foreign, hal::NativeHandle::Type::host_pointer)) == Code::invalid_argument);
  REQUIRE(device.reports_of("of another device, or one that is gone") == 7);
}

TEST_CASE("executables of another device are refused, and those that are gone", "[checked][lifetimes]") {
  Checked device, other;
  auto foreign = kernels(*other), own = kernels(*device);
  auto buffer = device.buffer("tally");
  Dispatch tally{{range(0)}, {}, {}};
  const Binding binding[] = {{.buffer = buffer.get()}};

  dispatch(tally, *foreign, Kernel::tally, Operand::literal(1));
  const auto refused = device->create_commands({.commands = {&tally.command, 1}, .bindings = 1});
  dispatch(tally, *own, Kernel::tally, Operand::literal(1));
  auto commands = list(*device, {tally.command}, 1);
  const Status before = device->submit({.commands = commands.get(), .bindings = binding});
  own = nullptr;
  const Status after = device->submit({.commands = commands.get(), .bindings = binding});

  REQUIRE((code(refused) == Code::invalid_argument && refused.status().where().object == 0));
  REQUIRE(before.ok());
  REQUIRE(after.code() == Code::failed_precondition);
  REQUIRE(device.reports_of("its executable is gone") == 1);
}

TEST_CASE("a submission brings what its list has slots for, and no dispatch among its transfers", "[checked][ranges]") {
  Checked device;
  auto commands = need(device->create_commands({.bindings = 1, .parameters = 1, .label = "decode"}));
  Command dispatch;
  dispatch.type = Command::Type::dispatch;

  REQUIRE(device->submit({.commands = commands.get()}).code() == Code::invalid_argument);
  REQUIRE(device->submit({.transfers = {&dispatch, 1}}).code() == Code::invalid_argument);

  REQUIRE(device.reports_of("fewer bindings or parameters than command list 1 'decode'") == 1);
  REQUIRE(device.reports_of("transfer 0 is a dispatch") == 1);
}

TEST_CASE("read and write work on a checked device and are counted once", "[checked][stats]") {
  Checked device(GENERATE(true, false));
  auto buffer = device.buffer("tensor", 100);
  const std::vector<uint8_t> bytes = pattern(100);
  std::vector<uint8_t> back(100);

  need(hal::write(*device, *buffer, 0, std::as_bytes(std::span(bytes))));
  need(hal::read(*device, *buffer, 0, std::as_writable_bytes(std::span(back))));

  REQUIRE(back == bytes);
  REQUIRE(device->stats().host_to_device_copies == 1);
  REQUIRE(device->stats().device_to_host_bytes == 100);
  REQUIRE(device.reports.empty());
}

TEST_CASE("a borrowed device is usable afterwards", "[checked]") {
  auto plain = plain_device(true);
  {
    auto device = need(checked(*plain));
    auto buffer = need(device->allocate({.size = 64}));
    REQUIRE(&buffer->device() == device.get());
    REQUIRE(plain->stats().live_bytes == 64);
  }
  REQUIRE(plain->stats().live_bytes == 0);
  REQUIRE(plain->allocate({.size = 64}).ok());
}

TEST_CASE("there is nothing to check without a device", "[checked]") {
  REQUIRE(code(checked(Owned<hal::Device>())) == Code::invalid_argument);
}

TEST_CASE("a checked device that cannot be made lets go of the device inside", "[checked]") {
  CountingAllocator counting;
  for (uint64_t allowed = 0; allowed < 3; ++allowed) {
    null::DeviceOptions options;
    options.allocator = counting.allocator();
    auto plain = need(null::create_device(options));
    counting.refuse_from = counting.calls + allowed;
    const Code result = code(checked(std::move(plain)));
    counting.refuse_from = UINT64_MAX;
    REQUIRE(result == (allowed < 2 ? Code::out_of_memory : Code::ok));
  }
  REQUIRE(counting.live == 0);
}
