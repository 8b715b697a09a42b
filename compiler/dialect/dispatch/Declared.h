// dialect/dispatch/Declared.h -- functions that the application gives: a private func.func without a body, and an
// attribute that says what it is. README.md of this folder has the words.
//
//   func.func private @blur(tensor<?x64xf32>) -> tensor<?x64xf32> attributes {
//       halcyon.kernel = {result_dims = [["arg0.0"]], workload = ["arg0.0"], tile = [8]}}
//   func.func private @log(tensor<4xf32>) -> tensor<4xf32> attributes {halcyon.host_call}
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <array>
#include <optional>

namespace halcyon::dispatch {

// A number known now, dimension `dimension` of an argument or a result, or the value of a scalar argument.
struct DeclaredSize {
  enum class From { literal, argument, result };
  From from = From::literal;
  int64_t literal = 0;
  unsigned number = 0;
  std::optional<unsigned> dimension; // none: the argument's own value
};

struct Declared {
  enum class Kind { kernel, hostCall };
  Kind kind = Kind::kernel;
  llvm::SmallVector<llvm::SmallVector<DeclaredSize>> resultDims; // of each result, its dynamic dimensions in order
  llvm::SmallVector<std::optional<unsigned>> inPlace;            // of each result, the argument that it updates
  std::optional<llvm::SmallVector<DeclaredSize>> workload;       // none: the elements of result 0
  std::array<int64_t, 3> tile = {1, 1, 1};
  int64_t localMemory = 0;
};

// Whether the function carries one of the two attributes.
bool isDeclared(mlir::func::FuncOp function);

// What the attribute says, complete and checked. Errors are diagnostics at the function.
mlir::FailureOr<Declared> readDeclared(mlir::func::FuncOp function);

} // namespace halcyon::dispatch
