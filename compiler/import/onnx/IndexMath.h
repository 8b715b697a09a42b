// import/onnx/IndexMath.h -- arithmetic on dimensions, done now where it can be.
#pragma once
#include "dialect/nn/LinalgBuilders.h"

namespace halcyon::onnx {

using mlir::OpFoldResult;

OpFoldResult fixed(mlir::ImplicitLocOpBuilder &b, int64_t value);
std::optional<int64_t> known(OpFoldResult value);

OpFoldResult add(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);
OpFoldResult sub(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);
OpFoldResult mul(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);
OpFoldResult floorDiv(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);
OpFoldResult ceilDiv(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);
OpFoldResult min(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);
OpFoldResult max(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);

// As an SSA value of index type.
mlir::Value asValue(mlir::ImplicitLocOpBuilder &b, OpFoldResult value);
llvm::SmallVector<mlir::Value> asValues(mlir::ImplicitLocOpBuilder &b,
                                        llvm::ArrayRef<OpFoldResult> values);

// To and from an integer type; a round trip gives the first value back.
mlir::Value toInteger(mlir::ImplicitLocOpBuilder &b, OpFoldResult index, mlir::Type type);
OpFoldResult toIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value integer, bool isUnsigned);

// The product of dims, with what can be known now taken together.
OpFoldResult product(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<OpFoldResult> dims);

// total / divisors where that is exact, by cancelling equal factors first.
OpFoldResult quotient(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<OpFoldResult> factors,
                      llvm::ArrayRef<OpFoldResult> divisors);

// The call fails, and says what and at which node, unless `condition` holds.
void require(mlir::ImplicitLocOpBuilder &b, mlir::Value condition, llvm::StringRef what);
// Nothing is left to check where both are known, or one value.
void requireEqual(mlir::ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right);
// Not negative.
void requireSize(mlir::ImplicitLocOpBuilder &b, OpFoldResult dim);

// A product taken apart: what is known, and the other factors. Values that are
// products themselves are taken apart too, so that equal sizes look equal.
struct Factors {
  int64_t fixedPart = 1;
  Dims rest;

  Factors() = default;
  explicit Factors(llvm::ArrayRef<OpFoldResult> dims) {
    for (OpFoldResult dim : dims)
      multiply(dim);
  }
  void multiply(OpFoldResult dim);
  bool operator==(const Factors &other) const;
};

// Static where the dims are known.
mlir::RankedTensorType tensorType(llvm::ArrayRef<OpFoldResult> dims, mlir::Type element);

} // namespace halcyon::onnx
