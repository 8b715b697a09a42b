// Runs custom_work.mlir and host_calls.mlir with kernels and functions of its own on each CPU device: custom_work
// CUSTOM_WORK.hcm HOST_CALLS.hcm. custom_work.py reads what it prints: a line "ok NAME" or "FAILED NAME: why" for each test.
#include <halcyon/checked.hpp>
#include <halcyon/drivers/cpu.hpp>
#include <halcyon/drivers/null.hpp>
#include <halcyon/halcyon.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace halcyon;

// ---- the kernels ------------------------------------------------------------------------------------------

template <class T>
T* binding(const hcy_dispatch* dispatch, uint32_t i) {
  return static_cast<T*>(dispatch->bindings[i]);
}

// (x: [n, 4], s: [4]) -> y: [n, 4]; parameters n, n, factor; 2 rows to a workgroup. By way of the worker's memory.
int32_t scale_rows(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  const uint64_t rows = dispatch->parameters[0];
  const uint32_t bits = static_cast<uint32_t>(dispatch->parameters[2]);
  float factor = 0;
  std::memcpy(&factor, &bits, 4);
  if (dispatch->binding_count != 3 || dispatch->parameter_count != 3 || dispatch->parameters[1] != rows || workgroup->local_size < 32 ||
      dispatch->binding_sizes[0] != rows * 16 || dispatch->binding_sizes[2] != rows * 16)
    return 1;
  float* scratch = static_cast<float*>(workgroup->local_memory);
  for (uint64_t row = workgroup->id[0] * 2ull; row < rows && row < workgroup->id[0] * 2ull + 2; ++row)
    for (int i = 0; i < 4; ++i) {
      scratch[i] = binding<const float>(dispatch, 0)[row * 4 + i] * factor;
      binding<float>(dispatch, 2)[row * 4 + i] = scratch[i] * binding<const float>(dispatch, 1)[i];
    }
  return 0;
}

// (rows: [n, 4]) -> cache: [8, 4], updated in place; parameters n, row. Split evenly over the workgroups.
int32_t append(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  const uint64_t rows = dispatch->parameters[0], at = dispatch->parameters[1];
  if (dispatch->binding_count != 2 || rows > 8 || at > 8 - rows) return 7;
  if (workgroup->id[0] == 0) std::memcpy(binding<float>(dispatch, 1) + at * 4, binding<const float>(dispatch, 0), rows * 16);
  return 0;
}

// (x: [n, 4]) -> mask: [n, 4], count: [1]
int32_t positive(const hcy_dispatch* dispatch, const hcy_workgroup*) {
  int64_t count = 0;
  for (uint64_t i = 0; i < dispatch->parameters[0] * 4; ++i) {
    const bool is = binding<const float>(dispatch, 0)[i] > 0;
    binding<int32_t>(dispatch, 1)[i] = is;
    count += is;
  }
  binding<int64_t>(dispatch, 2)[0] = count;
  return 0;
}

constexpr hcy_named_kernel own_kernels[] = {{"positive", &positive}, {"scale_rows", &scale_rows}, {"append", &append}};

// ---- the functions ----------------------------------------------------------------------------------------

// What the callbacks have seen, in order.
struct Log {
  std::vector<float> notes;
  int heads = 0;
};

Status observe(void*, const HostCall& call) {
  const HostTensor x = call.argument(0);
  std::vector<float> values(x.size / 4), most(4, -1e9f);
  HALCYON_TRY(x.read(values));
  for (size_t i = 0; i < values.size(); ++i) most[i % 4] = std::max(most[i % 4], values[i]);
  HALCYON_TRY(call.result(0).write(most));
  return call.result(1).write(std::vector<int64_t>{x.shape()[0]});
}

Status note(void* user, const HostCall& call) {
  float values[4];
  HALCYON_TRY(call.argument(0).read(values));
  static_cast<Log*>(user)->notes.insert(static_cast<Log*>(user)->notes.end(), values, values + 4);
  return {};
}

Status touch(void*, const HostCall& call) {
  if (call.argument_count() != 0 || call.result_count() != 1) return {Code::internal, "touch: it is updated in place"};
  float values[4];
  HALCYON_TRY(call.result(0).read(values));
  for (float& value : values) value += 1;
  return call.result(0).write(values);
}

Status head(void* user, const HostCall& call) {
  ++static_cast<Log*>(user)->heads;
  const HostTensor x = call.argument(0);
  std::vector<int64_t> count(1);
  HALCYON_TRY(call.argument(1).read(count));
  if (count[0] > x.shape()[0]) return {Code::invalid_argument, "head: more rows than there are"};
  std::vector<float> values(x.size / 4);
  HALCYON_TRY(x.read(values));
  std::fill(values.begin() + count[0] * 4, values.end(), 0.0f);
  return call.result(0).write(values);
}

// ---- the tests --------------------------------------------------------------------------------------------

std::string device_name;

void report(const char* test, const std::string& error) {
  std::printf("%s %s %s%s%s\n", error.empty() ? "ok" : "FAILED", device_name.c_str(), test, error.empty() ? "" : ": ", error.c_str());
}

