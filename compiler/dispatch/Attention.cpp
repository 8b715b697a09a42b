#include "dispatch/Attention.h"
#include "codegen/cpu/OnlineSoftmax.h"
#include "dispatch/RowGroups.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace halcyon::dispatch;

static constexpr unsigned cutLoops = 3;          // a workload's dimensions
static constexpr int64_t longestWholeRow = 8192; // 24 rows of f32, which share columns that are packed, stay in a core's L2

// Sums of products of two operands, each of which is read at loops.
static bool isContraction(linalg::LinalgOp op) {
  return op && op.getNumReductionLoops() > 0 && op.getNumDpsInits() == 1 && op.getNumDpsInputs() == 2 &&
         llvm::all_of(op->getOperandTypes(), [](Type type) {
           auto tensor = dyn_cast<RankedTensorType>(type);
           return tensor && tensor.getElementType().isF32();
         }) &&
         llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isProjectedPermutation(); });
}

// Rows that alone use `scores`, a row of which is one of theirs.
static RowChain rowsOfScores(Value scores) {
  Operation *first = nullptr;
  for (Operation *user : scores.getUsers())
    if (user->getBlock() == scores.getParentBlock() && (!first || user->isBeforeInBlock(first)))
      first = user;
  RowChain chain = first ? rowChain(first) : RowChain();
  for (OpOperand &use : scores.getUses()) {
    auto user = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (!user || !llvm::is_contained(chain.rows, user) || !user.isDpsInput(&use) ||
        !user.getMatchingIndexingMap(&use).isIdentity())
      return {};
  }
  return chain;
}

// The operand of the chain's reader that it takes from the rows; null if there are several.
static OpOperand *operandOf(const RowChain &chain) {
  OpOperand *found = nullptr;
  for (OpOperand &operand : chain.reader ? chain.reader->getOpOperands() : MutableArrayRef<OpOperand>())
    if (llvm::is_contained(chain.rows, operand.get().getDefiningOp())) {
      if (found)
        return nullptr;
      found = &operand;
    }
  return found;
}

// Nothing but the last is used outside.
static bool isClosed(const Group &group) {
  return llvm::all_of(ArrayRef(group).drop_back(), [&](Operation *op) {
    return llvm::all_of(op->getUsers(), [&](Operation *user) { return llvm::is_contained(group, user); });
  });
}

// How many rows' loops `use`, the operand of a contraction that reads them, has: all but the last dimension, along which
// the contraction sums and nothing else does. Nothing where it reads them otherwise.
static std::optional<unsigned> rowsRead(OpOperand &use) {
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  if (!isContraction(op) || !op.isDpsInput(&use) || op.getNumReductionLoops() != 1)
    return {};
  AffineMap in = op.getMatchingIndexingMap(&use), out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  const unsigned rows = in.getNumResults() - 1;
  for (unsigned i = 0; i <= rows; ++i)
    if ((op.getIteratorTypesArray()[in.getDimPosition(i)] == utils::IteratorType::parallel) != (i < rows))
      return {};
  // Columns are what every row has: a row is computed once for all of them.
  const AffineExpr column = out.getResult(out.getNumResults() - 1);
  if (in.isFunctionOfDim(cast<AffineDimExpr>(column).getPosition()))
    return {};
  return rows;
}

// Whether the leading `rows` loops of the group's last operation are those at which its contraction reads rows, in any
// order: workgroups cut these.
static bool rowsLead(const Group &group, linalg::LinalgOp contraction, AffineMap map, unsigned rows) {
  linalg::LinalgOp op = contraction;
  SmallVector<unsigned> loops = llvm::to_vector(llvm::seq<unsigned>(0, op.getNumLoops())); // of the contraction, for op's
  for (auto each = llvm::find(group, contraction.getOperation()) + 1; each != group.end(); ++each) {
    auto next = cast<linalg::LinalgOp>(*each);
    AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    OpOperand *use = llvm::find_if(next->getOpOperands(), [&](OpOperand &one) { return one.get() == op->getResult(0); });
    AffineMap in = next.getMatchingIndexingMap(use);
    if (!out.isProjectedPermutation())
      return false;
    SmallVector<unsigned> turned(next.getNumLoops());
    for (unsigned i = 0; i < in.getNumResults(); ++i)
      turned[in.getDimPosition(i)] = loops[out.getDimPosition(i)];
    op = next, loops = turned;
  }
  return rows <= cutLoops && rows < loops.size() &&
         llvm::all_of(ArrayRef(loops).take_front(rows), [&](unsigned loop) { return map.isFunctionOfDim(loop); });
}

