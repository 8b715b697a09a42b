// Buffers in flight: what waits for them, and copies that are queued.
#include "cts.hpp"
#include "halcyon/hal/transfer_async.hpp"

using namespace cts;

namespace {

std::span<const std::byte> bytes(const std::vector<uint8_t>& from) { return std::as_bytes(std::span(from)); }
std::span<std::byte> bytes(std::vector<uint8_t>& into) { return std::as_writable_bytes(std::span(into)); }

// A buffer, and work that fills it with 9 once `begin` reaches 1.
struct Busy {
  explicit Busy(hal::Device& device)
      : buffer(need(device.allocate({.size = 64}))), begin(need(device.create_semaphore(0))), end(need(device.create_semaphore(0))) {
    set_bytes(device, *buffer, std::vector<uint8_t>(64, 1));
    need(submit_fill(device, *buffer, 9, {{begin.get(), 1}}, {{end.get(), 1}}));
  }
  Ref<hal::Buffer> buffer;
  Ref<hal::Semaphore> begin, end;
};

}  // namespace

TEST_CASE("a buffer is in use from the submission that waits to its end", "[in_flight]") {
  CTS_DEVICE(device);
  auto idle = need(device->allocate({.size = 64}));
  const bool before = idle->in_use();
  Busy busy(*device);
  const bool during = busy.buffer->in_use();

  need(busy.begin->signal(1));
  REQUIRE(wait(*device, {{busy.end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);

  REQUIRE_FALSE(before);
  REQUIRE(during);
  REQUIRE_FALSE(busy.buffer->in_use());
}

TEST_CASE("a buffer is idle after work that failed to begin", "[in_flight][failure]") {
  CTS_DEVICE(device);
  Busy busy(*device);

  busy.begin->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE(device->wait_idle(*busy.buffer, second_ns).ok());
  REQUIRE(first_byte(*device, *busy.buffer) == 1);
}

TEST_CASE("a buffer that two submissions use is idle after both", "[in_flight]") {
  CTS_DEVICE(device);
  Busy busy(*device);
  auto other = need(device->create_semaphore(0));
  need(submit_fill(*device, *busy.buffer, 7, {{busy.end.get(), 1}, {other.get(), 1}}, {}));

  need(busy.begin->signal(1));
  const Code after_one = device->wait_idle(*busy.buffer, 0).code();
  need(other->signal(1));

  REQUIRE(after_one == Code::timeout);
  REQUIRE(device->wait_idle(*busy.buffer, second_ns).ok());
}

TEST_CASE("waiting until a buffer is idle ends with its timeout, and a poll does not wait", "[in_flight]") {
  CTS_DEVICE(device);
  const uint64_t timeout = GENERATE(as<uint64_t>(), 0, 2'000'000);
  Busy busy(*device);

  REQUIRE(device->wait_idle(*busy.buffer, timeout).code() == Code::timeout);
}

TEST_CASE("a buffer that nothing uses is idle at once", "[in_flight]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 64}));
  need(submit_fill(*device, *buffer, 1, {}, {}));

  REQUIRE(device->wait_idle(*buffer, UINT64_MAX).ok());
}

TEST_CASE("waiting until a buffer is idle ends when another thread lets the work run", "[in_flight][threads]") {
  CTS_DEVICE(device);
  Busy busy(*device);
  Signaller other;
  other.start(*busy.begin, 1);

  REQUIRE(device->wait_idle(*busy.buffer, 10 * second_ns).ok());
  REQUIRE(first_byte(*device, *busy.buffer) == 9);
}

TEST_CASE("read waits for the work that uses its buffer", "[in_flight][transfer][threads]") {
  CTS_DEVICE(device);
  Busy busy(*device);
  std::vector<uint8_t> got(64);
  Signaller other;
  other.start(*busy.begin, 1);

  need(hal::read(*device, *busy.buffer, 0, bytes(got)));

  REQUIRE(got == std::vector<uint8_t>(64, 9));
}

TEST_CASE("read waits though the work it waits for fails", "[in_flight][transfer][failure][threads]") {
  CTS_DEVICE(device);
  Busy busy(*device);
  std::vector<uint8_t> got(64);
  Signaller other;
  other.start(*busy.begin, 0);

  need(hal::read(*device, *busy.buffer, 0, bytes(got)));

  REQUIRE(got == std::vector<uint8_t>(64, 1));
}

TEST_CASE("write waits for the work that reads its buffer", "[in_flight][transfer][threads]") {
  CTS_DEVICE(device);
  auto source = buffer_of(*device, std::vector<uint8_t>(64, 5)), target = need(device->allocate({.size = 64}));
  auto begin = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  need(hal::copy_async(*device, *target, 0, *source, 0, 64, waits, {}));
  Signaller other;
  other.start(*begin, 1);

  need(hal::write(*device, *source, 0, bytes(std::vector<uint8_t>(64, 6))));

  REQUIRE(bytes_of(*device, *target) == std::vector<uint8_t>(64, 5));
  REQUIRE(bytes_of(*device, *source) == std::vector<uint8_t>(64, 6));
}

TEST_CASE("copy waits for both its buffers", "[in_flight][transfer][threads]") {
  CTS_DEVICE(device);
  const bool busy_source = GENERATE(true, false);
  Busy busy(*device);
  auto idle = buffer_of(*device, std::vector<uint8_t>(64, 4));
  Signaller other;
  other.start(*busy.begin, 1);

  hal::Buffer& target = busy_source ? *idle : *busy.buffer;
  hal::Buffer& source = busy_source ? *busy.buffer : *idle;
  need(hal::copy(*device, target, 0, source, 0, 64));

  REQUIRE(first_byte(*device, target) == (busy_source ? 9 : 4));
}

TEST_CASE("fill waits for the work that uses its buffer", "[in_flight][transfer][threads]") {
  CTS_DEVICE(device);
  Busy busy(*device);
  Signaller other;
  other.start(*busy.begin, 1);

  need(hal::fill(*device, *busy.buffer, 8, UINT64_MAX, 3, 1));

  const std::vector<uint8_t> got = bytes_of(*device, *busy.buffer);
  REQUIRE((got[7] == 9 && got[8] == 3 && got[63] == 3));
}

TEST_CASE("a transfer that may not wait so long times out and touches nothing", "[in_flight][transfer]") {
  CTS_DEVICE(device);
  Busy busy(*device);
  auto idle = buffer_of(*device, std::vector<uint8_t>(64, 4));
  std::vector<uint8_t> got(64, 77);

  CHECK(hal::read(*device, *busy.buffer, 0, bytes(got), {}, 0).code() == Code::timeout);
  CHECK(hal::write(*device, *busy.buffer, 0, bytes(pattern(64)), {}, 0).code() == Code::timeout);
  CHECK(hal::copy(*device, *busy.buffer, 0, *idle, 0, 64, {}, 0).code() == Code::timeout);
  CHECK(hal::copy(*device, *idle, 0, *busy.buffer, 0, 64, {}, 1'000'000).code() == Code::timeout);
  CHECK(hal::fill(*device, *busy.buffer, 0, 64, 3, 1, {}, 0).code() == Code::timeout);
  need(busy.begin->signal(1));
  need(device->wait_idle(*busy.buffer, second_ns));

  REQUIRE(got == std::vector<uint8_t>(64, 77));
  REQUIRE(bytes_of(*device, *busy.buffer) == std::vector<uint8_t>(64, 9));
  REQUIRE(bytes_of(*device, *idle) == std::vector<uint8_t>(64, 4));
}

TEST_CASE("a transfer waits for what it is told to come after", "[in_flight][transfer][threads]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(64, 5));
  auto after = need(device->create_semaphore(0));
  const Timepoint points[] = {{after.get(), 1}};
  std::vector<uint8_t> got(64);
  const Code early = hal::read(*device, *buffer, 0, bytes(got), points, 0).code();
  Signaller other;
  other.start(*after, 1);

  need(hal::write(*device, *buffer, 0, bytes(pattern(64)), points));
  need(hal::read(*device, *buffer, 0, bytes(got), points));

  REQUIRE(early == Code::timeout);
  REQUIRE(got == pattern(64));
}

TEST_CASE("a transfer after what failed fails with its status and touches nothing", "[in_flight][transfer][failure]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(64, 5));
  auto after = need(device->create_semaphore(0));
  after->fail(Status(Code::device_lost, "test: failed"));
  const Timepoint points[] = {{after.get(), 1}};
  std::vector<uint8_t> got(64, 77);

  CHECK(hal::write(*device, *buffer, 0, bytes(pattern(64)), points).code() == Code::device_lost);
  CHECK(hal::read(*device, *buffer, 0, bytes(got), points).code() == Code::device_lost);
  CHECK(hal::fill(*device, *buffer, 0, 64, 3, 1, points).code() == Code::device_lost);

  REQUIRE(got == std::vector<uint8_t>(64, 77));
  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>(64, 5));
}

TEST_CASE("map never waits", "[in_flight][map]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(64, 1));
  auto begin = need(device->create_semaphore(0));
  need(submit_fill(*device, *buffer, 9, {{begin.get(), 1}}, {}));

  const auto view = need(buffer->map(hal::Access::read));
  const std::byte seen = view[0];
  buffer->unmap();

  REQUIRE(seen == std::byte{1});
}

TEST_CASE("a queued write keeps the bytes as they were", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  const size_t size = GENERATE(as<size_t>(), 1, 1000, 64u << 10, (64u << 10) + 1, 3u << 20);
  auto buffer = need(device->allocate({.size = size + 5}));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}}, signals[] = {{end.get(), 1}};
  {
    std::vector<uint8_t> source = pattern(size);
    need(hal::write_async(*device, *buffer, 5, bytes(source), waits, signals));
    std::fill(source.begin(), source.end(), uint8_t{0});
  }

  const Code early = wait(*device, {{end.get(), 1}});
  need(begin->signal(1));

  REQUIRE(early == Code::timeout);
  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  const std::vector<uint8_t> got = bytes_of(*device, *buffer);
  REQUIRE(std::vector<uint8_t>(got.begin() + 5, got.end()) == pattern(size));
  REQUIRE(device->stats().host_to_device_copies == 1);
  REQUIRE(device->stats().host_to_device_bytes == size);
}

