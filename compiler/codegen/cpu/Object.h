// codegen/cpu/Object.h -- a kernel in the LLVM dialect -> object file -> image.
#pragma once
#include "codegen/cpu/Target.h"

namespace llvm {
class LLVMContext;
class TargetMachine;
} // namespace llvm

namespace halcyon {

// The object file of kernel `number`; its entry is the hidden symbol hcy_kernel_NUMBER. `llvmText`, if given,
// receives the optimised LLVM IR.
mlir::FailureOr<std::string> emitKernelObject(mlir::ModuleOp module, const ResolvedTarget &target,
                                              llvm::TargetMachine &machine, size_t number, std::string *llvmText);
// What kernels may call: memcpy, memset, memmove, fmod; and `hcy_library` with `count` kernels.
mlir::FailureOr<std::string> emitLibraryObject(const ResolvedTarget &target, llvm::TargetMachine &machine,
                                               size_t count, std::string &error);
// Links objects to one image. One call at a time: lld keeps its state in globals; the function has a lock.
mlir::FailureOr<std::string> linkImage(llvm::ArrayRef<std::string> objects, std::string &error);

} // namespace halcyon
