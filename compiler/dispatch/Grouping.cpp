#include "dispatch/Grouping.h"
#include "codegen/cpu/Padding.h"
#include "codegen/cpu/Placement.h"
#include "codegen/cpu/Pooling.h"
#include "dispatch/Attention.h"
#include "dispatch/RowGroups.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace halcyon::dispatch;

// An scf operation that gives tensors, and whose regions do nothing but move and compute elements. What else it carries
// from step to step stays inside.
static bool isElementLoop(Operation *op) {
  if (!isa<scf::ForOp, scf::WhileOp, scf::IfOp>(op) || op->getNumResults() == 0 ||
      !isa<RankedTensorType>(op->getResult(0).getType()) || !llvm::all_of(op->getResults(), [](Value result) {
        return isa<RankedTensorType>(result.getType()) || result.use_empty();
      }))
    return false;
  bool touches = false;
  WalkResult walked = op->walk([&](Operation *inner) {
    touches |= isa<tensor::InsertOp>(inner);
    if (isa<tensor::ExtractOp, tensor::InsertOp, tensor::DimOp>(inner) || isa<scf::SCFDialect>(inner->getDialect()))
      return WalkResult::advance();
    bool scalar = isa<arith::ArithDialect, math::MathDialect>(inner->getDialect()) &&
                  !llvm::any_of(inner->getResultTypes(), llvm::IsaPred<ShapedType>);
    return scalar ? WalkResult::advance() : WalkResult::interrupt();
  });
  return touches && !walked.wasInterrupted();
}

bool halcyon::dispatch::isDeviceOp(Operation *op) {
  if (isa<linalg::LinalgOp>(op))
    return !isa<linalg::LinalgOp>(op->getParentOp());
  return isa<tensor::InsertOp, tensor::InsertSliceOp, tensor::ScatterOp>(op) || isElementLoop(op);
}

bool halcyon::dispatch::isView(Operation *op) {
  return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op);
}

bool halcyon::dispatch::isInitialiser(Operation *op) {
  if (isa_and_nonnull<tensor::EmptyOp>(op))
    return true;
  auto fill = dyn_cast_or_null<linalg::FillOp>(op);
  return fill && fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>();
}

bool halcyon::dispatch::isInitialUse(OpOperand &use) {
  Operation *op = use.getOwner();
  if (!isDeviceOp(op))
    return false;
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
    return style.isDpsInit(&use);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return llvm::is_contained(loop.getInits(), use.get());
  return false;
}

// Reads each element of its operand `use` once, at the place of the result that it makes.
static bool isElementwiseUse(OpOperand &use, linalg::LinalgOp root) {
  auto consumer = dyn_cast<linalg::GenericOp>(use.getOwner());
  if (!consumer || consumer.getNumResults() != 1 || consumer.getNumLoops() != consumer.getNumParallelLoops() ||
      !consumer.isDpsInput(&use))
    return false;
  AffineMap in = consumer.getMatchingIndexingMap(&use);
  AffineMap out = consumer.getMatchingIndexingMap(consumer.getDpsInitOperand(0));
  if (!in.isPermutation() || consumer.getNumLoops() != root.getNumParallelLoops())
    return false;
  // What lies side by side stays so: else every element would be stored alone.
  return in.getNumResults() == 0 || in.getResults().back() == out.getResults().back();
}

// Sums onto values that are not made for it alone: a tensor of the caller's, say.
static bool updatesOutside(linalg::LinalgOp root) {
  return llvm::any_of(root.getDpsInits(), [](Value init) {
    Operation *maker = init.getDefiningOp();
    return !halcyon::dispatch::isInitialiser(maker) && !(isa_and_nonnull<linalg::GenericOp>(maker) && maker->hasOneUse());
  });
}

// The one operation that may join `last`, the end so far of the group of `root`.
static linalg::GenericOp joinable(Operation *last, linalg::LinalgOp root) {
  if (last->getNumResults() != 1 || !last->getResult(0).hasOneUse())
    return {};
  OpOperand &use = *last->getResult(0).use_begin();
  if (use.getOwner()->getBlock() != last->getBlock() || !isElementwiseUse(use, root))
    return {};
  auto consumer = cast<linalg::GenericOp>(use.getOwner());
  // Of another type, elements have no place in the consumer's result: a kernel needs memory of its own for them.
  auto type = cast<RankedTensorType>(use.get().getType()), made = cast<RankedTensorType>(consumer.getResultTypes()[0]);
  if (!type.hasStaticShape() && (type.getElementType() != made.getElementType() || updatesOutside(root)))
    return {};
  return consumer;
}

