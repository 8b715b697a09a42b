// State that stays on the device: 1,000 steps of recurrent.mlir (a module variable) and of decode.mlir (a donated cache) on each
// CPU device: state RECURRENT.hcm DECODE.hcm. custom_work.py reads what it prints: a line "ok NAME" or "FAILED NAME: why".
// The results are compared with the same sums in double precision; the transfer counters must show the inputs and the results
// that were asked for, to the byte, and nothing else.
#include <halcyon/checked.hpp>
#include <halcyon/drivers/cpu.hpp>
#include <halcyon/halcyon.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace halcyon;
using Floats = std::vector<float>;

constexpr int steps = 1000, read_every = 10;

std::string device_name;

void report(const std::string& test, const std::string& error) {
  std::printf("%s %s %s%s%s\n", error.empty() ? "ok" : "FAILED", device_name.c_str(), test.c_str(), error.empty() ? "" : ": ", error.c_str());
}

// Numbers in [-scale, scale), the same each time.
class Source {
 public:
  explicit Source(uint64_t seed) : state_(seed) {}
  Floats take(size_t count, float scale) {
    Floats values(count);
    for (float& value : values) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      value = scale * (static_cast<float>(state_ >> 40) / 8388608.0f - 1);
    }
    return values;
  }

 private:
  uint64_t state_;
};

// [1, n] times [n, m]
std::vector<double> product(const std::vector<double>& x, const Floats& w) {
  const size_t columns = w.size() / x.size();
  std::vector<double> y(columns, 0);
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = 0; j < columns; ++j) y[j] += x[i] * static_cast<double>(w[i * columns + j]);
  return y;
}

std::vector<double> wide(const Floats& values) { return {values.begin(), values.end()}; }

std::string differ(const Floats& got, const std::vector<double>& expected, int step) {
  for (size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(static_cast<double>(got[i]) - expected[i]) <= 1e-4))
      return "step " + std::to_string(step) + ": element " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " + std::to_string(expected[i]);
  return "";
}

// What the device has moved and handed out since `before`.
std::string differ(const hal::Stats& before, const hal::Stats& after, uint64_t up, uint64_t up_bytes, uint64_t down, uint64_t down_bytes) {
  const auto check = [](const char* what, uint64_t is, uint64_t expected) {
    return is == expected ? "" : std::string(" ") + what + ": " + std::to_string(is) + ", not " + std::to_string(expected);
  };
  return check("uploads", after.host_to_device_copies - before.host_to_device_copies, up) +
         check("bytes uploaded", after.host_to_device_bytes - before.host_to_device_bytes, up_bytes) +
         check("downloads", after.device_to_host_copies - before.device_to_host_copies, down) +
         check("bytes downloaded", after.device_to_host_bytes - before.device_to_host_bytes, down_bytes) +
         check("live bytes", after.live_bytes, before.live_bytes);
}

// A thousand steps; every tenth result is read.
Status recurrent(hal::Device& device, const char* path) {
  HALCYON_ASSIGN(auto program, Program::load(device, path));
  Source source(1);
  const Floats wx = source.take(8 * 16, 0.5f), wh = source.take(16 * 16, 0.4f), wo = source.take(16 * 4, 0.5f);
  HALCYON_ASSIGN(auto input, Tensor::allocate(device, {1, 8}, ElementType::f32));
  HALCYON_ASSIGN(auto device_wx, Tensor::stage(device, {8, 16}, wx));
  HALCYON_ASSIGN(auto device_wh, Tensor::stage(device, {16, 16}, wh));
  HALCYON_ASSIGN(auto device_wo, Tensor::stage(device, {16, 4}, wo));
  HALCYON_ASSIGN(auto function, program->function("step"));
  HALCYON_ASSIGN(auto call, function.prepare({input, device_wx, device_wh, device_wo}));
  std::vector<double> h(16, 0);
  std::string wrong;
  hal::Stats before;
  for (int step = -2; step < steps; ++step) {  // two to warm up
    if (step == 0) {
      HALCYON_ASSIGN(auto reset, program->function("reset"));
      HALCYON_TRY(reset.call({}).status());
      h.assign(16, 0);
      before = device.stats();
    }
    const Floats x = source.take(8, 1);
    HALCYON_TRY(input.write(x));
    HALCYON_TRY(call->run());
    const std::vector<double> a = product(wide(x), wx), b = product(h, wh);
    for (size_t i = 0; i < 16; ++i) h[i] = std::tanh(a[i] + b[i]);
    if (step < 0 || step % read_every != 0) continue;
    Floats y(4);
    HALCYON_TRY(call->result(0).read(y));
    if (wrong.empty()) wrong = differ(y, product(h, wo), step);
  }
  const hal::Stats after = device.stats();
  report("recurrent cell", wrong);
  report("recurrent cell, transfers", differ(before, after, steps, steps * 32, steps / read_every, steps / read_every * 16));
  report("recurrent cell, no allocation", after.allocations == before.allocations ? "" : std::to_string(after.allocations - before.allocations));

  HALCYON_ASSIGN(auto state, program->variable("h"));
  Floats values(16);
  HALCYON_TRY(state.read(values));
  report("recurrent cell, the variable", differ(values, h, steps));
  return {};
}

