#include "schedule/InPlace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace halcyon;

bool halcyon::isPointwise(dispatch::ExecutableOp kernel, unsigned input) {
  if (kernel.getNumDestinations() != 1)
    return false;
  // One loop nest: with two, the second could read what the first has overwritten.
  Block &body = kernel.getBody().front();
  linalg::GenericOp root;
  for (Operation &op : body.without_terminator()) {
    if (isa<arith::ArithDialect>(op.getDialect()) || isa<tensor::EmptyOp>(op))
      continue;
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic || root)
      return false;
    root = generic;
  }
  if (!root || root.getNumDpsInits() != 1 || root.getNumReductionLoops() != 0 ||
      body.getTerminator()->getOperand(0) != root.getResult(0) ||
      !root.getMatchingIndexingMap(root.getDpsInitOperand(0)).isIdentity())
    return false;
  BlockArgument tensor = body.getArgument(input);
  for (OpOperand &use : tensor.getUses())
    if (use.getOwner() != root || !root.getMatchingIndexingMap(&use).isIdentity())
      return false;
  return tensor.getType() == kernel.getDestinations().front().getType();
}

bool halcyon::storesBack(Value value, StringAttr variable) {
  Operation *maker = value.getDefiningOp();
  unsigned loads = 0;
  maker->getParentOfType<func::FuncOp>().walk([&](ml_program::GlobalLoadOp load) {
    loads += load.getGlobal().getLeafReference() == variable;
  });
  if (loads != 1)
    return false;
  for (Value at = value; at;) {
    Value next;
    for (OpOperand &use : at.getUses()) {
      if (auto store = dyn_cast<ml_program::GlobalStoreOp>(use.getOwner());
          store && store.getGlobal().getLeafReference() == variable &&
          store->getBlock() == maker->getBlock())
        return true;
      auto launch = dyn_cast<dispatch::LaunchOp>(use.getOwner());
      if (!launch || launch->getBlock() != maker->getBlock())
        continue;
      const unsigned first = launch.getOuts().getBeginOperandIndex();
      if (!launch.getOuts().empty() && use.getOperandNumber() >= first &&
          use.getOperandNumber() < first + launch.getOuts().size())
        next = launch.getResult(use.getOperandNumber() - first);
    }
    at = next;
  }
  return false;
}
