// The CPU driver's options: what a name in a registry can say, guard pages, the application's own threads.
#if defined(CTS_CPU)
#include "cts.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "halcyon/drivers/cpu.hpp"
#include "halcyon/drivers/cpu/features.hpp"
#include "halcyon/drivers/cpu/threads.hpp"
#include "halcyon/platform.hpp"

using namespace cts;

namespace {

Result<Owned<hal::Device>> create(const char* options) { return cpu::create_from_options(options, system_allocator()); }

Status run(hal::Device& device, Kernel kernel, hal::Buffer& buffer, uint64_t workload) {
  auto executable = kernels(device);
  Dispatch one{{range(0)}, {}, {}};
  dispatch(one, *executable, kernel, Operand::literal(workload));
  auto commands = list(device, {one.command}, 1);
  const Binding bindings[] = {{.buffer = &buffer}};
  return device.submit({.commands = commands.get(), .bindings = bindings});
}

// Whether this address is in a mapping that was advised to have huge pages.
bool advised_huge(const std::byte* at) {
  std::FILE* maps = std::fopen("/proc/self/smaps", "r");
  REQUIRE(maps);
  char line[512];
  unsigned long begin = 0, end = 0;
  bool inside = false, advised = false;
  while (std::fgets(line, sizeof line, maps)) {
    if (std::sscanf(line, "%lx-%lx ", &begin, &end) == 2)
      inside = reinterpret_cast<uintptr_t>(at) - begin < end - begin;
    else if (inside && std::strncmp(line, "VmFlags:", 8) == 0)
      advised = std::strstr(line, " hg") != nullptr;
  }
  std::fclose(maps);
  return advised;
}

}  // namespace

TEST_CASE("options say how a device is", "[cpu][options]") {
  REQUIRE(need(create(""))->caps().device_memory_mappable);
  REQUIRE_FALSE(need(create("mappable=0"))->caps().device_memory_mappable);
  REQUIRE_FALSE(need(create("unmappable=1"))->caps().device_memory_mappable);
  REQUIRE(need(create(""))->caps().coherent);
  REQUIRE_FALSE(need(create("coherent=0"))->caps().coherent);
  REQUIRE(need(create("index=0,threads=2,guard=1,pin=1,features=baseline"))->caps().min_alignment == 1);
}

TEST_CASE("an unknown or impossible option is refused", "[cpu][options]") {
  const char* options = GENERATE("mapable=0", "mappable=2", "threads=many", "threads=2000", "features=sse9", "index=1", "guard=", "coherent=2",
                                 "memory_limit=much", "pool_limit=-1");

  REQUIRE(code(create(options)) == Code::invalid_argument);
}

TEST_CASE("buffers take no more than their limit, and the device goes on", "[cpu][options][limits]") {
  const char* options = GENERATE("memory_limit=1000000", "memory_limit=1000000,mappable=0", "memory_limit=1000000,guard=1",
                                 "memory_limit=1000000,coherent=0");
  auto device = need(create(options));
  auto first = need(device->allocate({.size = 600000}));
  auto semaphore = need(device->create_semaphore(0));

  CHECK(code(device->allocate({.size = 500000})) == Code::out_of_memory);
  CHECK(code(device->allocate({.size = 2000000})) == Code::out_of_memory);
  CHECK(code(device->allocate({.size = 500000, .alignment = 4096})) == Code::out_of_memory);
  first = nullptr;
  CHECK(code(device->allocate({.size = 500000, .alignment = 4096})) == Code::ok);  // what is kept makes way
  CHECK(code(device->allocate({.size = 700000})) == Code::ok);
  CHECK(device->stats().reserved_bytes <= 1000000);
  CHECK(device->stats().peak_reserved_bytes <= 2000000);
}

// Nothing where the system has no such pages, or gives them to all who are large.
TEST_CASE("large buffers ask for huge pages, small ones do not", "[cpu][options]") {
  std::FILE* setting = std::fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  if (!setting) return;
  std::fclose(setting);
  auto device = need(create(""));
  auto large = need(device->allocate({.size = 9 << 20})), small = need(device->allocate({.size = 1 << 20}));

  CHECK(advised_huge(need(large->map(hal::Access::write)).data() + (4 << 20)));
  CHECK_FALSE(advised_huge(need(small->map(hal::Access::write)).data()));
  large->unmap();
  small->unmap();
}

TEST_CASE("a queued allocation past the limit fails its signal", "[cpu][options][limits]") {
  auto device = need(create("memory_limit=1000000"));
  auto first = need(device->allocate({.size = 600000}));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}};
  auto second = need(device->allocate_async({.size = 600000}, waits, {end.get(), 1}));

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}) == Code::out_of_memory);
}

TEST_CASE("the pool keeps no more than its limit", "[cpu][options][limits]") {
  auto none = need(create("pool_limit=0")), some = need(create("pool_limit=100000"));
  for (int i = 0; i < 3; ++i) {
    auto a = need(none->allocate({.size = 60000})), b = need(some->allocate({.size = 60000})), c = need(some->allocate({.size = 60000}));
  }

  CHECK(none->stats().pooled_bytes == 0);
  CHECK(some->stats().pooled_bytes >= 60000);
  CHECK(some->stats().pooled_bytes <= 100000);
}

