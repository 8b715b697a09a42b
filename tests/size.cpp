// The minimal program: loads an artifact, verifies it, calls its main with one vector of floats and reads the result.
// tests/size.py reports how many bytes it takes.
#include <halcyon/drivers/cpu.hpp>
#include <halcyon/halcyon.hpp>

static halcyon::Status run(const char* path, std::span<const float> x, std::span<float> y) {
  HALCYON_ASSIGN(auto device, halcyon::cpu::create_inline_device());
  HALCYON_ASSIGN(auto program, halcyon::Program::load(*device, path, {.lists = false}));
  HALCYON_ASSIGN(auto main, program->function("main"));
  HALCYON_ASSIGN(auto input, halcyon::Tensor::stage(*device, {4}, x));
  HALCYON_ASSIGN(auto outputs, main.call({input}));
  return outputs[0].read(y);
}

int main(int count, char** words) {
  const float x[4] = {1, 2, 3, 4};
  float y[4] = {};
  return count == 2 && run(words[1], x, y).ok() ? 0 : 1;
}
