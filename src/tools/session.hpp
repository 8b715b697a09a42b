// What run and bench share: a device, a program on it, one of its functions, and arguments for it.
#pragma once
#include <string>
#include <vector>

#include "counting_allocator.hpp"
#include "devices.hpp"
#include "halcyon/program.hpp"
#include "host_tensor.hpp"
#include "options.hpp"
#include "safetensors.hpp"

namespace tools {

// The options that Session reads; a verb adds its own.
std::vector<std::string> session_options(std::vector<std::string> more);

class Session {
 public:
  // Loads; every failure ends the program with one line.
  explicit Session(const Options& options);

  halcyon::hal::Device& device() { return *device_; }
  halcyon::Program& program() { return *program_; }
  const halcyon::Function& function() const { return function_; }
  double load_ms() const { return load_ms_; }
  uint64_t allocations() const { return counting_.allocations.load(); }  // of host memory, so far

  // A call with all arguments set from --input. An argument that is donated is given away with it.
  halcyon::Owned<halcyon::PreparedCall> prepare();
  bool donates() const;  // whether any argument is given away with a call
  // The next call's donated arguments: the results that live in them.
  void feed_back(halcyon::PreparedCall& call);
  // Copies a result out: in place where it maps, else with one counted read.
  HostTensor take(const halcyon::Tensor& tensor);
  // Ends the program with "main: argument 1 ..." unless the status is ok.
  void check(const halcyon::Status& status);

 private:
  halcyon::Argument place(const HostTensor& value, const halcyon::ValueDesc& desc, bool donated);

  CountingAllocator counting_;  // first: everything below releases to it
  ParameterFiles parameters_;
  Drivers drivers_;
  halcyon::Owned<halcyon::hal::Device> device_;
  double load_ms_ = 0;
  halcyon::Owned<halcyon::Program> program_;
  halcyon::Function function_;
  std::vector<HostTensor> inputs_;
};

// "batchx768xf32": the names of dynamic dimensions, sizes of static ones.
std::string describe(const halcyon::ValueDesc& desc);

}  // namespace tools