TEST_CASE("a queued write of nothing reaches its signals", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 16}));
  auto end = need(device->create_semaphore(0));
  const Timepoint signals[] = {{end.get(), 1}};

  need(hal::write_async(*device, *buffer, 16, {}, {}, signals));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(device->stats().host_to_device_copies == 0);
}

TEST_CASE("a queued copy outside its buffer is refused and reaches nothing", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 64})), other = need(device->allocate({.size = 64}));
  auto end = need(device->create_semaphore(0));
  const Timepoint signals[] = {{end.get(), 1}};
  const std::vector<uint8_t> much = pattern(65), huge = pattern(100000);

  CHECK(hal::write_async(*device, *buffer, 0, bytes(much), {}, signals).code() == Code::invalid_argument);
  CHECK(hal::write_async(*device, *buffer, UINT64_MAX, bytes(much), {}, signals).code() == Code::invalid_argument);
  CHECK(hal::write_async(*device, *buffer, 0, bytes(huge), {}, signals).code() == Code::invalid_argument);
  CHECK(code(hal::read_async(*device, *buffer, 1, 64, {}, signals)) == Code::invalid_argument);
  CHECK(hal::copy_async(*device, *buffer, 60, *other, 0, 5, {}, signals).code() == Code::invalid_argument);
  CHECK(hal::fill_async(*device, *buffer, 60, 5, 0, 1, {}, signals).code() == Code::invalid_argument);

  REQUIRE(need(end->query()) == 0);
  REQUIRE(device->stats().host_to_device_copies == 0);
}

