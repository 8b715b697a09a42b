// checked(): objects that outlive their device.
#include "checked.hpp"

using namespace cts;

TEST_CASE("what was let go of in time is not reported", "[checked][leaks]") {
  std::vector<std::string> reports;
  {
    Checked device(GENERATE(true, false));
    auto buffer = device.buffer("tensor");
    auto begin = device.semaphore();
    auto commands = list(*device, {}, 0);
    auto executable = kernels(*device);
    need(device.fill(*buffer, {{begin.get(), 1}}));  // never runs, and goes with the device
    buffer = nullptr;
    begin = nullptr;
    commands = nullptr;
    executable = nullptr;
    device.device.reset();
    reports = device.reports;
  }
  REQUIRE(reports.empty());
}

TEST_CASE("objects that outlive their device are reported by label, and stay safe", "[checked][leaks]") {
  Checked device;
  auto buffer = device.buffer("tensor");
  auto semaphore = device.semaphore();
  auto commands = need(device->create_commands({.label = "decode"}));
  auto plain_kernels = kernels(*device);
  need(buffer->map(hal::Access::write));

  device.device.reset();

  REQUIRE(device.reports.size() == 4);
  REQUIRE(device.reports_of("buffer 1 'tensor' outlives its device") == 1);
  REQUIRE(device.reports_of("semaphore 2 outlives its device") == 1);
  REQUIRE(device.reports_of("command list 3 'decode' outlives its device") == 1);
  REQUIRE(device.reports_of("executable 4 outlives its device") == 1);
  REQUIRE(code(buffer->map(hal::Access::read)) == Code::failed_precondition);
  REQUIRE(buffer->flush(0, 1).code() == Code::failed_precondition);
  REQUIRE(buffer->invalidate(0, 1).code() == Code::failed_precondition);
  REQUIRE(buffer->native_handle().type == hal::NativeHandle::Type::none);
  REQUIRE(code(semaphore->query()) == Code::failed_precondition);
  REQUIRE(semaphore->signal(1).code() == Code::failed_precondition);
  semaphore->fail(Status(Code::internal, "test: failed"));
  buffer->unmap();
}

TEST_CASE("nothing of the device inside is kept by what outlives it", "[checked][leaks]") {
  CountingAllocator counting;
  Ref<hal::Buffer> buffer;
  int released = 0;
  {
    null::DeviceOptions options;
    options.allocator = counting.allocator();
    auto device = need(checked(need(null::create_device(options))));
    std::byte bytes[64];
    buffer = need(device->import_host(bytes, {}, [](void* user) { ++*static_cast<int*>(user); }, &released));
  }
  const int64_t kept = counting.live;
  buffer = nullptr;

  REQUIRE(released == 1);
  REQUIRE(kept == 1);  // the object itself
  REQUIRE(counting.live == 0);
}
