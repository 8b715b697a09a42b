// Two models whose kernels are linked in: static_program 0|1 FILE.hcm 2x3 IN.f32 OUT.f32, 0 without the table.
#include <halcyon/drivers/cpu.hpp>
#include <halcyon/halcyon.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "dense_relu.h"
#include "tiny_autoencoder.h"

static halcyon::Status run(std::span<const hcy_static_kernel> table, char** words) {
  std::vector<int64_t> shape;
  for (char* at = words[1];; ++at) {
    shape.push_back(std::strtoll(at, &at, 10));
    if (*at != 'x') break;
  }
  std::ifstream file(words[2], std::ios::binary);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  HALCYON_ASSIGN(auto device, halcyon::cpu::create_device({.static_kernels = table}));
  HALCYON_ASSIGN(auto program, halcyon::Program::load(*device, words[0]));
  HALCYON_ASSIGN(auto main, program->function("main"));
  HALCYON_ASSIGN(auto input, halcyon::Tensor::stage(*device, halcyon::Shape(std::span<const int64_t>(shape)), halcyon::ElementType::f32,
                                                    std::as_bytes(std::span(bytes))));
  HALCYON_ASSIGN(auto outputs, main.call({input}));
  std::vector<float> result(outputs[0].element_count());
  HALCYON_TRY(outputs[0].read(result));
  std::ofstream(words[3], std::ios::binary).write(reinterpret_cast<const char*>(result.data()), static_cast<std::streamsize>(result.size() * 4));
  return {};
}

int main(int count, char** words) {
  if (count != 6) return 2;
  std::vector<hcy_static_kernel> table(std::begin(DENSE_RELU_KERNELS), std::end(DENSE_RELU_KERNELS));
  table.insert(table.end(), std::begin(TINY_AUTOENCODER_KERNELS), std::end(TINY_AUTOENCODER_KERNELS));
  const halcyon::Status status = run(words[1][0] == '1' ? std::span<const hcy_static_kernel>(table) : std::span<const hcy_static_kernel>(), words + 2);
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", halcyon::name(status.code()), status.what());
  return status.ok() ? 0 : 1;
}
