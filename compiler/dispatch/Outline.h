// dispatch/Outline.h -- a group of operations becomes an executable and its launch.
#pragma once
#include "dialect/dispatch/Dispatch.h"
#include "dispatch/Dimensions.h"
#include "dispatch/Grouping.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace halcyon::dispatch {

// The executable as text, without locations.
std::string textOf(ExecutableOp executable);

// The executables of a module: equal bodies are one.
class Executables {
public:
  explicit Executables(mlir::ModuleOp module) : module(module) {}

  // Puts `executable`, which is not in the module yet, before its functions; or erases it and gives its equal.
  ExecutableOp add(ExecutableOp executable, llvm::StringRef function, mlir::Operation *root);

private:
  mlir::ModuleOp module;
  llvm::StringMap<ExecutableOp> byText;
  llvm::StringMap<unsigned> names;
  ExecutableOp last;
};

// Replaces the group by a launch in its last operation's place.
mlir::LogicalResult outline(const Group &group, llvm::StringRef function, Dimensions &dimensions,
                            Executables &executables);

} // namespace halcyon::dispatch
