#include "schedule/InPlace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace halcyon;

// Whether the op computes result `number` from the argument of its body.
static bool computesFrom(linalg::GenericOp op, BlockArgument argument, unsigned number) {
  Block *body = op.getBody();
  SmallVector<Value> reached = {argument};
  llvm::SmallPtrSet<Operation *, 16> seen;
  while (!reached.empty())
    for (OpOperand &use : reached.pop_back_val().getUses()) {
      Operation *user = body->findAncestorOpInBlock(*use.getOwner());
      if (user == body->getTerminator() && use.getOperandNumber() == number)
        return true;
      if (seen.insert(user).second)
        llvm::append_range(reached, user->getResults());
    }
  return false;
}

bool halcyon::isPointwise(dispatch::ExecutableOp kernel, unsigned input, unsigned output) {
  // One loop nest: with two, the second could read what the first has overwritten.
  Block &body = kernel.getBody().front();
  linalg::GenericOp root;
  for (Operation &op : body.without_terminator()) {
    if (isa<arith::ArithDialect>(op.getDialect()) || isa<tensor::EmptyOp, tensor::ExtractSliceOp>(op))
      continue;
    // What was computed may go into a larger tensor, too.
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op); insert && root && insert.getSource().getDefiningOp() == root)
      continue;
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic || root)
      return false;
    root = generic;
  }
  if (!root || root.getNumReductionLoops() != 0)
    return false;
  auto result = dyn_cast<OpResult>(body.getTerminator()->getOperand(output));
  if (!result || result.getOwner() != root)
    return false;
  BlockArgument tensor = body.getArgument(input);
  for (OpOperand &init : root.getDpsInitsMutable())
    if (!root.getMatchingIndexingMap(&init).isIdentity() || init.get().getType() != tensor.getType())
      return false;
  return llvm::all_of(tensor.getUses(), [&](OpOperand &use) {
    return use.getOwner() == root && root.getMatchingIndexingMap(&use).isIdentity() &&
           computesFrom(root, root.getMatchingBlockArgument(&use), result.getResultNumber());
  });
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
