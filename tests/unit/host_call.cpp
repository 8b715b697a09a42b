// Functions of the application between a call's submissions.
#include <thread>

#include "unit.hpp"

using namespace halcyon;
using namespace support;
using unit::need;

namespace {

// What `twice` was given, and what it is to answer.
struct Seen {
  int calls = 0;
  Status answer;
};

Status twice(void* user, const HostCall& call) {
  Seen& seen = *static_cast<Seen*>(user);
  ++seen.calls;
  const HostTensor a = call.argument(0), b = call.result(0);
  std::vector<float> values(a.size / 4);
  HALCYON_TRY(a.read(values));
  for (float& value : values) value *= 2;
  HALCYON_TRY(b.write(values));
  return seen.answer;
}

LoadOptions with(std::span<const Callback> callbacks) {
  LoadOptions options;
  options.callbacks = callbacks;
  return options;
}

const std::vector<float> four = {1, 2, 3, 4}, doubled = {2, 4, 6, 8};

std::vector<float> values(const Tensor& tensor) {
  std::vector<float> read(tensor.element_count());
  need(tensor.read(read));
  return read;
}

Code load(const ArtifactSpec& spec, std::span<const Callback> callbacks, std::span<char> message = {}) {
  const auto device = unit::null_device();
  const Aligned file(build(spec));
  LoadOptions options = with(callbacks);
  options.message = message;
  return Program::load(*device, file.bytes(), options).status().code();
}

}  // namespace

TEST_CASE("a host call comes between the work before it and the work after it", "[host_call]") {
  EACH_DEVICE(device);
  Seen seen;
  const Callback callbacks[] = {{"other", nullptr, nullptr}, {"twice", &twice, &seen}};
  unit::Loaded loaded(*device, host_call_artifact(), with(callbacks));
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const hal::Stats before = device->stats();
  for (int i = 0; i < 3; ++i) {
    need(call->run());
    CHECK(values(call->result(0)) == doubled);
  }

  CHECK(seen.calls == 3);
  const hal::Stats after = device->stats();
  CHECK(after.host_to_device_copies - before.host_to_device_copies == 3);
  CHECK(after.device_to_host_copies - before.device_to_host_copies == 6);  // 3 of them the test's
}

TEST_CASE("a host call sees names, types, shapes and ranges", "[host_call]") {
  EACH_DEVICE(device);
  const auto look = [](void* user, const HostCall& call) -> Status {
    const HostTensor a = call.argument(0), b = call.result(0);
    const bool good = call.name() == "twice" && call.argument_count() == 1 && call.result_count() == 1 && a.name == "a" && b.name == "b" &&
                      a.type == ElementType::f32 && a.shape().size() == 1 && a.shape()[0] == 3 && a.size == 12 && a.buffer && b.buffer &&
                      a.buffer != b.buffer && b.size == 12 && &call.device() == user && a.map(hal::Access::read).ok() == a.buffer->mappable();
    std::vector<float> short_by_one(2);
    if (!good || a.read(short_by_one).code() != Code::invalid_argument || b.write(short_by_one).code() != Code::invalid_argument)
      return {Code::internal, "look: something else"};
    return b.write(std::vector<float>{7, 8, 9});
  };
  const Callback callbacks[] = {{"twice", look, device.get()}};
  unit::Loaded loaded(*device, host_call_artifact(), with(callbacks));

  auto outputs = need(loaded.main().call({need(Tensor::stage(*device, {3}, std::vector<float>{1, 2, 3}))}));

  CHECK(values(outputs[0]) == std::vector<float>{7, 8, 9});
}

TEST_CASE("a host call's failure is the call's, at the source op; the next call runs", "[host_call]") {
  EACH_DEVICE(device);
  Seen seen;
  const Callback callbacks[] = {{"twice", &twice, &seen}};
  unit::Loaded loaded(*device, host_call_artifact(), with(callbacks));
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  seen.answer = Status(Code::unsupported, "twice: not today");

  const Status status = call->run();
  CHECK(status.code() == Code::unsupported);
  char text[200];
  const std::string said(loaded.program->describe(status, text));
  CHECK(said.find("twice: not today") != std::string::npos);
  CHECK(said.find("Twice_1") != std::string::npos);
  seen.answer = Status();
  need(call->run());
  CHECK(values(call->result(0)) == doubled);
}

TEST_CASE("a function that the application does not give is named at load", "[host_call]") {
  char message[100] = "";
  const Callback other[] = {{"once", &twice, nullptr}, {"twice", nullptr, nullptr}};

  CHECK(load(host_call_artifact(), {}) == Code::not_found);
  CHECK(load(host_call_artifact(), other) == Code::not_found);
  CHECK(load(host_call_artifact(), {}, message) == Code::not_found);
  CHECK(message == std::string("the application gave no function twice"));
}