TEST_CASE("an inline device computes, and says that it has no semaphores", "[cpu][options]") {
  auto device = need(cpu::create_inline_device({.static_kernels = static_kernels()}));
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  const hal::Timepoint point[] = {{nullptr, 1}};

  need(run(*device, Kernel::tally, *buffer, 5));

  CHECK(values_of<uint32_t>(*device, *buffer)[0] == 5);
  CHECK(code(device->create_semaphore(0)) == Code::unsupported);
  CHECK(device->wait({}, hal::Wait::all, 0).ok());
  CHECK(device->wait(point, hal::Wait::all, 0).code() == Code::unsupported);
  CHECK(device->submit({.waits = point}).code() == Code::unsupported);
  CHECK(code(device->allocate_async({.size = 16}, {}, {})) == Code::unsupported);
  CHECK(device->free_async(*buffer, {}, {}).code() == Code::unsupported);
}

#if defined(__x86_64__)
TEST_CASE("features are those that the compiler's own detection finds", "[cpu][options]") {
  cpu::Features features;
  features.detect();

  CHECK(features.has("sse4.2") == (__builtin_cpu_supports("sse4.2") != 0));
  CHECK(features.has("fma") == (__builtin_cpu_supports("fma") != 0));
  CHECK(features.has("avx2") == (__builtin_cpu_supports("avx2") != 0));
  CHECK(features.has("bmi2") == (__builtin_cpu_supports("bmi2") != 0));
  CHECK(features.has("avx512f") == (__builtin_cpu_supports("avx512f") != 0));
  CHECK(features.has("avx512vl") == (__builtin_cpu_supports("avx512vl") != 0));
  CHECK(features.has("avx512vnni") == (__builtin_cpu_supports("avx512vnni") != 0));
  CHECK(features.has("avx512bf16") == (__builtin_cpu_supports("avx512bf16") != 0));
  CHECK_FALSE(features.has("avx1024"));
}
#endif

TEST_CASE("features can be hidden, so that every variant can be tested anywhere", "[cpu][options]") {
  cpu::DeviceOptions options;
  options.static_kernels = static_kernels();
  options.features = "baseline";
  auto device = need(cpu::create_device(options));
  const std::string_view wanted[] = {"avx2"};
  const hal::ExportDesc exports[] = {{.name = "tally", .bindings = 1}};
  const hal::VariantExport tiles[] = {{.hash = 15}};
  hal::VariantDesc variant;
  variant.format = hal::Format::static_table;
  variant.target = "x86_64";
  variant.features = wanted;
  variant.exports = tiles;
  hal::Rejection rejection;

  const auto executable = device->create_executable({.exports = exports, .variants = {&variant, 1}}, {&rejection, 1});

  REQUIRE(code(executable) == Code::unsupported);
#if defined(__x86_64__)
  REQUIRE(rejection.feature == "avx2");
#endif
}

namespace {

int32_t add_seven(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  static_cast<uint32_t*>(dispatch->bindings[1])[workgroup->id[0]] = static_cast<const uint32_t*>(dispatch->bindings[0])[workgroup->id[0]] + 7;
  return 0;
}

// An executable of kernels that the application gives, `names` in order.
Result<Ref<hal::Executable>> named(hal::Device& device, const std::vector<std::string_view>& names, hal::Rejection& rejection) {
  std::vector<hal::ExportDesc> exports;
  for (const std::string_view name : names) exports.push_back({.name = name, .bindings = 2});
  const std::vector<hal::VariantExport> how(names.size());
  hal::VariantDesc variant;
  variant.format = hal::Format::named;
  variant.exports = how;
  return device.create_executable({.exports = exports, .variants = {&variant, 1}}, {&rejection, 1});
}

}  // namespace

TEST_CASE("the application's kernels are found by their names", "[cpu][options]") {
  const hcy_named_kernel own[] = {{nullptr, &add_seven}, {"add", nullptr}, {"add seven", &add_seven}};
  cpu::DeviceOptions options;
  options.kernels = own;
  cpu::InlineOptions inline_options;
  inline_options.kernels = own;
  auto device = need(GENERATE(false, true) ? cpu::create_inline_device(inline_options) : cpu::create_device(options));
  hal::Rejection rejection;
  auto executable = need(named(*device, {"add seven"}, rejection));
  Dispatch add;
  add.ranges = {range(0), range(1)};
  dispatch(add, *executable, Kernel::add, Operand::literal(3));
  auto in = buffer_of(*device, {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0}), out = need(device->allocate({.size = 12}));
  const Binding bindings[] = {{in.get()}, {out.get()}};

  need(device->submit({.commands = list(*device, {add.command}, 2).get(), .bindings = bindings}));

  REQUIRE(values_of<uint32_t>(*device, *out) == std::vector<uint32_t>{8, 9, 10});
}

