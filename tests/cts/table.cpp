// The devices under test. A new driver is one line here; a build out of the tree has a file like this in its place.
#include "cts.hpp"

#include <cstdio>
#include <cstdlib>

#include "halcyon/checked.hpp"
#include "halcyon/drivers/null.hpp"
#if defined(CTS_CPU)
#include "halcyon/drivers/cpu.hpp"
#endif

namespace cts {

namespace {

Owned<hal::Device> create_null(const Allocator& allocator) {
  null::DeviceOptions options;
  options.allocator = allocator;
  return need(null::create_device(options));
}

#if defined(CTS_CPU)
template <bool mappable, uint32_t threads = 1, bool guard = false, bool coherent = true, bool queue = false>
Owned<hal::Device> create_cpu(const Allocator& allocator) {
  cpu::DeviceOptions options;
  options.allocator = allocator;
  options.mappable = mappable;
  options.threads = threads;
  options.guard = guard;
  options.coherent = coherent;
  options.queue = queue;
  options.static_kernels = static_kernels();
  return need(cpu::create_device(options));
}
#endif

// Every fault that a test makes on purpose is reported too; CTS_REPORTS=1 prints what.
template <Owned<hal::Device> (*create)(const Allocator&)>
Owned<hal::Device> check(const Allocator& allocator) {
  CheckedOptions options;
  if (std::getenv("CTS_REPORTS"))
    options.report = [](void*, std::string_view text) { std::printf("%.*s\n", static_cast<int>(text.size()), text.data()); };
  return need(checked(create(allocator), options));
}

// Name, how it is made, whether it runs the kernels of kernels.cpp, threads.
const Backend rows[] = {
    {"null", &create_null, false, 1},
    {"checked(null)", &check<create_null>, false, 1},
#if defined(CTS_CPU)
    {"cpu", &create_cpu<true>, true, 1},
    {"cpu:unmappable", &create_cpu<false>, true, 1},
    {"cpu,threads=2", &create_cpu<true, 2>, true, 2},
    {"cpu,guard=1", &create_cpu<true, 1, true>, true, 1},
    {"cpu:unmappable,queue=1", &create_cpu<false, 1, false, true, true>, true, 1},
    {"cpu,coherent=0", &create_cpu<true, 1, false, false>, true, 1},
    {"checked(cpu)", &check<create_cpu<true>>, true, 1},
    {"checked(cpu:unmappable)", &check<create_cpu<false>>, true, 1},
    {"checked(cpu,threads=2)", &check<create_cpu<true, 2>>, true, 2},
    {"checked(cpu,guard=1)", &check<create_cpu<true, 1, true>>, true, 1},
    {"checked(cpu:unmappable,queue=1)", &check<create_cpu<false, 1, false, true, true>>, true, 1},
    {"checked(cpu,coherent=0)", &check<create_cpu<true, 1, false, false>>, true, 1},
#endif
};

}  // namespace

std::span<const Backend> table() { return rows; }

}  // namespace cts
