// What maps and what does not: compatibility, views, memory that is not coherent, imports and exports.
#include "cts.hpp"
#include "halcyon/hal/mapped.hpp"
#include "halcyon/hal/transfer_async.hpp"

using namespace cts;

namespace {

std::span<const std::byte> bytes(const std::vector<uint8_t>& from) { return std::as_bytes(std::span(from)); }
std::span<std::byte> bytes(std::vector<uint8_t>& into) { return std::as_writable_bytes(std::span(into)); }

// What the device sees, by a copy that it makes itself.
std::vector<uint8_t> on_device(hal::Device& device, hal::Buffer& buffer) {
  auto readback = need(hal::read_async(device, buffer, 0, buffer.size(), {}, {}));
  std::vector<uint8_t> got(buffer.size());
  need(readback.finish(bytes(got)));
  return got;
}

}  // namespace

TEST_CASE("compatibility gives a reason for each thing that cannot be, and none for what can", "[mapping][caps]") {
  CTS_DEVICE(device);
  const hal::BufferDesc desc =
      GENERATE(hal::BufferDesc{.size = 100}, hal::BufferDesc{.size = 0}, hal::BufferDesc{.size = 100, .map = hal::Map::read_write},
               hal::BufferDesc{.size = 100, .memory = hal::Memory::host}, hal::BufferDesc{.size = 100, .alignment = 3},
               hal::BufferDesc{.size = 100, .device_ordinal = 7}, hal::BufferDesc{.size = 100, .alignment = 4096});

  const hal::Compatibility fits = device->compatibility(desc);

  const auto said = [](const char* text) { return text[0] != 0; };
  CHECK(said(fits.why.not_allocatable) == !fits.allocatable);
  CHECK(said(fits.why.not_importable) == !fits.importable);
  CHECK(said(fits.why.not_exportable) == !fits.exportable);
  CHECK(said(fits.why.not_mappable) == !fits.mappable);
  CHECK(said(fits.why.slow) == fits.slow);
  CHECK(said(fits.reason()) == !(fits.allocatable && fits.importable && fits.exportable && fits.mappable && !fits.slow));
}

TEST_CASE("compatibility is what allocate, map, import and export then do", "[mapping][caps]") {
  CTS_DEVICE(device);
  const hal::BufferDesc desc =
      GENERATE(hal::BufferDesc{.size = 64}, hal::BufferDesc{.size = 0}, hal::BufferDesc{.size = 64, .map = hal::Map::read_write},
               hal::BufferDesc{.size = 64, .memory = hal::Memory::host, .map = hal::Map::read_write},
               hal::BufferDesc{.size = 64, .alignment = 3}, hal::BufferDesc{.size = 64, .device_ordinal = 7});
  alignas(64) std::byte own[64] = {};

  const hal::Compatibility fits = device->compatibility(desc);
  const auto buffer = device->allocate(desc);
  const auto import = device->import_host(own, desc, nullptr, nullptr);

  REQUIRE(buffer.ok() == fits.allocatable);
  REQUIRE(import.ok() == fits.importable);
  if (!buffer.ok()) return;
  auto view = buffer.value()->map(hal::Access::read);
  CHECK(view.ok() == fits.mappable);
  if (view.ok()) buffer.value()->unmap();
  CHECK(device->export_native(*buffer.value(), hal::NativeHandle::Type::host_pointer).ok() == fits.exportable);
}

TEST_CASE("what cannot be allocated can be nothing else", "[mapping][caps]") {
  CTS_DEVICE(device);

  const hal::Compatibility fits = device->compatibility({.size = 64, .map = hal::Map::read_write, .device_ordinal = 7});

  REQUIRE_FALSE((fits.importable || fits.exportable || fits.mappable));
}

