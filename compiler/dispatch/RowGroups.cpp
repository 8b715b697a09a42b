#include "dispatch/RowGroups.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace halcyon::dispatch;

// More would not fit beside each other in registers and cache.
static constexpr size_t maxOperations = 8;
static constexpr size_t cutLoops = 3; // a workload's dimensions

// Loops: rows in parallel, then columns that are reduced.
static std::optional<unsigned> rowsOfReduction(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInits() != 1)
    return std::nullopt;
  SmallVector<utils::IteratorType> iterators = generic.getIteratorTypesArray();
  unsigned rows = 0;
  while (rows < iterators.size() && iterators[rows] == utils::IteratorType::parallel)
    ++rows;
  if (rows == 0 || rows == iterators.size() ||
      llvm::is_contained(ArrayRef(iterators).drop_front(rows), utils::IteratorType::parallel))
    return std::nullopt;
  AffineMap full = AffineMap::getMultiDimIdentityMap(iterators.size(), op->getContext());
  AffineMap row = full.getMajorSubMap(rows);
  if (generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)) != row)
    return std::nullopt;
  // A contraction or window reads its operands otherwise.
  for (OpOperand *input : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(input);
    if (map != full && map != row)
      return std::nullopt;
  }
  return rows;
}

// Reads what the group makes row by row: at (row, column) or at (row).
static bool fits(Operation *op, const SetVector<Operation *> &members, unsigned rows, unsigned loops) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInits() != 1 || generic.getNumResults() != 1)
    return false;
  AffineMap full = AffineMap::getMultiDimIdentityMap(generic.getNumLoops(), op->getContext());
  if (generic.getNumLoops() == loops) {
    bool elementwise = generic.getNumParallelLoops() == loops &&
                       generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)).isIdentity();
    if (!elementwise && rowsOfReduction(op) != rows)
      return false;
  } else if (generic.getNumLoops() != rows || generic.getNumParallelLoops() != rows ||
             !generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)).isIdentity()) {
    return false;
  }
  for (OpOperand &operand : op->getOpOperands()) {
    if (!members.contains(operand.get().getDefiningOp()))
      continue;
    AffineMap map = generic.getMatchingIndexingMap(&operand);
    if (generic.isDpsInit(&operand) || (map != full && map != full.getMajorSubMap(rows)))
      return false;
  }
  return true;
}

// What a region of `op` reads from the group is read anywhere, not row by row.
static bool capturesMember(Operation *op, const SetVector<Operation *> &members) {
  return op
      ->walk([&](Operation *inner) {
        if (inner == op)
          return WalkResult::advance();
        bool captured = llvm::any_of(inner->getOperands(),
                                     [&](Value value) { return members.contains(value.getDefiningOp()); });
        return captured ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

// Whole tensors between the members live in the last one's result; where that is no whole tensor, or of another element
// type, they need memory of a size that is known. One value for each row needs that for the rows of a tile, which has all of the loops that no
// workgroup cuts.
static bool allHavePlace(const SetVector<Operation *> &members, int64_t loops) {
  auto last = cast<RankedTensorType>(members.back()->getResult(0).getType());
  return llvm::all_of(members, [&](Operation *member) {
    auto type = cast<RankedTensorType>(member->getResult(0).getType());
    if (type.getRank() < loops)
      return llvm::none_of(type.getShape().drop_front(std::min<size_t>(type.getRank(), cutLoops)), ShapedType::isDynamic);
    return type.hasStaticShape() || (last.getRank() >= loops && type.getElementType() == last.getElementType());
  });
}

// The next operation after `op` that needs what the members make.
static Operation *nextUser(Operation *op, const SetVector<Operation *> &members) {
  do
    op = op->getNextNode();
  while (op && !capturesMember(op, members) && llvm::none_of(op->getOperands(), [&](Value value) {
    return members.contains(value.getDefiningOp());
  }));
  return op;
}

// Adds what uses the members row by row, in order, until one does otherwise: it is returned. Null at the end.
static Operation *grow(SetVector<Operation *> &members, llvm::function_ref<void()> grown) {
  Operation *root = members.front();
  const unsigned rows = *rowsOfReduction(root), loops = cast<linalg::LinalgOp>(root).getNumLoops();
  for (Operation *op = nextUser(root, members); op && members.size() < maxOperations; op = nextUser(op, members)) {
    if (!fits(op, members, rows, loops) || capturesMember(op, members))
      return op;
    members.insert(op);
    grown();
  }
  return nullptr;
}

Group halcyon::dispatch::rowGroup(Operation *root) {
  if (!rowsOfReduction(root))
    return {};
  SetVector<Operation *> members;
  members.insert(root);
  Group best;
  grow(members, [&] {
    // Whether all but the last are used inside alone.
    bool closed = llvm::all_of(members, [&](Operation *member) {
      return member == members.back() ||
             llvm::all_of(member->getUsers(), [&](Operation *user) { return members.contains(user); });
    });
    if (closed && allHavePlace(members, cast<linalg::LinalgOp>(root).getNumLoops()))
      best.assign(members.begin(), members.end());
  });
  return best;
}

RowChain halcyon::dispatch::rowChain(Operation *root) {
  if (!rowsOfReduction(root))
    return {};
  SetVector<Operation *> members;
  members.insert(root);
  Operation *reader = grow(members, [] {});
  return {Group(members.begin(), members.end()), reader};
}

std::optional<unsigned> halcyon::dispatch::rowsOf(const Group &group) {
  for (Operation *op : group)
    if (std::optional<unsigned> rows = rowsOfReduction(op); rows && group.size() > 1 && op != group.back())
      return rows;
  return std::nullopt;
}