// A thousand steps fill the cache, which goes from call to call; every tenth result is read, and the cache at the end.
Status decode(hal::Device& device, const char* path) {
  HALCYON_ASSIGN(auto program, Program::load(device, path));
  Source source(2);
  const Floats wq = source.take(64, 0.6f), wk = source.take(64, 0.6f), wv = source.take(64, 0.6f);
  HALCYON_ASSIGN(auto input, Tensor::allocate(device, {1, 8}, ElementType::f32));
  HALCYON_ASSIGN(auto device_wq, Tensor::stage(device, {8, 8}, wq));
  HALCYON_ASSIGN(auto device_wk, Tensor::stage(device, {8, 8}, wk));
  HALCYON_ASSIGN(auto device_wv, Tensor::stage(device, {8, 8}, wv));
  const Floats nothing(8000, 0);
  HALCYON_ASSIGN(auto keys, Tensor::stage(device, {1000, 8}, nothing));
  HALCYON_ASSIGN(auto values, Tensor::stage(device, {1000, 8}, nothing));
  const hal::Buffer* const memory[] = {keys.buffer().get(), values.buffer().get()};
  HALCYON_ASSIGN(auto function, program->function("decode"));
  HALCYON_ASSIGN(auto call, function.prepare({input, device_wq, device_wk, device_wv}));
  std::vector<std::vector<double>> k, v;
  std::string wrong;
  hal::Stats before;
  for (int step = -2; step < steps; ++step) {  // two to warm up, at row 0
    if (step == 0) before = device.stats();
    const Floats x = source.take(8, 1);
    const int64_t at = step < 0 ? 0 : step;
    HALCYON_TRY(input.write(x));
    HALCYON_TRY(call->set_argument(4, donate(keys)));
    HALCYON_TRY(call->set_argument(5, donate(values)));
    HALCYON_TRY(call->set_argument(6, host(at)));
    HALCYON_TRY(call->run());
    keys = call->take_result(1);
    values = call->take_result(2);
    if (step < 0) continue;
    k.push_back(product(wide(x), wk));
    v.push_back(product(wide(x), wv));
    if (step % read_every != 0) continue;
    const std::vector<double> q = product(wide(x), wq);
    std::vector<double> expected(8, 0);
    double total = 0;
    for (size_t j = 0; j < k.size(); ++j) {
      double score = 0;
      for (size_t d = 0; d < 8; ++d) score += q[d] * k[j][d];
      total += std::exp(score);
      for (size_t d = 0; d < 8; ++d) expected[d] += std::exp(score) * v[j][d];
    }
    for (double& value : expected) value /= total;
    Floats y(8);
    HALCYON_TRY(call->result(0).read(y));
    if (wrong.empty()) wrong = differ(y, expected, step);
  }
  const hal::Stats after = device.stats();
  report("decode loop", wrong);
  report("decode loop, transfers", differ(before, after, steps, steps * 32, steps / read_every, steps / read_every * 32));
  report("decode loop, no allocation", after.allocations == before.allocations ? "" : std::to_string(after.allocations - before.allocations));
  report("decode loop, the cache stays where it is", keys.buffer().get() == memory[0] && values.buffer().get() == memory[1] ? "" : "it moved");
  Floats rows(8000);
  std::vector<double> expected;
  for (const std::vector<double>& row : v) expected.insert(expected.end(), row.begin(), row.end());
  HALCYON_TRY(values.read(rows));
  report("decode loop, the cache", differ(rows, expected, steps));

  // A donated tensor is gone; one that others hold, too, is a result like any other.
  HALCYON_TRY(call->set_argument(4, donate(keys)));
  HALCYON_TRY(call->set_argument(5, donate(values)));
  report("decode loop, a donated tensor is empty", !keys && !values ? "" : "it is not");
  HALCYON_TRY(call->run());
  const Status again = call->run();
  report("decode loop, a donation is for one call", again.code() == Code::invalid_argument || again.code() == Code::failed_precondition ? "" : again.what());
  return {};
}

void tests(Result<Owned<hal::Device>> device, char** paths) {
  if (!device.ok()) return report("opens", device.status().what());
  const Status first = recurrent(**device, paths[0]);
  report("recurrent cell runs", first.ok() ? "" : first.what());
  const Status second = decode(**device, paths[1]);
  report("decode loop runs", second.ok() ? "" : second.what());
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
  device_name = "cpu, inline";
  tests(cpu::create_inline_device({}), words + 1);
  device_name = "cpu";
  tests(cpu::create_device({}), words + 1);
  device_name = "cpu, 2 threads";
  tests(cpu::create_device({.threads = 2}), words + 1);
  device_name = "cpu, unmappable";
  tests(cpu::create_device({.mappable = false}), words + 1);
  device_name = "cpu, unmappable, 2 threads";
  tests(cpu::create_device({.mappable = false, .threads = 2}), words + 1);
  device_name = "checked cpu";
  tests(check(cpu::create_device({})), words + 1);
  device_name = "checked cpu, unmappable";
  tests(check(cpu::create_device({.mappable = false})), words + 1);
  return 0;
}
