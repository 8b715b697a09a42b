// Programs, functions and calls, on the null device and on every CPU device of the build.
#include <unistd.h>

#include "halcyon/platform.hpp"
#include "unit.hpp"

using namespace halcyon;
using namespace support;
using unit::need;
using unit::devices;
using unit::registry;

namespace {

const std::vector<float> four = {1, 2, 3, 4};

std::vector<float> values(const Tensor& tensor) {
  std::vector<float> read(tensor.element_count());
  need(tensor.read(read));
  return read;
}

}  // namespace

TEST_CASE("a call copies its argument to its result", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  const Tensor input = need(Tensor::stage(*device, {4}, four));
  auto outputs = need(loaded.main().call({input}));

  CHECK(outputs.size() == 1);
  CHECK(values(outputs[0]) == four);
  CHECK(outputs[0].buffer().get() != input.buffer().get());
}

TEST_CASE("results are device-local and map only where device memory does", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  auto outputs = need(loaded.main().call({need(Tensor::stage(*device, {4}, four))}));

  CHECK(outputs[0].buffer()->memory() == hal::Memory::device);
  CHECK(outputs[0].mappable() == device->caps().device_memory_mappable);
  CHECK(outputs[0].map(hal::Access::read).ok() == device->caps().device_memory_mappable);
}

TEST_CASE("an argument may lie in any memory that the device sees, and the result is device-local", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  const hal::BufferDesc desc =
      GENERATE(hal::BufferDesc{}, hal::BufferDesc{.memory = hal::Memory::host}, hal::BufferDesc{.map = hal::Map::read_write},
               hal::BufferDesc{.memory = hal::Memory::host, .map = hal::Map::write}, hal::BufferDesc{.alignment = 4096});
  const Tensor input = need(Tensor::stage(*device, {4}, ElementType::f32, std::as_bytes(std::span(four)), desc));
  auto outputs = need(loaded.main().call({input}));

  CHECK(values(outputs[0]) == four);
  CHECK(outputs[0].buffer()->memory() == hal::Memory::device);
}

TEST_CASE("a tensor that a call is still using is not overwritten", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  const Tensor input = need(Tensor::stage(*device, {4}, four));
  const auto call = need(loaded.main().prepare({input}));
  const auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const hal::Timepoint waits[] = {{begin.get(), 1}}, signals[] = {{end.get(), 1}};
  need(call->run_async(waits, signals));

  const std::vector<float> other(4, 9.0f);
  const Code early = input.write(std::as_bytes(std::span(other)), {}, 0).code();
  need(begin->signal(1));
  need(input.write(other));
  need(call->wait());

  CHECK(early == Code::timeout);
  CHECK(values(call->result(0)) == four);
}

TEST_CASE("results map everywhere where the artifact was compiled so", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = copy_artifact();
  spec.results_mappable = true;
  unit::Loaded loaded(*device, spec);
  auto outputs = need(loaded.main().call({need(Tensor::stage(*device, {4}, four))}));
  const Mapped view = need(outputs[0].map(hal::Access::read));

  CHECK(view.as<float>()[3] == 4);
}

TEST_CASE("stage and read are one counted copy each, and a call is none", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  const hal::Stats before = device->stats();
  auto outputs = need(loaded.main().call({need(Tensor::stage(*device, {4}, four))}));
  values(outputs[0]);
  const hal::Stats after = device->stats();

  CHECK(after.host_to_device_copies - before.host_to_device_copies == 1);
  CHECK(after.host_to_device_bytes - before.host_to_device_bytes == 16);
  CHECK(after.device_to_host_copies - before.device_to_host_copies == 1);
  CHECK(after.device_to_host_bytes - before.device_to_host_bytes == 16);
}

TEST_CASE("a dynamic size flows through", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, dynamic_copy_artifact());
  const int64_t size = GENERATE(0, 1, 7, 1000);
  const std::vector<float> data(static_cast<size_t>(size), 2.5f);
  auto outputs = need(loaded.main().call({need(Tensor::stage(*device, {size}, data))}));

  CHECK(outputs[0].dimension(0) == size);
  CHECK(values(outputs[0]) == data);
}