// The elementwise operation that alone makes the initial values of `root`: a bias for each column, say.
static linalg::GenericOp initialBy(linalg::LinalgOp root) {
  if (root.getNumDpsInits() != 1)
    return {};
  OpOperand *init = root.getDpsInitOperand(0);
  auto maker = init->get().getDefiningOp<linalg::GenericOp>();
  if (!maker || maker->getBlock() != root->getBlock() || maker->getNumResults() != 1 || !maker->hasOneUse() ||
      maker.getNumLoops() != maker.getNumParallelLoops() ||
      !maker.getMatchingIndexingMap(maker.getDpsInitOperand(0)).isIdentity())
    return {};
  return maker;
}

// Copies elements of one tensor to the inside of a larger one: what a window needs where it reaches over the border.
static bool isPadding(linalg::GenericOp op) {
  if (!op || op.getNumDpsInputs() != 0 || op.getNumResults() != 1 || op.getNumLoops() != op.getNumParallelLoops())
    return false;
  auto branch = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<scf::IfOp>();
  return branch && llvm::all_of(ArrayRef<Region *>{&branch.getThenRegion(), &branch.getElseRegion()}, [](Region *side) {
           Operation *last = side->front().getTerminator()->getOperand(0).getDefiningOp();
           return llvm::range_size(side->front().without_terminator()) <= 1 &&
                  (!last || last->getBlock() != &side->front() || isa<tensor::ExtractOp>(last));
         });
}

// The operations that alone make padded operands of `root`.
static SmallVector<Operation *> paddingOf(linalg::LinalgOp root) {
  SmallVector<Operation *> found;
  for (OpOperand *input : root.getDpsInputOperands()) {
    auto maker = input->get().getDefiningOp<linalg::GenericOp>();
    if (!isPadding(maker) || maker->getBlock() != root->getBlock() || !maker->hasOneUse())
      continue;
    // A kernel's scratch memory has a size known at compile time.
    if (cast<RankedTensorType>(input->get().getType()).hasStaticShape() || halcyon::readsThroughPadding(maker, *input))
      found.push_back(maker);
  }
  return found;
}

Group halcyon::dispatch::rootGroup(linalg::LinalgOp root, const DenseSet<Operation *> &taken) {
  Group group = paddingOf(root);
  if (linalg::GenericOp maker = initialBy(root); maker && !taken.contains(maker))
    group.push_back(maker);
  group.push_back(root);
  while (linalg::GenericOp next = joinable(group.back(), root)) {
    if (taken.contains(next))
      break;
    group.push_back(next);
  }
  return group;
}

// The pool of what a contraction's group makes: its kernel makes a few rows of that at a time, in scratch memory.
static linalg::LinalgOp poolOf(const Group &group, linalg::LinalgOp root) {
  constexpr int64_t mostElements = 65536; // of one row of windows
  Operation *last = group.back();
  if (last->getNumResults() != 1 || !last->hasOneUse() || llvm::count_if(root.getDpsInputOperands(), [&](OpOperand *input) {
        return root.payloadUsesValueFromOperand(input);
      }) < 2)
    return {};
  OpOperand &use = *last->use_begin();
  std::optional<SmallVector<halcyon::PooledDim>> dims = halcyon::pooledDims(use);
  auto pool = dims ? cast<linalg::LinalgOp>(use.getOwner()) : linalg::LinalgOp();
  if (!pool || pool->getBlock() != last->getBlock() || !isInitialiser(pool.getDpsInits()[0].getDefiningOp()))
    return {};
  ArrayRef<int64_t> shape = cast<RankedTensorType>(use.get().getType()).getShape();
  const auto *first = llvm::find_if(*dims, [](halcyon::PooledDim dim) { return dim.window > 1; });
  if (first == dims->end() || first - dims->begin() > 1 || llvm::any_of(shape.drop_front(first - dims->begin()), ShapedType::isDynamic))
    return {};
  int64_t elements = first->window;
  for (int64_t extent : shape.drop_front(first - dims->begin() + 1))
    elements *= extent;
  return elements <= mostElements ? pool : linalg::LinalgOp();
}

