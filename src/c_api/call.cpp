// Calls.
#include "objects.hpp"

using namespace c_api;

namespace {

Status run_options(const halcyon_run_options* given, RunOptions& options) {
  halcyon_run_options chosen;
  HALCYON_TRY(read_options(given, chosen));
  if (chosen.instruction_budget != 0) options.instruction_budget = chosen.instruction_budget;
  return {};
}

Result<Function> function_of(const halcyon_program* program, uint32_t function) {
  HALCYON_TRY(needed(program, "the program is NULL"));
  if (function >= program->program->function_count())
    return mismatch(Code::invalid_argument, "the program has no such function", program->program->function_count(), function);
  return program->program->function(function);
}

// The call's program has the names that its errors speak of.
halcyon_code report_of(const halcyon_call* call, const Status& status, halcyon_error* error) {
  return report(status, error, call ? call->program->program.get() : nullptr);
}

Result<Ref<halcyon_tensor>> result_of(halcyon_call* call, uint32_t index, bool take) {
  HALCYON_TRY(needed(call, "result: the call is NULL"));
  if (index >= call->call->result_count())
    return mismatch(Code::invalid_argument, "result: no such result", call->call->result_count(), index);
  if (!call->call->result(index)) return Status(Code::failed_precondition, "result: there is none: run the call first");
  auto tensor = make_tensor(*call->program->device, Result<Tensor>(call->call->result(index)));
  if (tensor.ok() && take) (void)call->call->take_result(index);
  return tensor;
}

}  // namespace

halcyon_code halcyon_program_call(halcyon_program* program, uint32_t function, halcyon_tensor* const* arguments, size_t argument_count,
                                  halcyon_tensor** results, size_t result_count, halcyon_error* error) {
  const auto call = [&]() -> Status {
    HALCYON_ASSIGN(const Function called, function_of(program, function));
    if (result_count != 0) HALCYON_TRY(needed(results, "call: `results` is NULL"));
    if (argument_count != 0) HALCYON_TRY(needed(arguments, "call: `arguments` is NULL"));
    for (size_t i = 0; i < result_count; ++i) results[i] = nullptr;
    if (result_count != called.results().size())
      return mismatch(Code::invalid_argument, "call: wrong number of results", called.results().size(), result_count);
    Array<Argument> values(program->allocator());
    if (!values.resize(argument_count)) return out_of_memory();
    for (size_t i = 0; i < argument_count; ++i) {
      if (!arguments[i])
        return {Code::invalid_argument, "call: the argument is NULL", Where{Kind::argument, Where::whole, static_cast<uint16_t>(i), function}};
      values[i] = Argument(arguments[i]->tensor);
    }
    HALCYON_ASSIGN(Array<Tensor> made, called.call(std::span<const Argument>(values.data(), values.size())));
    for (size_t i = 0; i < result_count; ++i) {
      auto tensor = make_tensor(*program->device, Result<Tensor>(made[i]));
      if (!tensor.ok()) {
        for (size_t r = 0; r < i; ++r) halcyon_tensor_release(std::exchange(results[r], nullptr));
        return tensor.status();
      }
      results[i] = tensor->detach();
    }
    return {};
  };
  return report(call(), error, program ? program->program.get() : nullptr);
}

halcyon_code halcyon_program_prepare(halcyon_program* program, uint32_t function, halcyon_call** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_call>> {
    HALCYON_ASSIGN(const Function called, function_of(program, function));
    HALCYON_ASSIGN(Owned<PreparedCall> prepared, called.prepare());
    auto call = create<halcyon_call>(program->allocator(), *program, std::move(prepared));
    if (!call) return out_of_memory();
    return call;
  });
}

void halcyon_call_release(halcyon_call* call) {
  if (call) call->release();
}

halcyon_code halcyon_call_set_argument(halcyon_call* call, uint32_t index, const halcyon_tensor* tensor, halcyon_error* error) {
  const auto set = [&]() -> Status {
    HALCYON_TRY(needed(call, "set_argument: the call is NULL"));
    HALCYON_TRY(needed(tensor, "set_argument: the tensor is NULL"));
    return call->call->set_argument(index, Argument(tensor->tensor));
  };
  return report_of(call, set(), error);
}

halcyon_code halcyon_call_set_host_argument(halcyon_call* call, uint32_t index, const halcyon_shape* shape, const void* data, size_t bytes,
                                            halcyon_error* error) {
  const auto set = [&]() -> Status {
    HALCYON_TRY(needed(call, "set_host_argument: the call is NULL"));
    if (bytes != 0) HALCYON_TRY(needed(data, "set_host_argument: the data is NULL"));
    HostValues values;
    HALCYON_TRY(read_shape(shape, values.shape, values.type));
    values.bytes = {static_cast<const std::byte*>(data), bytes};
    return call->call->set_argument(index, Argument(values));
  };
  return report_of(call, set(), error);
}

halcyon_code halcyon_call_donate_argument(halcyon_call* call, uint32_t index, halcyon_tensor* tensor, halcyon_error* error) {
  const auto set = [&]() -> Status {
    HALCYON_TRY(needed(call, "donate_argument: the call is NULL"));
    HALCYON_TRY(needed(tensor, "donate_argument: the tensor is NULL"));
    if (tensor->maps != 0) return {Code::failed_precondition, "donate_argument: the tensor is mapped"};
    Tensor given = tensor->tensor;
    HALCYON_TRY(call->call->set_argument(index, donate(given)));
    tensor->tensor = Tensor();
    return {};
  };
  return report_of(call, set(), error);
}

halcyon_code halcyon_call_bind_result(halcyon_call* call, uint32_t index, const halcyon_tensor* tensor, halcyon_error* error) {
  const auto bind = [&]() -> Status {
    HALCYON_TRY(needed(call, "bind_result: the call is NULL"));
    if (tensor && !tensor->tensor) return {Code::failed_precondition, "bind_result: the tensor is empty"};
    return call->call->bind_result(index, tensor ? tensor->tensor : Tensor());
  };
  return report_of(call, bind(), error);
}

halcyon_code halcyon_call_run(halcyon_call* call, const halcyon_run_options* given, halcyon_error* error) {
  const auto run = [&]() -> Status {
    HALCYON_TRY(needed(call, "run: the call is NULL"));
    RunOptions options;
    HALCYON_TRY(run_options(given, options));
    return call->call->run(options);
  };
  return report_of(call, run(), error);
}

halcyon_code halcyon_call_run_async(halcyon_call* call, halcyon_timepoints waits, halcyon_timepoints signals, const halcyon_run_options* given,
                                    halcyon_error* error) {
  const auto run = [&]() -> Status {
    HALCYON_TRY(needed(call, "run_async: the call is NULL"));
    RunOptions options;
    HALCYON_TRY(run_options(given, options));
    Timepoints before(*call->program->device), after(*call->program->device);
    HALCYON_TRY(before.read(waits));
    HALCYON_TRY(after.read(signals));
    return call->call->run_async(before.span(), after.span(), options);
  };
  return report_of(call, run(), error);
}

halcyon_code halcyon_call_wait(halcyon_call* call, uint64_t timeout_ns, halcyon_error* error) {
  if (!call) return report({Code::invalid_argument, "wait: the call is NULL"}, error);
  return report_of(call, call->call->wait(timeout_ns), error);
}

halcyon_code halcyon_call_result(halcyon_call* call, uint32_t index, halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&] { return result_of(call, index, false); });
}

halcyon_code halcyon_call_take_result(halcyon_call* call, uint32_t index, halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&] { return result_of(call, index, true); });
}