// A tile's rows, of scores and of sums, are in a worker's local memory: one row has a length that is known, or comes in
// blocks.
static bool fitsMemory(const Group &rows, unsigned leading, OpOperand &use) {
  auto values = cast<linalg::LinalgOp>(use.getOwner());
  const bool isOnline = halcyon::onlineSoftmaxOf(values).has_value();
  SmallVector<int64_t> extents = values.getStaticLoopRanges();
  for (auto [loop, extent] : llvm::enumerate(extents))
    if (ShapedType::isDynamic(extent) && !values.getMatchingIndexingMap(&use).isFunctionOfDim(loop))
      return false;
  return llvm::all_of(rows, [&](Operation *op) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (!type.getElementType().isF32())
      return false;
    for (int64_t size : type.getShape().drop_front(std::min<size_t>(leading, type.getRank())))
      if (ShapedType::isDynamic(size) || (size > longestWholeRow && !isOnline))
        return false;
    return true;
  });
}

Group halcyon::dispatch::attentionGroup(linalg::LinalgOp scores, const DenseSet<Operation *> &taken) {
  if (!isContraction(scores))
    return {};
  Group group = rootGroup(scores, taken);
  const RowChain chain = rowsOfScores(group.back()->getResult(0));
  OpOperand *use = operandOf(chain);
  std::optional<unsigned> leading = use ? rowsRead(*use) : std::nullopt;
  if (!leading || rowsOf(chain.rows) != leading || !fitsMemory(chain.rows, *leading, *use))
    return {};
  auto values = cast<linalg::LinalgOp>(chain.reader);
  const Group last = rootGroup(values, taken);
  if (!rowsLead(last, values, values.getMatchingIndexingMap(use), *leading))
    return {};
  group.append(chain.rows);
  group.append(last);
  return isClosed(group) ? group : Group();
}

static bool startsAtZero(linalg::LinalgOp op) {
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  return fill && matchPattern(fill.getInputs()[0], m_AnyZeroFloat());
}

static void defer(linalg::GenericOp division, OpOperand &use) {
  auto values = cast<linalg::LinalgOp>(use.getOwner());
  AffineMap in = values.getMatchingIndexingMap(&use), out = values.getMatchingIndexingMap(values.getDpsInitOperand(0));
  OpBuilder builder(values->getContext());
  builder.setInsertionPointAfter(values);
  Location loc = division.getLoc();
  const unsigned rank = out.getNumResults();
  SmallVector<AffineExpr> row;
  for (AffineExpr loop : in.getResults().drop_back())
    row.push_back(builder.getAffineDimExpr(*out.getResultPosition(loop)));
  AffineMap whole = builder.getMultiDimIdentityMap(rank);
  Value result = values->getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  Value empty = builder.create<tensor::EmptyOp>(loc, tensor::getMixedSizes(builder, loc, result), type.getElementType());
  auto made = builder.create<linalg::GenericOp>(
      loc, type, ValueRange{result, division.getInputs()[1]}, ValueRange(empty),
      ArrayRef<AffineMap>{whole, AffineMap::get(rank, 0, row, builder.getContext()), whole},
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel));
  IRMapping map;
  division.getRegion().cloneInto(&made.getRegion(), map);
  result.replaceUsesWithIf(made.getResult(0), [&](OpOperand &each) {
    return each.getOwner() != made && !isa<tensor::DimOp>(each.getOwner());
  });
  use.set(division.getInputs()[0]);
  division.erase();
}

void halcyon::dispatch::deferDivisions(Block &block) {
  SmallVector<OpOperand *> uses;
  for (Operation &op : block) {
    auto scores = dyn_cast<linalg::LinalgOp>(op);
    for (Operation *each : scores ? attentionGroup(scores, {}) : Group()) {
      auto division = dyn_cast<linalg::GenericOp>(each);
      if (!division || !halcyon::dividesRows(division) || !division->hasOneUse())
        continue;
      OpOperand &use = *division->use_begin();
      auto values = dyn_cast<linalg::LinalgOp>(use.getOwner());
      if (rowsRead(use) && startsAtZero(values))
        uses.push_back(&use);
    }
  }
  for (OpOperand *use : uses)
    defer(use->get().getDefiningOp<linalg::GenericOp>(), *use);
}