TEST_CASE("a pointer is exported only where the host may touch it", "[mapping][export]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 64}));

  const auto handle = device->export_native(*buffer, hal::NativeHandle::Type::host_pointer);

  REQUIRE(code(handle) == (buffer->mappable() ? Code::ok : Code::unsupported));
  REQUIRE(buffer->native_handle().type == (buffer->mappable() ? hal::NativeHandle::Type::host_pointer : hal::NativeHandle::Type::none));
}

TEST_CASE("an exported pointer is the buffer's own bytes", "[mapping][export]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(64));

  const hal::NativeHandle handle = need(device->export_native(*buffer, hal::NativeHandle::Type::host_pointer));

  const auto* memory = reinterpret_cast<const uint8_t*>(handle.value + handle.offset);
  REQUIRE(std::vector<uint8_t>(memory, memory + 64) == pattern(64));
}

TEST_CASE("an exported pointer can be imported again", "[mapping][export][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
  auto buffer = buffer_of(*device, pattern(64));

  const hal::NativeHandle handle = need(device->export_native(*buffer, hal::NativeHandle::Type::host_pointer));
  auto same = need(device->import_native(handle, {.size = 64}));
  need(hal::fill(*device, *same, 0, 1, 200, 1));

  REQUIRE(first_byte(*device, *buffer) == 200);
}

TEST_CASE("a failed import leaves the memory with its owner", "[mapping][import]") {
  CTS_BACKEND();
  CountingAllocator counting;
  int released = 0;
  {
    auto device = backend.create(counting.allocator());
    std::vector<uint8_t> own(64);
    counting.refuse_from = counting.calls.load();
    const auto refused = device->import_host(bytes(own), {}, [](void* user) { ++*static_cast<int*>(user); }, &released);
    counting.refuse_from = UINT64_MAX;
    const auto wrong = device->import_host(bytes(own), {.device_ordinal = 3}, [](void* user) { ++*static_cast<int*>(user); }, &released);
    REQUIRE((code(refused) == Code::out_of_memory || (!device->caps().import_host && code(refused) == Code::unsupported)));
    REQUIRE(code(wrong) == Code::invalid_argument);
  }
  REQUIRE(released == 0);
}

TEST_CASE("an import that queued work uses is released when the work is done", "[mapping][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
  std::vector<uint8_t> own(64, 0);
  int released = 0;
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  {
    auto buffer = need(device->import_host(bytes(own), {}, [](void* user) { ++*static_cast<int*>(user); }, &released));
    need(submit_fill(*device, *buffer, 9, {{begin.get(), 1}}, {{end.get(), 1}}));
  }
  const int early = released;

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(early == 0);
  REQUIRE(released == 1);
  REQUIRE(own == std::vector<uint8_t>(64, 9));
}

TEST_CASE("an import goes though its work was never run", "[mapping][import]") {
  CTS_BACKEND();
  std::vector<uint8_t> own(64, 0);
  int released = 0;
  {
    auto device = backend.create(system_allocator());
    CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");
    auto begin = need(device->create_semaphore(0));
    auto buffer = need(device->import_host(bytes(own), {}, [](void* user) { ++*static_cast<int*>(user); }, &released));
    need(submit_fill(*device, *buffer, 9, {{begin.get(), 1}}, {}));
  }

  REQUIRE(released == 1);
}

TEST_CASE("an empty import is legal", "[mapping][import]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().import_host, "imports no host memory");

  auto buffer = need(device->import_host({}, {}, nullptr, nullptr));

  REQUIRE(buffer->size() == 0);
  REQUIRE(need(buffer->map(hal::Access::read)).empty());
  buffer->unmap();
}

TEST_CASE("what is written through a view is there for the device once flushed", "[mapping][coherence]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 64);
  need(hal::fill(*device, *buffer, 0, 64, 1, 1));

  const auto view = need(buffer->map(hal::Access::write));
  std::memset(view.data(), 7, view.size());
  need(buffer->flush(0, 64));
  buffer->unmap();

  REQUIRE(on_device(*device, *buffer) == std::vector<uint8_t>(64, 7));
}

