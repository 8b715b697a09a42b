#include "import/onnx/Body.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// One result, as both branches give it: scalars of a host value, or a tensor.
struct Result {
  bool onHost = false;
  DataType dataType = DataType::undefined;
  RankedTensorType type; // dynamic where the branches differ
  Dims dims;             // null where they differ or are not known outside
};

bool isVisibleOutside(OpFoldResult dim, Operation *op) {
  auto value = dyn_cast<Value>(dim);
  return !value || !op->isAncestor(value.getParentBlock()->getParentOp());
}

FailureOr<Result> joinResults(NodeContext &node, size_t index, const Imported &first,
                              const Imported &second, Operation *op) {
  if (first.dataType != second.dataType)
    return node.error() << "output " << index << ": the branches give element types "
                        << nameOf(first.dataType) << " and " << nameOf(second.dataType);
  Result made;
  made.dataType = first.dataType;
  SmallVector<int64_t> shape;
  for (auto [left, right] : llvm::zip(first.dims, second.dims)) {
    bool same = left == right && isVisibleOutside(left, op);
    made.dims.push_back(same ? left : OpFoldResult());
    shape.push_back(same ? known(left).value_or(ShapedType::kDynamic) : ShapedType::kDynamic);
  }
  made.type = RankedTensorType::get(shape, first.element);
  auto canBeOnHost = [&](const Imported &branch) {
    return branch.isOnHost() ||
           (node.isDemanded(index) && branch.isSmall() && !isFloat(branch.dataType));
  };
  made.onHost = made.type.hasStaticShape() && canBeOnHost(first) && canBeOnHost(second);
  return made;
}

void yieldResults(NodeContext &node, Block *block, ArrayRef<Imported *> outputs,
                  ArrayRef<Result> results) {
  ImplicitLocOpBuilder b(node.b.getLoc(), node.b);
  b.setInsertionPointToEnd(block);
  SmallVector<Value> values;
  for (auto [output, result] : llvm::zip(outputs, results)) {
    if (result.onHost) {
      llvm::append_range(values, node.graph.elementsOf(b, *output));
      continue;
    }
    Value tensor = node.graph.tensorOf(b, *output);
    if (tensor.getType() != result.type)
      tensor = b.create<tensor::CastOp>(result.type, tensor);
    values.push_back(tensor);
  }
  b.create<scf::YieldOp>(values);
}

// The nodes of one branch, where the node stands.
LogicalResult importBranch(NodeContext &node, const Graph &branch) {
  Block *block = node.b.getInsertionBlock();
  auto outputs = importBody(node, branch, block, {});
  if (failed(outputs))
    return failure();
  if (outputs->size() < node.numOutputs())
    return node.error() << "graph '" << branch.name << "' has " << outputs->size()
                        << " outputs, expected " << node.numOutputs();
  node.b.setInsertionPointToEnd(block);
  for (auto [index, output] : llvm::enumerate(*outputs))
    node.setAs(index, *output);
  return success();
}

// One element is one element: where branches give it with different ranks, the greater one is taken.
void alignSingleElements(NodeContext &node, Block *block, ArrayRef<Imported *> others,
                         MutableArrayRef<Imported *> outputs) {
  ImplicitLocOpBuilder b(node.b.getLoc(), node.b);
  b.setInsertionPointToEnd(block);
  for (auto [output, other] : llvm::zip(outputs, others)) {
    if (output->rank() >= other->rank() || output->numElements() != 1 || other->numElements() != 1)
      continue;
    Dims dims(static_cast<size_t>(other->rank()), fixed(b, 1));
    Imported made = *output;
    if (made.isOnHost())
      made.elements = node.graph.elementsOf(b, *output);
    else
      made.tensor = reshapeTensor(b, made.tensor, made.dims, dims);
    made.constant = nullptr;
    if (made.elements)
      made.tensor = nullptr;
    made.dims = std::move(dims);
    output = &node.graph.hold(std::move(made));
  }
}

