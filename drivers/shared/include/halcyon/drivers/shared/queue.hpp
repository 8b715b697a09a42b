// halcyon/drivers/shared/queue.hpp -- the Ordering of a device that runs work on the thread that makes it ready: the
// caller of submit, or whoever signals its last wait. Or on a thread of its own, where start_worker was called.
//
//   Queue queue(owner, engine);
//   engine.use(queue);
//   HALCYON_TRY(queue.start_worker());     // not inline: submit only queues, whatever it waits for
//
// What waits is copied; its buffers and semaphores are retained. Threads: any.
#pragma once
#include "halcyon/drivers/shared/engine.hpp"
#include "halcyon/drivers/shared/timeline.hpp"
#include "halcyon/drivers/shared/worker.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

class Queue final : public Ordering {
 public:
  Queue(Owner& owner, Engine& engine) : owner_(owner), engine_(engine), timeline_(owner) {}
  ~Queue() { abandon(); }
  // Before the first submission. Errors: out_of_memory where the system starts no more threads.
  Status start_worker();

  Result<Ref<hal::Semaphore>> create_semaphore(uint64_t value) override { return timeline_.create_semaphore(value); }
  Status wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) override {
    return timeline_.wait(timepoints, mode, timeout_ns);
  }
  Status wait_idle(hal::Buffer& buffer, uint64_t timeout_ns) override { return timeline_.wait_idle(buffer, timeout_ns); }
  // Lets what is ready run, and fails and drops what still waits. No call may be in progress.
  void abandon() {
    worker_.stop();
    timeline_.abandon();
  }
  Status submit(const hal::Submission& submission, const Plan& plan) override;
  Status after(std::span<const hal::Timepoint> waits, hal::Timepoint signal, Action action, void* self, hal::Buffer& buffer) override;

 private:
  class QueuedSubmission;
  class QueuedAction;
  Status enqueue(const hal::Submission& submission, const Plan& plan);

  Owner& owner_;
  Engine& engine_;
  Timeline timeline_;
  Worker worker_;
};

}  // namespace shared
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/shared/queue.ipp"
#endif
