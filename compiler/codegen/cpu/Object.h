// codegen/cpu/Object.h -- a kernel in the LLVM dialect -> object file -> image.
#pragma once
#include "codegen/cpu/Target.h"

#include <optional>

namespace llvm {
class LLVMContext;
class TargetMachine;
} // namespace llvm

namespace halcyon {

struct KernelObject {
  std::string bytes;
  uint64_t hash = 0; // of the code before LLVM optimises it, with its target; never 0. Only without `number`
};

// The object file of a kernel; its entry is the hidden symbol hcy_kernel_NUMBER or, without a number,
// staticSymbol(hash). `llvmText`, if given, receives the optimised LLVM IR.
mlir::FailureOr<KernelObject> emitKernelObject(mlir::ModuleOp module, const ResolvedTarget &target,
                                               llvm::TargetMachine &machine, std::optional<size_t> number,
                                               std::string *llvmText);
std::string staticSymbol(uint64_t hash);

// What kernels may call: memcpy, memset, memmove, fmod; and `hcy_library` with `count` kernels.
mlir::FailureOr<std::string> emitLibraryObject(const ResolvedTarget &target, llvm::TargetMachine &machine,
                                               size_t count, std::string &error);
// The same functions; and the table `name` of hcy_static_kernel (include/halcyon/hal/kernel_abi.h) for these hashes.
mlir::FailureOr<std::string> emitTableObject(const ResolvedTarget &target, llvm::TargetMachine &machine,
                                             llvm::StringRef name, llvm::ArrayRef<uint64_t> hashes, std::string &error);

// Links objects to one image. One call at a time: lld keeps its state in globals; the function has a lock.
mlir::FailureOr<std::string> linkImage(llvm::ArrayRef<std::string> objects, std::string &error);
// Links objects to one relocatable object; hidden symbols become local to it.
mlir::FailureOr<std::string> linkRelocatable(llvm::ArrayRef<std::string> objects, std::string &error);

} // namespace halcyon
