// codegen/cpu/Target.h -- LLVM's view of a CpuTarget.
#pragma once
#include "codegen/cpu/Codegen.h"
#include "codegen/cpu/Passes.h"

#include <memory>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace halcyon {

// What kernels may use of a target: its features cut to those that a device can be asked for.
struct ResolvedTarget {
  std::string triple, cpu, tuneCpu, features; // features: LLVM's list
  std::string arch;                           // "x86_64", "aarch64", ...
  std::vector<std::string> required;
  CpuTraits traits;
};

mlir::FailureOr<ResolvedTarget> resolveTarget(const CpuTarget &target, std::string &error);
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const ResolvedTarget &target, int optLevel);

} // namespace halcyon
