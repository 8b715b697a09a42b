// codegen/cpu/StaticLibrary.h -- the kernels of several variants as one object file, for a program to link in.
#pragma once
#include "codegen/cpu/Codegen.h"

namespace halcyon {

struct StaticLibrary {
  std::string object;  // relocatable ELF; its one global symbol is the table
  std::string table;   // hcy_kernels_HASH, an array of hcy_static_kernel (include/halcyon/hal/kernel_abi.h)
  size_t entries = 0;  // of the table, at least 1
};

// `variants` were compiled for ExecutableFormat::staticTable. Equal kernels are there once. Variants of different
// architectures do not go into one object: an error, as is a target whose objects are not ELF.
mlir::FailureOr<StaticLibrary> linkStaticLibrary(llvm::ArrayRef<CompiledVariant> variants,
                                                 llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace halcyon
