#include "codegen/cpu/RowPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace halcyon;

static Value baseOf(Value memory) {
  while (auto view = memory.getDefiningOp<ViewLikeOpInterface>())
    memory = view.getViewSource();
  return memory;
}

static bool canLoadColumns(Value memory, AffineMap map, unsigned column) {
  auto type = cast<MemRefType>(memory.getType());
  if (!type.getElementType().isIntOrFloat() || type.getElementTypeBitWidth() % 8)
    return false;
  const Step::Kind kind = stepOf(map, type, column).kind;
  return kind == Step::contiguous || kind == Step::invariant;
}

// The first `count` loops, in order.
static bool isPrefix(AffineMap map, unsigned count) {
  return map.getNumResults() == count &&
         llvm::all_of(llvm::enumerate(map.getResults()), [](auto each) {
           auto dim = dyn_cast<AffineDimExpr>(each.value());
           return dim && dim.getPosition() == each.index();
         });
}

namespace {
// What the group knows of a memory: one value a row, or a row.
class Grouping {
public:
  explicit Grouping(unsigned rows) : rows(rows) {}

  // Null where the op does not work on the group's rows, element by element.
  std::optional<RowOp> classify(Operation *candidate) const {
    auto op = dyn_cast<linalg::GenericOp>(candidate);
    if (!op || !op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 || op.hasIndexSemantics() || !canEmitBody(op))
      return {};
    RowOp made{RowOp::column, op};
    const unsigned loops = op.getNumLoops();
    for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray()))
      if (type != utils::IteratorType::parallel) {
        if (loop != rows)
          return {};
        made.kind = RowOp::reduction;
      }
    if (loops == rows && made.kind == RowOp::column)
      made.kind = RowOp::row;
    else if (loops != rows + 1)
      return {};
    if (made.kind == RowOp::reduction && !folds(made))
      return {};
    for (OpOperand &operand : op->getOpOperands()) {
      Value memory = operand.get();
      if (!isa<MemRefType>(memory.getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      if (!canLoadColumns(memory, map, rows < loops ? rows : 0) && made.kind != RowOp::row)
        return {};
      if (made.kind == RowOp::row && !isByteSized(memory))
        return {};
      if (op.isDpsInit(&operand) && !isPrefix(map, made.kind == RowOp::column ? rows + 1 : rows))
        return {};
    }
    return made;
  }

  // An op that shares memory with the group has its extents; other memory does not overlap what the group writes.
  bool accepts(const RowOp &made) const {
    auto op = linalg::GenericOp(made.op);
    bool shares = false;
    for (OpOperand &operand : op->getOpOperands()) {
      Value memory = operand.get();
      if (!isa<MemRefType>(memory.getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      auto known = used.find(memory);
      if (known != used.end()) {
        if (!isPrefix(map, known->second))
          return false;
        shares |= known->second == rows + 1 || made.kind == RowOp::row;
        continue;
      }
      for (auto [other, dims] : used)
        if (baseOf(other) == baseOf(memory) && (op.isDpsInit(&operand) || written.contains(other)))
          return false;
    }
    return shares;
  }

  void add(const RowOp &made) {
    auto op = linalg::GenericOp(made.op);
    for (OpOperand &operand : op->getOpOperands()) {
      Value memory = operand.get();
      if (!isa<MemRefType>(memory.getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (unsigned dims : {rows, rows + 1})
        if (isPrefix(map, dims))
          used[memory] = dims;
      if (!used.contains(memory))
        used[memory] = ~0u; // read otherwise: nobody may write it
    }
    written.insert(made.output());
  }

private:
  static bool isByteSized(Value memory) {
    Type element = cast<MemRefType>(memory.getType()).getElementType();
    return element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
  }

  static bool folds(const RowOp &made) {
    auto op = linalg::GenericOp(made.op);
    BlockArgument sum = op.getRegionOutputArgs()[0];
    Operation *combiner = made.combiner();
    return combiner && combiner->getBlock() == op.getBody() && combiner->getNumOperands() == 2 && sum.hasOneUse() &&
           llvm::is_contained(combiner->getOperands(), sum) && arith::getNeutralElement(combiner).has_value();
  }

  unsigned rows;
  DenseMap<Value, unsigned> used; // memory, and how many loops its dimensions are
  DenseSet<Value> written;
};
} // namespace

std::optional<RowPlan> halcyon::planRows(linalg::GenericOp seed) {
  if (seed.getNumReductionLoops() != 1)
    return {};
  RowPlan plan;
  plan.rows = seed.getNumLoops() - 1;
  Grouping grouping(plan.rows);
  std::optional<RowOp> made = grouping.classify(seed);
  if (!made || made->kind != RowOp::reduction)
    return {};
  grouping.add(*made);
  plan.ops.push_back(*made);
  auto grow = [&](Operation *next) {
    std::optional<RowOp> more = grouping.classify(next);
    if (!more || !grouping.accepts(*more))
      return false;
    grouping.add(*more);
    plan.ops.push_back(*more);
    return true;
  };
  auto isQuiet = [](Operation *op) { return isMemoryEffectFree(op) || isa<memref::AllocOp>(op); };
  for (Operation *before = seed->getPrevNode(); before; before = before->getPrevNode())
    if (!isQuiet(before) && !grow(before))
      break;
  std::reverse(plan.ops.begin(), plan.ops.end());
  plan.seed = plan.ops.size() - 1;
  for (Operation *after = seed->getNextNode(); after; after = after->getNextNode())
    if (!isQuiet(after) && !grow(after))
      break;
  return plan;
}
