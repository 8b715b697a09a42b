// Every allocation and every call of the operating system fails in turn, from creating a device to its end: one error comes
// out, nothing is lost, and the device goes on. With the tag [compiled]: the artifacts whose paths are in HALCYON_ARTIFACTS,
// separated by ':'; `faults.py` compiles them.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>

#include "artifacts.hpp"
#include "scenario.hpp"

using namespace faults;

// Sanitizers do not refuse by themselves.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace {

std::vector<std::string> devices() {
  std::vector<std::string> names = {"null", "checked(null)"};
#if defined(FAULTS_ELF)
  names.insert(names.end(), {"cpu", "cpu:unmappable", "checked(cpu)", "checked(cpu:unmappable)", "cpu,threads=2", "cpu,guard=1"});
#endif
  return names;
}

#if defined(FAULTS_ELF)
const char* const kernels = FAULTS_ELF;
#else
const char* const kernels = nullptr;
#endif

// What the steps must give where nothing is refused.
Outcome clean(const Setting& setting, Faults& faults) {
  Outcome outcome = live(setting, faults, nullptr);
  INFO(setting.device << " " << setting.path);
  CHECK(outcome.errors.empty());
  REQUIRE(outcome.wrong == "");
  REQUIRE(outcome.results.size() == 10);
  CHECK(faults.held() == Held{});
  return outcome;
}

// Whether the error is one that this call may end in.
bool is_clear(Call call, const Status& status) {
  const std::string_view what = status.what();
  if (what.empty()) return false;
  switch (call) {
    case Call::allocate: return status.code() == Code::out_of_memory;
    case Call::pthread_create: return status.code() == Code::out_of_memory && status.native() == EAGAIN;
    case Call::mmap: return status.code() == Code::out_of_memory;
    case Call::mprotect: return status.code() == Code::out_of_memory;
    case Call::open: return status.code() == Code::failed_precondition && status.native() == EMFILE;
    case Call::fstat:
    case Call::stat:
    case Call::read: return status.code() == Code::failed_precondition && status.native() == EIO;
    default: return false;
  }
}

struct Sweep {
  Setting setting;
  Call call = Call::allocate;
  Refusal refusal = Refusal::once;
};

// Refuses each of the calls in turn. A CPU device gives pooled memory back and asks again where memory is refused, and a
// checked device may remember less, so that one refusal of memory may stay inside.
void sweep(const Sweep& sweep, const Outcome& expected, uint64_t total) {
  const bool comes_out = sweep.call < Call::read_interrupted;
  const bool has_pages = sweep.setting.device.find("guard") != std::string::npos;
  const bool is_memory = sweep.call == Call::allocate || (has_pages && (sweep.call == Call::mmap || sweep.call == Call::mprotect));
  const bool may_stay_inside = is_memory && sweep.refusal == Refusal::once && sweep.setting.device != "null";
  uint64_t came_out = 0;
  for (uint64_t number = 0; number < total; ++number) {
    INFO(sweep.setting.device << ": " << name(sweep.call) << " number " << number << " of " << total);
    Faults faults;
    faults.refuse(sweep.call, number, sweep.refusal);
    const Outcome outcome = live(sweep.setting, faults, &expected);

    REQUIRE(outcome.wrong == "");
    REQUIRE(faults.refused() > 0);
    REQUIRE(faults.held() == Held{});
    REQUIRE(outcome.errors.size() <= 1);
    if (!may_stay_inside) REQUIRE(outcome.errors.size() == comes_out);
    came_out += outcome.errors.size();
    if (!outcome.errors.empty()) {
      INFO(halcyon::name(outcome.errors[0].code()) << ": " << outcome.errors[0].what() << ", native " << outcome.errors[0].native());
      REQUIRE(is_clear(sweep.call, outcome.errors[0]));
    }
    REQUIRE(outcome.results == expected.results);
    REQUIRE(outcome.variables == expected.variables);
  }
  if (comes_out && total != 0) CHECK(came_out != 0);
}

