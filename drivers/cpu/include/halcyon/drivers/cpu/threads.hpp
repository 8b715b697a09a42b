// halcyon/drivers/cpu/threads.hpp -- a pool of threads that shares out the workgroups of one dispatch.
//
//   HALCYON_TRY(pool.start(3, false));           // three threads beside the caller
//   pool.run(count, task, context);              // the caller takes part
//
// A thread that has just worked spins for half a millisecond, since the next dispatch of a model follows at
// once, then parks. The caller waits only for threads that took something: one that wakes late finds the
// job closed, so a slow wake-up costs parallelism and never time. One job at a time: `try_claim` first.
//
// Every worker begins with a run of tasks of its own, the same one for jobs of the same size, so that what one dispatch
// left in a processor's cache the next one finds there; whoever is done takes what others have left.
#pragma once
#include "halcyon/allocator.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace detail {
class Processors;
}

class ThreadPool {
 public:
  using Task = void (*)(void* context, uint32_t index, uint32_t worker);

  explicit ThreadPool(const Allocator& allocator) : allocator_(allocator) {}
  ~ThreadPool() { stop(); }

  Status start(uint32_t threads, bool pin);
  void stop();
  uint32_t workers() const { return count_ + 1; }
  // True where some thread is awake, so that sharing out costs well below a microsecond.
  bool awake() const { return parked_.load(std::memory_order_relaxed) < count_; }

  bool try_claim() { return !claimed_.exchange(true, std::memory_order_acquire); }
  void unclaim() { claimed_.store(false, std::memory_order_release); }
  static constexpr uint32_t most_tasks = 1u << 23;
  // `count` is at most most_tasks.
  void run(uint32_t count, Task task, void* context);

 private:
  static constexpr uint32_t open = 1u << 31;
  static constexpr uint64_t spin_ns = 500'000;
  static constexpr uint32_t task_bits = 24;  // of a cursor

  struct Worker {
    platform::Thread thread;
    ThreadPool* pool = nullptr;
    uint32_t index = 0;
  };
  // Which of a worker's own tasks is next, and of which job. Who finds it of an older job begins it: the caller writes
  // to no line that another processor holds but the gate's.
  struct alignas(64) Share {
    std::atomic<uint64_t> cursor{0};
  };
  void work(uint32_t index);
  bool wait_for_job(uint32_t& seen, bool& spin, const detail::Processors& processors);
  void take_tasks(uint32_t worker);

  Allocator allocator_;
  Worker* threads_ = nullptr;
  Share* shares_ = nullptr;  // one for each worker, the caller's first
  uint32_t count_ = 0;
  bool pin_ = false;
  std::atomic<uint32_t> parked_{0};
  std::atomic<bool> stopping_{false}, claimed_{false};
  std::atomic<int> caller_processor_{-1};  // where the last job that woke threads was started
  alignas(64) std::atomic<uint32_t> epoch_{0};  // rises with every job; what parked threads sleep on
  std::atomic<uint32_t> gate_{0};               // `open` while the job may be joined, plus who is inside
  // Written while the gate is shut and nobody is inside. On the line that a thread which joins has anyway.
  Task task_ = nullptr;
  void* context_ = nullptr;
  uint64_t job_ = 0;                 // what its shares' cursors begin with
  uint32_t tasks_ = 0, used_ = 0;    // used: shares that have tasks
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/threads.ipp"
#endif