TEST_CASE("where memory is not coherent, the device sees nothing before the flush", "[mapping][coherence]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, !device->caps().coherent, "its memory is coherent");
  auto buffer = mappable(*device, 64);
  need(hal::fill(*device, *buffer, 0, 64, 1, 1));

  const auto view = need(buffer->map(hal::Access::write));
  std::memset(view.data(), 7, view.size());
  const std::vector<uint8_t> before = on_device(*device, *buffer);
  need(buffer->flush(16, 16));
  buffer->unmap();

  std::vector<uint8_t> expected(64, 1);
  std::fill(expected.begin() + 16, expected.begin() + 32, uint8_t{7});
  REQUIRE(before == std::vector<uint8_t>(64, 1));
  REQUIRE(on_device(*device, *buffer) == expected);
}

TEST_CASE("where memory is not coherent, the host sees nothing new before it invalidates", "[mapping][coherence]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, !device->caps().coherent, "its memory is coherent");
  auto buffer = buffer_of(*device, std::vector<uint8_t>(64, 1));
  const auto view = need(buffer->map(hal::Access::read));
  need(hal::fill(*device, *buffer, 0, 64, 7, 1));

  const std::byte before = view[40];
  need(buffer->invalidate(32, 32));

  REQUIRE(before == std::byte{1});
  REQUIRE(view[31] == std::byte{1});
  REQUIRE(view[40] == std::byte{7});
  buffer->unmap();
}

TEST_CASE("flush and invalidate stay inside the buffer", "[mapping][coherence]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 100);

  CHECK(buffer->flush(101, 0).code() == Code::invalid_argument);
  CHECK(buffer->flush(100, 1).code() == Code::invalid_argument);
  CHECK(buffer->invalidate(1, UINT64_MAX - 1).code() == Code::invalid_argument);
  CHECK(buffer->flush(40, UINT64_MAX).ok());
  CHECK(buffer->invalidate(100, 0).ok());
}

TEST_CASE("a view that is kept works across submissions", "[mapping]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 16);
  auto target = need(device->allocate({.size = 16}));
  const auto view = need(buffer->map(hal::Access::read_write));
  int wrong = 0;

  for (uint8_t round = 1; round <= 5; ++round) {
    std::memset(view.data(), round, 16);
    need(buffer->flush(0, 16));
    need(hal::copy(*device, *target, 0, *buffer, 0, 16));
    need(hal::fill(*device, *buffer, 0, 16, uint8_t(round + 100), 1));
    need(buffer->invalidate(0, 16));
    wrong += view[3] != std::byte(round + 100) || on_device(*device, *target)[3] != round;
  }
  buffer->unmap();

  REQUIRE(wrong == 0);
}

TEST_CASE("a scoped view flushes what was written and unmaps when it goes", "[mapping][scoped]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 64);
  need(hal::fill(*device, *buffer, 0, 64, 1, 1));
  {
    const hal::Mapped view = need(hal::map(*buffer, hal::Access::write, 8, 16));
    REQUIRE(view.bytes().size() == 16);
    REQUIRE(view.as<uint32_t>().size() == 4);
    std::memset(view.bytes().data(), 7, 16);
    REQUIRE_FALSE(buffer->unique());
  }

  const std::vector<uint8_t> got = on_device(*device, *buffer);
  REQUIRE((got[7] == 1 && got[8] == 7 && got[23] == 7 && got[24] == 1));
  REQUIRE(buffer->unique());
}

TEST_CASE("a scoped view for reading shows what the device wrote", "[mapping][scoped]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(64, 1));
  need(hal::fill(*device, *buffer, 0, 64, 9, 1));

  const hal::Mapped view = need(hal::map(*buffer, hal::Access::read));

  REQUIRE(view.bytes()[63] == std::byte{9});
}

TEST_CASE("a scoped view for both keeps what it does not write", "[mapping][scoped]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 64);
  need(hal::fill(*device, *buffer, 0, 64, 9, 1));
  {
    const hal::Mapped view = need(hal::map(*buffer, hal::Access::read_write));
    view.bytes()[5] = std::byte{1};
  }

  const std::vector<uint8_t> got = on_device(*device, *buffer);
  REQUIRE((got[4] == 9 && got[5] == 1 && got[6] == 9));
}

