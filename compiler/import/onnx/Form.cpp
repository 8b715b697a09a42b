#include "import/onnx/Form.h"
#include "dialect/host/Host.h"
#include "import/onnx/Sequences.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {

Form::Form(const Imported &value, bool onHost)
    : kind(value.kind), dataType(value.dataType), element(value.element), dims(value.dims),
      isHost(onHost) {
  if (kind == Imported::Kind::sequence)
    itemRank = itemRankOf(value);
  if (value.content)
    content = std::make_shared<Form>(*value.content, false);
}

void Form::declareItems(const ValueInfo &info) {
  if (kind == Imported::Kind::sequence && itemRank == openRank && info.ranked)
    itemRank = static_cast<int64_t>(info.dims.size());
}

std::optional<bool> Form::widen(const Imported &other) {
  if (kind == Imported::Kind::optional) {
    // What is not an optional is one that is there.
    const Imported *inner = other.kind == Imported::Kind::optional ? other.content.get() : &other;
    if (!inner)
      return false;
    if (content)
      return content->widen(*inner);
    content = std::make_shared<Form>(*inner, false);
    dataType = inner->dataType;
    element = inner->element;
    return true;
  }
  if (kind != other.kind || dataType != other.dataType)
    return std::nullopt;
  if (kind == Imported::Kind::sequence) {
    std::optional<int64_t> rank = joinItemRanks(itemRank, itemRankOf(other));
    const bool changes = itemRank != rank;
    itemRank = rank;
    return changes;
  }
  if (dims.size() != other.dims.size())
    return std::nullopt;
  bool changes = false;
  for (auto [dim, next] : llvm::zip(dims, other.dims))
    if (dim && dim != next) {
      dim = nullptr;
      isHost = false;
      changes = true;
    }
  return changes;
}

void Form::forgetInside(Operation *op) {
  for (OpFoldResult &dim : dims)
    if (auto value = dyn_cast_if_present<Value>(dim))
      if (op->isAncestor(value.getParentBlock()->getParentOp())) {
        dim = nullptr;
        isHost = false;
      }
  if (content)
    content->forgetInside(op);
}

RankedTensorType Form::tensorType() const {
  SmallVector<int64_t> shape;
  for (OpFoldResult dim : dims)
    shape.push_back(dim ? known(dim).value_or(ShapedType::kDynamic) : ShapedType::kDynamic);
  return RankedTensorType::get(shape, element);
}

size_t Form::numValues() const {
  if (kind == Imported::Kind::optional)
    return 1 + (content ? content->numValues() : 0);
  return isHost ? static_cast<size_t>(tensorType().getNumElements()) : 1;
}

void Form::append(GraphImporter &graph, ImplicitLocOpBuilder &b, Imported value,
                  SmallVectorImpl<Value> &values) const {
  if (kind == Imported::Kind::optional) {
    const bool isOptional = value.kind == Imported::Kind::optional;
    values.push_back(isOptional ? value.present : b.create<arith::ConstantIntOp>(1, 1).getResult());
    if (!content)
      return;
    if (isOptional && !value.content)
      content->appendAbsent(b, values);
    else
      content->append(graph, b, isOptional ? *value.content : value, values);
    return;
  }
  if (kind == Imported::Kind::sequence) {
    values.push_back(listOf(graph, b, value));
    return;
  }
  if (isHost) {
    llvm::append_range(values, graph.elementsOf(b, value));
    return;
  }
  Value tensor = graph.tensorOf(b, value);
  RankedTensorType type = tensorType();
  values.push_back(tensor.getType() == type ? tensor : b.create<tensor::CastOp>(type, tensor));
}

// Something of this form, which nobody looks at.
void Form::appendAbsent(ImplicitLocOpBuilder &b, SmallVectorImpl<Value> &values) const {
  if (kind == Imported::Kind::sequence) {
    values.push_back(b.create<host::ListEmptyOp>(host::ListType::get(b.getContext())));
    return;
  }
  SmallVector<Value> sizes;
  RankedTensorType type = tensorType();
  for (auto [axis, dim] : llvm::enumerate(dims))
    if (type.isDynamicDim(axis))
      sizes.push_back(dim ? asValue(b, dim) : constantIndex(b, 0));
  values.push_back(b.create<tensor::EmptyOp>(type, sizes));
}

Imported Form::take(ImplicitLocOpBuilder &b, ValueRange &values) const {
  auto next = [&] {
    Value first = values.front();
    values = values.drop_front();
    return first;
  };
  if (kind == Imported::Kind::sequence)
    return listedSequence(next(), dataType, element, itemRank);
  Imported made;
  made.kind = kind;
  made.dataType = dataType;
  made.element = element;
  if (kind == Imported::Kind::optional) {
    made.present = next();
    if (content)
      made.content = std::make_shared<const Imported>(content->take(b, values));
    return made;
  }
  made.dims = dims;
  if (isHost) {
    size_t count = numValues();
    made.elements = llvm::to_vector(values.take_front(count));
    values = values.drop_front(count);
    return made;
  }
  made.tensor = next();
  for (auto [axis, dim] : llvm::enumerate(made.dims))
    if (!dim)
      dim = tensor::getMixedSize(b, b.getLoc(), made.tensor, static_cast<int64_t>(axis));
  return made;
}

} // namespace halcyon::onnx
