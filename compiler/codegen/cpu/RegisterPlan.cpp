#include "codegen/cpu/RegisterPlan.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace halcyon;

static bool innermostIsContiguous(Value memory) {
  SmallVector<int64_t> strides;
  int64_t offset;
  auto type = dyn_cast<MemRefType>(memory.getType());
  return type && succeeded(getStridesAndOffset(type, strides, offset)) && (strides.empty() || strides.back() == 1);
}

// The last loop of a map whose results are loops, each once, or constants; null for other maps.
static std::optional<unsigned> lastPlainDim(AffineMap map) {
  std::optional<unsigned> last;
  llvm::SmallBitVector seen(map.getNumDims());
  for (AffineExpr expr : map.getResults()) {
    if (isa<AffineConstantExpr>(expr))
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || seen.test(dim.getPosition()))
      return {};
    seen.set(dim.getPosition());
    last = dim.getPosition();
  }
  return last;
}

// Whether the tile emitter can load this operand along v. A vector of i1 would be packed bits, in memory it is bytes.
static bool canLoad(Value memory, AffineMap map, unsigned v) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  return element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0 && innermostIsContiguous(memory) && stepOf(map, memory.getType(), v).kind != Step::irregular;
}

static unsigned uScore(linalg::GenericOp op, unsigned loop, unsigned v) {
  unsigned score = 0;
  for (OpOperand *in : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(in);
    if (!map.isFunctionOfDim(loop))
      score += map.isFunctionOfDim(v) ? 3 : 1; // a vector that all rows share, a scalar
  }
  return score;
}

// No input moves along the loop with another one.
static bool isPlain(linalg::GenericOp op, unsigned loop) {
  return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *in) {
    return llvm::all_of(op.getMatchingIndexingMap(in).getResults(),
                        [&](AffineExpr expr) { return isa<AffineDimExpr>(expr) || !expr.isFunctionOfDim(loop); });
  });
}

static bool isReduced(linalg::GenericOp op, AffineMap map) {
  for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
    if (iterator == utils::IteratorType::reduction && map.isFunctionOfDim(loop))
      return true;
  return false;
}

std::optional<RegisterPlan> halcyon::planRegisters(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0 || !canEmitBody(op))
    return {};
  RegisterPlan plan;
  plan.op = op;
  AffineMap out = plan.outputMap();
  std::optional<unsigned> last = lastPlainDim(out);
  if (!last || !canLoad(plan.output(), out, *last))
    return {};
  plan.v = *last;
  const unsigned dims = llvm::count_if(out.getResults(), [](AffineExpr expr) { return isa<AffineDimExpr>(expr); });
  if (dims != op.getNumParallelLoops() ||
      stepOf(out, plan.output().getType(), plan.v).kind != Step::contiguous)
    return {};
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (!ShapedType::isDynamic(extents[plan.v]) && extents[plan.v] < 4)
    return {};

  bool shares = false, adjacent = false;
  for (OpOperand *in : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(in);
    if (!isa<MemRefType>(in->get().getType()))
      continue; // a scalar
    if (!canLoad(in->get(), map, plan.v))
      return {};
    const Step step = stepOf(map, in->get().getType(), plan.v);
    shares |= step.kind == Step::invariant;
    // A value of the row alone is read once, however it lies.
    if (!isReduced(op, map))
      continue;
    adjacent |= step.kind == Step::contiguous || step.kind == Step::panel || (step.kind == Step::strided && step.elements == step.coefficient);
  }
  // Otherwise each lane would read a row of its own: the reduction loop is the contiguous one.
  if (!adjacent && !(shares && op.getNumDpsInputs() > 1))
    return {};

  const bool gathers = !adjacent;
  unsigned best = 0;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    if (op.getIteratorTypesArray()[loop] != utils::IteratorType::parallel || loop == plan.v || extents[loop] == 1)
      continue;
    if (unsigned score = uScore(op, loop, plan.v); score && score >= best)
      best = score, plan.u = loop;
  }
  // An image of unknown many, which share but scalars, is mostly the only one: more vectors of it have sums at once.
  if (best == 1 && ShapedType::isDynamic(extents[*plan.u]) && plan.sharesScalars() && isPlain(op, *plan.u))
    plan.u.reset();
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    if (op.getIteratorTypesArray()[loop] != utils::IteratorType::parallel)
      plan.reductions.push_back(loop);
    else if (loop != plan.v && loop != plan.u)
      plan.outer.push_back(loop);
  }
  // Without a panel that many rows share, dot products along the reduction are better.
  if (gathers && !plan.panelOperand(/*rows=*/8))
    return {};
  return plan;
}

