// halcyon/drivers/shared/engine.ipp -- bodies of engine.hpp.
#pragma once
#include "halcyon/drivers/shared/engine.hpp"
#include "halcyon/drivers/shared/recording.ipp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

// A submission whose waits are not reached: everything that it uses is copied or retained.
class Engine::QueuedSubmission final : public Work {
 public:
  explicit QueuedSubmission(Engine& engine)
      : engine_(engine), points_(engine.owner_.allocator), bindings_(engine.owner_.allocator),
        parameters_(engine.owner_.allocator) {}
  ~QueuedSubmission() override = default;

  Status copy(const hal::Submission& submission, const Plan& plan) {
    const size_t waiting = submission.waits.size();
    HALCYON_TRY(points_.resize(waiting + submission.signals.size()));
    HALCYON_TRY(bindings_.resize(plan.bindings.size()));
    HALCYON_TRY(parameters_.resize(plan.parameters.size()));
    if (!plan.transfers.empty()) {
      HALCYON_ASSIGN(recorded_, Recording::create(engine_.owner_,
                                                  {.commands = plan.transfers,
                                                   .bindings = static_cast<uint32_t>(plan.bindings.size()),
                                                   .parameters = static_cast<uint32_t>(plan.parameters.size())}));
    }
    // Nothing fails from here on, so references are taken once and for all.
    for (size_t i = 0; i < bindings_.size(); ++i) {
      bindings_[i] = plan.bindings[i];
      bindings_[i].buffer->retain();
    }
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i] = plan.parameters[i];
    commands_ = submission.commands;
    if (commands_) commands_->retain();
    waits = points_.span().first(waiting);
    signals = points_.span().subspan(waiting);
    Timeline::retain(submission.waits, waits);
    Timeline::retain(submission.signals, signals);
    return {};
  }

  Status run() override {
    Plan plan;
    plan.bindings = bindings_.span();
    plan.parameters = parameters_.span();
    plan.recorded = recorded_;
    plan.commands = static_cast<const Recording*>(commands_);
    return engine_.execute(plan, Phase::run);
  }
  void drop_resources() override {
    for (const hal::Binding& binding : bindings_) binding.buffer->release();
    bindings_.clear();
    if (commands_) std::exchange(commands_, nullptr)->release();
    if (recorded_) static_cast<hal::Commands*>(std::exchange(recorded_, nullptr))->release();
  }
  void destroy() override { engine_.owner_.destroy(this); }

 private:
  Engine& engine_;
  Array<hal::Timepoint> points_;
  Array<hal::Binding> bindings_;
  Array<uint64_t> parameters_;
  hal::Commands* commands_ = nullptr;
  Recording* recorded_ = nullptr;
};

class Engine::QueuedAction final : public Work {
 public:
  QueuedAction(Owner& owner, Action action, void* self, hal::Buffer& buffer)
      : owner_(owner), points_(owner.allocator), action_(action), self_(self), buffer_(Ref<hal::Buffer>::share(&buffer)) {}
  ~QueuedAction() override = default;

  Status copy(std::span<const hal::Timepoint> from, hal::Timepoint signal) {
    HALCYON_TRY(points_.resize(from.size() + (signal.semaphore ? 1 : 0)));
    waits = points_.span().first(from.size());
    signals = points_.span().subspan(from.size());
    Timeline::retain(from, waits);
    if (signal.semaphore) Timeline::retain({&signal, 1}, signals);
    return {};
  }
  Status run() override { return action_(self_, *buffer_); }
  void drop_resources() override { buffer_ = nullptr; }
  void destroy() override { owner_.destroy(this); }

 private:
  Owner& owner_;
  Array<hal::Timepoint> points_;
  Action action_;
  void* self_;
  Ref<hal::Buffer> buffer_;
};

HALCYON_FUNC Result<Ref<hal::Commands>> Engine::create_commands(const hal::CommandsDesc& desc) {
  HALCYON_ASSIGN(Recording * recording, Recording::create(owner_, desc));
  return Ref<hal::Commands>(Ref<Recording>::adopt(recording));
}

HALCYON_FUNC Status Engine::check_counts(const hal::Submission& submission) {
  if (submission.device_ordinal != 0)
    return Status(Code::invalid_argument, "submit: there is no such device ordinal",
                  {Kind::none, 255, 0, 0, 0, submission.device_ordinal});
  if (submission.commands) {
    if (submission.bindings.size() < submission.commands->bindings())
      return Status(Code::invalid_argument, "submit: fewer bindings than the list has slots",
                    {Kind::none, 255, 0, 0, submission.commands->bindings(), static_cast<int64_t>(submission.bindings.size())});
    if (submission.parameters.size() < submission.commands->parameters())
      return Status(Code::invalid_argument, "submit: fewer parameters than the list has slots",
                    {Kind::none, 255, 0, 0, submission.commands->parameters(),
                     static_cast<int64_t>(submission.parameters.size())});
  }
  if (submission.bindings.size() > UINT32_MAX / 64 || submission.parameters.size() > UINT32_MAX / 64)
    return {Code::invalid_argument, "submit: too many bindings or parameters"};
  for (size_t i = 0; i < submission.transfers.size(); ++i) {
    const hal::Command& command = submission.transfers[i];
    const uint32_t index = static_cast<uint32_t>(i);
    if (command.type == hal::Command::Type::dispatch)
      return Status(Code::invalid_argument, "submit: a dispatch is not a transfer", detail::at_command(index));
    HALCYON_TRY(validate(command, index, static_cast<uint32_t>(submission.bindings.size()),
                         static_cast<uint32_t>(submission.parameters.size())));
  }
  return {};
}