TEST_CASE("a queued read gets the bytes of its place in the order", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  const uint64_t size = GENERATE(as<uint64_t>(), 16, 100000, 2u << 20);
  auto buffer = need(device->allocate({.size = size}));
  auto line = need(device->create_semaphore(0));
  const Timepoint waits[] = {{line.get(), 2}}, signals[] = {{line.get(), 3}};
  need(submit_fill(*device, *buffer, 1, {{line.get(), 1}}, {{line.get(), 2}}));
  auto readback = need(hal::read_async(*device, *buffer, 0, size, waits, signals));
  need(submit_fill(*device, *buffer, 2, {{line.get(), 3}}, {{line.get(), 4}}));
  std::vector<uint8_t> got(size);
  const Code early = readback.finish(bytes(got), 0).code();

  need(line->signal(1));
  need(readback.finish(bytes(got), second_ns));

  REQUIRE(early == Code::timeout);
  REQUIRE(got == std::vector<uint8_t>(size, 1));
  REQUIRE(readback.size() == size);
  REQUIRE(device->stats().device_to_host_copies == 1);
  REQUIRE(device->stats().device_to_host_bytes == size);
}

TEST_CASE("a readback shows its bytes in place, as often as one likes, and counts once", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(100));
  auto readback = need(hal::read_async(*device, *buffer, 40, 60, {}, {}));
  std::vector<uint8_t> got(60);

  const std::span<const std::byte> view = need(readback.bytes());
  need(readback.finish(bytes(got)));
  need(submit_fill(*device, *buffer, 0, {}, {}));

  const std::vector<uint8_t> all = pattern(100);
  REQUIRE(got == std::vector<uint8_t>(all.begin() + 40, all.end()));
  REQUIRE(std::memcmp(view.data(), got.data(), 60) == 0);
  REQUIRE(device->stats().device_to_host_copies == 1);
}