void sweep_all(const Setting& setting) {
  Outcome expected;
  uint64_t totals[static_cast<size_t>(Call::count_)] = {};
  {
    Faults faults;
    expected = clean(setting, faults);
    for (size_t i = 0; i < std::size(totals); ++i) totals[i] = faults.calls(static_cast<Call>(i));
  }
  for (size_t i = 0; i < std::size(totals); ++i)
    for (const Refusal refusal : {Refusal::once, Refusal::from_there_on}) {
      const Call call = static_cast<Call>(i);
      if (call == Call::read_interrupted && refusal == Refusal::from_there_on) continue;  // would never end
      sweep({setting, call, refusal}, expected, totals[i]);
    }
}

}  // namespace

TEST_CASE("the calls go through the layer that refuses them", "[faults]") {
  const ArtifactFile file(kernels, true);
  Setting setting{devices().back(), file.path()};
  Faults mapping;
  clean(setting, mapping);
  setting.mode = LoadMode::copy;
  Faults copying;
  clean(setting, copying);

  CHECK(mapping.calls(Call::allocate) > 30);
  CHECK(mapping.calls(Call::mmap) > 0);
  CHECK(mapping.calls(Call::open) == 1);
  CHECK(mapping.calls(Call::fstat) == 1);
  CHECK(copying.calls(Call::open) == 1);
  CHECK(copying.calls(Call::stat) == 1);
  CHECK(copying.calls(Call::read) > 0);
#if defined(FAULTS_ELF)
  Faults threads;
  clean({"cpu,threads=2,pin=1", file.path()}, threads);
  CHECK(threads.calls(Call::pthread_create) == 1);
  CHECK(threads.calls(Call::sched_setaffinity) > 0);
  CHECK(threads.calls(Call::mprotect) > 0);
#endif
}

TEST_CASE("what nobody gives back is seen", "[faults]") {
  Faults faults;
  const Allocator allocator = faults.allocator();
  void* memory = allocator.allocate(allocator.self, 8, 8);
  CHECK(faults.held() == Held{.allocations = 1});
  allocator.release(allocator.self, memory, 16, 8);
  CHECK(faults.held() == Held{.wrong_releases = 1});
}

TEST_CASE("the calls compute what they should where nothing fails", "[faults]") {
  const std::string device = GENERATE(from_range(devices()));
  const bool reads = GENERATE(true, false);
  const ArtifactFile file(kernels, reads);
  Faults faults;
  const Outcome outcome = clean({device, file.path()}, faults);
  uint32_t y[5] = {};
  int64_t cache[1] = {};
  std::memcpy(y, outcome.results[9][0].data(), sizeof y);
  std::memcpy(cache, outcome.results[9][1].data(), sizeof cache);

  CAPTURE(device, reads);
  CHECK(y[4] == (1 + (4 + 9) % 7) * (device.find("null") != std::string::npos || !kernels ? 1u : 2u));
  CHECK(cache[0] == 40 + (reads ? 10 : 1) * 3);
}

TEST_CASE("each refused call is one clear error, and the device goes on", "[faults]") {
  const std::string device = GENERATE(from_range(devices()));
  const LoadMode mode = GENERATE(LoadMode::map, LoadMode::copy);
  const ArtifactFile file(kernels, GENERATE(true, false));
  sweep_all({device, file.path(), mode});
}

#if defined(FAULTS_ELF)
TEST_CASE("threads that cannot be pinned work where they are", "[faults]") {
  const ArtifactFile file(kernels, false);
  sweep_all({"cpu,threads=3,pin=1", file.path()});
}
#endif

TEST_CASE("each refused call is one clear error with compiled artifacts", "[.][compiled]") {
  const char* paths = std::getenv("HALCYON_ARTIFACTS");
  REQUIRE(paths != nullptr);
  REQUIRE(paths[0] != 0);
  while (*paths) {
    const size_t length = std::strcspn(paths, ":");
    for (const std::string& device : devices())
      if (device.find("cpu") != std::string::npos) sweep_all({device, std::string(paths, length)});
    paths += length + (paths[length] == ':');
  }
}
