// halcyon/drivers/shared/engine.hpp -- submissions of a device on host memory: checked, and run here where they wait for
// nothing and the device is inline.
//
//   Engine engine(owner);
//   return engine.submit(submission);      // what Device::submit does
//
// What has waits and signals goes to the device's Ordering (queue.hpp); a device may do without one, and then has no
// semaphores. A submission without them takes no lock and allocates nothing (beyond the scratch that the engine
// keeps). Threads: any.
#pragma once
#include "halcyon/drivers/shared/recording.hpp"
#include "halcyon/drivers/shared/scratch.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

// What a submission runs, whether it was queued or not.
struct Plan {
  std::span<const hal::Binding> bindings;
  std::span<const uint64_t> parameters;
  std::span<const hal::Command> transfers;  // checked and run where they lie, or
  const Recording* recorded = nullptr;      // the copy of them
  const Recording* commands = nullptr;
};

// Semaphores, and the work that waits for them.
class Ordering {
 public:
  // `waited` is not ok where a wait failed; what it returns goes to the signal.
  using Action = Status (*)(void* self, hal::Buffer& buffer, const Status& waited);

  virtual Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value) = 0;
  virtual Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) = 0;
  virtual Status wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) = 0;
  virtual Status submit(const hal::Submission& submission, const Plan& plan) = 0;
  // Calls `action` once `waits` are reached (now, if they are) or one has failed, then reaches `signal`, which may be {}.
  // The buffer is retained, and in use, until then.
  virtual Status after(std::span<const hal::Timepoint> waits, hal::Timepoint signal, Action action, void* self, hal::Buffer& buffer) = 0;

 protected:
  ~Ordering() = default;
};

// What a device without an ordering answers.
HALCYON_COLD inline Status no_semaphores() { return {Code::unsupported, "the device was created without semaphores"}; }

class Engine {
 public:
  enum class Phase : uint8_t { check, run, check_and_run };

  explicit Engine(Owner& owner) : owner_(owner), scratch_(owner.allocator) {}

  // Both before the first submission.
  void use(WorkgroupRunner runner, uint32_t workers) {
    runner_ = runner;
    workers_ = workers;
  }
  void use(Ordering& ordering) { ordering_ = &ordering; }
  void queue_everything() { queues_all_ = true; }  // what neither waits nor signals goes to the ordering too
  void profile(hal::ProfileSink sink) { profile_ = sink; }

  Result<Ref<hal::Commands>> create_commands(const hal::CommandsDesc& desc) { return Recording::create(owner_, desc); }
  Status submit(const hal::Submission& submission);
  Status execute(const Plan& plan, Phase phase);

  // What the ordering does; unsupported where there is none.
  Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value);
  Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns);
  // Without an ordering nothing outlives its submit, and every buffer is idle.
  Status wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) {
    return ordering_ ? ordering_->wait_idle(buffer, timeout_ns) : Status();
  }

  void trim() { scratch_.trim(); }
  void fill_stats(hal::Stats& stats) const {
    stats.submissions = submissions_.load(std::memory_order_relaxed);
    stats.dispatches = dispatches_.load(std::memory_order_relaxed);
  }

 private:
  static Status check_counts(const hal::Submission& submission);
  Status run(const Plan& plan, const View& view, const RunContext& context);

  Owner& owner_;
  Scratch scratch_;
  Ordering* ordering_ = nullptr;
  WorkgroupRunner runner_;
  uint32_t workers_ = 1;
  bool queues_all_ = false;
  hal::ProfileSink profile_;
  std::atomic<uint64_t> submissions_{0}, dispatches_{0};
};

}  // namespace shared
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/shared/engine.ipp"
#endif