TEST_CASE("a readback is read as a whole, and only if there is one", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(100));
  auto readback = need(hal::read_async(*device, *buffer, 0, 100, {}, {}));
  std::vector<uint8_t> few(99);
  hal::Readback none;

  REQUIRE(readback.finish(bytes(few)).code() == Code::invalid_argument);
  REQUIRE(code(none.bytes()) == Code::failed_precondition);
}

TEST_CASE("a readback of nothing is empty", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 0}));
  auto readback = need(hal::read_async(*device, *buffer, 0, 0, {}, {}));

  REQUIRE(need(readback.bytes()).empty());
}

TEST_CASE("a queued read after what failed says so instead of giving bytes", "[in_flight][transfer_async][failure]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(64));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}}, signals[] = {{end.get(), 1}};
  auto readback = need(hal::read_async(*device, *buffer, 0, 64, waits, signals));
  std::vector<uint8_t> got(64, 77);

  begin->fail(Status(Code::device_lost, "test: failed"));

  REQUIRE(readback.finish(bytes(got), second_ns).code() == Code::device_lost);
  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::device_lost);
  REQUIRE(got == std::vector<uint8_t>(64, 77));
}

TEST_CASE("a readback that is dropped early gives its memory back after the copy", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(100000));
  auto begin = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  const uint64_t before = device->stats().live_bytes;
  (void)need(hal::read_async(*device, *buffer, 0, 100000, waits, {})).size();

  need(begin->signal(1));
  need(device->wait_idle(*buffer, second_ns));
  device->trim();

  REQUIRE(device->stats().live_bytes == before);
}

TEST_CASE("queued copies and fills run in the order of their semaphores", "[in_flight][transfer_async]") {
  CTS_DEVICE(device);
  auto a = need(device->allocate({.size = 64})), b = need(device->allocate({.size = 64}));
  auto line = need(device->create_semaphore(0));
  const auto at = [&](uint64_t value) { return Timepoint{line.get(), value}; };
  const Timepoint one[] = {at(1)}, two[] = {at(2)}, three[] = {at(3)}, four[] = {at(4)};
  need(hal::copy_async(*device, *b, 4, *a, 8, 32, two, three));
  need(hal::fill_async(*device, *a, 0, 64, 0x04030201, 4, one, two));
  need(hal::fill_async(*device, *b, 0, 4, 0, 1, three, four));
  need(hal::fill_async(*device, *b, 36, 28, 0, 1, {}, {}));

  need(line->signal(1));

  REQUIRE(wait(*device, {{line.get(), 4}}, hal::Wait::all, second_ns) == Code::ok);
  need(device->wait_idle(*b, second_ns));
  std::vector<uint8_t> expected(64, 0);
  for (size_t i = 4; i < 36; ++i) expected[i] = static_cast<uint8_t>(i % 4 + 1);
  REQUIRE(bytes_of(*device, *b) == expected);
}

