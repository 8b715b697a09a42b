// Buffers: where memory is, what maps, what is counted.
#include "cts.hpp"
#include "halcyon/hal/transfer.hpp"

using namespace cts;

TEST_CASE("a device-local buffer maps only where the device says so", "[memory][map]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 64}));

  const auto view = buffer->map(hal::Access::read);

  REQUIRE(buffer->memory() == hal::Memory::device);
  REQUIRE(buffer->mappable() == device->caps().device_memory_mappable);
  REQUIRE(code(view) == (buffer->mappable() ? Code::ok : Code::failed_precondition));
  if (view.ok()) buffer->unmap();
}

TEST_CASE("a map that is refused says what to do instead", "[memory][map]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, !device->caps().device_memory_mappable, "its device memory maps");
  auto buffer = need(device->allocate({.size = 64}));

  const auto view = buffer->map(hal::Access::write);

  REQUIRE(std::string(view.status().what()) == "map: buffer is device-local; use read() or stage()");
}

TEST_CASE("a buffer that was asked to map maps", "[memory][map]") {
  CTS_DEVICE(device);
  const auto memory = GENERATE(hal::Memory::device, hal::Memory::host);
  auto buffer = need(device->allocate({.size = 64, .memory = memory, .map = hal::Map::read_write}));

  auto view = need(buffer->map(hal::Access::read_write));
  view[63] = std::byte{7};
  need(buffer->flush(63, 1));
  buffer->unmap();

  REQUIRE(buffer->mappable());
  REQUIRE(bytes_of(*device, *buffer)[63] == 7);
}

TEST_CASE("memory that must map says that it is not device-local where device memory does not map", "[memory][map]") {
  CTS_DEVICE(device);

  auto buffer = need(device->allocate({.size = 64, .map = hal::Map::read}));

  REQUIRE(buffer->memory() == (device->caps().device_memory_mappable ? hal::Memory::device : hal::Memory::host));
}

TEST_CASE("a buffer that was asked to map for reading refuses writing, where it matters", "[memory][map]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 64, .memory = hal::Memory::host, .map = hal::Map::read}));

  const auto view = buffer->map(hal::Access::write);

  REQUIRE(code(view) == (device->caps().device_memory_mappable ? Code::ok : Code::failed_precondition));
  if (view.ok()) buffer->unmap();
}

TEST_CASE("any size can be allocated, written and read", "[memory]") {
  CTS_DEVICE(device);
  const size_t size = GENERATE(as<size_t>(), 0, 1, 3, 63, 64, 65, 4095, 4097, 100003, 1u << 20);
  const std::vector<uint8_t> bytes = pattern(size);
  auto buffer = need(device->allocate({.size = size}));

  set_bytes(*device, *buffer, bytes);

  REQUIRE(buffer->size() == size);
  REQUIRE(bytes_of(*device, *buffer) == bytes);
}

TEST_CASE("an empty buffer maps to an empty view", "[memory][map]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 0);

  const auto view = need(buffer->map(hal::Access::read_write));

  REQUIRE(view.empty());
  buffer->unmap();
}

TEST_CASE("a part of a buffer can be mapped", "[memory][map]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(100));

  const auto view = need(buffer->map(hal::Access::read, 40, 10));

  REQUIRE(view.size() == 10);
  REQUIRE(static_cast<uint8_t>(view[0]) == pattern(100)[40]);
  buffer->unmap();
}

TEST_CASE("a map ends where the buffer ends", "[memory][map]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 100);

  REQUIRE(code(buffer->map(hal::Access::read, 101, 0)) == Code::invalid_argument);
  REQUIRE(code(buffer->map(hal::Access::read, 40, 61)) == Code::invalid_argument);
  REQUIRE(code(buffer->map(hal::Access::read, 1, UINT64_MAX - 1)) == Code::invalid_argument);
  REQUIRE(need(buffer->map(hal::Access::read, 100, 0)).empty());
  buffer->unmap();
}

