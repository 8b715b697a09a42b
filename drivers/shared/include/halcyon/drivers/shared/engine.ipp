// halcyon/drivers/shared/engine.ipp -- bodies of engine.hpp.
#pragma once
#include "halcyon/drivers/shared/engine.hpp"
#include "halcyon/drivers/shared/recording.ipp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

HALCYON_FUNC Status Engine::check_counts(const hal::Submission& submission) {
  if (submission.device_ordinal != 0)
    return mismatch(Code::invalid_argument, "there is no such device ordinal", 0, submission.device_ordinal);
  if (submission.commands) {
    if (submission.bindings.size() < submission.commands->bindings())
      return mismatch(Code::invalid_argument, "submit: fewer bindings or parameters than the list has slots", submission.commands->bindings(), submission.bindings.size());
    if (submission.parameters.size() < submission.commands->parameters())
      return mismatch(Code::invalid_argument, "submit: fewer bindings or parameters than the list has slots", submission.commands->parameters(),
                     submission.parameters.size());
  }
  if (submission.bindings.size() > UINT32_MAX / 64 || submission.parameters.size() > UINT32_MAX / 64)
    return {Code::invalid_argument, "submit: too many bindings or parameters"};
  for (size_t i = 0; i < submission.transfers.size(); ++i) {
    const hal::Command& command = submission.transfers[i];
    const uint32_t index = static_cast<uint32_t>(i);
    if (command.type == hal::Command::Type::dispatch)
      return detail::invalid("submit: a dispatch is not a transfer", index);
    HALCYON_TRY(validate(command, index, {static_cast<uint32_t>(submission.bindings.size()), static_cast<uint32_t>(submission.parameters.size())}));
  }
  return {};
}

HALCYON_FUNC Status Engine::run(const Plan& plan, const View& view, const RunContext& context) {
  if (plan.recorded)
    for (const Step& step : plan.recorded->steps()) HALCYON_TRY(shared::run(step, view, context));
  if (!plan.commands) return {};
  dispatches_.fetch_add(plan.commands->dispatches(), std::memory_order_relaxed);
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
  for (uint32_t pass = 0; pass < 2; ++pass) {  // everything is checked before anything runs
    const bool runs = pass == 1;
    if (phase == (runs ? Phase::check : Phase::run)) continue;
    for (size_t i = 0; i < plan.transfers.size() && status.ok(); ++i) {
      const Step step = borrow(plan.transfers[i], static_cast<uint32_t>(i));
      status = runs ? shared::run(step, view, context) : shared::check(step, view);
    }
    if (status.ok()) status = runs ? run(plan, view, context) : plan.commands ? plan.commands->check(view) : Status();
  }
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
  if (!queues_all_ && submission.waits.empty() && submission.signals.empty()) return execute(plan, Phase::check_and_run);
  return ordering_ ? ordering_->submit(submission, plan) : no_semaphores();
}

HALCYON_FUNC Result<Ref<hal::Semaphore>> Engine::create_semaphore(uint64_t value) {
  if (!ordering_) return no_semaphores();
  return ordering_->create_semaphore(value);
}

HALCYON_FUNC Status Engine::wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) {
  if (timepoints.empty()) return {};
  return ordering_ ? ordering_->wait(timepoints, mode, timeout_ns) : no_semaphores();
}

}  // namespace shared
HALCYON_NAMESPACE_END