bool differInRank(ArrayRef<Imported *> first, ArrayRef<Imported *> second) {
  return llvm::any_of(llvm::zip(first, second), [](auto pair) {
    return std::get<0>(pair)->rank() != std::get<1>(pair)->rank();
  });
}

LogicalResult importIf(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &condition = node.in(0);
  const Graph *thenGraph = bodyOf(node, "then_branch"), *elseGraph = bodyOf(node, "else_branch");
  if (!thenGraph || !elseGraph)
    return failure();
  if (!isBool(condition.dataType) || condition.numElements() != 1)
    return node.error() << "the condition must be one bool";
  if (std::optional<bool> value = knownBool(node, condition))
    return importBranch(node, *value ? *thenGraph : *elseGraph);
  Value test = node.graph.elementsOf(b, condition).front();
  auto draft = b.create<scf::IfOp>(TypeRange(), test, /*addThenBlock=*/true, /*addElseBlock=*/true);
  auto thenOutputs = importBody(node, *thenGraph, draft.thenBlock(), {});
  if (failed(thenOutputs))
    return failure();
  auto elseOutputs = importBody(node, *elseGraph, draft.elseBlock(), {});
  if (failed(elseOutputs))
    return failure();
  if (thenOutputs->size() != elseOutputs->size() || thenOutputs->size() < node.numOutputs())
    return node.error() << "the branches have " << thenOutputs->size() << " and "
                        << elseOutputs->size() << " outputs, expected " << node.numOutputs();
  alignSingleElements(node, draft.thenBlock(), *elseOutputs, *thenOutputs);
  alignSingleElements(node, draft.elseBlock(), *thenOutputs, *elseOutputs);
  if (differInRank(*thenOutputs, *elseOutputs)) {
    // Ranks are static here: one branch is compiled, and a call whose condition chooses the other
    // one fails.
    bool isThen = node.graph.takesFirstBranch();
    draft.erase();
    if (!isThen)
      test = b.create<arith::XOrIOp>(test, b.create<arith::ConstantIntOp>(1, 1));
    b.create<cf::AssertOp>(test, "the condition chooses a result of another rank");
    return importBranch(node, isThen ? *thenGraph : *elseGraph);
  }
  SmallVector<Result> results;
  SmallVector<Type> types;
  for (size_t i = 0; i < thenOutputs->size(); ++i) {
    FailureOr<Result> joined = joinResults(node, i, *(*thenOutputs)[i], *(*elseOutputs)[i], draft);
    if (failed(joined))
      return failure();
    results.push_back(*joined);
    if (joined->onHost)
      types.append(joined->type.getNumElements(), joined->type.getElementType());
    else
      types.push_back(joined->type);
  }
  yieldResults(node, draft.thenBlock(), *thenOutputs, results);
  yieldResults(node, draft.elseBlock(), *elseOutputs, results);
  auto branch = b.create<scf::IfOp>(types, test, /*addThenBlock=*/false, /*addElseBlock=*/false);
  branch.getThenRegion().takeBody(draft.getThenRegion());
  branch.getElseRegion().takeBody(draft.getElseRegion());
  draft.erase();

  ValueRange values = branch.getResults();
  for (auto [index, result] : llvm::enumerate(results)) {
    auto count = static_cast<size_t>(result.onHost ? result.type.getNumElements() : 1);
    if (result.onHost) {
      node.setElements(index, result.dims, result.dataType,
                       llvm::to_vector(values.take_front(count)));
    } else {
      Dims dims = result.dims;
      for (auto [axis, dim] : llvm::enumerate(dims))
        if (!dim)
          dim = tensor::getMixedSize(b, b.getLoc(), values[0], static_cast<int64_t>(axis));
      node.set(index, values[0], result.dataType, dims);
    }
    values = values.drop_front(count);
  }
  return success();
}

} // namespace

ArrayRef<OpImporter> ifOps() {
  static const OpImporter list[] = {{"If", importIf, 1, 1, anyNumber}};
  return list;
}

} // namespace halcyon::onnx