TEST_CASE("maps nest and are views of the same bytes", "[memory][map]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 64);

  auto first = need(buffer->map(hal::Access::write));
  auto second = need(buffer->map(hal::Access::read));
  first[5] = std::byte{42};

  REQUIRE(second[5] == std::byte{42});
  buffer->unmap();
  buffer->unmap();
}

TEST_CASE("allocations are aligned as the device promises", "[memory]") {
  CTS_DEVICE(device);
  const uint64_t size = GENERATE(as<uint64_t>(), 1, 7, 64, 100, 5000);
  auto buffer = mappable(*device, size);

  const auto view = need(buffer->map(hal::Access::read));

  REQUIRE(reinterpret_cast<uintptr_t>(view.data()) % device->caps().min_alignment == 0);
  buffer->unmap();
}

TEST_CASE("a larger alignment is honoured", "[memory]") {
  CTS_DEVICE(device);
  const uint64_t alignment = GENERATE(as<uint64_t>(), 128, 256, 1024, 4096);
  auto buffer = need(device->allocate({.size = 100, .memory = hal::Memory::host, .map = hal::Map::write, .alignment = alignment}));

  const auto view = need(buffer->map(hal::Access::write));

  REQUIRE(reinterpret_cast<uintptr_t>(view.data()) % alignment == 0);
  buffer->unmap();
}

TEST_CASE("an alignment that is no power of two, or above a page, is refused", "[memory]") {
  CTS_DEVICE(device);
  const uint64_t alignment = GENERATE(as<uint64_t>(), 3, 96, 8192);

  REQUIRE(code(device->allocate({.size = 100, .alignment = alignment})) == Code::invalid_argument);
}

TEST_CASE("there is one device ordinal", "[memory]") {
  CTS_DEVICE(device);

  REQUIRE(code(device->allocate({.size = 100, .device_ordinal = 1})) == Code::invalid_argument);
}

TEST_CASE("an allocation that is too large is out of memory, not a crash", "[memory]") {
  CTS_DEVICE(device);
  const uint64_t size = GENERATE(UINT64_MAX, UINT64_MAX - 63, uint64_t{1} << 62);

  REQUIRE(code(device->allocate({.size = size})) == Code::out_of_memory);
}

TEST_CASE("flush and invalidate take any range inside the buffer", "[memory][map]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 100);

  REQUIRE(buffer->flush(0, 100).ok());
  REQUIRE(buffer->invalidate(50, 50).ok());
}

TEST_CASE("imported memory is used in place", "[memory][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
  alignas(64) uint8_t bytes[128] = {};

  auto buffer = need(device->import_host(std::as_writable_bytes(std::span(bytes)), {}, nullptr, nullptr));
  set_bytes(*device, *buffer, pattern(128));

  REQUIRE(buffer->size() == 128);
  REQUIRE(std::vector<uint8_t>(bytes, bytes + 128) == pattern(128));
}

TEST_CASE("imported memory needs no alignment", "[memory][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
  std::vector<uint8_t> bytes = pattern(65);

  auto buffer = need(device->import_host(std::as_writable_bytes(std::span(bytes)).subspan(1), {}, nullptr, nullptr));

  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>(bytes.begin() + 1, bytes.end()));
}

TEST_CASE("an import is released once, when the last reference goes", "[memory][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
  std::vector<uint8_t> bytes(64);
  int released = 0;
  auto buffer = need(device->import_host(std::as_writable_bytes(std::span(bytes)), {},
                                         [](void* user) { ++*static_cast<int*>(user); }, &released));
  auto second = buffer;

  buffer = nullptr;
  const int while_shared = released;
  second = nullptr;

  REQUIRE(while_shared == 0);
  REQUIRE(released == 1);
}

TEST_CASE("a device that imports no host memory says so", "[memory][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, !device->caps().import_host, "imports host memory");
  std::vector<uint8_t> bytes(64);

  REQUIRE(code(device->import_host(std::as_writable_bytes(std::span(bytes)), {}, nullptr, nullptr)) == Code::unsupported);
}

