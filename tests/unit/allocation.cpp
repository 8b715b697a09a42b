// Failing the N-th allocation, for every N of load, prepare, call and unload: one clean error, no leak.
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
