#include <halcyon/drivers/cpu.hpp>
#include <halcyon/halcyon.hpp>

#include <cstdio>

halcyon::Status hello(const char* path, std::span<const float> x, std::span<float> y) {
  HALCYON_ASSIGN(auto device, halcyon::cpu::create_device());
  HALCYON_ASSIGN(auto program, halcyon::Program::load(*device, path));                // maps the file
  HALCYON_ASSIGN(auto main, program->function("main"));
  HALCYON_ASSIGN(auto input, halcyon::Tensor::stage(*device, {2, 3}, x));             // host -> device
  HALCYON_ASSIGN(auto outputs, main.call({input}));                                   // results stay there
  return outputs[0].read(y);                                                          // device -> host
}

int main(int count, char** words) {
  const float x[] = {1, 2, 3, 4, 5, 6};
  float y[4] = {};
  const halcyon::Status status = hello(count > 1 ? words[1] : "hello.hcm", x, y);
  if (!status.ok()) {
    std::fprintf(stderr, "hello: %s: %s\n", halcyon::name(status.code()), status.what());
    return 1;
  }
  std::printf("%g %g\n%g %g\n", y[0], y[1], y[2], y[3]);
  return 0;
}
