// tools/Compile.h -- from a model file to an artifact file.
#pragma once
#include "Options.h"

namespace llvm {
struct LogicalResult;
} // namespace llvm

namespace halcyon {

// Errors are printed, one line each: "FILE: 'NODE': what is wrong". No output is left after one.
llvm::LogicalResult compile(const Options &options);

} // namespace halcyon
