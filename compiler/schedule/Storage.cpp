#include "schedule/Storage.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace halcyon;

bool halcyon::mayFollow(Operation *op, Operation *later) {
  for (Operation *mine = op; mine; mine = mine->getParentOp()) {
    Operation *theirs =
        mine->getBlock() ? mine->getBlock()->findAncestorOpInBlock(*later) : nullptr;
    if (!theirs)
      continue;
    if (mine == theirs) // inside of `op`, or in another region of what holds both: an if takes one
                        // of its branches
      return mine == op || !isa<scf::IfOp>(mine);
    return mine->isBeforeInBlock(theirs);
  }
  return false;
}

Operation *halcyon::useAfter(const Storage &storage, Operation *op) {
  for (Value tensor : storage.tensors)
    for (Operation *user : tensor.getUsers())
      if (user != op && mayFollow(op, user))
        return user;
  for (const Storage *other : storage.borrowers)
    if (Operation *user = useAfter(*other, op))
      return user;
  return nullptr;
}

bool halcyon::mayBe(const Storage &storage, const Storage *other) {
  return other == &storage || llvm::any_of(storage.borrowers, [&](const Storage *borrower) {
           return mayBe(*borrower, other);
         });
}

bool halcyon::isWritable(const Storage &storage, Operation *op) {
  if (storage.kind != Storage::Kind::allocation)
    return false;
  for (Region *region = op->getParentRegion(); region != storage.home;
       region = region->getParentOp()->getParentRegion())
    if (!isa<scf::IfOp>(region->getParentOp()))
      return false;
  return true;
}

int64_t halcyon::storageBits(Type element) {
  if (auto complex = dyn_cast<ComplexType>(element))
    return 2 * storageBits(complex.getElementType());
  if (element.isIndex())
    return 64;
  if (element.isInteger(1))
    return 8;
  return element.getIntOrFloatBitWidth();
}
