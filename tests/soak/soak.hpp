// What the soak's parts share: devices that all threads use, what each thread has of its own, and the letterbox through which
// one thread's semaphores are signalled by another.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "artifact_spec.hpp"
#include "halcyon/drivers/cpu.hpp"
#include "halcyon/halcyon.hpp"

namespace soak {

using namespace halcyon;

// Counts what is live, and refuses this thread's allocation after next where it is told to.
class CountingAllocator {
 public:
  Allocator allocator();
  std::atomic<int64_t> live{0};
  static thread_local int64_t allowed;  // how many more this thread gets; below 0: any
};

// Kernels of every device's static table.
enum class Kernel : uint32_t {
  scale,  // y[i] = x[i] * p0 + p1, of u32, by way of local memory; 16 a workgroup
  tally,  // one more in a u64
  fail,   // returns p0
};

// A device, and what was loaded on it for all threads.
struct Machine {
  Machine(std::string name, cpu::DeviceOptions options, bool is_checked);
  ~Machine();
  std::string name;
  CountingAllocator memory;
  Owned<hal::Device> device;
  support::Aligned file;
  Owned<Program> program;
  Ref<hal::Executable> kernels;
  Ref<hal::Commands> scale, tally, fail;  // bindings x, y; parameters bytes, count, factor, summand - binding cell - none
  std::string end();                      // unloads everything; what was left over, or nothing

 private:
  bool ends_ = false;
  std::string left_over_;
};

// y[i] = x[i] * factor + summand.
inline uint32_t scaled(uint32_t x, uint64_t factor, uint64_t summand) { return x * static_cast<uint32_t>(factor) + static_cast<uint32_t>(summand); }

struct Soak {
  uint64_t seed = 0;
  std::vector<std::unique_ptr<Machine>> machines;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> done{0}, failures{0};

  // Semaphores to be signalled, or failed, by whoever comes by.
  struct Letter {
    Ref<hal::Semaphore> semaphore;
    uint64_t value = 0;
    Status failure;
  };
  void post(Letter letter);
  bool deliver();  // one letter, if there is any

 private:
  std::mutex mutex_;
  std::deque<Letter> letters_;
};

class Worker {
 public:
  Worker(Soak& soak, uint32_t index) : soak_(soak), index_(index), random_(soak.seed * 1000 + index) {}
  void run();  // until the soak stops
  std::atomic<const char*> action{"nothing"};

 private:
  using Action = bool (Worker::*)(Machine& machine);
  struct Named {
    const char* name;
    Action action;
  };
  static const Named actions[];
  // Each is false where something was wrong, which it has reported.
  bool call_now(Machine& machine);
  bool call_later(Machine& machine);
  bool call_wrongly(Machine& machine);
  bool call_without_memory(Machine& machine);
  bool load_own(Machine& machine);
  bool use_memory(Machine& machine);
  bool use_memory_later(Machine& machine);
  bool run_graph(Machine& machine);
  bool tally_together(Machine& machine);
  bool fail_a_kernel(Machine& machine);
  bool fail_a_semaphore(Machine& machine);
  bool wait_in_vain(Machine& machine);
  bool submit_wrongly(Machine& machine);
  bool trim(Machine& machine);

  uint64_t below(uint64_t end) { return random_() % end; }
  bool once_in(uint64_t n) { return below(n) == 0; }
  std::vector<uint32_t> numbers(size_t count);
  bool check(bool holds, const char* what);
  bool check(const Status& status, Code code, const char* what);
  bool check(const Status& status, const char* what) { return check(status, Code::ok, what); }
  template <class T>
  bool take(Result<T> result, T& value, const char* what) {
    if (!check(result.status(), what)) return false;
    value = std::move(result).value();
    return true;
  }
  // Waits, and delivers letters meanwhile: who waits may be the only one who could.
  Status patiently(hal::Device& device, std::span<const hal::Timepoint> points, hal::Wait mode = hal::Wait::all);
  // Signals `semaphore` to 1 now, or lets another thread do so, or fail it; what it will end with.
  Code let_go(const Ref<hal::Semaphore>& semaphore, bool may_fail = true);
  bool set(Machine& machine, hal::Buffer& buffer, const std::vector<uint32_t>& values);
  bool holds(Machine& machine, hal::Buffer& buffer, const std::vector<uint32_t>& values, const char* what);

  Soak& soak_;
  uint32_t index_;
  std::mt19937_64 random_;
  Machine* machine_ = nullptr;  // of the present action
};

}  // namespace soak
