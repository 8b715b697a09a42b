// Many calls of one function, where results of a call are arguments of the next and never leave the device:
//
//   steps ARTIFACT DEVICE FOLDER COUNT RESULT:ARGUMENT,...
//
// FOLDER/step_S_input_I.npy is argument I of call S; an argument that is fed back has a file for call 0 only. Writes
// FOLDER/step_S_result_I.npy for each result that is not fed back, and for all results of the last call. stateful.py makes the
// files and judges them; the line "transfers: UP DOWN" is what all calls but the last one's extra reads have copied.
#include <halcyon/drivers/cpu.hpp>
#include <halcyon/halcyon.hpp>

#include <cstdio>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "npy.hpp"

namespace {

using namespace halcyon;

Result<Argument> argument(hal::Device& device, const ValueDesc& desc, const tools::HostTensor& value) {
  const std::span<const int64_t> shape(value.shape);
  if (desc.residence == Residence::host) return Argument(HostValues{Shape(shape), value.type, value.bytes});
  HALCYON_ASSIGN(auto tensor, Tensor::stage(device, Shape(shape), value.type, value.bytes));
  return Argument(std::move(tensor));
}

Status save(const Tensor& tensor, const std::string& path) {
  tools::HostTensor value{tensor.element_type(), {tensor.shape().begin(), tensor.shape().end()}, {}};
  value.bytes.resize(tools::tensor_bytes(value.type, value.shape, path));
  HALCYON_TRY(tensor.read(std::span<std::byte>(value.bytes)));
  tools::write_npy(path, value);
  return {};
}

Status run(hal::Device& device, const char* path, const std::string& folder, int count, const std::map<uint32_t, uint32_t>& fed) {
  HALCYON_ASSIGN(auto program, Program::load(device, path));
  HALCYON_ASSIGN(auto function, program->function("main"));
  const auto wanted = function.arguments();
  std::vector<Tensor> results;
  const hal::Stats before = device.stats();
  for (int step = 0; step < count; ++step) {
    const std::string prefix = folder + "/step_" + std::to_string(step);
    std::vector<Argument> arguments(wanted.size());
    for (const auto& [result, argument] : fed)
      if (step > 0) arguments[argument] = Argument(results[result]);
    std::vector<tools::HostTensor> values(wanted.size());
    for (uint32_t i = 0; i < wanted.size(); ++i) {
      bool is_fed = false;
      for (const auto& pair : fed) is_fed |= step > 0 && pair.second == i;
      if (is_fed) continue;
      values[i] = tools::read_npy(prefix + "_input_" + std::to_string(i) + ".npy", wanted[i].type);
      HALCYON_ASSIGN(auto made, argument(device, wanted[i], values[i]));
      arguments[i] = std::move(made);
    }
    auto outputs = function.call(std::span<const Argument>(arguments));
    if (!outputs.ok()) {
      char line[512];
      std::printf("call %d: %s\n", step, std::string(program->describe(outputs.status(), line)).c_str());
      return outputs.status();
    }
    results.assign(outputs->begin(), outputs->end());
    for (uint32_t i = 0; i < results.size(); ++i)
      if (!fed.count(i)) HALCYON_TRY(save(results[i], prefix + "_result_" + std::to_string(i) + ".npy"));
  }
  const hal::Stats after = device.stats();
  std::printf("transfers: %llu %llu\n", static_cast<unsigned long long>(after.host_to_device_copies - before.host_to_device_copies),
              static_cast<unsigned long long>(after.device_to_host_copies - before.device_to_host_copies));
  for (const auto& pair : fed)
    HALCYON_TRY(save(results[pair.first], folder + "/step_" + std::to_string(count - 1) + "_result_" + std::to_string(pair.first) + ".npy"));
  return {};
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) return std::fputs("usage: steps ARTIFACT DEVICE FOLDER COUNT RESULT:ARGUMENT,...\n", stderr), 2;
  std::map<uint32_t, uint32_t> fed;
  std::istringstream pairs(words[5]);
  unsigned result = 0, argument = 0;
  char separator = 0;
  while (pairs >> result >> separator >> argument) fed[result] = argument, pairs >> separator;
  Registry registry;
  Status status = registry.add({"cpu", &cpu::create_from_options});
  if (status.ok()) {
    auto device = registry.create(words[2]);
    status = device.ok() ? run(**device, words[1], words[3], std::stoi(words[4]), fed) : device.status();
  }
  char line[512];
  if (!status.ok()) std::printf("FAILED: %s\n", std::string(describe(status, line)).c_str());
  return status.ok() ? 0 : 1;
}
