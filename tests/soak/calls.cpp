// Actions with programs: calls at once and in the background, wrong calls, calls without memory, programs of one's own.
#include "soak.hpp"

namespace soak {

namespace {

constexpr uint64_t factor = 3;  // of the artifact's main

}  // namespace

bool Worker::call_now(Machine& machine) {
  const Function main = machine.program->function(0);
  const std::vector<uint32_t> x = numbers(below(300));
  const int64_t k = static_cast<int64_t>(below(1000));
  Tensor input;
  if (!take(Tensor::stage(*machine.device, {static_cast<int64_t>(x.size())}, x), input, "stage")) return false;
  Owned<PreparedCall> call;
  if (!take(main.prepare({input, host(k)}), call, "prepare")) return false;
  for (int i = 0; i < 3; ++i) {
    std::vector<uint32_t> y(x.size());
    if (!check(call->run(), "run") || !check(call->result(0).read(y), "read")) return false;
    for (size_t at = 0; at < x.size(); ++at)
      if (!check(y[at] == scaled(x[at], factor, static_cast<uint64_t>(k)), "a call's result")) return false;
  }
  return true;
}

bool Worker::call_later(Machine& machine) {
  const Function main = machine.program->function(0);
  const std::vector<uint32_t> x = numbers(1 + below(200));
  const int64_t k = static_cast<int64_t>(below(1000));
  Tensor input;
  Owned<PreparedCall> call;
  if (!take(Tensor::stage(*machine.device, {static_cast<int64_t>(x.size())}, x), input, "stage")) return false;
  if (!take(main.prepare({input, host(k)}), call, "prepare")) return false;
  for (int i = 0; i < 2; ++i) {
    Ref<hal::Semaphore> before, after;
    if (!take(machine.device->create_semaphore(0), before, "create_semaphore") || !take(machine.device->create_semaphore(0), after, "create_semaphore")) return false;
    const hal::Timepoint waits[] = {{before.get(), 1}}, signals[] = {{after.get(), 1}};
    if (!check(call->run_async(waits, signals), "run_async")) return false;
    if (!check(call->wait(0), Code::timeout, "a wait for what cannot have begun")) return false;
    const Code code = let_go(before);
    if (!check(patiently(*machine.device, signals), code, "the call's signal")) return false;
    if (!check(call->wait(), code, "the call's wait")) return false;
    if (code != Code::ok) continue;  // and once more, with the same call
    std::vector<uint32_t> y(x.size());
    if (!check(call->result(0).read(y), "read")) return false;
    for (size_t at = 0; at < x.size(); ++at)
      if (!check(y[at] == scaled(x[at], factor, static_cast<uint64_t>(k)), "a background call's result")) return false;
  }
  return true;
}

bool Worker::call_wrongly(Machine& machine) {
  const Function main = machine.program->function(0);
  const int64_t k = 1;
  const float wrong[4] = {};
  Tensor floats, matrix;
  if (!take(Tensor::stage(*machine.device, {4}, wrong), floats, "stage") || !take(Tensor::stage(*machine.device, {2, 2}, numbers(4)), matrix, "stage")) return false;
  return check(main.call({floats, host(k)}).status(), Code::invalid_argument, "floats for u32") &&
         check(main.call({matrix, host(k)}).status(), Code::invalid_argument, "another rank") &&
         check(main.call({matrix}).status(), Code::invalid_argument, "too few arguments") &&
         check(main.call({Tensor(), host(k)}).status(), Code::invalid_argument, "an empty tensor") &&
         check(Tensor::stage(*machine.device, {3}, wrong).status(), Code::invalid_argument, "another number of values") &&
         check(machine.program->function(3).call({}).status(), Code::failed_precondition, "a kernel that fails");
}

// A call in which the N-th allocation is refused fails with that, or did not need it; then it succeeds.
bool Worker::call_without_memory(Machine& machine) {
  const Function main = machine.program->function(0);
  const std::vector<uint32_t> x = numbers(1 + below(3000));
  const int64_t k = 5;
  const auto call = [&](std::vector<uint32_t>& y) -> Status {
    LoadOptions options;
    options.allocator = machine.memory.allocator();
    HALCYON_ASSIGN(const Tensor input, Tensor::stage(*machine.device, {static_cast<int64_t>(x.size())}, x));
    HALCYON_ASSIGN(const auto outputs, main.call({input, host(k)}));
    HALCYON_TRY(outputs[0].read(y));
    HALCYON_ASSIGN(const auto program, Program::load(*machine.device, machine.file.bytes(), options));
    HALCYON_ASSIGN(const auto count, program->function(1).call({}));
    return {};
  };
  std::vector<uint32_t> y(x.size());
  CountingAllocator::allowed = static_cast<int64_t>(below(60));
  const Status refused = call(y);
  CountingAllocator::allowed = -1;
  if (!refused.ok() && !check(refused, Code::out_of_memory, "a call without memory")) return false;
  if (!check(machine.device->allocate({.size = uint64_t{1} << 50}).status(), Code::out_of_memory, "a buffer larger than the machine")) return false;
  if (!check(call(y), "a call after one without memory")) return false;
  for (size_t at = 0; at < x.size(); ++at)
    if (!check(y[at] == scaled(x[at], factor, 5), "the result of a call after one without memory")) return false;
  return true;
}

// Variables belong to their program, and a donated cache stays where it is.
bool Worker::load_own(Machine& machine) {
  LoadOptions options;
  options.allocator = machine.memory.allocator();
  Owned<Program> program;
  if (!take(Program::load(*machine.device, machine.file.bytes(), options), program, "load")) return false;
  const uint64_t calls = 1 + below(4);
  for (uint64_t i = 1; i <= calls; ++i) {
    Array<Tensor> outputs;
    int64_t count[1] = {};
    if (!take(program->function(1).call({}), outputs, "count") || !check(outputs[0].read(count), "read")) return false;
    if (!check(count[0] == static_cast<int64_t>(i), "a variable's value")) return false;
  }
  std::vector<uint32_t> expected = numbers(4);
  Tensor cache;
  if (!take(Tensor::stage(*machine.device, {4}, expected), cache, "stage")) return false;
  const hal::Buffer* buffer = cache.buffer().get();
  for (int i = 0; i < 3; ++i) {
    Array<Tensor> outputs;
    const Argument arguments[] = {donate(cache)};
    if (!take(program->function(2).call(std::span<const Argument>(arguments)), outputs, "grow")) return false;
    cache = outputs[0];
    for (uint32_t& value : expected) value = scaled(value, 2, 1);
  }
  return check(cache.buffer().get() == buffer, "a donated cache moved") && holds(machine, *cache.buffer(), expected, "a donated cache's value");
}

}  // namespace soak
