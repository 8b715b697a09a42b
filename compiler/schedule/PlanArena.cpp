#include "schedule/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

#include <functional>
#include <limits>
#include <numeric>

namespace halcyon {
#define GEN_PASS_DEF_PLANARENA
#include "schedule/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

constexpr int64_t alignment = 64;

int64_t alignUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  return constant.getSExtValue();
}

// ---- placing intervals --------------------------------------------------------------------------

struct Item {
  int64_t size = 0;
  unsigned start = 0, end = 0; // positions in the block, both included
  int64_t offset = 0;
};

bool live(const Item &a, const Item &b) { return a.start <= b.end && b.start <= a.end; }

// Each item in `order` goes to the lowest offset that is free while it lives. Returns the extent.
int64_t firstFit(MutableArrayRef<Item> items, ArrayRef<unsigned> order) {
  SmallVector<unsigned> settled; // by offset
  int64_t extent = 0;
  for (unsigned i : order) {
    Item &item = items[i];
    int64_t offset = 0;
    for (unsigned other : settled) {
      if (!live(item, items[other]))
        continue;
      if (offset + item.size <= items[other].offset)
        break;
      offset = std::max(offset, items[other].offset + items[other].size);
    }
    item.offset = offset;
    extent = std::max(extent, offset + item.size);
    settled.insert(
        llvm::upper_bound(
            settled, i, [&](unsigned a, unsigned b) { return items[a].offset < items[b].offset; }),
        i);
  }
  return extent;
}

int64_t liveFloor(ArrayRef<Item> items) {
  int64_t most = 0;
  for (const Item &at : items) {
    int64_t sum = 0;
    for (const Item &item : items)
      if (item.start <= at.start && at.start <= item.end)
        sum += item.size;
    most = std::max(most, sum);
  }
  return most;
}

// The best of a few orders, then of random exchanges in it while there is something to gain.
int64_t place(SmallVectorImpl<Item> &items) {
  const std::function<int64_t(const Item &)> ranks[] = {
      [](const Item &item) { return item.size; },
      [](const Item &item) { return -static_cast<int64_t>(item.start); },
      [](const Item &item) { return static_cast<int64_t>(item.end - item.start); },
      [](const Item &item) { return item.size * (item.end - item.start + 1); },
  };
  const SmallVector<Item> given(items.begin(), items.end());
  const int64_t floor = liveFloor(given);
  int64_t best = std::numeric_limits<int64_t>::max();
  SmallVector<unsigned> bestOrder;
  auto attempt = [&](ArrayRef<unsigned> order) {
    SmallVector<Item> tried = given;
    const int64_t extent = firstFit(tried, order);
    if (extent < best)
      items.assign(tried.begin(), tried.end());
    if (extent <= best)
      bestOrder.assign(order.begin(), order.end());
    best = std::min(best, extent);
  };
  for (const auto &rank : ranks) {
    SmallVector<unsigned> order(given.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::stable_sort(order, [&](unsigned a, unsigned b) {
      return std::pair(rank(given[a]), given[a].size) > std::pair(rank(given[b]), given[b].size);
    });
    attempt(order);
  }
  const uint64_t count = given.size();
  constexpr uint64_t work = 10'000'000; // pairs looked at: some tens of milliseconds
  uint64_t state = 1;                   // the same plan for the same function
  auto random = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state >> 33) % count);
  };
  const uint64_t limit = std::min<uint64_t>(2000, work / (count * count));
  for (uint64_t i = 0; best > floor && i < limit; ++i) {
    SmallVector<unsigned> order = bestOrder;
    const unsigned a = random(), b = random();
    std::swap(order[a], order[b]);
    attempt(order);
  }
  return best;
}

// ---- sizes --------------------------------------------------------------------------------------

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

    SmallVector<Value> offsets(candidates.size());
    Value base = number(0);
    for (Space &space : spaces) {
      if (space.members.empty())
        continue;
      const bool fixed = space.factors.empty();
      int64_t common = 0;
      for (int64_t coefficient : space.coefficients)
        common = std::gcd(common, coefficient);
      common = std::max<int64_t>(common, 1);
      SmallVector<Item> items;
      for (auto [member, coefficient] : llvm::zip(space.members, space.coefficients))
        items.push_back({fixed ? coefficient : coefficient / common, candidates[member].start,
                         candidates[member].end});
      const int64_t extent = place(items);
      Value unit = number(fixed ? 1 : common);
      for (Value factor : space.factors)
        unit = mul(factor, unit);
      if (!space.lines)
        unit = builder.createOrFold<host::SizeAlignOp>(location, unit.getType(), unit,
                                                       number(alignment));
      for (auto [member, item] : llvm::zip(space.members, items))
        offsets[member] = add(base, mul(unit, number(item.offset)));
      base = add(base, mul(unit, number(extent)));
      if (fixed && !nested) {
        arenaBytes += extent;
        floorBytes += liveFloor(items);
      }
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
