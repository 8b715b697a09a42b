// halcyon/drivers/shared/timeline.hpp -- timeline semaphores and queued work for devices that run work on
// the thread that makes it ready: the caller of submit, or whoever signals its last wait; or hand it to an Executor.
//
//   switch (timeline.state(waits, status)) { case State::reached: run now; ... }
//   timeline.enqueue(work);                    // runs on the thread that signals the last wait
//   timeline.settle(signals, status);          // reaches the signals, or fails them; runs what that readies
//
// One lock for the whole device; `query` and waits that are reached already take none.
// No call may be in progress when the timeline is destroyed. Threads: any.
#pragma once
#include "halcyon/drivers/shared/owner.hpp"
#include "halcyon/hal/buffer.hpp"
#include "halcyon/hal/semaphore.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

class Timeline;
class Work;

// One wait of a piece of work; while it is not reached, a node in its semaphore's heap.
struct WaitNode {
  hal::Timepoint point;
  Work* work = nullptr;
  WaitNode* child = nullptr;
  WaitNode* next = nullptr;      // of the same parent
  WaitNode* previous = nullptr;  // the parent, for its first child
  bool is_queued = false;
};

// Waits by value, of equal ones the first that came: a pairing heap, so that a chain of many thousand submissions costs
// each of them a logarithm, and nothing is allocated. Under the timeline's lock.
class WaitHeap {
 public:
  const WaitNode* top() const { return top_; }
  void push(WaitNode& node);
  void remove(WaitNode& node);

 private:
  static bool is_before(const WaitNode& a, const WaitNode& b);
  static WaitNode* merge(WaitNode* a, WaitNode* b);
  static WaitNode* merge_children(WaitNode& node);
  WaitNode* top_ = nullptr;
};

class TimelineSemaphore final : public hal::Semaphore {
 public:
  TimelineSemaphore(Timeline& timeline, uint64_t value) : timeline_(timeline), value_(value) {}

  Result<uint64_t> query() override;
  Status signal(uint64_t value) override;
  void fail(Status status) override;

 private:
  friend class Timeline;
  void recycle() override;

  Timeline& timeline_;
  std::atomic<uint64_t> value_;
  std::atomic<bool> failed_{false};
  Status failure_;  // written once, before failed_
  WaitHeap waiting_;
};

// A piece of work that waits. It holds references to its semaphores and to whatever it uses.
class Work {
 public:
  virtual ~Work() = default;
  // Once, without a lock held. `waited` is not ok where a wait failed: then nothing runs, and it is what the signals get.
  virtual Status run(const Status& waited) = 0;
  virtual void drop_resources() = 0;     // before its signals are reached: a waiter finds buffers unused
  virtual void destroy() = 0;

  // In memory of the work, a reference each: Timeline::adopt takes them.
  std::span<WaitNode> waits;
  std::span<hal::Timepoint> signals;

 private:
  friend class Timeline;
  friend class WaitHeap;
  friend struct WorkList;
  Work* next_ = nullptr;  // in the list of all that wait, or of what is ready
  Work* previous_ = nullptr;
  uint64_t order_ = 0;
  size_t unreached_ = 0;
  Status blocked_;  // why it cannot run: a wait failed
};

// In the order of pushing.
struct WorkList {
  Work* first = nullptr;
  Work* last = nullptr;
  void push(Work& work);
  Work* pop();
};

// Where ready work goes instead of running at once (worker.hpp). It calls Timeline::execute for each.
class Executor {
 public:
  virtual void push(Work& work) = 0;

 protected:
  ~Executor() = default;
};

class Timeline {
 public:
  enum class State : uint8_t { reached, pending, failed };

  explicit Timeline(Owner& owner) : owner_(owner) {}
  ~Timeline();

  Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value);
  // Checks a submission's timepoints. Errors: invalid_argument for none, or a signal that was passed.
  static Status check(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals);
  // Takes no lock. `failure` is written where a wait failed.
  static State state(std::span<const hal::Timepoint> waits, Status& failure);

  // Writes the work's waits and signals, which are as many, and takes their references.
  static void adopt(Work& work, std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals);
  // Takes the work over, and runs it at once where its waits were reached meanwhile.
  void enqueue(Work& work);
  // Ready work goes there; null: it runs where it became ready. Nothing may be in flight.
  void use(Executor* executor) { executor_ = executor; }
  // Runs ready work, reaches or fails its signals, and passes on what that readies.
  void execute(Work& work);
  void settle(std::span<const hal::Timepoint> signals, const Status& status);
  Status signal(TimelineSemaphore& semaphore, uint64_t value);
  Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns);
  // For buffers whose uses end before enqueue's work is finished, or before settle.
  Status wait_idle(const hal::Buffer& buffer, uint64_t timeout_ns);

  // Fails and destroys what still waits; before the device's other objects go.
  void abandon();

 private:
  friend class TimelineSemaphore;
  // Under the lock: reaches or fails the signals, and takes what that readies.
  void apply(std::span<const hal::Timepoint> signals, const Status& status, WorkList& ready);
  void advance(TimelineSemaphore& semaphore, WorkList& ready);
  void set_aside(Work& work);
  void make_ready(Work& work, const Status& blocked, WorkList& ready);
  void run(WorkList& ready);
  void execute(Work& work, WorkList& ready);
  static void finish(Work& work);
  static bool decided(std::span<const hal::Timepoint> timepoints, hal::Wait mode, Status& failure);

  Owner& owner_;
  platform::Mutex mutex_;
  platform::Condition changed_;
  Executor* executor_ = nullptr;
  Work* pending_ = nullptr;  // all that wait, in no order
  uint64_t arrivals_ = 0;
  std::atomic<uint32_t> waiters_{0};  // changed under the lock
};

}  // namespace shared
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/shared/timeline.ipp"
#endif
