#include "import/onnx/Body.h"
#include "import/onnx/Form.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// One result, as both branches give it.
FailureOr<Form> joinResults(NodeContext &node, size_t index, const Imported &first,
                            const Imported &second, Operation *op) {
  auto canBeOnHost = [&](const Imported &branch) {
    return branch.isTensor() &&
           (branch.isOnHost() ||
            (node.isDemanded(index) && branch.isSmall() && !isFloat(branch.dataType)));
  };
  const bool swaps = second.kind == Imported::Kind::optional;
  const Imported &wider = swaps ? second : first;
  Form form(wider, wider.numElements() && canBeOnHost(first) && canBeOnHost(second));
  if (!form.widen(swaps ? first : second))
    return node.error() << "output " << index << ": the branches give " << nameOf(first.kind) << " of "
                        << nameOf(first.dataType) << " and " << nameOf(second.kind) << " of "
                        << nameOf(second.dataType);
  form.forgetInside(op);
  return form;
}

void yieldResults(NodeContext &node, Block *block, ArrayRef<Imported *> outputs,
                  ArrayRef<Form> forms) {
  ImplicitLocOpBuilder b(node.b.getLoc(), node.b);
  b.setInsertionPointToEnd(block);
  SmallVector<Value> values;
  for (auto [output, form] : llvm::zip(outputs, forms))
    form.append(node.graph, b, *output, values);
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
    if (!output->isTensor() || !other->isTensor() || output->rank() >= other->rank() ||
        output->numElements() != 1 || other->numElements() != 1)
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
    return std::get<0>(pair)->isTensor() && std::get<1>(pair)->isTensor() &&
           std::get<0>(pair)->rank() != std::get<1>(pair)->rank();
  });
}

LogicalResult importIf(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &condition = node.in(0);
  const Graph *thenGraph = bodyOf(node, "then_branch"), *elseGraph = bodyOf(node, "else_branch");
  if (!thenGraph || !elseGraph)
    return failure();
  if (!condition.isTensor() || !isBool(condition.dataType) || condition.numElements() != 1)
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
    return node.error() << "attributes 'then_branch' and 'else_branch': the branches have " << thenOutputs->size() << " and "
                        << elseOutputs->size() << " outputs, expected " << node.numOutputs();
  alignSingleElements(node, draft.thenBlock(), *elseOutputs, *thenOutputs);
  alignSingleElements(node, draft.elseBlock(), *thenOutputs, *elseOutputs);
  if (differInRank(*thenOutputs, *elseOutputs)) {
    // Ranks are static here: one branch is compiled, and a call whose condition chooses the other
    // one fails.
    bool isThen = node.graph.takesFirstBranch(node.node.name);
    draft.erase();
    if (!isThen)
      test = b.create<arith::XOrIOp>(test, b.create<arith::ConstantIntOp>(1, 1));
    b.create<cf::AssertOp>(test, "the condition chooses a result of another rank");
    return importBranch(node, isThen ? *thenGraph : *elseGraph);
  }
  std::vector<Form> forms;
  for (size_t i = 0; i < thenOutputs->size(); ++i) {
    FailureOr<Form> joined = joinResults(node, i, *(*thenOutputs)[i], *(*elseOutputs)[i], draft);
    if (failed(joined))
      return failure();
    forms.push_back(*joined);
  }
  yieldResults(node, draft.thenBlock(), *thenOutputs, forms);
  yieldResults(node, draft.elseBlock(), *elseOutputs, forms);
  auto branch = b.create<scf::IfOp>(draft.thenYield().getOperandTypes(), test,
                                    /*addThenBlock=*/false, /*addElseBlock=*/false);
  branch.getThenRegion().takeBody(draft.getThenRegion());
  branch.getElseRegion().takeBody(draft.getElseRegion());
  draft.erase();

  ValueRange values = branch.getResults();
  for (auto [index, form] : llvm::enumerate(forms))
    node.setAs(index, form.take(b, values));
  return success();
}

} // namespace

ArrayRef<OpImporter> ifOps() {
  static const OpImporter list[] = {{"If", importIf, 1, 1, anyNumber}};
  return list;
}

} // namespace halcyon::onnx
