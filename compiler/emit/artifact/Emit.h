// emit/artifact/Emit.h -- a scheduled module and its compiled kernels become one artifact (.hcm).
//
// src/schema/artifact.fbs and host_ops.def are the format. Same module, same variants: same bytes.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <utility>
#include <vector>

#include "codegen/cpu/Codegen.h"

namespace halcyon {

struct EmitOptions {
  bool resultsMappable = false;
  // Constants whose bytes are a tensor of FILE (.safetensors) are recorded as (SCOPE, name) instead
  // of embedded.
  std::vector<std::pair<std::string, std::string>> externalParameters; // scope, file
  std::string flags;                                                   // recorded as given
};

// `module`: what compiler/schedule leaves, with cf for control flow. One plan, for the CPU; a
// variant for each of `variants`, all images or all linked-in kernels, in order of preference.
// Errors are reported on the operation that cannot be encoded.
mlir::LogicalResult emitArtifact(mlir::ModuleOp module, llvm::ArrayRef<CompiledVariant> variants,
                                 const EmitOptions &options, llvm::raw_pwrite_stream &stream);

} // namespace halcyon