TEST_CASE("a kernel that the application did not give is named", "[cpu][options]") {
  const hcy_named_kernel own[] = {{"add", nullptr}, {"add seven", &add_seven}};
  cpu::DeviceOptions options;
  if (GENERATE(true, false)) options.kernels = own;
  const std::string_view missing = GENERATE("add", "add seve", "add seven!", "");
  auto device = need(cpu::create_device(options));
  hal::Rejection rejection;

  REQUIRE(code(named(*device, {missing, "add seven"}, rejection)) == Code::unsupported);
  REQUIRE(rejection.reason == std::string("the application gave no such kernel"));
  REQUIRE(rejection.feature == missing);
}

TEST_CASE("a guarded buffer ends where its memory ends", "[cpu][guard]") {
  const uint64_t size = GENERATE(as<uint64_t>(), 8, 100, 4096, 5000);
  auto device = need(create("guard=1"));
  auto buffer = need(device->allocate({.size = size}));
  const auto view = need(buffer->map(hal::Access::read_write));
  const uint64_t past_end = GENERATE(0, 1);

  const pid_t child = fork();
  if (child == 0) {
    close(2);
    signal(SIGSEGV, SIG_DFL);
    static_cast<volatile std::byte*>(view.data())[size - 1 + past_end] = std::byte{1};
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  buffer->unmap();

  REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0) == (past_end == 0));
}

namespace {

// Runs its tasks backwards on two workers, one after the other.
struct BackwardsPool {
  uint32_t calls = 0;
  static void run(void* self, uint32_t count, void (*task)(void* context, uint32_t index, uint32_t worker), void* context) {
    ++static_cast<BackwardsPool*>(self)->calls;
    for (uint32_t i = count; i-- > 0;) task(context, i, i % 2);
  }
};

}  // namespace

TEST_CASE("the application's own pool runs the workgroups", "[cpu][threads]") {
  BackwardsPool pool;
  cpu::DeviceOptions options;
  options.static_kernels = static_kernels();
  options.task_pool = {&pool, &BackwardsPool::run, 2};
  auto device = need(cpu::create_device(options));
  auto out = buffer_of(*device, std::vector<uint8_t>(3000 * 8, 0));

  need(run(*device, Kernel::local, *out, 3000));
  const auto sums = values_of<uint64_t>(*device, *out);

  int wrong = 0;
  for (uint64_t i = 0; i < 3000; ++i) wrong += sums[i] != (i % 256) * 1000;
  REQUIRE(wrong == 0);
  REQUIRE(pool.calls >= 1);
}

TEST_CASE("a pool of no or too many workers is refused", "[cpu][threads]") {
  const uint32_t workers = GENERATE(0u, 100000u);
  BackwardsPool pool;
  cpu::DeviceOptions options;
  options.task_pool = {&pool, &BackwardsPool::run, workers};

  REQUIRE(code(cpu::create_device(options)) == Code::invalid_argument);
}

TEST_CASE("every task of a job runs once, whatever the counts", "[cpu][threads]") {
  const uint32_t threads = GENERATE(1u, 2u, 8u);
  cpu::ThreadPool pool(system_allocator());
  need(pool.start(threads, false));
  std::vector<std::atomic<uint32_t>> runs(1000);
  std::atomic<uint32_t> strangers{0};
  struct Seen {
    std::vector<std::atomic<uint32_t>>& runs;
    std::atomic<uint32_t>& strangers;
    uint32_t workers;
  } seen{runs, strangers, threads + 1};

  // Long and short jobs in turns: shares that one job does not use keep what an older one left.
  for (uint32_t round = 0; round < 2000; ++round) {
    const uint32_t count = round % 3 == 0 ? round % 5 : 1 + round * 37 % 1000;
    pool.run(count, [](void* context, uint32_t index, uint32_t worker) {
      auto& all = *static_cast<Seen*>(context);
      all.runs[index].fetch_add(1, std::memory_order_relaxed);
      all.strangers.fetch_add(worker >= all.workers, std::memory_order_relaxed);
    }, &seen);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < 1000; ++i) wrong += runs[i].exchange(0) != (i < count);
    if (wrong != 0) FAIL("round " << round << " of " << count << " tasks: " << wrong << " did not run once");
  }
  REQUIRE(strangers == 0);
}

TEST_CASE("more threads than processors still finish", "[cpu][threads]") {
  cpu::DeviceOptions options;
  options.static_kernels = static_kernels();
  options.threads = 16;
  auto device = need(cpu::create_device(options));
  auto counter = buffer_of(*device, std::vector<uint8_t>(8, 0));

  for (int i = 0; i < 50; ++i) need(run(*device, Kernel::tally, *counter, 100000));

  REQUIRE(values_of<uint64_t>(*device, *counter)[0] == 5000000);
}

TEST_CASE("threads that slept are there for the next dispatch", "[cpu][threads]") {
  cpu::DeviceOptions options;
  options.static_kernels = static_kernels();
  options.threads = 3;
  auto device = need(cpu::create_device(options));
  auto out = buffer_of(*device, std::vector<uint8_t>(400 * 8, 0));

  for (int i = 0; i < 20; ++i) {
    const timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
    need(run(*device, Kernel::mix, *out, 400));
  }

  REQUIRE(values_of<uint64_t>(*device, *out)[399] != 0);
}

#endif
