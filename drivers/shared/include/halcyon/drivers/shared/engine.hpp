// halcyon/drivers/shared/engine.hpp -- submissions of an inline device: checked, run here where their waits
// are reached, else copied and queued.
//
//   Engine engine(owner);
//   return engine.submit(submission);      // what Device::submit does
//
// A submission without waits and signals takes no lock and allocates nothing (beyond the scratch that the
// engine keeps). Buffers are retained only by what is queued. Threads: any.
#pragma once
#include "halcyon/drivers/shared/recording.hpp"
#include "halcyon/drivers/shared/scratch.hpp"
#include "halcyon/drivers/shared/timeline.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

class Engine {
 public:
  explicit Engine(Owner& owner) : timeline(owner), owner_(owner), scratch_(owner.allocator) {}

  // Both before the first submission.
  void use(WorkgroupRunner runner, uint32_t workers) {
    runner_ = runner;
    workers_ = workers;
  }
  void profile(hal::ProfileSink sink) { profile_ = sink; }

  Result<Ref<hal::Commands>> create_commands(const hal::CommandsDesc& desc);
  Status submit(const hal::Submission& submission);

  // Calls `action(self, buffer)` once `waits` are reached (now, if they are), then reaches `signal`, which
  // may be {}. The buffer is retained until then.
  using Action = Status (*)(void* self, hal::Buffer& buffer);
  Status after(std::span<const hal::Timepoint> waits, hal::Timepoint signal, Action action, void* self, hal::Buffer& buffer);

  void trim() { scratch_.trim(); }
  void fill_stats(hal::Stats& stats) const {
    stats.submissions = submissions_.load(std::memory_order_relaxed);
    stats.dispatches = dispatches_.load(std::memory_order_relaxed);
  }

  Timeline timeline;

 private:
  class QueuedSubmission;
  class QueuedAction;
  // What a submission runs, whether it was queued or not.
  struct Plan {
    std::span<const hal::Binding> bindings;
    std::span<const uint64_t> parameters;
    std::span<const hal::Command> transfers;  // checked and run where they lie, or
    const Recording* recorded = nullptr;      // the copy of them
    const Recording* commands = nullptr;
  };
  enum class Phase : uint8_t { check, run, check_and_run };

  static Status check_counts(const hal::Submission& submission);
  static Status check(const Plan& plan, const View& view);
  Status execute(const Plan& plan, Phase phase);
  Status run(const Plan& plan, const View& view, const RunContext& context);
  Status submit_ordered(const hal::Submission& submission, const Plan& plan);
  Status enqueue(const hal::Submission& submission, const Plan& plan);

  Owner& owner_;
  Scratch scratch_;
  WorkgroupRunner runner_;
  uint32_t workers_ = 1;
  hal::ProfileSink profile_;
  std::atomic<uint64_t> submissions_{0}, dispatches_{0};
};

}  // namespace shared
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/shared/engine.ipp"
#endif
