#include "schedule/ArenaPlacement.h"
#include "schedule/AssumedSize.h"
#include "schedule/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

#include <numeric>

namespace halcyon {
#define GEN_PASS_DEF_PLANARENA
#include "schedule/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

constexpr int64_t alignment = 64;
// Stand for each size that the call gives: the first where the arena's size is reported, all where placements are compared.
constexpr int64_t assumedSizes[] = {64, 8, 512};

int64_t alignUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  return constant.getSExtValue();
}

// ---- sizes --------------------------------------------------------------------------------------

constexpr int64_t unitLimit = int64_t{1} << 40; // of assumed sizes: sums of some thousand units stay in range

// A size as coefficient * product of factors.
struct Product {
  int64_t coefficient = 1;
  SmallVector<Value> factors;
};

// Whether `block` takes it for a size, which ends the call where it is negative.
bool isSize(Value value, Block *block) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return user->getBlock() == block &&
           isa<host::SizeMulOp, host::SizeAddOp, host::SizeAlignOp>(user);
  });
}

// A simpler value that is never smaller, given that both are sizes: room for it is room for
// `value`.
Value bound(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto extend = dyn_cast_or_null<arith::ExtSIOp>(op))
    if (auto cut = extend.getIn().getDefiningOp<arith::TruncIOp>();
        cut && cut.getIn().getType() == value.getType())
      return bound(cut.getIn());
  constexpr int64_t large = 1 << 16;
  if (auto least = dyn_cast_or_null<arith::MinSIOp>(op))
    if (std::optional<int64_t> limit = constantOf(least.getRhs()))
      return *limit < large ? least.getRhs() : bound(least.getLhs());
  if (auto most = dyn_cast_or_null<arith::MaxSIOp>(op))
    if (std::optional<int64_t> limit = constantOf(most.getRhs()); limit && *limit <= 0)
      if (Value inner = bound(most.getLhs()); isSize(inner, op->getBlock()))
        return inner;
  return value;
}

void factorise(Value size, Product &product) {
  size = bound(size);
  if (std::optional<int64_t> value = constantOf(size)) {
    product.coefficient *= *value;
  } else if (Operation *op = size.getDefiningOp();
             isa_and_nonnull<host::SizeMulOp, arith::MulIOp>(op)) {
    factorise(op->getOperand(0), product);
    factorise(op->getOperand(1), product);
  } else {
    product.factors.push_back(size);
  }
}

// ---- the pass -----------------------------------------------------------------------------------

struct Candidate {
  host::AllocaOp op;
  unsigned start, end;
};

