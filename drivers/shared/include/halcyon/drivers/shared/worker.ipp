// halcyon/drivers/shared/worker.ipp -- bodies of worker.hpp.
#pragma once
#include "halcyon/drivers/shared/timeline.ipp"
#include "halcyon/drivers/shared/worker.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

HALCYON_FUNC Status Worker::start(void (*run)(void* self, Work& work), void* self) {
  run_ = run;
  self_ = self;
  return thread_.start([](void* worker) { static_cast<Worker*>(worker)->loop(); }, this);
}

HALCYON_FUNC void Worker::push(Work& work) {
  platform::Lock lock(mutex_);
  ready_.push(work);
  pushed_.notify_all();
}

HALCYON_FUNC void Worker::stop() {
  {
    platform::Lock lock(mutex_);
    stopping_ = true;
    pushed_.notify_all();
  }
  thread_.join();
}

HALCYON_FUNC void Worker::loop() {
  for (;;) {
    Work* work = nullptr;
    {
      platform::Lock lock(mutex_);
      while (!(work = ready_.pop()) && !stopping_) pushed_.wait(mutex_);
    }
    if (!work) return;
    run_(self_, *work);
  }
}

}  // namespace shared
HALCYON_NAMESPACE_END
