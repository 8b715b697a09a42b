// halcyon/drivers/shared/worker.hpp -- a thread that runs ready work in the order in which it became ready: what makes a
// device with a queue of its own out of one that runs work on its callers' threads.
//
//   Worker worker;
//   HALCYON_TRY(worker.start(run_one, context));
//   worker.push(work);
//   worker.stop();             // runs what was pushed, and what that readies, then ends the thread
//
// Threads: push from any; start and stop from one, stop while nobody pushes but the worker itself.
#pragma once
#include "halcyon/drivers/shared/timeline.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

class Worker final : public Executor {
 public:
  Worker() = default;
  ~Worker() { stop(); }
  // `run` gets each piece of work, on the worker's thread.
  Status start(void (*run)(void* self, Work& work), void* self);
  bool running() const { return thread_.running(); }
  void push(Work& work) override;
  void stop();

 private:
  void loop();

  void (*run_)(void* self, Work& work) = nullptr;
  void* self_ = nullptr;
  platform::Mutex mutex_;
  platform::Condition pushed_;
  WorkList ready_;
  bool stopping_ = false;
  platform::Thread thread_;
};

}  // namespace shared
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/shared/worker.ipp"
#endif