struct PlanArena : halcyon::impl::PlanArenaBase<PlanArena> {
  int64_t arenaBytes = 0, floorBytes = 0;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    arenaBytes = floorBytes = 0;
    if (function.isExternal())
      return;
    if (!function.getBody().hasOneBlock())
      return;
    plan(function.getBody().front(), /*nested=*/false);
    OpBuilder builder(function);
    function->setAttr("halcyon.arena_bytes", builder.getI64IntegerAttr(arenaBytes));
    function->setAttr("halcyon.live_floor_bytes", builder.getI64IntegerAttr(floorBytes));
  }

  void plan(Block &block, bool nested) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto loop = dyn_cast<scf::ForOp>(op))
        hoistSizes(loop);
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          plan(inner, /*nested=*/true);
    }

    DenseMap<Operation *, unsigned> position;
    for (auto [i, op] : llvm::enumerate(block))
      position[&op] = i;
    // By where their sizes are known: after an operation of this block, or (null) from its start.
    llvm::MapVector<Operation *, SmallVector<Candidate>> epochs;
    for (auto allocation : llvm::make_early_inc_range(block.getOps<host::AllocaOp>())) {
      if (allocation.getLifetime() != host::Lifetime::transient)
        continue;
      if (allocation.use_empty()) {
        allocation.erase();
        continue;
      }
      if (!llvm::all_of(allocation->getUses(),
                        [](OpOperand &use) { return host::offsetOf(use) != nullptr; }))
        continue;
      unsigned start = ~0u, end = 0;
      for (Operation *user : allocation->getUsers()) {
        const unsigned at = position[block.findAncestorOpInBlock(*user)];
        start = std::min(start, at);
        end = std::max(end, at);
      }
      epochs[knownAfter(allocation.getSize(), block)].push_back({allocation, start, end});
    }
    for (auto &[after, candidates] : epochs)
      arena(block, after, candidates, nested);
  }

  // Sizes that each iteration would compute again. One that traps must not move out of a loop that may not run: its
  // operands are sizes outside of it already.
  void hoistSizes(scf::ForOp loop) {
    auto isKnown = [&](Value value) {
      if (std::optional<int64_t> constant = constantOf(value))
        return *constant >= 0 && loop.isDefinedOutsideOfLoop(value);
      auto isSizeOp = [](Operation *op) {
        return isa_and_nonnull<host::SizeMulOp, host::SizeAddOp, host::SizeAlignOp>(op);
      };
      return loop.isDefinedOutsideOfLoop(value) &&
             (isSizeOp(value.getDefiningOp()) || llvm::any_of(value.getUsers(), [&](Operation *user) {
                return isSizeOp(user) && user->getBlock() == loop->getBlock() && user->isBeforeInBlock(loop);
              }));
    };
    for (Operation &op : llvm::make_early_inc_range(*loop.getBody()))
      if (isa<host::SizeMulOp, host::SizeAddOp, host::SizeAlignOp>(op) && llvm::all_of(op.getOperands(), isKnown))
        op.moveBefore(loop);
  }

  // Before `loop`, with what it is computed from there.
  void moveOut(Value value, scf::ForOp loop) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != loop.getBody())
      return;
    for (Value operand : op->getOperands())
      moveOut(operand, loop);
    op->moveBefore(loop);
  }

  // The last operation of `block` that cannot move and that `value` is computed from.
  Operation *knownAfter(Value value, Block &block) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &block)
      return nullptr;
    if (!isMemoryEffectFree(op) || op->getNumRegions() != 0)
      return op;
    Operation *last = nullptr;
    for (Value operand : op->getOperands())
      if (Operation *other = knownAfter(operand, block);
          other && (!last || last->isBeforeInBlock(other)))
        last = other;
    return last;
  }

  void hoist(Value value, Operation *anchor) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != anchor->getBlock() || op->isBeforeInBlock(anchor))
      return;
    for (Value operand : op->getOperands())
      hoist(operand, anchor);
    op->moveBefore(anchor);
  }

  void arena(Block &block, Operation *after, SmallVectorImpl<Candidate> &candidates, bool nested) {
    Location location = block.getParentOp()->getLoc();
    auto loop = dyn_cast<scf::ForOp>(block.getParentOp());
    const bool leavesLoop = loop && llvm::all_of(candidates, [&](Candidate &each) {
                              return loop.isDefinedOutsideOfLoop(each.op.getSize());
                            });
    OpBuilder builder = after ? OpBuilder(block.getParent()) : OpBuilder::atBlockBegin(&block);
    if (after)
      builder.setInsertionPointAfter(after);
    auto number = [&](int64_t value) -> Value {
      return builder.create<arith::ConstantOp>(location, builder.getI64IntegerAttr(value));
    };
    Operation *anchor = number(0).getDefiningOp();
    for (Candidate &candidate : candidates)
      hoist(candidate.op.getSize(), anchor);
    builder.setInsertionPoint(anchor);
    auto add = [&](Value a, Value b) {
      return builder.createOrFold<host::SizeAddOp>(location, a.getType(), a, b);
    };
    auto mul = [&](Value a, Value b) {
      return builder.createOrFold<host::SizeMulOp>(location, a.getType(), a, b);
    };

    // One space for static sizes (no factors), and for each product of values one for large
    // coefficients, which are rounded up to whole lines, and one for small ones, whose units are.
    struct Space {
      SmallVector<Value> factors;
      bool lines = true;
      SmallVector<unsigned> members; // of candidates
      SmallVector<int64_t> coefficients;
    };
    SmallVector<Space> spaces(1);
    for (auto [i, candidate] : llvm::enumerate(candidates)) {
      Product product;
      factorise(candidate.op.getSize(), product);
      constexpr int64_t large = 1024;
      const bool lines = product.factors.empty() || product.coefficient % alignment == 0 ||
                         product.coefficient >= large;
      if (lines)
        product.coefficient = alignUp(product.coefficient, alignment);
      auto known = llvm::find_if(spaces, [&](const Space &space) {
        return space.lines == lines && space.factors.size() == product.factors.size() &&
               std::is_permutation(space.factors.begin(), space.factors.end(),
                                   product.factors.begin());
      });
      if (known == spaces.end()) {
        spaces.push_back({product.factors, lines, {}, {}});
        known = std::prev(spaces.end());
      }
      known->members.push_back(i);
      known->coefficients.push_back(product.coefficient);
    }

    SmallVector<ArenaItem> items(candidates.size());
    SmallVector<ArenaUnits> assumed(std::size(assumedSizes));
    SmallVector<Value> units;
    for (auto [index, space] : llvm::enumerate(spaces)) {
      const bool fixed = space.factors.empty();
      int64_t common = 0;
      for (int64_t coefficient : space.coefficients)
        common = std::gcd(common, coefficient);
      common = fixed ? 1 : std::max<int64_t>(common, 1);
      for (auto [member, coefficient] : llvm::zip(space.members, space.coefficients))
        items[member] = {static_cast<unsigned>(index), coefficient / common, candidates[member].start, candidates[member].end};
      Value unit = number(common);
      for (Value factor : space.factors)
        unit = mul(factor, unit);
      if (!space.lines)
        unit = builder.createOrFold<host::SizeAlignOp>(location, unit.getType(), unit, number(alignment));
      units.push_back(unit);
      for (auto [size, bytes] : llvm::zip(assumedSizes, assumed)) {
        int64_t product = common;
        for (Value factor : space.factors)
          product = std::min<uint64_t>(unitLimit, llvm::SaturatingMultiply<uint64_t>(product, std::max<int64_t>(1, assumedSize(factor, size))));
        bytes.push_back(fixed ? product : alignUp(product, alignment));
      }
    }
    auto valueOf = [&](ArrayRef<ArenaSum> bytes) {
      Value most;
      for (ArrayRef<int64_t> sum : bytes) {
        Value value = number(0);
        for (auto [unit, count] : llvm::enumerate(sum))
          if (count != 0)
            value = add(value, mul(units[unit], number(count)));
        most = most ? builder.createOrFold<arith::MaxSIOp>(location, most, value) : value;
      }
      return most;
    };
    const ArenaPlacement placement = placeItems(items, assumed);
    for (const ArenaBytes &most : placement.maxima)
      units.push_back(valueOf(most));
    SmallVector<Value> offsets = llvm::map_to_vector(placement.offsets, [&](ArrayRef<ArenaSum> bytes) { return valueOf(bytes); });
    Value base = valueOf(placement.extent);
    if (!nested) {
      arenaBytes += extentAt(placement, assumed[0]);
      floorBytes += liveFloor(items, assumed[0]);
    }
    auto memory = builder.create<host::AllocaOp>(location, host::BufferType::get(&getContext()),
                                                 host::Lifetime::transient, base);
    anchor->erase();
    if (leavesLoop)
      for (Value offset : offsets)
        moveOut(offset, loop);
    for (auto [candidate, offset] : llvm::zip(candidates, offsets)) {
      for (OpOperand &use : llvm::make_early_inc_range(candidate.op->getUses())) {
        OpOperand *start = host::offsetOf(use);
        OpBuilder at(use.getOwner());
        start->set(at.createOrFold<host::SizeAddOp>(use.getOwner()->getLoc(), offset.getType(),
                                                    offset, start->get()));
        use.set(memory);
      }
      candidate.op.erase();
    }
    if (!nested)
      return;
    if (leavesLoop) { // each iteration uses the same
      moveOut(memory, loop);
      return;
    }
    if (constantOf(base) &&
        isa<scf::SCFDialect>(block.getParentOp()->getDialect())) { // a part of the parent's
      base.getDefiningOp()->moveBefore(block.getParentOp());
      memory->moveBefore(block.getParentOp());
      return;
    }
    OpBuilder::atBlockTerminator(&block).create<host::DeallocaOp>(location, memory);
  }
};

} // namespace