TEST_CASE("a scoped view moves, and unmaps once", "[mapping][scoped]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 64), other = mappable(*device, 64);
  hal::Mapped first = need(hal::map(*buffer, hal::Access::write));
  hal::Mapped second = std::move(first);
  need(first.unmap());
  const size_t left = first.bytes().size();
  const bool held = !buffer->unique();

  second = need(hal::map(*other, hal::Access::write));

  REQUIRE(left == 0);
  REQUIRE(held);
  REQUIRE(buffer->unique());
  need(second.unmap());
  REQUIRE(other->unique());
}

TEST_CASE("a scoped view of what does not map is refused as map is", "[mapping][scoped]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, !device->caps().device_memory_mappable, "its device memory maps");
  auto buffer = need(device->allocate({.size = 64}));

  REQUIRE(code(hal::map(*buffer, hal::Access::read)) == Code::failed_precondition);
}

TEST_CASE("parts of one buffer are used as buffers of their own", "[mapping]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 300}));
  set_bytes(*device, *buffer, std::vector<uint8_t>(300, 0));
  Transfer transfer;
  copy(transfer, range(0), range(1));
  const Binding parts[] = {{.buffer = buffer.get(), .offset = 200, .size = 50}, {.buffer = buffer.get(), .offset = 10, .size = 50}};
  need(hal::write(*device, *buffer, 10, bytes(pattern(50))));

  need(finish(*device, {.transfers = {&transfer.command, 1}, .bindings = parts}));

  const std::vector<uint8_t> got = bytes_of(*device, *buffer);
  REQUIRE(std::vector<uint8_t>(got.begin() + 200, got.begin() + 250) == pattern(50));
  REQUIRE((got[199] == 0 && got[250] == 0));
}

TEST_CASE("an empty buffer takes part in everything", "[mapping]") {
  CTS_DEVICE(device);
  const auto memory = GENERATE(hal::Memory::device, hal::Memory::host);
  auto buffer = need(device->allocate({.size = 0, .memory = memory})), other = need(device->allocate({.size = 0, .memory = memory}));

  CHECK(hal::write(*device, *buffer, 0, {}).ok());
  CHECK(hal::read(*device, *buffer, 0, {}).ok());
  CHECK(hal::fill(*device, *buffer, 0, UINT64_MAX, 0, 8).ok());
  CHECK(hal::copy(*device, *buffer, 0, *other, 0, 0).ok());
  CHECK(submit_fill(*device, *buffer, 1, {}, {}).ok());
  CHECK(device->free_async(*buffer, {}, {}).ok());
}

TEST_CASE("a buffer for reading back maps for reading, one for uploads for writing", "[mapping]") {
  CTS_DEVICE(device);
  auto down = need(device->allocate({.size = 64, .memory = hal::Memory::host, .map = hal::Map::read}));
  auto up = need(device->allocate({.size = 64, .memory = hal::Memory::host, .map = hal::Map::write}));

  need(hal::write(*device, *up, 0, bytes(pattern(64))));
  need(hal::copy(*device, *down, 0, *up, 0, 64));
  std::vector<uint8_t> got(64);
  need(hal::read(*device, *down, 0, bytes(got)));

  REQUIRE(got == pattern(64));
  REQUIRE(up->memory() == hal::Memory::host);
}

TEST_CASE("host memory that was not asked to map still takes reads and writes", "[mapping]") {
  CTS_DEVICE(device);
  auto buffer = need(device->allocate({.size = 64, .memory = hal::Memory::host}));
  std::vector<uint8_t> got(64);

  need(hal::write(*device, *buffer, 0, bytes(pattern(64))));
  need(hal::read(*device, *buffer, 0, bytes(got)));

  REQUIRE(got == pattern(64));
}
