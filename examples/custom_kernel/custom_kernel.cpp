// A model that uses a kernel and a function of this program: custom_kernel MODEL.hcm
#include <halcyon/drivers/cpu.hpp>
#include <halcyon/halcyon.hpp>

#include <cstdio>
#include <cstring>
#include <vector>

// The model's `blur`: (x: [n, 8], weight) -> y: [n, 8], each element with a part of its neighbours'. Bindings are x and y,
// parameters the n of both and then the weight's bits. A workgroup has two rows, as the model says; no libc but memcpy.
static int32_t blur(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  const float* x = static_cast<const float*>(dispatch->bindings[0]);
  float* y = static_cast<float*>(dispatch->bindings[1]);
  const uint64_t rows = dispatch->parameters[0];
  const uint32_t bits = static_cast<uint32_t>(dispatch->parameters[2]);
  float weight = 0;
  std::memcpy(&weight, &bits, sizeof weight);
  for (uint64_t row = uint64_t{workgroup->id[0]} * 2; row < rows && row < uint64_t{workgroup->id[0]} * 2 + 2; ++row)
    for (uint64_t i = row * 8; i < row * 8 + 8; ++i) {
      const float left = i == row * 8 ? x[i] : x[i - 1], right = i == row * 8 + 7 ? x[i] : x[i + 1];
      y[i] = (1 - 2 * weight) * x[i] + weight * (left + right);
    }
  return 0;
}

// The model's `report`: runs between the kernels before it and those after it, and sees what the former have computed.
static halcyon::Status report(void* user, const halcyon::HostCall& call) {
  const halcyon::HostTensor most = call.argument(0);
  std::vector<float> values(static_cast<size_t>(most.shape()[0]));
  HALCYON_TRY(most.read(values));
  for (const float value : values) std::printf("blurring changed a row by up to %g\n", static_cast<double>(value));
  *static_cast<size_t*>(user) += values.size();
  return {};
}

static halcyon::Status run(const char* path, std::span<const float> x, std::span<float> y, size_t& reported) {
  const hcy_named_kernel kernels[] = {{"blur", &blur}};
  const halcyon::Callback callbacks[] = {{"report", &report, &reported}};
  char missing[200] = "";

  HALCYON_ASSIGN(auto device, halcyon::cpu::create_device({.kernels = kernels}));
  auto program = halcyon::Program::load(*device, path, {.callbacks = callbacks, .message = missing});
  if (!program.ok()) {
    if (missing[0]) std::fprintf(stderr, "%s\n", missing);
    return program.status();
  }
  HALCYON_ASSIGN(auto main, program.value()->function("main"));
  HALCYON_ASSIGN(auto input, halcyon::Tensor::stage(*device, {static_cast<int64_t>(x.size() / 8), 8}, x));
  HALCYON_ASSIGN(auto outputs, main.call({input}));
  return outputs[0].read(y);
}

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: custom_kernel MODEL.hcm\n");
    return 2;
  }
  const std::vector<float> x = {0, 0, 0, 8, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 4, 0, 0, 0, 0, 0, 0, 4};
  std::vector<float> y(x.size());
  size_t reported = 0;
  const halcyon::Status status = run(words[1], x, y, reported);
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", halcyon::name(status.code()), status.what());
    return 1;
  }
  for (size_t i = 0; i < y.size(); ++i) std::printf("%g%c", static_cast<double>(y[i]), i % 8 == 7 ? '\n' : ' ');
  std::printf("%zu rows reported\n", reported);
  return 0;
}