TEST_CASE("a prepared call is run again with other arguments", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, dynamic_copy_artifact());
  const auto call = need(loaded.main().prepare());
  need(call->set_argument(0, need(Tensor::stage(*device, {4}, four))));
  need(call->run());
  CHECK(values(call->result(0)) == four);
  const std::vector<float> two = {8, 9};
  need(call->set_argument(0, need(Tensor::stage(*device, {2}, two))));
  need(call->run());

  CHECK(values(call->result(0)) == two);
}

TEST_CASE("a warm run allocates nothing, on the host and on the device", "[program]") {
  const std::string device_name = GENERATE(from_range(unit::devices()));
  CAPTURE(device_name);
  unit::CountingAllocator counter;
  const Owned<hal::Device> device = unit::create(device_name, counter.allocator());
  LoadOptions options;
  options.allocator = counter.allocator();
  unit::Loaded loaded(*device, dynamic_copy_artifact(), options);
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  need(call->run());
  need(call->run());
  const uint64_t calls = counter.calls, allocations = device->stats().allocations;
  for (int i = 0; i < 100; ++i) need(call->run());

  if (device->caps().inline_execution) CHECK(counter.calls == calls);  // else the queue takes memory for what it holds
  CHECK(device->stats().allocations == allocations);
}

TEST_CASE("1000 calls of 1000 lengths keep memory flat", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, dynamic_copy_artifact());
  const auto call = need(loaded.main().prepare());
  const Tensor longest = need(Tensor::allocate(*device, {1000}, ElementType::f32));
  need(call->set_argument(0, longest));
  need(call->run());
  const uint64_t live = device->stats().live_bytes;
  for (int64_t n = 1; n <= 1000; ++n) {
    need(call->set_argument(0, need(Tensor::wrap(longest.buffer(), ElementType::f32, {n}))));
    need(call->run());
  }

  CHECK(device->stats().live_bytes <= live);
}

TEST_CASE("a result that was taken or is shared keeps its bytes", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  need(call->run());
  const Tensor taken = call->take_result(0);
  const std::vector<float> other = {5, 6, 7, 8};
  need(call->set_argument(0, need(Tensor::stage(*device, {4}, other))));
  need(call->run());
  const Tensor shared = call->result(0);
  need(call->set_argument(0, need(Tensor::stage(*device, {4}, four))));
  need(call->run());

  CHECK(values(taken) == four);
  CHECK(values(shared) == other);
  CHECK(values(call->result(0)) == four);
}

TEST_CASE("a bound result lands in the caller's tensor without a copy", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const Tensor own = need(Tensor::allocate(*device, {4}, ElementType::f32));
  need(call->bind_result(0, own));
  const uint64_t submissions = device->stats().submissions;
  need(call->run());

  CHECK(device->stats().submissions - submissions == 1);
  CHECK(call->result(0).buffer().get() == own.buffer().get());
  CHECK(values(own) == four);
  need(call->bind_result(0, Tensor()));
  need(call->run());
  CHECK(call->result(0).buffer().get() != own.buffer().get());
}

TEST_CASE("a bound result whose site is not certain is copied", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = copy_artifact();
  spec.plans[0].functions[0].code = Assembler().return_({0}).code();
  unit::Loaded loaded(*device, spec);
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const Tensor own = need(Tensor::allocate(*device, {4}, ElementType::f32));
  need(call->bind_result(0, own));
  need(call->run());

  CHECK(values(own) == four);
}

TEST_CASE("a bound result must fit", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, dynamic_copy_artifact());
  const Tensor input = need(Tensor::stage(*device, {4}, four));
  const auto call = need(loaded.main().prepare({input}));

  CHECK(call->bind_result(1, input).code() == Code::invalid_argument);
  CHECK(call->bind_result(0, need(Tensor::allocate(*device, {4}, ElementType::i32))).code() == Code::invalid_argument);
  CHECK(call->bind_result(0, need(Tensor::allocate(*device, {4, 1}, ElementType::f32))).code() == Code::invalid_argument);
  need(call->bind_result(0, input));
  CHECK(call->run().code() == Code::invalid_argument);
  need(call->bind_result(0, need(Tensor::allocate(*device, {3}, ElementType::f32))));
  CHECK(call->run().code() == Code::invalid_argument);
  need(call->bind_result(0, need(Tensor::allocate(*device, {5}, ElementType::f32))));
  CHECK(call->run().code() == Code::invalid_argument);
  need(call->bind_result(0, Tensor()));
  CHECK(call->run().ok());
}

