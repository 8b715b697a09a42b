#include "dispatch/Insertions.h"
#include "codegen/cpu/Placement.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace halcyon::dispatch;

using Chain = SmallVector<tensor::InsertSliceOp>;

// `first`, and what each time nothing but the next insertion uses.
static Chain chainFrom(tensor::InsertSliceOp first) {
  Chain chain = {first};
  while (chain.back()->hasOneUse()) {
    OpOperand &use = *chain.back()->use_begin();
    auto next = dyn_cast<tensor::InsertSliceOp>(use.getOwner());
    if (!next || &use != &next.getDestMutable() || next->getBlock() != first->getBlock())
      break;
    chain.push_back(next);
  }
  return chain;
}

namespace {
// A sum of a number and values, each as often as it says.
struct Sum {
  int64_t number = 0;
  llvm::SmallDenseMap<Value, int64_t> terms;

  void add(OpFoldResult value, int64_t times) {
    if (std::optional<int64_t> constant = getConstantIntValue(value)) {
      number += *constant * times;
      return;
    }
    auto addition = cast<Value>(value).getDefiningOp<arith::AddIOp>();
    if (!addition) {
      terms[cast<Value>(value)] += times;
      return;
    }
    add(addition.getLhs(), times);
    add(addition.getRhs(), times);
  }
};
} // namespace

// Whether `b` begins where `a` has ended, or behind that by a sum of `sizes`.
static bool follows(tensor::InsertSliceOp b, tensor::InsertSliceOp a, int64_t axis, const DenseSet<Value> &sizes) {
  Sum gap;
  gap.add(b.getMixedOffsets()[axis], 1);
  gap.add(a.getMixedOffsets()[axis], -1);
  gap.add(a.getMixedSizes()[axis], -1);
  return gap.number >= 0 && llvm::all_of(gap.terms, [&](const auto &term) {
           return term.second == 0 || (term.second > 0 && sizes.contains(term.first));
         });
}

// No element is written twice, so that any order is the same.
static bool areDisjoint(ArrayRef<tensor::InsertSliceOp> chain) {
  const int64_t rank = tensor::InsertSliceOp(chain.front()).getType().getRank();
  DenseSet<Value> sizes;
  for (tensor::InsertSliceOp insert : chain) {
    if (!insert.hasUnitStride())
      return false;
    sizes.insert(insert.getSizes().begin(), insert.getSizes().end());
  }
  for (size_t i = 0; i < chain.size(); ++i)
    for (size_t j = i + 1; j < chain.size(); ++j)
      if (llvm::none_of(llvm::seq<int64_t>(rank), [&](int64_t axis) {
            return follows(chain[j], chain[i], axis, sizes) || follows(chain[i], chain[j], axis, sizes);
          }))
        return false;
  return true;
}

// Moves what a scalar is computed from before `place`, where it may stand there.
static bool raise(Value scalar, Operation *place) {
  Operation *op = scalar.getDefiningOp();
  if (!op || op->getBlock() != place->getBlock() || op->isBeforeInBlock(place))
    return true;
  if (op == place || !isPure(op) || op->getNumRegions() || isa<ShapedType>(scalar.getType()) ||
      !llvm::all_of(op->getOperands(), [&](Value operand) { return raise(operand, place); }))
    return false;
  op->moveBefore(place);
  return true;
}

static bool raiseAll(ValueRange scalars, Operation *place) {
  return llvm::all_of(scalars, [&](Value scalar) { return raise(scalar, place); });
}

// What may stand right behind its maker, and begin with `start`, in the order of the makers.
static SmallVector<std::pair<tensor::InsertSliceOp, halcyon::Placement>> movable(const Chain &chain, tensor::EmptyOp start) {
  SmallVector<std::pair<tensor::InsertSliceOp, halcyon::Placement>> found, kept;
  for (tensor::InsertSliceOp insert : chain)
    if (std::optional<halcyon::Placement> placement = halcyon::placementOf(insert))
      found.emplace_back(insert, *placement);
  llvm::sort(found, [](auto &a, auto &b) { return a.second.maker->isBeforeInBlock(b.second.maker); });
  for (auto &[insert, placement] : found) {
    Operation *maker = placement.maker;
    if (raiseAll(start->getOperands(), maker) && raiseAll(insert->getOperands().drop_front(2), maker) &&
        (!placement.view || raiseAll(placement.view.getOutputShape(), maker)))
      kept.emplace_back(insert, placement);
  }
  return kept;
}

static void hoist(const Chain &chain, tensor::EmptyOp start, Dimensions &dimensions) {
  auto moved = movable(chain, start);
  if (moved.empty())
    return;
  tensor::InsertSliceOp last = chain.back();
  Operation *end = last->getNextNode();
  Chain order;
  for (auto &[insert, placement] : moved) {
    Operation *source = placement.maker;
    if (placement.view) {
      placement.view->moveAfter(source);
      source = placement.view;
    }
    insert->moveAfter(source);
    order.push_back(insert);
  }
  for (tensor::InsertSliceOp insert : chain)
    if (!llvm::is_contained(order, insert)) {
      insert->moveBefore(end);
      order.push_back(insert);
    }
  if (order.back() != last)
    last.getResult().replaceAllUsesWith(order.back().getResult());
  OpBuilder builder(moved.front().second.maker);
  Value destination = builder.create<tensor::EmptyOp>(start.getLoc(), start.getType(), start.getDynamicSizes());
  for (tensor::InsertSliceOp insert : order) {
    dimensions.forget(insert.getResult()); // may be a value that stands behind it now
    insert.getDestMutable().set(destination);
    destination = insert.getResult();
  }
}

void halcyon::dispatch::hoistInsertions(Block &block, Dimensions &dimensions) {
  SmallVector<tensor::InsertSliceOp> firsts;
  for (auto insert : block.getOps<tensor::InsertSliceOp>())
    if (insert.getDest().getDefiningOp<tensor::EmptyOp>())
      firsts.push_back(insert);
  for (tensor::InsertSliceOp first : firsts)
    if (Chain chain = chainFrom(first); areDisjoint(chain))
      hoist(chain, first.getDest().getDefiningOp<tensor::EmptyOp>(), dimensions);
}
