// What tests do with devices, and the program's main: counts for each row, known failures.
#define CATCH_CONFIG_RUNNER
#include "cts.hpp"
#include "known_failures.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>

namespace cts {

namespace {

struct Tally {
  int runs = 0, skips = 0, known = 0;
  std::map<std::string, int> reasons;
};
std::map<std::string, Tally>& tallies() {
  static std::map<std::string, Tally> counts;
  return counts;
}

}  // namespace

std::vector<const Backend*> backends() {
  std::vector<const Backend*> all;
  const char* only = std::getenv("CTS_ONLY");  // one row, for the run that a known failure gets of its own
  for (const Backend& backend : table())
    if (!only || std::string_view(only) == backend.name) all.push_back(&backend);
  return all;
}

bool is_known(const Backend& backend) {
  const std::string test = Catch::getResultCapture().getCurrentTestName();
  if (!known_failures().covers(backend.name, test)) return false;
  ++tallies()[backend.name].known;
  return true;
}

void count_run(const Backend& backend) { ++tallies()[backend.name].runs; }

void count_skip(const Backend& backend, const char* reason) {
  Tally& tally = tallies()[backend.name];
  ++tally.skips;
  ++tally.reasons[reason];
}

Allocator CountingAllocator::allocator() {
  return {this,
          [](void* self, size_t size, size_t alignment) -> void* {
            auto& counts = *static_cast<CountingAllocator*>(self);
            if (counts.calls.fetch_add(1) >= counts.refuse_from.load() || size > counts.largest.load()) return nullptr;
            void* memory = system_allocator().allocate(nullptr, size, alignment);
            if (memory) counts.live.fetch_add(1);
            return memory;
          },
          [](void* self, void* memory, size_t size, size_t alignment) {
            static_cast<CountingAllocator*>(self)->live.fetch_sub(1);
            system_allocator().release(nullptr, memory, size, alignment);
          }};
}

void copy(Transfer& to, Range target, Range source) {
  to.ranges[0] = target;
  to.ranges[1] = source;
  to.command.type = Command::Type::copy;
  to.command.ranges = to.ranges;
}

void fill(Transfer& to, Range target, uint64_t pattern, uint8_t pattern_size) {
  to.ranges[0] = target;
  to.command.type = Command::Type::fill;
  to.command.ranges = std::span<const Range>(to.ranges, 1);
  to.command.pattern = pattern;
  to.command.pattern_size = pattern_size;
}

void update(Transfer& to, Range target, Operand value, uint8_t size) {
  to.ranges[0] = target;
  to.operand = value;
  to.command.type = Command::Type::update;
  to.command.ranges = std::span<const Range>(to.ranges, 1);
  to.command.operands = std::span<const Operand>(&to.operand, 1);
  to.command.pattern_size = size;
}

void update(Transfer& to, Range target, std::span<const std::byte> data) {
  to.ranges[0] = target;
  to.command.type = Command::Type::update;
  to.command.ranges = std::span<const Range>(to.ranges, 1);
  to.command.data = data;
}

Ref<hal::Buffer> mappable(hal::Device& device, uint64_t size) {
  return need(device.allocate({.size = size, .memory = hal::Memory::host, .map = hal::Map::read_write}));
}

namespace {

// What is in flight is none of its business: a test may look at bytes before work has run.
void transfer(hal::Device& device, hal::Buffer& target, hal::Buffer& source) {
  Transfer whole;
  copy(whole, range(0), range(1));
  const Binding bindings[] = {{.buffer = &target}, {.buffer = &source}};
  auto done = need(device.create_semaphore(0));
  const Timepoint signals[] = {{done.get(), 1}};
  need(device.submit({.signals = signals, .transfers = {&whole.command, 1}, .bindings = bindings}));
  need(device.wait(signals, hal::Wait::all, UINT64_MAX));
}

}  // namespace

std::vector<uint8_t> bytes_of(hal::Device& device, hal::Buffer& buffer) {
  if (!buffer.mappable()) {
    auto staging = mappable(device, buffer.size());
    transfer(device, *staging, buffer);
    return bytes_of(device, *staging);
  }
  const auto view = need(buffer.map(hal::Access::read));
  need(buffer.invalidate(0, buffer.size()));
  std::vector<uint8_t> bytes(view.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), view.data(), bytes.size());
  buffer.unmap();
  return bytes;
}