TEST_CASE("an argument or a constant that is returned is copied, not shared", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = copy_artifact();
  spec.plans[0].functions[0].code = Assembler().return_({0}).code();
  unit::Loaded loaded(*device, spec);
  const Tensor input = need(Tensor::stage(*device, {4}, four));
  auto outputs = need(loaded.main().call({input}));

  CHECK(outputs[0].buffer().get() != input.buffer().get());
  CHECK(values(outputs[0]) == four);
}

TEST_CASE("a donated argument becomes the result", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = copy_artifact();
  spec.functions[0].donations = {{0, 0}};
  spec.plans[0].functions[0].code = Assembler().return_({0}).code();
  unit::Loaded loaded(*device, spec);
  const Function main = loaded.main();
  Tensor state = need(Tensor::stage(*device, {4}, four));
  const hal::Buffer* buffer = state.buffer().get();
  const auto call = need(main.prepare());

  CHECK(main.donated_to(0) == 0);
  need(call->set_argument(0, state));
  CHECK(call->run().code() == Code::failed_precondition);
  need(call->set_argument(0, donate(state)));
  CHECK_FALSE(state);
  need(call->run());
  state = call->take_result(0);
  CHECK(state.buffer().get() == buffer);
  CHECK(values(state) == four);
  CHECK(call->run().code() == Code::invalid_argument);
  need(call->set_argument(0, donate(state)));
  need(call->run());
  CHECK(call->result(0).buffer().get() == buffer);
}

TEST_CASE("a donated result cannot be bound, and a donated tensor is no other argument", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = copy_artifact();
  spec.functions[0].arguments.push_back({"other", ElementType::f32, {{4}}});
  spec.functions[0].donations = {{0, 0}};
  HostSpec& host = spec.plans[0].functions[0];
  host.code = Assembler().return_({0}).code();
  unit::Loaded loaded(*device, spec);
  const auto call = need(loaded.main().prepare());
  Tensor state = need(Tensor::stage(*device, {4}, four));
  const Tensor shared = state, other = need(Tensor::stage(*device, {4}, four));

  CHECK(call->bind_result(0, other).code() == Code::invalid_argument);
  need(call->set_argument(1, shared));
  need(call->set_argument(0, donate(state)));
  CHECK(call->run().code() == Code::invalid_argument);
  need(call->set_argument(1, other));  // the donation was not taken
  need(call->run());
  CHECK(call->result(0).buffer().get() == shared.buffer().get());
}

TEST_CASE("an argument that is not donated there is refused", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, copy_artifact());
  Tensor input = need(Tensor::stage(*device, {4}, four));
  const auto call = need(loaded.main().prepare());
  need(call->set_argument(0, donate(input)));

  CHECK(call->run().code() == Code::invalid_argument);
}

TEST_CASE("a wrong argument is named", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, dynamic_copy_artifact());
  const Function main = loaded.main();
  char text[128];
  const auto described = [&](const Status& status) { return std::string(loaded.program->describe(status, text)); };

  CHECK(described(main.call({need(Tensor::allocate(*device, {4}, ElementType::i64))}).status()) == "main: argument 0 'x': expected f32, got i64");
  CHECK(described(main.call({need(Tensor::allocate(*device, {4, 4}, ElementType::f32))}).status()) == "main: argument 0 'x': expected rank 1, got 2");
  CHECK(described(main.call({Tensor()}).status()) == "main: argument 0 'x': the argument is an empty tensor");
  CHECK(described(main.call({}).status()) == "call: wrong number of arguments: expected 1, got 0");
  CHECK(described(main.prepare().value()->run()) == "main: argument 0 'x': the argument is missing");
}