HALCYON_FUNC Status Engine::check(const Plan& plan, const View& view) {
  for (size_t i = 0; i < plan.transfers.size(); ++i)
    HALCYON_TRY(shared::check(borrow(plan.transfers[i], static_cast<uint32_t>(i)), view));
  return plan.commands ? plan.commands->check(view) : Status();
}

HALCYON_FUNC Status Engine::run(const Plan& plan, const View& view, const RunContext& context) {
  for (size_t i = 0; i < plan.transfers.size(); ++i)
    HALCYON_TRY(shared::run(borrow(plan.transfers[i], static_cast<uint32_t>(i)), view, context));
  if (plan.recorded)
    for (const Step& step : plan.recorded->steps()) HALCYON_TRY(shared::run(step, view, context));
  if (!plan.commands) return {};
  if (plan.commands->dispatches() != 0) dispatches_.fetch_add(plan.commands->dispatches(), std::memory_order_relaxed);
  for (const Step& step : plan.commands->steps()) HALCYON_TRY(shared::run(step, view, context));
  return {};
}

HALCYON_FUNC Status Engine::execute(const Plan& plan, Phase phase) {
  constexpr uint64_t on_stack = 2048;
  alignas(64) std::byte stack[on_stack];
  uint64_t frame = 0;
  RunContext context;
  if (plan.commands && phase != Phase::check) {
    frame = frame_size(plan.commands->widest(), plan.commands->most_operands());
    context.local_stride = (uint64_t{plan.commands->local_memory()} + 63) & ~uint64_t{63};
  }
  const uint64_t slots_size = plan.bindings.size() * sizeof(Slot);
  const uint64_t fixed = (slots_size + frame + 63) & ~uint64_t{63};
  std::byte* memory = stack;
  std::byte* taken = nullptr;
  if (fixed > on_stack || context.local_stride != 0) {
    memory = taken = scratch_.take(fixed + context.local_stride * workers_);
    if (!memory) return {Code::out_of_memory, "submit: no memory for the kernels' local memory"};
  }
  Slot* slots = reinterpret_cast<Slot*>(memory);
  context.frame = memory + slots_size;
  context.local = memory + fixed;
  context.runner = runner_;
  context.profile = profile_;

  Status status = resolve(plan.bindings, slots);
  const View view{{slots, plan.bindings.size()}, plan.parameters};
  if (status.ok() && phase != Phase::run) status = check(plan, view);
  if (status.ok() && phase != Phase::check) status = run(plan, view, context);
  scratch_.give(taken);
  return status;
}

HALCYON_FUNC Status Engine::submit(const hal::Submission& submission) {
  HALCYON_TRY(check_counts(submission));
  Plan plan;
  plan.bindings = submission.bindings;
  plan.parameters = submission.parameters;
  plan.transfers = submission.transfers;
  plan.commands = static_cast<const Recording*>(submission.commands);
  submissions_.fetch_add(1, std::memory_order_relaxed);
  if (submission.waits.empty() && submission.signals.empty()) return execute(plan, Phase::check_and_run);
  return submit_ordered(submission, plan);
}

HALCYON_FUNC Status Engine::submit_ordered(const hal::Submission& submission, const Plan& plan) {
  HALCYON_TRY(Timeline::check(submission.waits, submission.signals));
  HALCYON_TRY(execute(plan, Phase::check));
  Status status;
  if (Timeline::state(submission.waits, status) == Timeline::State::pending) return enqueue(submission, plan);
  if (status.ok()) status = execute(plan, Phase::run);
  timeline.settle(submission.signals, status);
  return status;
}

HALCYON_FUNC Status Engine::enqueue(const hal::Submission& submission, const Plan& plan) {
  HALCYON_ASSIGN(auto* work, owner_.create<QueuedSubmission>(*this));
  if (const Status status = work->copy(submission, plan); !status.ok()) {
    owner_.destroy(work);
    return status;
  }
  timeline.enqueue(*work);
  return {};
}

HALCYON_FUNC Status Engine::after(std::span<const hal::Timepoint> waits, hal::Timepoint signal, Action action,
                                  void* self, hal::Buffer& buffer) {
  const std::span<const hal::Timepoint> signals(&signal, signal.semaphore ? 1u : 0u);
  HALCYON_TRY(Timeline::check(waits, signals));
  Status status;
  if (Timeline::state(waits, status) != Timeline::State::pending) {
    if (status.ok()) status = action(self, buffer);
    timeline.settle(signals, status);
    return status;
  }
  HALCYON_ASSIGN(auto* work, owner_.create<QueuedAction>(owner_, action, self, buffer));
  if (const Status copied = work->copy(waits, signal); !copied.ok()) {
    owner_.destroy(work);
    return copied;
  }
  timeline.enqueue(*work);
  return {};
}

}  // namespace shared
HALCYON_NAMESPACE_END
