// codegen/cpu/Codegen.h -- dispatch.executable -> one ELF image for a CPU target, or objects to link into a program.
//
// Kernel i of a variant is the module's i-th dispatch.executable. The image exports `hcy_library`
// (include/halcyon/hal/kernel_abi.h) and has RELATIVE relocations only: no libc, no TLS.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Support/LLVM.h"

#include <array>
#include <string>
#include <vector>

namespace halcyon {

struct CpuTarget {
  std::string triple;
  std::string cpu;
  std::vector<std::string> features; // as LLVM spells them: "+avx2"
};

// From the text after --target=: cpu[:TRIPLE[:CPU[,+FEATURE..]]]. Without a triple, this machine.
mlir::FailureOr<CpuTarget> parseCpuTarget(llvm::StringRef text,
                                          llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
CpuTarget hostCpuTarget();
// Whether it has an instruction for nn.dot_pairs.
bool multipliesPairs(const CpuTarget &target);

struct KernelInfo {
  // Iterations of each workload dimension for one workgroup: the grid is ceil(workload / tile).
  std::array<int64_t, 3> tile = {1, 1, 1};
  int64_t localMemory = 0; // bytes of a worker's local memory
  bool specialised = false;
};

// elf: an image that the runtime loads. staticTable: the application links the kernels in (StaticLibrary.h).
enum class ExecutableFormat { elf, staticTable };

struct CompiledVariant {
  std::string elf;
  std::vector<std::string> objects; // staticTable: one a kernel; the entry is staticSymbol(hash), hidden
  std::vector<uint64_t> hashes;     // staticTable: of each object, never 0
  std::vector<KernelInfo> kernels;
  std::vector<std::string> requiredFeatures; // without "+"; a device that lacks one refuses the variant
  std::string target;                        // "x86_64", "aarch64"
  std::string triple;
  double linkMs = 0;                         // of the time that compileForCpu took
};

// Compiles every dispatch.executable of `module`, in order. The bytes do not depend on `jobs` (threads).
// `dumpDir`: where to write each kernel's MLIR and LLVM IR; empty: nowhere.
mlir::FailureOr<CompiledVariant> compileForCpu(mlir::ModuleOp module, const CpuTarget &target, int optLevel, int jobs,
                                               llvm::StringRef dumpDir,
                                               ExecutableFormat format = ExecutableFormat::elf);

} // namespace halcyon