// The elementwise operation that makes what is inserted: few elements, which one workgroup computes and writes twice for
// less than another launch costs.
static linalg::GenericOp insertedBy(tensor::InsertSliceOp insert) {
  constexpr int64_t mostElements = 8192; // some 5 us
  auto maker = insert.getSource().getDefiningOp<linalg::GenericOp>();
  if (!maker || maker->getBlock() != insert->getBlock() || maker.getNumLoops() != maker.getNumParallelLoops() ||
      !insert.getSourceType().hasStaticShape() || insert.getSourceType().getNumElements() > mostElements ||
      llvm::any_of(maker.getDpsInitsMutable(), [&](OpOperand &init) {
        return maker.payloadUsesValueFromOperand(&init) || !maker.getMatchingIndexingMap(&init).isIdentity();
      }))
    return {};
  // The kernel runs where the insertion is. Views can wait for it.
  std::function<bool(Operation *)> isBefore = [&](Operation *user) {
    Operation *beside = insert->getBlock()->findAncestorOpInBlock(*user);
    if (!beside || !beside->isBeforeInBlock(insert))
      return false;
    return !isView(beside) || llvm::any_of(beside->getUsers(), isBefore);
  };
  return llvm::any_of(maker->getUsers(), isBefore) ? linalg::GenericOp() : maker;
}

// As rootGroup, with the pool of that and what follows it.
static Group pooledGroup(linalg::LinalgOp root, const DenseSet<Operation *> &taken) {
  Group group = rootGroup(root, taken);
  if (linalg::LinalgOp pool = poolOf(group, root); pool && !taken.contains(pool))
    llvm::append_range(group, rootGroup(pool, taken));
  return group;
}

// The insertion of what the group makes, after a view of it, where its kernel can write that to its place.
static Group insertionOf(const Group &group) {
  Operation *last = group.back();
  if (last->getNumResults() != 1 || !last->hasOneUse())
    return {};
  Operation *next = *last->user_begin();
  if (isa<tensor::ExpandShapeOp>(next) && next->hasOneUse())
    next = *next->user_begin();
  auto insert = dyn_cast<tensor::InsertSliceOp>(next);
  std::optional<halcyon::Placement> placement = insert ? halcyon::placementOf(insert) : std::nullopt;
  if (!placement || placement->maker != last)
    return {};
  auto isMember = [&](Operation *op) { return llvm::is_contained(group, op); };
  // A fill would be the kernel's own work, and what the group makes has no place until that is done.
  if (insert.getDest().getDefiningOp<linalg::FillOp>())
    return {};
  // The kernel runs where the insertion is, too late for others that want a part of its work.
  for (Operation *op : ArrayRef(group).drop_back())
    if (!llvm::all_of(op->getUsers(), isMember))
      return {};
  // Nor may it start from what another one makes.
  for (Operation *op = last; !isInitialiser(op); op = cast<linalg::LinalgOp>(op).getDpsInits()[0].getDefiningOp())
    if (!isMember(op))
      return {};
  return placement->view ? Group{placement->view, insert} : Group{insert};
}

SmallVector<Group> halcyon::dispatch::groupBlock(Block &block, bool fuse) {
  SmallVector<Group> groups;
  DenseSet<Operation *> taken;
  auto add = [&](Group group) {
    llvm::append_range(group, insertionOf(group));
    taken.insert(group.begin(), group.end());
    groups.push_back(std::move(group));
  };
  auto isFree = [&](const Group &group) {
    return !group.empty() && llvm::none_of(group, [&](Operation *each) { return taken.contains(each); });
  };
  for (Operation &op : block) {
    auto root = dyn_cast<linalg::LinalgOp>(op);
    if (!fuse || !root)
      continue;
    if (Group group = attentionGroup(root, taken); isFree(group))
      add(std::move(group));
  }
  for (Operation &op : block) {
    if (!fuse || taken.contains(&op))
      continue;
    if (Group group = rowGroup(&op); isFree(group))
      add(std::move(group));
  }
  for (Operation &op : block) {
    auto root = dyn_cast<linalg::LinalgOp>(op);
    if (fuse && root && !taken.contains(&op) && root.getNumLoops() != root.getNumParallelLoops())
      add(pooledGroup(root, taken));
  }
  for (Operation &op : block)
    if (fuse && isa<linalg::LinalgOp>(op) && isDeviceOp(&op) && !taken.contains(&op) && !insertionOf({&op}).empty())
      add({&op});
  for (Operation &op : block) {
    auto insert = dyn_cast<tensor::InsertSliceOp>(op);
    if (insert && taken.contains(insert))
      continue;
    linalg::GenericOp maker = fuse && insert ? insertedBy(insert) : linalg::GenericOp();
    if (!maker || !taken.insert(maker).second)
      continue;
    taken.insert(insert);
    groups.push_back({maker, insert});
  }
  for (Operation &op : block)
    if (isDeviceOp(&op) && !taken.contains(&op) &&
        !(isInitialiser(&op) && llvm::all_of(op.getUses(), isInitialUse)))
      groups.push_back({&op});
  llvm::sort(groups, [](const Group &a, const Group &b) { return a.back()->isBeforeInBlock(b.back()); });
  return groups;
}