std::optional<RegisterPlan> halcyon::planElementwise(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() == 0 || op.getNumReductionLoops() || !canEmitBody(op))
    return {};
  RegisterPlan plan;
  plan.op = op;
  AffineMap out = plan.outputMap();
  // Of several results each is written where the first is.
  for (OpOperand &init : llvm::drop_begin(op.getDpsInitsMutable()))
    if (op.getMatchingIndexingMap(&init) != out || op.payloadUsesValueFromOperand(&init) ||
        getElementTypeOrSelf(init.get()) != getElementTypeOrSelf(plan.output()))
      return {};
  std::optional<unsigned> last = lastPlainDim(out);
  if (!last || llvm::any_of(op.getDpsInits(), [&](Value init) {
        return !canLoad(init, out, *last) || stepOf(out, init.getType(), *last).kind != Step::contiguous;
      }))
    return {};
  plan.v = *last;
  if (llvm::count_if(out.getResults(), [](AffineExpr expr) { return isa<AffineDimExpr>(expr); }) != op.getNumLoops())
    return {};
  const int64_t extent = op.getStaticLoopRanges()[plan.v];
  if (!ShapedType::isDynamic(extent) && extent < 4)
    return {};
  for (OpOperand *in : op.getDpsInputOperands()) {
    if (!isa<MemRefType>(in->get().getType()))
      continue; // a scalar
    AffineMap map = op.getMatchingIndexingMap(in);
    if (!canLoad(in->get(), map, plan.v) || (llvm::is_contained(op.getDpsInits(), in->get()) && map != out))
      return {};
    const Step step = stepOf(map, in->get().getType(), plan.v);
    if (step.kind == Step::strided && step.elements != 2)
      return {}; // a gather
  }
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (loop != plan.v)
      plan.outer.push_back(loop);
  return plan;
}

static constexpr int64_t panelLimit = 8192; // positions of the reduction: 1 MiB of 32 floats

static constexpr int64_t nearBytes = 256; // apart: all of the cache's sets are used, and prefetched

bool RegisterPlan::isNear(Value memory, AffineMap map) const {
  if (reductions.size() != 1 || stepOf(map, memory.getType(), v).kind != Step::contiguous)
    return false;
  const Step row = stepOf(map, memory.getType(), reductions[0]);
  const int64_t bytes = cast<MemRefType>(memory.getType()).getElementTypeBitWidth() / 8;
  return row.kind == Step::strided && !ShapedType::isDynamic(row.elements) && row.elements * bytes <= nearBytes;
}

std::optional<unsigned> RegisterPlan::panelOperand(unsigned rows) const {
  auto generic = linalg::GenericOp(op);
  SmallVector<int64_t> extents = generic.getStaticLoopRanges();
  if (!u || (!ShapedType::isDynamic(extents[*u]) && extents[*u] < 3 * static_cast<int64_t>(rows)))
    return {};
  int64_t positions = 1;
  for (unsigned loop : reductions) {
    if (ShapedType::isDynamic(extents[loop]) || extents[loop] > panelLimit)
      return {};
    positions *= extents[loop];
  }
  if (positions > panelLimit || positions < 16)
    return {};
  for (OpOperand *in : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(in);
    if (lastPlainDim(map) && map.isFunctionOfDim(v) && !map.isFunctionOfDim(*u) && !isNear(in->get(), map))
      return in->getOperandNumber();
  }
  return {};
}

bool RegisterPlan::sharesScalars() const {
  auto generic = linalg::GenericOp(op);
  return llvm::any_of(generic.getDpsInputOperands(), [&](OpOperand *in) {
    return generic.payloadUsesValueFromOperand(in) && !generic.getMatchingIndexingMap(in).isFunctionOfDim(v);
  });
}

static constexpr int64_t collidingBytes = 1024; // apart: three rows of 14 share 4 of 64 sets

bool RegisterPlan::columnsCollide() const {
  auto generic = linalg::GenericOp(op);
  if (!u || sharesScalars())
    return false;
  return llvm::any_of(generic.getDpsInputOperands(), [&](OpOperand *in) {
    auto type = dyn_cast<MemRefType>(in->get().getType());
    AffineMap map = generic.getMatchingIndexingMap(in);
    if (!type || !map.isFunctionOfDim(*u) || !map.isFunctionOfDim(v))
      return false;
    const Step step = stepOf(map, type, *u);
    const int64_t bytes = step.elements * type.getElementTypeBitWidth() / 8;
    return step.kind == Step::strided && !ShapedType::isDynamic(step.elements) && bytes >= collidingBytes && bytes % collidingBytes == 0;
  });
}