std::string text(const Program& program, const Status& status) {
  char line[256];
  return std::string(name(status.code())) + ": " + std::string(program.describe(status, line));
}

template <class T>
std::string differ(const Tensor& tensor, const std::vector<T>& expected) {
  std::vector<T> got(tensor.element_count());
  if (const Status status = tensor.read(std::as_writable_bytes(std::span(got))); !status.ok()) return status.what();
  if (got.size() != expected.size()) return "has " + std::to_string(got.size()) + " elements, not " + std::to_string(expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (got[i] != expected[i]) return "element " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " + std::to_string(expected[i]);
  return "";
}

std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(static_cast<int>(i % 7) - 3);
  return values;
}

Result<Tensor> stage_rows(hal::Device& device, const std::vector<float>& values) {
  return Tensor::stage(device, {static_cast<int64_t>(values.size() / 4), 4}, values);
}

Status scaled(Program& program, size_t rows, int64_t steps, std::string& error) {
  const std::vector<float> x = numbers(rows * 4), s = {1, 2, 4, -1};
  HALCYON_ASSIGN(auto function, program.function("scaled"));
  HALCYON_ASSIGN(auto input, stage_rows(program.device(), x));
  HALCYON_ASSIGN(auto scale, Tensor::stage(program.device(), {4}, s));
  HALCYON_ASSIGN(auto outputs, function.call({input, scale, host(steps)}));
  std::vector<float> expected;
  for (size_t i = 0; i < x.size(); ++i) {
    float value = 3 * x[i];
    for (int64_t step = 0; step < (steps > 0 ? steps + 1 : 0); ++step) value = value * 0.5f * s[i % 4];
    expected.push_back(value + 1);
  }
  error = differ(outputs[0], expected);
  return {};
}

// Eight rows, of which `at` and the next are written; then `at` out of range, which the kernel refuses.
Status cached(Program& program, std::string& error) {
  HALCYON_ASSIGN(auto function, program.function("cached"));
  std::vector<float> expected(32, 1);
  HALCYON_ASSIGN(auto cache, Tensor::stage(program.device(), {8, 4}, expected));
  const std::vector<float> rows = {2, 3, 4, 5, 6, 7, 8, 9};
  HALCYON_ASSIGN(auto input, stage_rows(program.device(), rows));
  const hal::Buffer* memory = cache.buffer().get();
  for (const int64_t at : {int64_t{3}, int64_t{0}, int64_t{6}}) {
    HALCYON_ASSIGN(auto outputs, function.call({donate(cache), input, host(at)}));
    cache = std::move(outputs[0]);
    std::copy(rows.begin(), rows.end(), expected.begin() + at * 4);
  }
  error = differ(cache, expected);
  if (cache.buffer().get() != memory) error += " the cache moved";
  const int64_t outside = 7;
  const auto refused = function.call({donate(cache), input, host(outside)});
  const std::string said = text(program, refused.status());
  if (refused.ok() || said.find("append") == std::string::npos) error += " a kernel's error is: " + said;
  return {};
}

Status counted(Program& program, std::string& error) {
  HALCYON_ASSIGN(auto function, program.function("counted"));
  const std::vector<float> x = numbers(20);
  HALCYON_ASSIGN(auto input, stage_rows(program.device(), x));
  HALCYON_ASSIGN(auto outputs, function.call({input}));
  std::vector<int32_t> mask;
  size_t count = 0;
  for (const float value : x) {
    mask.push_back(value > 0);
    count += value > 0;
  }
  error = differ(outputs[0], mask) + differ(outputs[1], std::vector<float>(count * 4, 0.25f));
  return {};
}

Status observed(Program& program, Log& log, std::string& error) {
  HALCYON_ASSIGN(auto function, program.function("observed"));
  std::vector<float> x = numbers(20), notes;
  HALCYON_ASSIGN(auto input, stage_rows(program.device(), x));
  const int64_t steps = 3;
  log.notes.clear();
  HALCYON_ASSIGN(auto outputs, function.call({input, host(steps)}));
  for (float& value : x) value += 1;
  for (int64_t step = 0; step < steps; ++step) {
    std::vector<float> most(4, -1e9f);
    for (size_t i = 0; i < x.size(); ++i) most[i % 4] = std::max(most[i % 4], x[i]);
    for (size_t i = 0; i < x.size(); ++i) x[i] = x[i] * 0.5f * most[i % 4];
    notes.insert(notes.end(), most.begin(), most.end());
  }
  error = differ(outputs[0], x) + differ(outputs[1], std::vector<int64_t>{15});
  if (log.notes != notes) error += " the notes differ";
  return {};
}