TEST_CASE("imports are not allocations", "[memory][import][stats]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
  std::vector<uint8_t> bytes(64);

  auto buffer = need(device->import_host(std::as_writable_bytes(std::span(bytes)), {}, nullptr, nullptr));

  REQUIRE(device->stats().allocations == 0);
  REQUIRE(device->stats().live_bytes == 0);
}

TEST_CASE("a native handle of an unknown type is unsupported", "[memory][import]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 64}));

  REQUIRE(code(device->import_native({hal::NativeHandle::Type::opaque_fd, 3, 0}, {.size = 64})) == Code::unsupported);
  REQUIRE(code(device->export_native(*buffer, hal::NativeHandle::Type::opaque_fd)) == Code::unsupported);
}

TEST_CASE("stats count bytes exactly", "[memory][stats]") {
  CTS_DEVICE(device);

  auto first = need(device->allocate({.size = 1000}));
  auto second = need(device->allocate({.size = 24}));
  first = nullptr;
  const hal::Stats stats = device->stats();

  REQUIRE(stats.allocations == 2);
  REQUIRE(stats.live_bytes == 24);
  REQUIRE(stats.peak_bytes == 1024);
}

TEST_CASE("a size that was freed is handed out again without the allocator", "[memory][pool]") {
  CTS_BACKEND();
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    const uint64_t size = GENERATE(as<uint64_t>(), 1, 1000, 100000, 3u << 20);
    need(device->allocate({.size = size}));
    CTS_NEEDS(backend, device->stats().pooled_bytes != 0, "keeps no freed memory");
    const uint64_t calls = counting.calls;

    for (int i = 0; i < 100; ++i) need(device->allocate({.size = size}));

    REQUIRE(counting.calls == calls);
    REQUIRE(device->stats().allocations == 101);
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("trim gives the kept memory back", "[memory][pool]") {
  CTS_DEVICE(device);
  need(device->allocate({.size = 100000}));

  device->trim();

  REQUIRE(device->stats().pooled_bytes == 0);
}

TEST_CASE("two buffers never share memory", "[memory][pool]") {
  CTS_DEVICE(device);
  std::vector<Ref<hal::Buffer>> buffers;
  for (int round = 0; round < 3; ++round) {
    buffers.clear();
    for (uint8_t i = 0; i < 40; ++i) buffers.push_back(buffer_of(*device, std::vector<uint8_t>(50u + i * 13u, i)));
  }

  int wrong = 0;
  for (uint8_t i = 0; i < 40; ++i) wrong += bytes_of(*device, *buffers[i]) != std::vector<uint8_t>(50u + i * 13u, i);

  REQUIRE(wrong == 0);
}

TEST_CASE("running out of memory is an error and leaves the device usable", "[memory]") {
  CTS_BACKEND();
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    counting.refuse_from = counting.calls.load();

    const Code refused = code(device->allocate({.size = 100}));
    counting.refuse_from = UINT64_MAX;
    const Code accepted = code(device->allocate({.size = 100}));

    REQUIRE(refused == Code::out_of_memory);
    REQUIRE(accepted == Code::ok);
    REQUIRE(device->stats().live_bytes == 0);
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("a failed creation leaves nothing behind", "[memory]") {
  CTS_BACKEND();
  CountingAllocator counting;
  {
    auto device = backend.create(counting.allocator());
    for (uint64_t allowed = 0; allowed < 8; ++allowed) {
      counting.refuse_from = counting.calls + allowed;
      (void)device->create_semaphore(0).ok();
      Transfer whole;
      fill(whole, range(0), 0, 1);
      (void)device->create_commands({.commands = {&whole.command, 1}, .bindings = 1}).ok();
      const hal::ExportDesc entry = {.name = "nothing"};
      (void)device->create_executable({.exports = {&entry, 1}}, {}).ok();
    }
    counting.refuse_from = UINT64_MAX;
    device->trim();
  }
  REQUIRE(counting.live == 0);
}

TEST_CASE("write and read copy once and are counted", "[memory][transfer][stats]") {
  CTS_DEVICE(device);
  const std::vector<uint8_t> bytes = pattern(1000);
  std::vector<uint8_t> back(500);
  auto buffer = need(device->allocate({.size = 1000}));

  need(hal::write(*device, *buffer, 0, std::as_bytes(std::span(bytes))));
  need(hal::read(*device, *buffer, 500, std::as_writable_bytes(std::span(back))));
  const hal::Stats stats = device->stats();

  REQUIRE(back == std::vector<uint8_t>(bytes.begin() + 500, bytes.end()));
  REQUIRE(stats.host_to_device_copies == 1);
  REQUIRE(stats.host_to_device_bytes == 1000);
  REQUIRE(stats.device_to_host_copies == 1);
  REQUIRE(stats.device_to_host_bytes == 500);
}

TEST_CASE("write and read stay inside the buffer", "[memory][transfer]") {
  CTS_DEVICE(device);
  std::vector<std::byte> bytes(65);
  auto buffer = need(device->allocate({.size = 64}));

  REQUIRE(hal::write(*device, *buffer, 0, bytes).code() == Code::invalid_argument);
  REQUIRE(hal::read(*device, *buffer, UINT64_MAX, bytes).code() == Code::invalid_argument);
  REQUIRE(hal::write(*device, *buffer, 64, {}).ok());
}

TEST_CASE("a device says who it is and what it does", "[caps]") {
  CTS_DEVICE(device);
  const hal::Caps& caps = device->caps();

  REQUIRE(std::string(backend.name).find(caps.driver) != std::string::npos);
  REQUIRE(caps.name != std::string());
  REQUIRE((caps.accepts_any_plan || caps.family != std::string()));
  REQUIRE((caps.min_alignment & (caps.min_alignment - 1)) == 0);
}

TEST_CASE("compatibility tells what allocate will do", "[caps][memory]") {
  CTS_DEVICE(device);
  const hal::BufferDesc plain{.size = 100}, mapped{.size = 100, .map = hal::Map::read}, odd{.size = 100, .alignment = 3},
      huge{.size = UINT64_MAX}, elsewhere{.size = 100, .device_ordinal = 9};

  REQUIRE(device->compatibility(plain).allocatable);
  REQUIRE(device->compatibility(plain).mappable == device->caps().device_memory_mappable);
  REQUIRE(device->compatibility(plain).importable == device->caps().import_host);
  REQUIRE_FALSE(device->compatibility(plain).slow);
  REQUIRE(device->compatibility(mapped).mappable);
  REQUIRE(device->compatibility(mapped).slow == !device->caps().device_memory_mappable);
  REQUIRE_FALSE(device->compatibility(odd).allocatable);
  REQUIRE_FALSE(device->compatibility(elsewhere).allocatable);
  REQUIRE(device->compatibility(elsewhere).reason() != std::string());
  REQUIRE(device->compatibility(huge).allocatable == (device->caps().max_buffer_size == UINT64_MAX));
}

TEST_CASE("a buffer knows its device, its size and its label", "[memory]") {
  CTS_DEVICE(device);

  auto buffer = need(device->allocate({.size = 100, .label = "weights"}));

  REQUIRE(&buffer->device() == device.get());
  REQUIRE(buffer->size() == 100);
  REQUIRE(std::string(buffer->label()) == "weights");
}

TEST_CASE("a recycled buffer remembers nothing", "[memory][pool]") {
  CTS_DEVICE(device);
  need(device->allocate({.size = 100, .memory = hal::Memory::host, .map = hal::Map::read_write, .label = "first"}));

  auto buffer = need(device->allocate({.size = 100}));

  REQUIRE(buffer->memory() == hal::Memory::device);
  REQUIRE(buffer->mappable() == device->caps().device_memory_mappable);
  REQUIRE(std::string(buffer->label()).empty());
  REQUIRE(buffer->unique());
}
