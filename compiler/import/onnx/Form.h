// import/onnx/Form.h -- what stays the same of a value that branches give, or that goes from iteration to iteration:
// its kind, element type and rank, and of its dimensions those that are known.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

class Form {
public:
  Form() = default;
  // Of one value. `onHost`: its scalars are handed on, not a tensor.
  Form(const Imported &value, bool onHost);

  // Gives up what `other` does not share; true where that was something. Nothing where no form holds both.
  std::optional<bool> widen(const Imported &other);
  // Dimensions that `op` computes inside are not known outside.
  void forgetInside(mlir::Operation *op);
  // Of an empty sequence the rank of what comes is not known yet, unless it is declared.
  void declareItems(const ValueInfo &info);

  bool onHost() const { return isHost; }
  void leaveHost() { isHost = false; }
  bool isTensor() const { return kind == Imported::Kind::tensor; }
  mlir::RankedTensorType tensorType() const;

  size_t numValues() const;
  // The values that stand for `value`, at `b`; widened to this form.
  void append(GraphImporter &graph, mlir::ImplicitLocOpBuilder &b, Imported value,
              llvm::SmallVectorImpl<mlir::Value> &values) const;
  // What they stand for at another place; takes them from the front.
  Imported take(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange &values) const;

private:
  void appendAbsent(mlir::ImplicitLocOpBuilder &b, llvm::SmallVectorImpl<mlir::Value> &values) const;

  Imported::Kind kind = Imported::Kind::tensor;
  DataType dataType = DataType::undefined;
  mlir::Type element;
  Dims dims; // null: changes
  bool isHost = false;
  std::optional<int64_t> itemRank;
  std::shared_ptr<Form> content; // of an optional; null: never anything
};

} // namespace halcyon::onnx