TEST_CASE("a host call that does not match its function is corrupt", "[host_call]") {
  const Callback callbacks[] = {{"twice", &twice, nullptr}};
  const auto with_call = [&](const Assembler& instruction) {
    ArtifactSpec spec = host_call_artifact();
    HostSpec& host = spec.plans[0].functions[0];
    host.code = Assembler(instruction).return_({0, 1}).code();
    return load(spec, callbacks);
  };

  CHECK(load(host_call_artifact(), callbacks) == Code::ok);
  CHECK(with_call(Assembler().host_call(1, 2, 0, {6, 7, 4, 4, 1, 1})) == Code::corrupt_artifact);           // no such function
  CHECK(with_call(Assembler().host_call(0, 2, 1, {6, 7, 4, 4, 1, 1})) == Code::corrupt_artifact);           // no such location
  CHECK(with_call(Assembler().host_call(0, 1, 0, {6, 4, 1})) == Code::corrupt_artifact);                    // no result
  CHECK(with_call(Assembler().host_call(0, 2, 0, {6, 7, 4, 4, 1})) == Code::corrupt_artifact);              // a dimension less
  CHECK(with_call(Assembler().host_call(0, 2, 0, {6, 7, 4, 4, 1, 1, 1})) == Code::corrupt_artifact);        // one more
  CHECK(with_call(Assembler().host_call(0, 2, 0, {6, 4, 4, 4, 1, 1})) == Code::corrupt_artifact);           // not a buffer
  CHECK(with_call(Assembler().host_call(0, 2, 0, {6, 7, 4, 4, 1, 7})) == Code::corrupt_artifact);           // not a number
  CHECK(with_call(Assembler().host_call(0, 2, 0, {6, 7, 4, 4, 1, 99})) == Code::corrupt_artifact);          // no such register
}

TEST_CASE("a host call outside of its buffers fails the call, and nothing is called", "[host_call]") {
  EACH_DEVICE(device);
  Seen seen;
  const Callback callbacks[] = {{"twice", &twice, &seen}};
  const auto run = [&](const std::vector<uint16_t>& registers) {
    ArtifactSpec spec = host_call_artifact();
    HostSpec& host = spec.plans[0].functions[0];
    // 2: 4, 3: the bytes of x, 4: 0, 5: -1; 6 holds more than x, 7 as much
    host.code = Assembler()
                    .const_i64(2, 4)
                    .op(Opcode::size_mul, 3, 1, 2)
                    .const_i64(4, 0)
                    .const_i64(5, -1)
                    .alloca_(7, 3, 1, 1)
                    .alloca_(6, 3, 1, 0)
                    .host_call(0, 2, UINT32_MAX, registers)
                    .return_({6, 1})
                    .code();
    unit::Loaded loaded(*device, spec, with(callbacks));
    return loaded.main().call({need(Tensor::stage(*device, {4}, four))}).status().code();
  };

  CHECK(run({0, 7, 4, 4, 1, 1}) == Code::ok);
  CHECK(seen.calls == 1);
  CHECK(run({6, 7, 2, 4, 1, 1}) == Code::failed_precondition);  // begins at byte 4, ends behind
  CHECK(run({6, 7, 4, 5, 1, 1}) == Code::failed_precondition);  // begins before its buffer
  CHECK(run({6, 7, 4, 4, 1, 3}) == Code::failed_precondition);  // more elements than there are
  CHECK(run({6, 7, 4, 4, 5, 1}) == Code::failed_precondition);  // a negative number of them
  CHECK(run({6, 8, 4, 4, 1, 1}) == Code::failed_precondition);  // an empty register
  CHECK(run({6, 0, 4, 4, 1, 1}) == Code::failed_precondition);  // writes to an argument
  CHECK(seen.calls == 1);
}

TEST_CASE("a call in the background blocks for what its host call waits for", "[host_call]") {
  EACH_DEVICE(device);
  Seen seen;
  const Callback callbacks[] = {{"twice", &twice, &seen}};
  unit::Loaded loaded(*device, host_call_artifact(), with(callbacks));
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const auto before = need(device->create_semaphore(0)), after = need(device->create_semaphore(0));
  const hal::Timepoint waits[] = {{before.get(), 1}}, signals[] = {{after.get(), 1}};
  bool good = true;
  std::thread other([&] { good = seen.calls == 0 && before->signal(1).ok(); });

  const Status status = call->run_async(waits, signals);
  other.join();
  need(status);
  CHECK(good);
  CHECK(seen.calls == 1);
  need(call->wait());
  need(device->wait(signals, hal::Wait::all, UINT64_MAX));
  CHECK(values(call->result(0)) == doubled);
}

TEST_CASE("what a host call waits for fails: the call fails, and nothing is called", "[host_call]") {
  EACH_DEVICE(device);
  Seen seen;
  const Callback callbacks[] = {{"twice", &twice, &seen}};
  unit::Loaded loaded(*device, host_call_artifact(), with(callbacks));
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const auto before = need(device->create_semaphore(0)), after = need(device->create_semaphore(0));
  const hal::Timepoint waits[] = {{before.get(), 1}}, signals[] = {{after.get(), 1}};
  before->fail(Status(Code::device_lost, "gone"));

  CHECK(call->run_async(waits, signals).code() == Code::device_lost);
  CHECK(after->query().status().code() == Code::device_lost);
  CHECK(seen.calls == 0);
  (void)call->wait();
  need(call->run());
  CHECK(values(call->result(0)) == doubled);
}

TEST_CASE("a warm call with a host call allocates nothing", "[host_call]") {
  const std::string device_name = GENERATE(from_range(unit::devices()));
  CAPTURE(device_name);
  unit::CountingAllocator counter;
  const Owned<hal::Device> device = unit::create(device_name, counter.allocator());
  const auto nothing = [](void* user, const HostCall&) -> Status {
    ++*static_cast<int*>(user);
    return {};
  };
  int calls = 0;
  const Callback callbacks[] = {{"twice", nothing, &calls}};
  LoadOptions options = with(callbacks);
  options.allocator = counter.allocator();
  unit::Loaded loaded(*device, host_call_artifact(), options);
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  need(call->run());
  need(call->run());
  const uint64_t allocations = counter.calls;
  for (int i = 0; i < 100; ++i) need(call->run());

  if (device->caps().inline_execution) CHECK(counter.calls == allocations);  // else the queue takes memory for what it holds
  CHECK(calls == 102);
}