Status middle(Program& program, Log& log, std::string& error) {
  HALCYON_ASSIGN(auto function, program.function("middle"));
  HALCYON_ASSIGN(auto input, Tensor::stage(program.device(), {4}, std::vector<float>{1, 2, 3, 4}));
  log.notes.clear();
  HALCYON_ASSIGN(auto outputs, function.call({input}));
  error = differ(outputs[0], std::vector<float>{5, 8, 11, 14}) + differ(input, std::vector<float>{1, 2, 3, 4});
  if (log.notes != std::vector<float>{1, 2, 3, 4, 3, 5, 7, 9}) error += " the notes differ";
  return {};
}

Status first(Program& program, Log& log, std::string& error) {
  HALCYON_ASSIGN(auto function, program.function("first"));
  std::vector<float> x = numbers(16);
  HALCYON_ASSIGN(auto input, stage_rows(program.device(), x));
  HALCYON_ASSIGN(auto two, Tensor::stage(program.device(), {1}, std::vector<int64_t>{2}));
  HALCYON_ASSIGN(auto nine, Tensor::stage(program.device(), {1}, std::vector<int64_t>{9}));
  log.heads = 0;
  HALCYON_ASSIGN(auto outputs, function.call({input, two}));
  std::fill(x.begin() + 8, x.end(), 0.0f);
  error = differ(outputs[0], x);
  const std::string said = text(program, function.call({input, nine}).status());
  if (said.find("invalid_argument: head: more rows than there are, in 'head' (") == std::string::npos) error += " its failure is: " + said;
  if (log.heads != 2) error += " it was called " + std::to_string(log.heads) + " times";
  return {};
}

template <class Test, class... Words>
void test(const char* title, Program& program, Test run, Words&&... words) {
  std::string error;
  const Status status = run(program, words..., error);
  report(title, status.ok() ? error : text(program, status));
}

void tests(Result<Owned<hal::Device>> device, char** paths, bool computes) {
  if (!device.ok()) return report("opens", device.status().what());
  char message[256] = "";
  auto program = Program::load(**device, paths[0], {.message = message});
  if (!program.ok()) return report("loads", std::string(program.status().what()) + " " + message);
  Log log;
  const Callback callbacks[] = {{"touch", &touch}, {"observe", &observe}, {"note", &note, &log}, {"head", &head, &log}};
  auto calls = Program::load(**device, paths[1], {.callbacks = callbacks, .message = message});
  if (!calls.ok()) return report("loads", std::string(calls.status().what()) + " " + message);
  report("loads", "");
  if (!computes) return;
  test("scaled", **program, &scaled, size_t{5}, int64_t{3});
  test("scaled without a step", **program, &scaled, size_t{3}, int64_t{0});
  test("scaled without a row", **program, &scaled, size_t{0}, int64_t{2});
  test("scaled, many rows", **program, &scaled, size_t{1001}, int64_t{2});
  test("cached", **program, &cached);
  test("counted", **program, &counted);
  test("observed", **calls, &observed, log);
  test("middle", **calls, &middle, log);
  test("first", **calls, &first, log);
}

// One kernel less: loading fails and says which.
void missing(const char* path) {
  auto device = cpu::create_device({.kernels = std::span(own_kernels).first(2)});
  if (!device.ok()) return report("opens", device.status().what());
  char message[256] = "";
  const auto program = Program::load(**device, path, {.message = message});
  const bool good = program.status().code() == Code::unsupported && std::strstr(message, "the application gave no such kernel append");
  report("a missing kernel is named", good ? "" : std::string(program.status().what()) + " " + message);
}

// A function less.
void missing_function(const char* path) {
  auto device = cpu::create_device({.kernels = own_kernels});
  if (!device.ok()) return report("opens", device.status().what());
  char message[256] = "";
  const Callback callbacks[] = {{"touch", &touch}, {"observe", &observe}, {"head", &head}};
  const auto program = Program::load(**device, path, {.callbacks = callbacks, .message = message});
  const bool good = program.status().code() == Code::not_found && std::strstr(message, "the application gave no function note");
  report("a missing function is named", good ? "" : std::string(program.status().what()) + " " + message);
}

// What breaks the HAL's rules on this device is a failed test.
Result<Owned<hal::Device>> check(Result<Owned<hal::Device>> device) {
  if (!device.ok()) return device;
  return checked(std::move(device).value(),
                 {.report = [](void*, std::string_view text) { report("follows the rules", std::string(text)); }, .strict = true, .asynchronous = true});
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  char** paths = words + 1;
  device_name = "cpu, inline";
  tests(cpu::create_inline_device({.kernels = own_kernels}), paths, true);
  device_name = "cpu";
  tests(cpu::create_device({.kernels = own_kernels}), paths, true);
  device_name = "cpu, 3 threads";
  tests(cpu::create_device({.threads = 3, .kernels = own_kernels}), paths, true);
  device_name = "cpu, unmappable";
  tests(cpu::create_device({.mappable = false, .kernels = own_kernels}), paths, true);
  device_name = "checked cpu, unmappable";
  tests(check(cpu::create_device({.mappable = false, .kernels = own_kernels})), paths, true);
  device_name = "null";
  tests(null::create_device({}), paths, false);
  device_name = "cpu";
  missing(paths[0]);
  missing_function(paths[1]);
  return 0;
}