TEST_CASE("a wrong size is named as the issue shows", "[program]") {
  const auto device = unit::null_device();
  ArtifactSpec spec = copy_artifact();
  spec.functions[0].arguments.push_back({"tokens", ElementType::f32, {{4}}});
  spec.plans[0].functions[0].registers = {BUFFER, BUFFER, I64};
  spec.plans[0].functions[0].code = Assembler().return_({0}).code();
  unit::Loaded loaded(*device, spec);
  const Tensor good = need(Tensor::allocate(*device, {4}, ElementType::f32)), bad = need(Tensor::allocate(*device, {409}, ElementType::f32));
  char text[128];

  CHECK(loaded.program->describe(loaded.main().call({good, bad}).status(), text) == "main: argument 1 'tokens', dimension 0: expected 4, got 409");
  CHECK(std::string(text, 10) == "main: argu");
  CHECK(loaded.program->describe(loaded.main().call({good, bad}).status(), std::span(text, 11)) == "main: argu");
}

TEST_CASE("equal symbols are equal sizes", "[program]") {
  const auto device = unit::null_device();
  ArtifactSpec spec = dynamic_copy_artifact();
  spec.functions[0].arguments.push_back({"z", ElementType::f32, {{2}, {-1, 0}}});
  spec.plans[0].functions[0].registers = {BUFFER, I64, BUFFER, I64};
  spec.plans[0].functions[0].code = Assembler().return_({0, 1}).code();
  unit::Loaded loaded(*device, spec);
  const Tensor x = need(Tensor::allocate(*device, {3}, ElementType::f32));
  char text[128];

  CHECK(loaded.main().call({x, need(Tensor::allocate(*device, {2, 3}, ElementType::f32))}).ok());
  const Status status = loaded.main().call({x, need(Tensor::allocate(*device, {2, 4}, ElementType::f32))}).status();
  CHECK(loaded.program->describe(status, text) == "main: argument 1 'z', dimension 1 'n': expected 3, got 4");
}

TEST_CASE("host values are passed by value, or read from a tensor and counted", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = program_artifact(Assembler().op(Opcode::nop));
  spec.functions[0].arguments = {{"k", ElementType::i32, {{2}}, Residence::host}};
  unit::Loaded loaded(*device, spec);
  const Function main = loaded.main();
  const int32_t pair[] = {-7, 9};
  int64_t value[1] = {};
  auto outputs = need(main.call({host({2}, pair)}));
  need(outputs[0].read(value));
  CHECK(value[0] == -7);

  const Tensor tensor = need(Tensor::stage(*device, {2}, pair));
  const uint64_t reads = device->stats().device_to_host_copies;
  outputs = need(main.call({tensor}));
  CHECK(device->stats().device_to_host_copies - reads == 1);
  need(outputs[0].read(value));
  CHECK(value[0] == -7);
  CHECK(main.call({host({1}, std::span(pair, 1))}).status().code() == Code::invalid_argument);
}

TEST_CASE("a device argument takes no host values", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, copy_artifact());
  CHECK(loaded.main().call({host({4}, four)}).status().code() == Code::invalid_argument);
}

TEST_CASE("a scalar host value needs no shape", "[program]") {
  const auto device = unit::null_device();
  ArtifactSpec spec = program_artifact(Assembler().op(Opcode::to_i64, 0, 8));
  spec.functions[0].arguments = {{"k", ElementType::f32, {}, Residence::host}};
  spec.plans[0].functions[0].registers[0] = F64;
  spec.plans[0].functions[0].registers[8] = I64;
  spec.plans[0].functions[0].code = Assembler().op(Opcode::to_i64, 1, 0).const_i64(2, 8).alloca_(12, 2, 0, 0).op(Opcode::write_i64, 12, 3, 1, {uint32_t(2) | 64u << 8}).return_({12}).code();
  unit::Loaded loaded(*device, spec);
  int64_t value[1] = {};
  need(need(loaded.main().call({host(5.5f)}))[0].read(value));

  CHECK(value[0] == 5);
}

TEST_CASE("a failed call leaves the prepared call usable", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, dynamic_copy_artifact());
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  CHECK(call->run({2}).code() == Code::timeout);
  CHECK_FALSE(call->result(0));
  need(call->run());

  CHECK(values(call->result(0)) == four);
}

