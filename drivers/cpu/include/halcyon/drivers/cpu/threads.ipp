// halcyon/drivers/cpu/threads.ipp -- bodies of threads.hpp.
#pragma once
#include "halcyon/drivers/cpu/threads.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace detail {

inline int current_processor() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// The processors that the calling thread was started with.
class Processors {
 public:
#if defined(__linux__)
  Processors() {
    CPU_ZERO(&all_);
    sched_getaffinity(0, sizeof all_, &all_);
  }
  // Binds the calling thread to the `index`-th of them.
  void pin(uint32_t index) const {
    const int count = CPU_COUNT(&all_);
    if (count == 0) return;
    uint32_t rest = index % static_cast<uint32_t>(count);
    for (size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (!CPU_ISSET(processor, &all_) || rest-- != 0) continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(processor, &one);
      sched_setaffinity(0, sizeof one, &one);
      return;
    }
  }
  // Moves the calling thread to any other of them; false where there is none.
  bool leave(int processor) const {
    cpu_set_t others = all_;
    if (processor < 0) return false;
    CPU_CLR(static_cast<size_t>(processor), &others);
    return CPU_COUNT(&others) != 0 && sched_setaffinity(0, sizeof others, &others) == 0;
  }

 private:
  cpu_set_t all_;
#else
  void pin(uint32_t) const {}
  bool leave(int) const { return true; }
#endif
};

}  // namespace detail

HALCYON_FUNC Status ThreadPool::start(uint32_t threads, bool pin) {
  if (threads == 0) return {};
  void* memory = allocator_.allocate(allocator_.self, threads * sizeof(Worker), alignof(Worker));
  if (!memory) return out_of_memory();
  void* shares = allocator_.allocate(allocator_.self, (size_t{threads} + 1) * sizeof(Share), alignof(Share));
  if (!shares) {
    allocator_.release(allocator_.self, memory, threads * sizeof(Worker), alignof(Worker));
    return out_of_memory();
  }
  threads_ = static_cast<Worker*>(memory);
  shares_ = static_cast<Share*>(shares);
  count_ = threads;
  pin_ = pin;
  for (uint32_t i = 0; i < threads; ++i) ::new (static_cast<void*>(threads_ + i)) Worker;
  for (uint32_t i = 0; i <= threads; ++i) ::new (static_cast<void*>(shares_ + i)) Share;
  for (uint32_t i = 0; i < threads; ++i) {
    threads_[i].pool = this;
    threads_[i].index = i + 1;  // the caller is worker 0
    const auto entry = [](void* user) {
      const Worker& worker = *static_cast<Worker*>(user);
      worker.pool->work(worker.index);
    };
    if (const Status status = threads_[i].thread.start(entry, &threads_[i]); !status.ok()) {
      stop();
      return status;
    }
  }
  return {};
}

HALCYON_FUNC void ThreadPool::stop() {
  if (!threads_) return;
  stopping_.store(true, std::memory_order_seq_cst);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  platform::futex_wake(epoch_);
  for (uint32_t i = 0; i < count_; ++i) {
    threads_[i].thread.join();
    threads_[i].~Worker();
  }
  allocator_.release(allocator_.self, threads_, count_ * sizeof(Worker), alignof(Worker));
  allocator_.release(allocator_.self, shares_, (size_t{count_} + 1) * sizeof(Share), alignof(Share));
  threads_ = nullptr;
  shares_ = nullptr;
  count_ = 0;
}

HALCYON_FUNC void ThreadPool::take_tasks(uint32_t worker) {
  const uint64_t job = job_ << task_bits;
  for (uint32_t i = 0, at = worker % used_; i < used_; ++i, at = at + 1 < used_ ? at + 1 : 0) {
    const uint32_t begin = static_cast<uint32_t>(uint64_t{tasks_} * at / used_);
    const uint64_t end = job | static_cast<uint32_t>(uint64_t{tasks_} * (at + 1) / used_);
    std::atomic<uint64_t>& cursor = shares_[at].cursor;
    uint64_t seen = cursor.load(std::memory_order_relaxed);  // a look does not take the line from its owner
    while (true) {
      const uint64_t task = seen >> task_bits == job_ ? seen : job | begin;
      if (task >= end) break;
      if (!cursor.compare_exchange_weak(seen, task + 1, std::memory_order_relaxed)) continue;
      task_(context_, static_cast<uint32_t>(task - job), worker);
      seen = cursor.load(std::memory_order_relaxed);
    }
  }
}

HALCYON_FUNC void ThreadPool::run(uint32_t count, Task task, void* context) {
  HALCYON_ASSERT(count <= most_tasks);
  if (count == 0) return;
  task_ = task;
  context_ = context;
  job_ = (job_ + 1) & (UINT64_MAX >> task_bits);
  if (job_ == 0)  // the numbers begin anew: what was left of them goes
    for (uint32_t i = 0; i < workers(); ++i) shares_[i].cursor.store(UINT64_MAX, std::memory_order_relaxed);
  tasks_ = count;
  used_ = count < workers() ? count : workers();
  gate_.store(open, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  if (const uint32_t parked = parked_.load(std::memory_order_seq_cst); parked != 0) {
    const uint32_t wanted = count - 1 < parked ? count - 1 : parked;
    caller_processor_.store(detail::current_processor(), std::memory_order_relaxed);
    platform::futex_wake(epoch_, static_cast<int>(wanted));
  }
  take_tasks(0);
  gate_.fetch_and(~open, std::memory_order_acq_rel);
  for (uint32_t spins = 0; gate_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < 4000)
      platform::spin_pause();
    else
      platform::yield_thread();
  }
}

// Returns once there is a job that was not seen, false at the end; `spin`: whether to watch for it before
// sleeping. A thread that was woken watches, unless it would do so on the caller's own processor.
HALCYON_FUNC bool ThreadPool::wait_for_job(uint32_t& seen, bool& spin, const detail::Processors& processors) {
  uint64_t until = 0;
  for (uint32_t spins = 0;; ++spins) {
    const uint32_t epoch = epoch_.load(std::memory_order_acquire);
    if (epoch != seen) {
      seen = epoch;
      return !stopping_.load(std::memory_order_acquire);
    }
    if (spin) {
      platform::spin_pause();
      if (spins % 64 != 0) continue;
      const uint64_t now = platform::monotonic_ns();
      if (until == 0) until = now + spin_ns;
      spin = now < until;
      continue;
    }
    parked_.fetch_add(1, std::memory_order_seq_cst);
    platform::futex_wait(epoch_, seen);
    parked_.fetch_sub(1, std::memory_order_seq_cst);
    // The system likes to wake a thread where its waker runs: there it would take turns with the caller instead
    // of helping (measured on 2 processors: 296 us against 149 us for a job of 300 us).
    const int processor = detail::current_processor();
    const bool elsewhere = processor != caller_processor_.load(std::memory_order_relaxed);
    spin = elsewhere || (!pin_ && processors.leave(processor));
    until = 0;
  }
}

HALCYON_FUNC void ThreadPool::work(uint32_t index) {
  const detail::Processors processors;
  if (pin_) processors.pin(index);
  uint32_t seen = 0;
  bool spin = false;
  while (wait_for_job(seen, spin, processors)) {
    uint32_t gate = gate_.load(std::memory_order_acquire);
    bool joined = false;
    while ((gate & open) != 0 && !joined)
      joined = gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel, std::memory_order_acquire);
    if (!joined) continue;
    take_tasks(index);
    gate_.fetch_sub(1, std::memory_order_release);
    spin = true;
  }
}

}  // namespace cpu
HALCYON_NAMESPACE_END
