// Failing the N-th allocation, for every N of load, prepare, call and unload: one clean error, no leak.
#include <sys/mman.h>

#include "unit.hpp"

using namespace halcyon;
using namespace support;
using unit::need;

namespace {

Status load_and_call(const char* driver, const Allocator& allocator, std::span<const std::byte> file) {
  Registry drivers;
#define HALCYON_DRIVER(name) HALCYON_TRY(drivers.add({#name, &halcyon::name::create_from_options}));
#include "drivers.inc"
#undef HALCYON_DRIVER
  HALCYON_ASSIGN(const auto device, drivers.create(driver, allocator));
  LoadOptions options;
  options.allocator = allocator;
  HALCYON_ASSIGN(const auto program, Program::load(*device, file, options));
  HALCYON_ASSIGN(const Function main, program->function("main"));
  HALCYON_ASSIGN(const Tensor x, Tensor::stage(*device, {4}, {1.0f, 2.0f, 3.0f, 4.0f}));
  HALCYON_ASSIGN(const auto call, main.prepare({x}));
  HALCYON_TRY(call->run());
  HALCYON_TRY(call->run());
  float y[4];
  HALCYON_TRY(call->result(0).read(y));
  HALCYON_ASSIGN(const auto outputs, main.call({x}));
  return {};
}

std::vector<std::string> drivers() {
  std::vector<std::string> names;
#define HALCYON_DRIVER(name) names.push_back(#name);
#include "drivers.inc"
#undef HALCYON_DRIVER
  return names;
}

// How many of the runs that were refused one allocation (or all from it on) did not fail cleanly.
uint64_t unclean(const char* driver, std::span<const std::byte> file, bool refuse_once, uint64_t total) {
  uint64_t wrong = 0;
  for (uint64_t n = 0; n < total; ++n) {
    unit::CountingAllocator counter;
    counter.refuse_from = n;
    counter.refuse_once = refuse_once;
    const Status status = load_and_call(driver, counter.allocator(), file);
    // A device may do without what it was refused (a pool that does not keep a buffer), but not go wrong.
    if (counter.live != 0 || (!status.ok() && status.code() != Code::out_of_memory)) ++wrong;
    if (!refuse_once && status.ok()) ++wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("each refused allocation is one clean error and no leak", "[allocation]") {
  const std::string driver = GENERATE(from_range(drivers()));
  const bool refuse_once = GENERATE(true, false);
  CAPTURE(driver, refuse_once);
  ArtifactSpec spec = dynamic_copy_artifact();
  const Aligned file(build(spec));
  unit::CountingAllocator all;
  need(load_and_call(driver.c_str(), all.allocator(), file.bytes()));

  CHECK(all.calls > 15);
  CHECK(all.live == 0);
  CHECK(unclean(driver.c_str(), file.bytes(), refuse_once, all.calls) == 0);
}

TEST_CASE("a large block of the system's allocator goes back to the system at once", "[allocation]") {
  if (HALCYON_ADDRESS_SANITIZER) return;  // all of it comes from the heap, so that accesses are watched
  const Allocator allocator = system_allocator();
  const size_t size = GENERATE(128u << 10, (1u << 20) + 1, 40u << 20), alignment = GENERATE(1u, 64u, 4096u);
  CAPTURE(size, alignment);
  auto* block = static_cast<std::byte*>(allocator.allocate(allocator.self, size, alignment));
  REQUIRE(block != nullptr);
  CHECK(reinterpret_cast<uintptr_t>(block) % alignment == 0);
  block[0] = block[size - 1] = std::byte{1};
  auto* const last = reinterpret_cast<std::byte*>(reinterpret_cast<uintptr_t>(block + size - 1) / 4096 * 4096);
  CHECK(msync(block, 4096, MS_ASYNC) == 0);
  allocator.release(allocator.self, block, size, alignment);

  const bool first_is_there = msync(block, 4096, MS_ASYNC) == 0, last_is_there = msync(last, 4096, MS_ASYNC) == 0;
  CHECK_FALSE(first_is_there);
  CHECK_FALSE(last_is_there);
}

TEST_CASE("blocks of any size and alignment are the caller's own", "[allocation]") {
  const Allocator allocator = system_allocator();
  const size_t size = GENERATE(1u, 65u, (128u << 10) - 1, 128u << 10, 300'000u), alignment = GENERATE(1u, 64u, 4096u, 8192u);
  CAPTURE(size, alignment);
  auto* block = static_cast<uint8_t*>(allocator.allocate(allocator.self, size, alignment));
  auto* other = static_cast<uint8_t*>(allocator.allocate(allocator.self, size, alignment));
  REQUIRE(block != nullptr);
  REQUIRE(other != nullptr);
  std::memset(block, 1, size);
  std::memset(other, 2, size);

  CHECK(reinterpret_cast<uintptr_t>(block) % alignment == 0);
  CHECK(block[0] + block[size - 1] == 2);
  allocator.release(allocator.self, block, size, alignment);
  allocator.release(allocator.self, other, size, alignment);
}

TEST_CASE("the whole schema unloads without a leak when an allocation fails", "[allocation]") {
  const Aligned file(build(rich_artifact()));
  unit::CountingAllocator all;
  const auto device = unit::null_device();
  LoadOptions options;
  options.allocator = all.allocator();
  { need(Program::load(*device, file.bytes(), options)); }
  uint64_t wrong = 0;
  for (uint64_t n = 0; n < all.calls; ++n) {
    unit::CountingAllocator counter;
    counter.refuse_from = n;
    options.allocator = counter.allocator();
    const Status status = Program::load(*device, file.bytes(), options).status();
    if (status.code() != Code::out_of_memory || counter.live != 0) ++wrong;
  }

  CHECK(all.live == 0);
  CHECK(wrong == 0);
}
