// What every conformance test uses: the devices under test, and short ways to make and look at things.
//
//   TEST_CASE("a buffer holds what was written", "[memory]") {
//     CTS_DEVICE(device);
//     ...
//   }
//
// The test runs once for each backend of backends.cpp. Tests assert codes, not messages, except where the
// message is part of the contract.
#pragma once
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "halcyon/hal/device.hpp"
#include "halcyon/hal/kernel_abi.h"
#include "halcyon/platform.hpp"

namespace cts {

using namespace halcyon;
using hal::Binding;
using hal::Command;
using hal::Operand;
using hal::Range;
using hal::Timepoint;

struct Backend {
  const char* name;
  Owned<hal::Device> (*create)(const Allocator& allocator);
  bool runs_kernels;  // takes the static table of kernels.cpp
  uint32_t threads;
};

// The rows: table.cpp, or what another build has in its place.
std::span<const Backend> table();
// Those of this run.
std::vector<const Backend*> backends();
std::span<const hcy_static_kernel> static_kernels();
// Whether the running test is listed in known_failures.txt for this row; counts it.
bool is_known(const Backend& backend);
void count_run(const Backend& backend);
void count_skip(const Backend& backend, const char* reason);

// An allocator that counts, and refuses from the `refuse_from`-th call on, and what is larger than `largest`.
struct CountingAllocator {
  std::atomic<uint64_t> calls{0};
  std::atomic<int64_t> live{0};
  std::atomic<uint64_t> refuse_from{UINT64_MAX};
  std::atomic<size_t> largest{SIZE_MAX};
  Allocator allocator();
};

template <class T>
T need(Result<T> result) {
  INFO(name(result.status().code()) << ": " << result.status().what());
  REQUIRE(result.ok());
  return std::move(result).value();
}
inline void need(const Status& status) {
  INFO(name(status.code()) << ": " << status.what());
  REQUIRE(status.ok());
}
template <class T>
Code code(const Result<T>& result) {
  return result.ok() ? Code::ok : result.status().code();
}

// A range of literals.
constexpr Range range(uint32_t slot, uint64_t offset = 0, uint64_t size = UINT64_MAX) {
  return {slot, Operand::literal(offset), Operand::literal(size)};
}

// A copy, fill or update that owns its ranges.
struct Transfer {
  Range ranges[2];
  Operand operand;
  Command command;
};
void copy(Transfer& to, Range target, Range source);
void fill(Transfer& to, Range target, uint64_t pattern, uint8_t pattern_size);
void update(Transfer& to, Range target, Operand value, uint8_t size);
void update(Transfer& to, Range target, std::span<const std::byte> data);

// A buffer that maps, whatever the device.
Ref<hal::Buffer> mappable(hal::Device& device, uint64_t size);
// Through map where the buffer maps, else by a copy on the device.
std::vector<uint8_t> bytes_of(hal::Device& device, hal::Buffer& buffer);
void set_bytes(hal::Device& device, hal::Buffer& buffer, const std::vector<uint8_t>& bytes);
Ref<hal::Buffer> buffer_of(hal::Device& device, const std::vector<uint8_t>& bytes);
std::vector<uint8_t> pattern(size_t size, uint8_t seed = 1);

constexpr uint64_t second_ns = 1'000'000'000;
// Device::wait, a poll unless a timeout is given.
Code wait(hal::Device& device, std::initializer_list<Timepoint> points, hal::Wait mode = hal::Wait::all, uint64_t timeout_ns = 0);
// Submits and waits for the end; returns what either says. It signals a semaphore of its own too.
Status finish(hal::Device& device, const hal::Submission& submission);
// Fills `buffer` with `value` once `waits` are reached, then reaches `signals`. With neither it is done on return.
Status submit_fill(hal::Device& device, hal::Buffer& buffer, uint8_t value, const std::vector<Timepoint>& waits,
                   const std::vector<Timepoint>& signals);
uint8_t first_byte(hal::Device& device, hal::Buffer& buffer);

// A thread that signals (or fails) a semaphore a little later: while the test waits, as a rule.
class Signaller {
 public:
  ~Signaller() { thread_.join(); }
  void start(hal::Semaphore& semaphore, uint64_t value);  // 0: fails it, with device_lost
  void join() { thread_.join(); }

 private:
  hal::Semaphore* semaphore_ = nullptr;
  uint64_t value_ = 0;
  platform::Thread thread_;
};

template <class T>
std::vector<T> values_of(hal::Device& device, hal::Buffer& buffer) {
  const std::vector<uint8_t> bytes = bytes_of(device, buffer);
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

// The executable of kernels.cpp's table; null (and counted as skipped) where the backend runs no kernels.
enum class Kernel : uint32_t { add, record, local, fail, tally, mix, count_ };
Ref<hal::Executable> kernels(hal::Device& device);
struct Dispatch {
  std::vector<Range> ranges;
  std::vector<Operand> operands;
  Command command;
};
void dispatch(Dispatch& to, hal::Executable& executable, Kernel kernel, Operand x, Operand y = Operand::literal(1),
              Operand z = Operand::literal(1));
Ref<hal::Commands> list(hal::Device& device, const std::vector<Command>& commands, uint32_t bindings, uint32_t parameters = 0);

}  // namespace cts

// Declares `backend`, each row of the table in turn.
#define CTS_BACKEND()                                                    \
  const cts::Backend& backend = *GENERATE(from_range(cts::backends()));  \
  INFO("backend " << backend.name);                                      \
  if (cts::is_known(backend)) return;                                    \
  cts::count_run(backend)

// Declares `device` too, an Owned<hal::Device>.
#define CTS_DEVICE(device) \
  CTS_BACKEND();           \
  auto device = backend.create(halcyon::system_allocator())

#define CTS_NEEDS(backend, condition, reason)    \
  do {                                           \
    if (!(condition)) {                          \
      cts::count_skip(backend, reason);          \
      return;                                    \
    }                                            \
  } while (false)