TEST_CASE("a call in the background waits for its waits and reaches its signals", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const auto before = need(device->create_semaphore(0)), after = need(device->create_semaphore(0));
  const hal::Timepoint waits[] = {{before.get(), 1}}, signals[] = {{after.get(), 5}};
  need(call->run_async(waits, signals));

  CHECK(need(after->query()) == 0);
  CHECK(call->run().code() == Code::failed_precondition);
  CHECK(call->wait(0).code() == Code::timeout);
  need(before->signal(1));
  need(call->wait());
  need(device->wait(signals, hal::Wait::all, UINT64_MAX));
  CHECK(values(call->result(0)) == four);
  need(call->run());
}

TEST_CASE("a background call whose waits fail fails, and the next one runs", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, copy_artifact());
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const auto before = need(device->create_semaphore(0)), after = need(device->create_semaphore(0));
  const hal::Timepoint waits[] = {{before.get(), 1}}, signals[] = {{after.get(), 1}};
  need(call->run_async(waits, signals));
  before->fail(Status(Code::device_lost, "gone"));

  CHECK(call->wait().code() == Code::device_lost);
  CHECK(after->query().status().code() == Code::device_lost);
  need(call->run());
  CHECK(values(call->result(0)) == four);
}

TEST_CASE("a background call that fails on the host fails its signals", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, copy_artifact());
  const auto call = need(loaded.main().prepare({need(Tensor::stage(*device, {4}, four))}));
  const auto after = need(device->create_semaphore(0));
  const hal::Timepoint signals[] = {{after.get(), 1}};

  CHECK(call->run_async({}, signals, {1}).code() == Code::timeout);
  CHECK(after->query().status().code() == Code::timeout);
  need(call->wait());
  need(call->run());
}

TEST_CASE("several functions share one program", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, rich_artifact());

  CHECK(loaded.program->function_count() == 2);
  CHECK(loaded.program->function("reset").ok());
  CHECK(loaded.program->function("none").status().code() == Code::not_found);
  CHECK(need(loaded.program->function("reset")).call({}).ok());
}

TEST_CASE("the whole schema runs on the null device", "[program]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, rich_artifact());
  const std::vector<float> x(8, 1.0f);
  const std::vector<uint16_t> cache_bits(16, 0);
  const float scale = 2;
  const int64_t steps = 5;
  Tensor cache = need(Tensor::stage(*device, {2, 8}, ElementType::f16, std::as_bytes(std::span(cache_bits))));
  auto outputs = need(loaded.main().call({need(Tensor::stage(*device, {2, 4}, x)), host(steps), host(scale), donate(cache)}));

  CHECK(outputs[0].shape().size() == 2);
  CHECK(outputs[0].dimension(0) == 2);
  CHECK(outputs[1].element_type() == ElementType::f16);
}

TEST_CASE("packed elements come and go by whole bytes, for any count", "[program]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, packed_artifact());
  const int64_t n = GENERATE(int64_t{0}, int64_t{1}, int64_t{4}, int64_t{7});
  const std::vector<uint8_t> x = {0x21, 0x43, 0x05}, w(static_cast<size_t>((n + 3) / 4), 0x1b);
  const auto stage = [&](int64_t count, ElementType type, const std::vector<uint8_t>& bytes) {
    return Tensor::stage(*device, {count}, type, std::as_bytes(std::span(bytes)));
  };
  auto outputs = need(loaded.main().call({need(stage(5, ElementType::i4, x)), need(stage(n, ElementType::u2, w))}));

  std::vector<uint8_t> first(3), second(w.size()), third(5);
  need(outputs[0].read(first));
  need(outputs[1].read(second));
  need(outputs[2].read(third));
  CHECK(first == x);
  CHECK(second == w);
  CHECK(third == std::vector<uint8_t>{0x24, 0x25, 0x26, 0x27, 0x28});
  CHECK(outputs[1].dimension(0) == n);
  CHECK(stage(6, ElementType::i4, {1, 2}).status().code() == Code::invalid_argument);
  CHECK(loaded.main().call({need(stage(6, ElementType::i4, x)), outputs[1]}).status().code() == Code::invalid_argument);
  CHECK(loaded.main().call({need(stage(5, ElementType::u4, x)), outputs[1]}).status().code() == Code::invalid_argument);
}

