// import/onnx/Imported.h -- what a name in the graph stands for.
#pragma once
#include "import/onnx/IndexMath.h"
#include "import/onnx/Types.h"
#include <vector>

namespace halcyon::onnx {

// Host values: tensors of at most this many elements can be kept as scalars.
constexpr int64_t hostLimit = 64;

struct Imported {
  enum class Kind { tensor, sequence, optional };
  Kind kind = Kind::tensor;
  // Of a sequence or an optional: of the tensors in it.
  DataType dataType = DataType::undefined;
  mlir::Type element;
  Dims dims; // SSA values or attributes; equal symbols are the same value

  // At least one of these; `tensor` is made from the others when it is needed.
  mlir::Value tensor;
  mlir::Value packed; // a list of bytes, of a type under 8 bits
  std::shared_ptr<const Tensor> constant;
  std::optional<llvm::SmallVector<mlir::Value>> elements; // of type `element`

  // While a report is made: what an unsupported node would give. Placed: `tensor` has the type that the file claims.
  enum class Missing { no, placed, all } missing = Missing::no;

  // A sequence: its elements where they are known, else a list of the host program, and the rank of
  // its elements where all have the same.
  std::shared_ptr<const std::vector<Imported>> items;
  mlir::Value list;
  std::optional<int64_t> itemRank;

  // An optional: whether there is one (i1), and what is in it; null where there never is.
  mlir::Value present;
  std::shared_ptr<const Imported> content;

  bool isTensor() const { return kind == Kind::tensor; }
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  mlir::RankedTensorType type() const { return tensorType(dims, element); }

  // Nothing where a dimension is not static.
  std::optional<int64_t> numElements() const {
    int64_t count = 1;
    for (OpFoldResult dim : dims) {
      std::optional<int64_t> extent = known(dim);
      if (!extent || mlir::ShapedType::isDynamic(*extent) ||
          __builtin_mul_overflow(count, *extent, &count))
        return std::nullopt;
    }
    return count;
  }
  bool isSmall() const { return numElements().value_or(hostLimit + 1) <= hostLimit; }
  // Its scalars are known without reading a tensor.
  bool isOnHost() const { return elements || (constant && isSmall()); }
};

// "a tensor": for messages.
inline const char *nameOf(Imported::Kind kind) {
  return kind == Imported::Kind::tensor     ? "a tensor"
         : kind == Imported::Kind::sequence ? "a sequence"
                                            : "an optional";
}

} // namespace halcyon::onnx
