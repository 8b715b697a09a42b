// Bodies of halcyon/call.hpp.
#pragma once
#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC PreparedCall::PreparedCall(Owned<Frame> frame) : frame_(std::move(frame)) {}
HALCYON_FUNC PreparedCall::~PreparedCall() = default;
HALCYON_FUNC const Allocator& PreparedCall::allocator() const { return frame_->allocator(); }

HALCYON_FUNC Status PreparedCall::set_argument(uint32_t index, const Argument& argument) {
  return frame_->set_argument(index, argument);
}
HALCYON_FUNC Status PreparedCall::bind_result(uint32_t index, Tensor tensor) { return frame_->bind_result(index, std::move(tensor)); }
HALCYON_FUNC const Tensor& PreparedCall::result(uint32_t index) const { return frame_->result(index); }
HALCYON_FUNC Tensor PreparedCall::take_result(uint32_t index) { return std::exchange(frame_->result(index), Tensor()); }
HALCYON_FUNC uint32_t PreparedCall::argument_count() const { return frame_->argument_count(); }
HALCYON_FUNC uint32_t PreparedCall::result_count() const { return frame_->result_count(); }

HALCYON_FUNC Status PreparedCall::run(const RunOptions& options) { return frame_->run({}, {}, true, options.instruction_budget); }
HALCYON_FUNC Status PreparedCall::run_async(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals,
                                            const RunOptions& options) {
  return frame_->run(waits, signals, false, options.instruction_budget);
}
HALCYON_FUNC Status PreparedCall::wait(uint64_t timeout_ns) { return frame_->wait(timeout_ns); }

HALCYON_FUNC int32_t Function::donated_to(uint32_t index) const {
  for (const DonationDesc& donation : desc_->donations)
    if (donation.argument == index) return static_cast<int32_t>(donation.result);
  return -1;
}

HALCYON_FUNC Result<Owned<PreparedCall>> Function::prepare(std::span<const Argument> arguments) const {
  Owned<Frame> frame = Frame::create(*program_, index_);
  if (!frame) return out_of_memory();
  auto call = make<PreparedCall>(program_->allocator(), std::move(frame));
  if (!call) return out_of_memory();
  for (uint32_t i = 0; i < arguments.size(); ++i) HALCYON_TRY(call->set_argument(i, arguments[i]));
  return call;
}

HALCYON_FUNC Result<Array<Tensor>> Function::call(std::span<const Argument> arguments, const RunOptions& options) const {
  if (arguments.size() != desc_->arguments.size())
    return mismatch(Code::invalid_argument, "call: wrong number of arguments", desc_->arguments.size(), arguments.size());
  const Owned<Frame> frame = Frame::create(*program_, index_);
  if (!frame) return out_of_memory();
  for (uint32_t i = 0; i < arguments.size(); ++i) HALCYON_TRY(frame->set_argument(i, arguments[i]));
  HALCYON_TRY(frame->run({}, {}, true, options.instruction_budget));
  Array<Tensor> results(program_->allocator());
  if (!results.resize(frame->result_count())) return out_of_memory();
  for (uint32_t i = 0; i < results.size(); ++i) results[i] = std::move(frame->result(i));
  return results;
}

HALCYON_FUNC Result<Array<Tensor>> Function::call(std::span<const Tensor> arguments, const RunOptions& options) const {
  Array<Argument> wrapped(program_->allocator());
  if (!wrapped.reserve(arguments.size())) return out_of_memory();
  for (const Tensor& tensor : arguments)
    if (!wrapped.push(Argument(tensor))) return out_of_memory();
  return call(std::span<const Argument>(wrapped.data(), wrapped.size()), options);
}

HALCYON_NAMESPACE_END