void set_bytes(hal::Device& device, hal::Buffer& buffer, const std::vector<uint8_t>& bytes) {
  REQUIRE(buffer.size() == bytes.size());
  if (!buffer.mappable()) {
    auto staging = buffer_of(device, bytes);
    transfer(device, buffer, *staging);
    return;
  }
  const auto view = need(buffer.map(hal::Access::write));
  if (!bytes.empty()) std::memcpy(view.data(), bytes.data(), bytes.size());
  need(buffer.flush(0, buffer.size()));
  buffer.unmap();
}

Ref<hal::Buffer> buffer_of(hal::Device& device, const std::vector<uint8_t>& bytes) {
  auto buffer = mappable(device, bytes.size());
  set_bytes(device, *buffer, bytes);
  return buffer;
}

Code wait(hal::Device& device, std::initializer_list<Timepoint> points, hal::Wait mode, uint64_t timeout_ns) {
  return device.wait(std::span<const Timepoint>(points.begin(), points.size()), mode, timeout_ns).code();
}

Status finish(hal::Device& device, const hal::Submission& submission) {
  HALCYON_ASSIGN(const auto done, device.create_semaphore(0));  // not need(): threads call this, and Catch knows one
  std::vector<Timepoint> signals(submission.signals.begin(), submission.signals.end());
  signals.push_back({done.get(), 1});
  hal::Submission with_signal = submission;
  with_signal.signals = signals;
  HALCYON_TRY(device.submit(with_signal));
  const Timepoint point{done.get(), 1};
  return device.wait({&point, 1}, hal::Wait::all, 60 * second_ns);
}

Status submit_fill(hal::Device& device, hal::Buffer& buffer, uint8_t value, const std::vector<Timepoint>& waits,
                   const std::vector<Timepoint>& signals) {
  Transfer transfer;
  fill(transfer, range(0), value, 1);
  const Binding bindings[] = {{.buffer = &buffer}};
  const hal::Submission submission{.waits = waits, .signals = signals, .transfers = {&transfer.command, 1}, .bindings = bindings};
  return waits.empty() && signals.empty() ? finish(device, submission) : device.submit(submission);
}

uint8_t first_byte(hal::Device& device, hal::Buffer& buffer) { return bytes_of(device, buffer)[0]; }

void Signaller::start(hal::Semaphore& semaphore, uint64_t value) {
  semaphore_ = &semaphore;
  value_ = value;
  need(thread_.start(
      [](void* user) {
        auto& self = *static_cast<Signaller*>(user);
        timespec pause{0, 5'000'000};
        nanosleep(&pause, nullptr);
        if (self.value_ == 0)
          self.semaphore_->fail(Status(Code::device_lost, "test: it went away"));
        else
          (void)self.semaphore_->signal(self.value_).ok();
      },
      this));
}

std::vector<uint8_t> pattern(size_t size, uint8_t seed) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + seed * 31 + (i >> 8));
  return bytes;
}

Ref<hal::Commands> list(hal::Device& device, const std::vector<Command>& commands, uint32_t bindings, uint32_t parameters) {
  return need(device.create_commands({.commands = commands, .bindings = bindings, .parameters = parameters}));
}

}  // namespace cts

// Tests ask for more memory than there is: sanitizers shall answer as the C library does.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

int main(int argc, char** argv) {
  if (!std::getenv("CTS_ONLY") && !cts::known_failures().read()) return 2;
  int result = Catch::Session().run(argc, argv);
  if (!std::getenv("CTS_ONLY") && !cts::known_failures().still_fail(argv[0])) result = result == 0 ? 1 : result;
  for (const auto& [name, tally] : cts::tallies()) {
    std::printf("cts: %-24s %3d runs, %2d skipped", name.c_str(), tally.runs, tally.skips);
    if (tally.known != 0) std::printf(", %d known to fail", tally.known);
    const char* separator = ": ";
    for (const auto& [reason, count] : tally.reasons) {
      std::printf("%s%s (%d)", separator, reason.c_str(), count);
      separator = ", ";
    }
    std::printf("\n");
  }
  return result;
}