TEST_CASE("a queued transfer that cannot be queued reaches nothing and leaks nothing", "[in_flight][transfer_async]") {
  CTS_BACKEND();
  const size_t size = GENERATE(as<size_t>(), 100, 100000);
  CountingAllocator counting;
  int refused = 0, succeeded = 0;
  {
    auto device = backend.create(counting.allocator());
    auto buffer = need(device->allocate({.size = size}));
    auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
    Timepoint last{begin.get(), 1};  // of those that were queued: each comes after the one before
    std::vector<uint8_t> source = pattern(size);
    for (uint64_t allowed = 0; allowed < 40; ++allowed) {
      const Timepoint writes[] = {{end.get(), 2 * allowed + 1}}, reads[] = {{end.get(), 2 * allowed + 2}};
      counting.refuse_from = counting.calls + allowed;
      const Status written = hal::write_async(*device, *buffer, 0, bytes(source), {&last, 1}, writes);
      if (written.ok()) last = writes[0];
      const Code read = code(hal::read_async(*device, *buffer, 0, size, {&last, 1}, reads));
      if (read == Code::ok) last = reads[0];
      counting.refuse_from = UINT64_MAX;
      refused += written.code() == Code::out_of_memory;
      REQUIRE((written.ok() || written.code() == Code::out_of_memory));
      REQUIRE((read == Code::ok || read == Code::out_of_memory));
      succeeded += read == Code::ok;
      device->trim();
    }
    REQUIRE(need(end->query()) == 0);
    need(begin->signal(1));
    need(device->wait_idle(*buffer, second_ns));
    REQUIRE(bytes_of(*device, *buffer) == source);
  }
  REQUIRE(refused > 0);
  REQUIRE(succeeded > 0);
  REQUIRE(counting.live == 0);
}

TEST_CASE("a transfer waits for memory that is allocated asynchronously", "[in_flight][async][threads]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  auto buffer = need(device->allocate_async({.size = 64}, waits, {}));
  const Code early = hal::write(*device, *buffer, 0, bytes(pattern(64)), {}, 0).code();
  Signaller other;
  other.start(*begin, 1);

  need(hal::write(*device, *buffer, 0, bytes(pattern(64))));

  REQUIRE(early == Code::timeout);
  REQUIRE(bytes_of(*device, *buffer) == pattern(64));
}

TEST_CASE("an update writes the bytes that it carries", "[transfers][update]") {
  CTS_DEVICE(device);
  const bool as_list = GENERATE(false, true), waits = GENERATE(false, true);
  const size_t size = GENERATE(as<size_t>(), 1, 7, 1000, hal::max_update);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(size + 8, 0));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint before[] = {{begin.get(), 1}}, after[] = {{end.get(), 1}};
  std::vector<uint8_t> data = pattern(size);
  Transfer transfer;
  update(transfer, range(0, 3, size), bytes(data));
  const Binding bindings[] = {{.buffer = buffer.get()}};
  hal::Submission submission{.signals = after, .bindings = bindings};
  if (waits) submission.waits = before;
  auto commands = as_list ? list(*device, {transfer.command}, 1) : nullptr;
  submission.commands = commands.get();
  if (!as_list) submission.transfers = {&transfer.command, 1};
  if (as_list) std::fill(data.begin(), data.end(), uint8_t{0});

  need(device->submit(submission));
  std::fill(data.begin(), data.end(), uint8_t{0});
  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  const std::vector<uint8_t> got = bytes_of(*device, *buffer);
  REQUIRE(std::vector<uint8_t>(got.begin() + 3, got.end() - 5) == pattern(size));
  REQUIRE((got[2] == 0 && got[got.size() - 5] == 0));
}

TEST_CASE("an update with data that does not fit together is refused", "[transfers][update]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 100000);
  const std::vector<uint8_t> data = pattern(hal::max_update + 1);
  const Binding bindings[] = {{.buffer = buffer.get()}};
  Transfer much, other_size, both, not_update;
  update(much, range(0, 0, hal::max_update + 1), bytes(data));
  update(other_size, range(0, 0, 99), bytes(data).first(100));
  update(both, range(0, 0, 4), Operand::literal(1), 4);
  both.command.data = bytes(data).first(4);
  fill(not_update, range(0, 0, 4), 0, 4);
  not_update.command.data = bytes(data).first(4);

  for (const Transfer* wrong : {&much, &other_size, &both, &not_update}) {
    const Status status = device->submit({.transfers = {&wrong->command, 1}, .bindings = bindings});
    CHECK(status.code() == Code::invalid_argument);
    CHECK(status.where().kind == Kind::command);
  }
}
