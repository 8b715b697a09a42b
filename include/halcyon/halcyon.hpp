// halcyon/halcyon.hpp -- everything of the runtime but the drivers.
//
//   #include <halcyon/halcyon.hpp>
//   #include <halcyon/drivers/cpu.hpp>
//
//   halcyon::Status classify(std::span<const float> pixels, std::span<float> scores) {
//     HALCYON_ASSIGN(auto device, halcyon::cpu::create_device());
//     HALCYON_ASSIGN(auto program, halcyon::Program::load(*device, "model.hcm"));
//     HALCYON_ASSIGN(auto main, program->function("main"));
//     HALCYON_ASSIGN(auto input, halcyon::Tensor::stage(*device, {1, 3, 224, 224}, pixels));
//     HALCYON_ASSIGN(auto outputs, main.call({input}));
//     return outputs[0].read(scores);
//   }
#pragma once
#include "halcyon/checked.hpp"
#include "halcyon/loader.hpp"
#include "halcyon/parameters.hpp"
#include "halcyon/program.hpp"
#include "halcyon/registry.hpp"
#include "halcyon/tensor.hpp"