TEST_CASE("a result shorter than its packed elements fails the call", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = packed_artifact();
  spec.functions[0].results[0].shape = {{7}};  // 4 bytes; the program makes 3
  unit::Loaded loaded(*device, spec);
  const std::vector<uint8_t> x(3), w(1);
  const auto outputs = loaded.main().call({need(Tensor::stage(*device, {5}, ElementType::i4, std::as_bytes(std::span(x)))),
                                           need(Tensor::stage(*device, {1}, ElementType::u2, std::as_bytes(std::span(w))))});

  CHECK(outputs.status().code() == Code::failed_precondition);
}

TEST_CASE("external parameters come from the caller's source", "[program]") {
  EACH_DEVICE(device);
  ArtifactSpec spec = copy_artifact();
  spec.constants = {{.segment = 0, .offset = 0, .length = 0, .scope = "model", .key = "w", .type = ElementType::f32, .shape = {4}}};
  spec.plans[0].functions[0].code = Assembler().op(Opcode::constant, 1, 0, 0, {0}).return_({1}).code();
  const Aligned file(build(spec));
  char message[128];
  LoadOptions options;
  options.message = message;
  CHECK(Program::load(*device, file.bytes(), options).status().code() == Code::not_found);
  CHECK(std::string(message) == "parameter 'w' of scope 'model'");

  std::vector<float> weights = {9, 8, 7, 6};
  options.parameters = {&weights, [](void* self, std::string_view scope, std::string_view key, Parameter& parameter) {
                          if (scope != "model" || key != "w") return Status(Code::not_found, "find: none");
                          parameter.bytes = std::as_bytes(std::span(*static_cast<std::vector<float>*>(self)));
                          return Status();
                        }};
  const auto program = need(Program::load(*device, file.bytes(), options));
  auto outputs = need(need(program->function("main")).call({need(Tensor::stage(*device, {4}, four))}));
  CHECK(values(outputs[0]) == weights);
  weights.pop_back();
  CHECK(Program::load(*device, file.bytes(), options).status().code() == Code::invalid_argument);
}

TEST_CASE("an artifact without a plan for the device is unsupported", "[program]") {
  ArtifactSpec spec = copy_artifact();
  spec.plans[0].family = "vulkan";
  const Aligned file(build(spec));
  const auto null = unit::null_device();
  CHECK(Program::load(*null, file.bytes()).ok());
  for (const std::string& name : unit::devices()) {
    if (name == "null") continue;
    const auto device = unit::create(name);
    CHECK(Program::load(*device, file.bytes()).status().code() == Code::unsupported);
  }
}

TEST_CASE("a file that does not exist is not found", "[program]") {
  const auto device = unit::null_device();
  CHECK(Program::load(*device, "/nonexistent/model.hcm").status().code() == Code::not_found);
  CHECK(Program::load(*device, "/").status().code() == Code::failed_precondition);
}

namespace {
// A file of the artifact, for the length of a test.
struct File {
  explicit File(const ArtifactSpec& spec) {
    const std::vector<std::byte> bytes = build(spec);
    const int file = mkstemp(path);
    REQUIRE(file >= 0);
    REQUIRE(::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    ::close(file);
  }
  ~File() { ::unlink(path); }
  char path[32] = "/tmp/halcyon-unit-XXXXXX";
};
}  // namespace

TEST_CASE("a file is mapped, or copied and may go", "[program]") {
  EACH_DEVICE(device);
  const ArtifactSpec spec = program_artifact(Assembler().op(Opcode::constant, 12, 0, 0, {0}).const_i64(1, 2).op(Opcode::read_i64, 0, 12, 1, {uint32_t(3) | 8u << 8}));
  LoadOptions options;
  options.mode = GENERATE(LoadMode::map, LoadMode::copy);
  options.verify_sha256 = true;
  Owned<Program> program;
  {
    const File file(spec);
    program = need(Program::load(*device, file.path, options));
  }
  int64_t value[1] = {};
  need(need(program->function(0).call({}))[0].read(value));

  CHECK(value[0] == 7);
}

TEST_CASE("a command that fails names its source op", "[program]") {
  const std::string device_name = GENERATE(from_range(unit::devices()));
  const auto device = unit::create(device_name, system_allocator(), unit::Faults::expected);
  ArtifactSpec spec = copy_artifact();
  spec.locations = {{"Copy_1", "", 0}};
  spec.plans[0].lists[0].commands[0].location = 0;
  spec.plans[0].lists[0].commands[0].ranges[0].size = hal::Operand::literal(17);
  unit::Loaded loaded(*device, spec);
  const Status status = loaded.main().call({need(Tensor::stage(*device, {4}, four))}).status();
  char text[256];

  CHECK(status.code() == Code::invalid_argument);
  CHECK(loaded.program->describe(status, text).find("in 'Copy_1'") != std::string_view::npos);
}

TEST_CASE("tensors check their shape and size", "[tensor]") {
  const auto device = unit::null_device();
  const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};