std::optional<unsigned> RegisterPlan::inPlacePanel() const {
  auto generic = linalg::GenericOp(op);
  for (OpOperand *in : generic.getDpsInputOperands())
    if (std::optional<Panel> panel = panelOf(generic.getMatchingIndexingMap(in)); panel && panel->loop == v)
      return in->getOperandNumber();
  return {};
}

static Value baseOf(Value memory) {
  while (auto view = memory.getDefiningOp<ViewLikeOpInterface>())
    memory = view.getViewSource();
  return memory;
}

// The loops of the plan that `op`'s loops are, if it visits `memory`, which has the output's shape, element by element.
static std::optional<SmallVector<unsigned>> matchLoops(const RegisterPlan &plan, linalg::LinalgOp op, AffineMap map) {
  if (op.getNumParallelLoops() != op.getNumLoops() || map.getNumResults() != plan.outputMap().getNumResults())
    return {};
  SmallVector<std::optional<unsigned>> found(op.getNumLoops());
  unsigned dims = 0;
  for (auto [mine, theirs] : llvm::zip(map.getResults(), plan.outputMap().getResults())) {
    auto from = dyn_cast<AffineDimExpr>(mine), to = dyn_cast<AffineDimExpr>(theirs);
    if (!from && !to && mine == theirs)
      continue;
    if (!from || !to || found[from.getPosition()])
      return {};
    found[from.getPosition()] = to.getPosition();
    ++dims;
  }
  if (dims != op.getNumLoops() || dims != linalg::GenericOp(plan.op).getNumParallelLoops())
    return {};
  return llvm::map_to_vector(found, [](std::optional<unsigned> loop) { return *loop; });
}

// Loads and stores of `op` fit the block, and it touches `held` memory only where the block holds it.
static bool fits(const RegisterPlan &plan, const FusedOp &fused, ArrayRef<Value> held) {
  linalg::LinalgOp op = fused.op;
  const unsigned v = llvm::find(fused.loops, plan.v) - fused.loops.begin();
  if (op.getNumDpsInits() != 1 || !canEmitBody(op))
    return false;
  for (OpOperand &operand : op->getOpOperands()) {
    Value memory = operand.get();
    if (!isa<MemRefType>(memory.getType()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    const bool isHeld = llvm::is_contained(held, memory);
    if (!canLoad(memory, map, v) || (op.isDpsInit(&operand) && stepOf(map, memory.getType(), v).kind != Step::contiguous))
      return false;
    if (isHeld) {
      std::optional<SmallVector<unsigned>> loops = matchLoops(plan, op, map);
      if (!loops || *loops != fused.loops)
        return false;
      continue;
    }
    if (llvm::any_of(held, [&](Value other) { return baseOf(other) == baseOf(memory); }))
      return false;
  }
  return true;
}

static std::optional<FusedOp> fuse(const RegisterPlan &plan, Operation *candidate, ArrayRef<Value> held) {
  auto op = dyn_cast<linalg::LinalgOp>(candidate);
  if (!op || !op.hasPureBufferSemantics() || op.getNumDpsInits() != 1)
    return {};
  for (OpOperand &operand : op->getOpOperands()) {
    if (!llvm::is_contained(held, operand.get()))
      continue;
    std::optional<SmallVector<unsigned>> loops = matchLoops(plan, op, op.getMatchingIndexingMap(&operand));
    if (!loops)
      return {};
    FusedOp fused{op, *loops};
    if (!fits(plan, fused, held))
      return {};
    return fused;
  }
  return {};
}

Fusion halcyon::findFusion(const RegisterPlan &plan) {
  Fusion fusion;
  SmallVector<Value> held = {plan.output()};
  Operation *self = linalg::GenericOp(plan.op);
  // The reduction must not read what it writes through another view.
  for (Operation *before = self->getPrevNode(); before; before = before->getPrevNode()) {
    if (isMemoryEffectFree(before) || isa<memref::AllocOp>(before))
      continue;
    std::optional<FusedOp> fused = fuse(plan, before, held);
    if (fused && fused->op.getDpsInits()[0] == plan.output() &&
        !fused->op.payloadUsesValueFromOperand(fused->op.getDpsInitOperand(0)))
      fusion.first = fused;
    break;
  }
  for (Operation *after = self->getNextNode(); after; after = after->getNextNode()) {
    if (isMemoryEffectFree(after))
      continue;
    std::optional<FusedOp> fused = fuse(plan, after, held);
    if (!fused)
      break;
    // The reduction's inputs are read until the last block is done.
    Value written = fused->op.getDpsInits()[0];
    if (llvm::any_of(linalg::GenericOp(plan.op).getDpsInputs(),
                     [&](Value in) { return baseOf(in) == baseOf(written); }))
      break;
    fusion.after.push_back(*fused);
    if (!llvm::is_contained(held, written))
      held.push_back(written);
  }
  return fusion;
}
