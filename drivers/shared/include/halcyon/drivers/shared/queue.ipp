// halcyon/drivers/shared/queue.ipp -- bodies of queue.hpp.
#pragma once
#include "halcyon/drivers/shared/engine.ipp"
#include "halcyon/drivers/shared/queue.hpp"
#include "halcyon/drivers/shared/worker.ipp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

// A submission whose waits are not reached: everything that it uses is copied or retained.
class Queue::QueuedSubmission final : public Work {
 public:
  QueuedSubmission(Owner& owner, Engine& engine)
      : owner_(owner), engine_(engine), waits_(owner.allocator), signals_(owner.allocator), bindings_(owner.allocator), parameters_(owner.allocator) {}
  ~QueuedSubmission() override = default;

  Status copy(const hal::Submission& submission, const Plan& plan) {
    if (!waits_.resize(submission.waits.size()) || !signals_.resize(submission.signals.size())) return out_of_memory();
    if (!bindings_.resize(plan.bindings.size())) return out_of_memory();
    if (!parameters_.resize(plan.parameters.size())) return out_of_memory();
    if (!plan.transfers.empty()) {
      HALCYON_ASSIGN(auto recorded, Recording::create(owner_, {.commands = plan.transfers,
                                                               .bindings = static_cast<uint32_t>(plan.bindings.size()),
                                                               .parameters = static_cast<uint32_t>(plan.parameters.size())}));
      recorded_ = static_cast<Recording*>(recorded.detach());
    }
    // Nothing fails from here on, so references are taken once and for all.
    for (size_t i = 0; i < bindings_.size(); ++i) {
      bindings_[i] = plan.bindings[i];
      bindings_[i].buffer->retain();
      bindings_[i].buffer->begin_use();
    }
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i] = plan.parameters[i];
    commands_ = submission.commands;
    if (commands_) commands_->retain();
    waits = waits_.span();
    signals = signals_.span();
    Timeline::adopt(*this, submission.waits, submission.signals);
    return {};
  }

  Status run(const Status& waited) override {
    if (!waited.ok()) return waited;
    Plan plan;
    plan.bindings = bindings_.span();
    plan.parameters = parameters_.span();
    plan.recorded = recorded_;
    plan.commands = static_cast<const Recording*>(commands_);
    return engine_.execute(plan, Engine::Phase::run);
  }
  void drop_resources() override {
    for (const hal::Binding& binding : bindings_) {
      binding.buffer->end_use();
      binding.buffer->release();
    }
    bindings_.clear();
    if (commands_) std::exchange(commands_, nullptr)->release();
    if (recorded_) static_cast<hal::Commands*>(std::exchange(recorded_, nullptr))->release();
  }
  void destroy() override { owner_.destroy(this); }

 private:
  Owner& owner_;
  Engine& engine_;
  Array<WaitNode> waits_;
  Array<hal::Timepoint> signals_;
  Array<hal::Binding> bindings_;
  Array<uint64_t> parameters_;
  hal::Commands* commands_ = nullptr;
  Recording* recorded_ = nullptr;
};

class Queue::QueuedAction final : public Work {
 public:
  QueuedAction(Owner& owner, Action action, void* self, hal::Buffer& buffer)
      : owner_(owner), waits_(owner.allocator), action_(action), self_(self), buffer_(Ref<hal::Buffer>::share(&buffer)) {}
  ~QueuedAction() override = default;

  Status copy(std::span<const hal::Timepoint> from, hal::Timepoint signal) {
    if (!waits_.resize(from.size())) return out_of_memory();
    waits = waits_.span();
    signals = {&signal_, signal.semaphore ? size_t{1} : size_t{0}};
    Timeline::adopt(*this, from, {&signal, signals.size()});
    buffer_->begin_use();
    return {};
  }
  Status run(const Status& waited) override { return action_(self_, *buffer_, waited); }
  void drop_resources() override {
    buffer_->end_use();
    buffer_ = nullptr;
  }
  void destroy() override { owner_.destroy(this); }

 private:
  Owner& owner_;
  Array<WaitNode> waits_;
  hal::Timepoint signal_;
  Action action_;
  void* self_;
  Ref<hal::Buffer> buffer_;
};

HALCYON_FUNC Status Queue::start_worker() {
  HALCYON_TRY(worker_.start([](void* self, Work& work) { static_cast<Queue*>(self)->timeline_.execute(work); }, this));
  engine_.queue_everything();
  timeline_.use(&worker_);
  return {};
}

HALCYON_FUNC Status Queue::submit(const hal::Submission& submission, const Plan& plan) {
  HALCYON_TRY(Timeline::check(submission.waits, submission.signals));
  HALCYON_TRY(engine_.execute(plan, Engine::Phase::check));
  Status status;
  if (worker_.running() || Timeline::state(submission.waits, status) == Timeline::State::pending) return enqueue(submission, plan);
  // Its buffers are in use here too: another thread may be about to read one.
  for (const hal::Binding& binding : plan.bindings) binding.buffer->begin_use();
  if (status.ok()) status = engine_.execute(plan, Engine::Phase::run);
  for (const hal::Binding& binding : plan.bindings) binding.buffer->end_use();
  timeline_.settle(submission.signals, status);
  return status;
}

HALCYON_FUNC Status Queue::enqueue(const hal::Submission& submission, const Plan& plan) {
  auto* work = owner_.create<QueuedSubmission>(owner_, engine_);
  if (!work) return out_of_memory();
  if (const Status status = work->copy(submission, plan); !status.ok()) {
    owner_.destroy(work);
    return status;
  }
  timeline_.enqueue(*work);
  return {};
}

HALCYON_FUNC Status Queue::after(std::span<const hal::Timepoint> waits, hal::Timepoint signal, Action action,
                                  void* self, hal::Buffer& buffer) {
  const std::span<const hal::Timepoint> signals(&signal, signal.semaphore ? 1u : 0u);
  HALCYON_TRY(Timeline::check(waits, signals));
  Status status;
  if (!worker_.running() && Timeline::state(waits, status) != Timeline::State::pending) {
    status = action(self, buffer, status);
    timeline_.settle(signals, status);
    return status;
  }
  auto* work = owner_.create<QueuedAction>(owner_, action, self, buffer);
  if (!work) return out_of_memory();
  if (const Status copied = work->copy(waits, signal); !copied.ok()) {
    owner_.destroy(work);
    return copied;
  }
  timeline_.enqueue(*work);
  return {};
}

}  // namespace shared
HALCYON_NAMESPACE_END