  CHECK(Tensor::allocate(*device, Shape(nine), ElementType::f32).status().code() == Code::invalid_argument);
  CHECK(Tensor::allocate(*device, {-1}, ElementType::f32).status().code() == Code::invalid_argument);
  CHECK(Tensor::allocate(*device, {int64_t{1} << 62, 4}, ElementType::f32).status().code() == Code::invalid_argument);
  CHECK(Tensor::allocate(*device, {1}, ElementType{}).status().code() == Code::invalid_argument);
  CHECK(Tensor::stage(*device, {3}, four).status().code() == Code::invalid_argument);
  CHECK(need(Tensor::stage(*device, {2, 2}, four)).byte_size() == 16);
  CHECK(need(Tensor::allocate(*device, {0, 5}, ElementType::f32)).byte_size() == 0);
  CHECK(need(Tensor::allocate(*device, {}, ElementType::f64)).byte_size() == 8);
  CHECK(need(Tensor::allocate(*device, {3}, ElementType::i4)).byte_size() == 2);
}

TEST_CASE("a tensor is read and written whole", "[tensor]") {
  EACH_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {4}, four));
  std::vector<float> three(3);

  CHECK(tensor.read(three).code() == Code::invalid_argument);
  CHECK(tensor.write(three).code() == Code::invalid_argument);
  CHECK(Tensor().read(three).code() == Code::failed_precondition);
  const std::vector<float> other = {4, 3, 2, 1};
  need(tensor.write(other));
  CHECK(values(tensor) == other);
}

TEST_CASE("imported memory is used in place", "[tensor]") {
  EACH_DEVICE(device);
  std::vector<float> own = four;
  auto imported = Tensor::import(*device, {4}, own);
  if (!device->caps().import_host) {
    CHECK(imported.status().code() == Code::unsupported);
    return;
  }
  own[0] = 42;
  CHECK(values(need(std::move(imported)))[0] == 42);
  CHECK(Tensor::import(*device, {3}, ElementType::f32, std::as_writable_bytes(std::span(own)).subspan(1, 12)).status().code() == Code::invalid_argument);
}

namespace {
struct Caller {
  Program* program = nullptr;
  hal::Device* device = nullptr;
  float value = 0;
  uint64_t wrong = 0;
  static void run(void* user) {
    Caller& self = *static_cast<Caller*>(user);
    const float data[4] = {self.value, self.value, self.value, self.value};
    auto input = Tensor::stage(*self.device, {4}, data);
    auto call = self.program->function(0).prepare();
    if (!input.ok() || !call.ok() || !call.value()->set_argument(0, input.value()).ok()) {
      ++self.wrong;
      return;
    }
    for (int i = 0; i < 200; ++i) {
      float read[4] = {};
      if (!call.value()->run().ok() || !call.value()->result(0).read(read).ok() || read[3] != self.value) ++self.wrong;
    }
  }
};
}  // namespace

TEST_CASE("threads call one program, each with its own prepared call", "[program][threads]") {
  EACH_DEVICE(device);
  unit::Loaded loaded(*device, copy_artifact());
  Caller callers[4];
  platform::Thread threads[4];
  for (int i = 0; i < 4; ++i) {
    callers[i] = {loaded.program.get(), device.get(), static_cast<float>(i), 0};
    need(threads[i].start(&Caller::run, &callers[i]));
  }
  for (platform::Thread& thread : threads) thread.join();

  CHECK(callers[0].wrong + callers[1].wrong + callers[2].wrong + callers[3].wrong == 0);
}
