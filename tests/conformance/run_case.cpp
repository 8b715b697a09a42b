#include "run_case.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "Options.h"
#include "closeness.hpp"
#include "devices.hpp"
#include "fail.hpp"
#include "halcyon/program.hpp"
#include "llvm/Support/LogicalResult.h"
#include "npy.hpp"
#include "outcome.hpp"
#include "test_data.hpp"
#include "tools/Compile.h"

namespace conformance {
namespace {

using halcyon::Status;
using tools::HostTensor;
using Tensors = std::vector<HostTensor>;

bool compile(const std::string& model, const std::string& artifact, int level) {
  halcyon::Options options;
  options.input = model;
  options.output = artifact;
  options.jobs = 1;
  options.optLevel = level;
  return llvm::succeeded(halcyon::compile(options));
}

// An argument keeps no pointer to `value` where it is a tensor; host values borrow it.
halcyon::Result<halcyon::Argument> place(halcyon::hal::Device& device, const HostTensor& value, halcyon::Residence residence) {
  const halcyon::Shape shape{std::span<const int64_t>(value.shape)};
  if (residence == halcyon::Residence::host) return halcyon::Argument(halcyon::HostValues{shape, value.type, value.bytes});
  HALCYON_ASSIGN(auto tensor, halcyon::Tensor::stage(device, shape, value.type, value.bytes));
  return halcyon::Argument(std::move(tensor));
}

Status call(halcyon::Program& program, const Tensors& inputs, Tensors& outputs) {
  HALCYON_ASSIGN(auto function, program.function("main"));
  if (function.arguments().size() != inputs.size())
    return {halcyon::Code::invalid_argument, "the function takes another number of arguments than the test gives"};
  std::vector<halcyon::Argument> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    HALCYON_ASSIGN(auto argument, place(program.device(), inputs[i], function.arguments()[i].residence));
    arguments.push_back(std::move(argument));
  }
  HALCYON_ASSIGN(auto results, function.call(std::span<const halcyon::Argument>(arguments)));
  for (const halcyon::Tensor& result : results) {
    HostTensor value{result.element_type(), {result.shape().begin(), result.shape().end()}, {}};
    value.bytes.resize(result.byte_size());
    HALCYON_TRY(result.read(std::span<std::byte>(value.bytes)));
    outputs.push_back(std::move(value));
  }
  return {};
}

int say(int status, const std::string& line) {
  std::printf("%s\n", line.c_str());
  return status;
}

int compare(const Case& test, const Tensors& outputs, const Tensors& expected, const std::string& where) {
  if (outputs.size() != expected.size())
    return say(exit_wrong, where + tools::format("expected %zu results, got %zu", expected.size(), outputs.size()));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string what = difference(outputs[i], expected[i], test.rtol, test.atol);
    if (!what.empty()) return say(exit_wrong, where + "output " + std::to_string(i) + ": " + what);
  }
  return exit_pass;
}

int write_results(const Tensors& outputs, const std::string& data) {
  for (size_t i = 0; i < outputs.size(); ++i) tools::write_npy(data + "/result_" + std::to_string(i) + ".npy", outputs[i]);
  return exit_pass;
}

int run_on(const std::string& device_name, const std::string& artifact, const std::string& folder, const Case& test, bool results) {
  const tools::Drivers drivers({});
  const auto device = drivers.create_device(device_name, 1, halcyon::system_allocator());
  char line[512], message[512] = "";
  halcyon::LoadOptions options;
  options.message = message;
  auto program = halcyon::Program::load(*device, artifact.c_str(), options);
  if (!program.ok())
    return say(exit_run_error, device_name + ": load: " + std::string(describe(program.status(), line)) + " " + message);
  const Signature signature = read_signature(folder + "/model.onnx");
  for (size_t set = 0;; ++set) {
    const std::string data = folder + "/test_data_set_" + std::to_string(set);
    if (!std::filesystem::exists(data)) return set ? exit_pass : (tools::fail("'" + folder + "': has no data"), 1);
    const Tensors inputs = read_values(data, "input", signature.inputs);
    Tensors outputs;
    const Status status = call(**program, inputs, outputs);
    if (!status.ok()) return say(exit_run_error, device_name + ": " + std::string((*program)->describe(status, line)));
    const int ended = results ? write_results(outputs, data)
                              : compare(test, outputs, read_values(data, "output", signature.outputs), device_name + ": ");
    if (ended != exit_pass) return ended;
  }
}

}  // namespace

int run_case(const std::string& suite, const Case& test, const RunOptions& options, const std::string& artifact) {
  const std::string folder = suite + "/" + test.name;
  if (!compile(folder + "/model.onnx", artifact, options.level)) return exit_compile_error;
  int status = exit_pass;
  for (const std::string& device : options.devices)
    if (status == exit_pass) status = run_on(device, artifact, folder, test, options.results);
  unlink(artifact.c_str());
  return status;
}

}  // namespace conformance
