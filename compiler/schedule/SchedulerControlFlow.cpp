// Tensors through scf. One of static shape that a loop carries, or that an if gives, has a slot: an
// allocation outside of the operation, which the regions write; so has one whose sizes are the same
// in each iteration of a scf.for. Others are handed on as a buffer and its sizes.
#include "mlir/Dialect/Arith/IR/Arith.h"

#include "schedule/InPlace.h"
#include "schedule/Scheduler.h"

using namespace mlir;
using namespace halcyon;

namespace {

bool takesSlot(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape();
}

SmallVector<Type> handedTypes(TypeRange types) {
  SmallVector<Type> handed;
  for (Type type : types) {
    if (takesSlot(type))
      continue;
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor) {
      handed.push_back(type);
      continue;
    }
    handed.push_back(host::BufferType::get(type.getContext()));
    handed.append(tensor.getNumDynamicDims(), IndexType::get(type.getContext()));
  }
  return handed;
}

// The dynamic sizes of a tensor, as values; nothing where what makes it does not say them.
std::optional<SmallVector<Value>> sizesOf(Value tensor);

// Whether each iteration leaves what the loop carries at the sizes that it started with.
bool keepsSizes(scf::ForOp loop, unsigned number) {
  std::optional<SmallVector<Value>> before = sizesOf(loop.getInitArgs()[number]);
  if (!before || !llvm::all_of(*before, [&](Value size) { return loop.isDefinedOutsideOfLoop(size); }))
    return false;
  Value after = loop.getBody()->getTerminator()->getOperand(number);
  // What an iteration updates has the sizes that it came with.
  while (auto launch = after.getDefiningOp<dispatch::LaunchOp>()) {
    Value out = launch.getOuts()[cast<OpResult>(after).getResultNumber()];
    if (out == loop.getRegionIterArgs()[number])
      return true;
    after = out;
  }
  return after == loop.getRegionIterArgs()[number] || sizesOf(after) == before;
}

std::optional<SmallVector<Value>> sizesOf(Value tensor) {
  if (auto type = dyn_cast<RankedTensorType>(tensor.getType()); type && type.hasStaticShape())
    return SmallVector<Value>();
  Operation *op = tensor.getDefiningOp();
  if (auto launch = dyn_cast_or_null<dispatch::LaunchOp>(op))
    return sizesOf(launch.getOuts()[cast<OpResult>(tensor).getResultNumber()]);
  if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op))
    return SmallVector<Value>(empty.getDynamicSizes());
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op))
    return SmallVector<Value>(expand.getOutputShape());
  auto loop = dyn_cast_or_null<scf::ForOp>(op);
  const unsigned number = loop ? cast<OpResult>(tensor).getResultNumber() : 0;
  return loop && keepsSizes(loop, number) ? sizesOf(loop.getInitArgs()[number]) : std::nullopt;
}

} // namespace

// ---- slots --------------------------------------------------------------------------------------

// The slot starts as `init`: that memory itself where nobody else needs it.
Storage *Scheduler::slotFor(Value init, Operation *loop, SmallVectorImpl<Storage *> &taken) {
  Storage *storage = placed[init].storage;
  if (!storage->isResult && isWritable(*storage, loop) && !useAfter(*storage, loop) &&
      !llvm::is_contained(taken, storage) && storage->home == loop->getParentRegion()) {
    taken.push_back(storage);
    Storage *slot =
        makeStorage(Storage::Kind::allocation, storage->buffer, loop->getParentRegion());
    slot->allocation = storage->allocation;
    slot->creator = storage->creator;
    slot->isSlot = storage->isSlot;
    return slot;
  }
  Storage *slot = allocate(init, loop, loop->getParentRegion(), loop->getLoc());
  if (storage->kind != Storage::Kind::empty)
    copy(slot->buffer, storage->buffer, init, loop->getLoc());
  else
    writeElements(init, slot->buffer, loop->getLoc());
  return slot;
}

// The slot as a region sees it. Inside, it is overwritten by later iterations.
Storage *Scheduler::slotIn(Storage *slot, Region *home, Value tensor, SmallVector<Value> sizes) {
  Storage *inside = makeStorage(Storage::Kind::allocation, slot->buffer, home);
  inside->isSlot = true;
  place(tensor, inside, std::move(sizes));
  return inside;
}

// Whether the launch that made the storage, were it where `tensor` lies, would read each element before it writes it.
bool Scheduler::readsPointwise(const Storage &made, Value tensor) {
  auto launchOp = dyn_cast<dispatch::LaunchOp>(made.creator);
  if (!launchOp || llvm::is_contained(launchOp.getOuts(), tensor))
    return false;
  const auto result = llvm::find_if(launchOp.getResults(), [&](Value r) { return placed[r].storage == &made; });
  if (result == launchOp.getResults().end())
    return false;
  const unsigned output = result.getIndex();
  auto kernel =
      symbols.lookupNearestSymbolFrom<dispatch::ExecutableOp>(launchOp, launchOp.getExecutableAttr());
  for (auto [i, in] : llvm::enumerate(launchOp.getIns()))
    if (in == tensor && (!kernel || !isPointwise(kernel, i, output)))
      return false;
  return true;
}

// Writes `values` to their slots (null: not one), all at once.
LogicalResult Scheduler::fillSlots(Operation *terminator, ValueRange values,
                                   ArrayRef<Storage *> slots) {
  Location location = terminator->getLoc();
  Region *home = terminator->getParentRegion();
  auto isSlotBuffer = [&](Value buffer) {
    return llvm::any_of(slots, [&](Storage *slot) { return slot && slot->buffer == buffer; });
  };
  // What was computed into memory of its own is computed into the slot instead, if the slot's old
  // value is not needed any more by then.
  for (auto [value, slot] : llvm::zip(values, slots)) {
    if (!slot)
      continue;
    Storage *storage = placed[value].storage;
    if (storage->buffer == slot->buffer || !storage->allocation || storage->home != home ||
        storage->isSlot || !storage->creator)
      continue;
    const bool elsewhere =
        llvm::count_if(values, [&](Value other) {
          return isa<RankedTensorType>(other.getType()) && placed[other].storage == storage;
        }) != 1;
    bool needed = false;
    for (auto &entry : placed)
      if (entry.second.storage && entry.second.storage->buffer == slot->buffer)
        for (Operation *user : entry.first.getUsers())
          if (home->isAncestor(user->getParentRegion()))
            needed |= user == storage->creator ? !readsPointwise(*storage, entry.first)
                                               : mayFollow(storage->creator, user);
    if (!elsewhere && !needed)
      redirect(*storage, slot->buffer);
  }
  SmallVector<std::pair<Value, unsigned>> copies;
  for (auto [i, slot] : llvm::enumerate(slots)) {
    if (!slot)
      continue;
    Storage *storage = placed[values[i]].storage;
    if (storage->kind == Storage::Kind::empty) {
      writeElements(values[i], slot->buffer, location);
      continue;
    }
    if (storage->buffer == slot->buffer)
      continue;
    Value source = storage->buffer;
    if (isSlotBuffer(source)) {
      Value saved = allocate(values[i], terminator, home, location)->buffer;
      copy(saved, source, values[i], location);
      source = saved;
    }
    copies.push_back({source, static_cast<unsigned>(i)});
  }
  for (auto [source, i] : copies)
    copy(slots[i]->buffer, source, values[i], location);
  return success();
}

// ---- values handed on ---------------------------------------------------------------------------

void Scheduler::handOn(Value value, Operation *at, SmallVectorImpl<Value> &values) {
  if (!isa<RankedTensorType>(value.getType())) {
    values.push_back(scalars.lookup(value));
    return;
  }
  Storage *storage = placed[value].storage;
  Value buffer = materialise(value, at);
  if (storage->isSlot ||
      storage->kind == Storage::Kind::variable) { // it changes while the copy lives
    buffer = allocate(value, at, at->getParentRegion(), at->getLoc())->buffer;
    copy(buffer, storage->buffer, value, at->getLoc());
  }
  values.push_back(buffer);
  llvm::append_range(values, placed[value].sizes);
}

// `result` may be the memory of any of `values`.
void Scheduler::lend(ArrayRef<Value> values, Value result) {
  if (!isa<RankedTensorType>(result.getType()))
    return;
  for (Value value : values)
    if (isa<RankedTensorType>(value.getType()))
      placed[value].storage->borrowers.push_back(placed[result].storage);
}

void Scheduler::receive(Value value, Region *home, ValueRange &values) {
  auto take = [&] {
    Value first = values.front();
    values = values.drop_front();
    return first;
  };
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type) {
    scalars.map(value, take());
    return;
  }
  Storage *storage = makeStorage(Storage::Kind::borrowed, take(), home);
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getNumDynamicDims(); ++d)
    sizes.push_back(take());
  place(value, storage, sizes);
}

// ---- operations ---------------------------------------------------------------------------------

LogicalResult Scheduler::ifElse(scf::IfOp op) {
  Location location = op.getLoc();
  Region *around = op->getParentRegion();
  SmallVector<Storage *> slots;
  for (Value result : op.getResults()) {
    if (!takesSlot(result.getType())) {
      slots.push_back(nullptr);
      continue;
    }
    placed[result] = {};
    slots.push_back(allocate(result, op, around, location));
  }
  auto branch = builder.create<scf::IfOp>(location, handedTypes(op.getResultTypes()),
                                          scalars.lookup(op.getCondition()),
                                          /*withElseRegion=*/!op.getElseRegion().empty());
  for (auto [region, made] : {std::pair(&op.getThenRegion(), &branch.getThenRegion()),
                              std::pair(&op.getElseRegion(), &branch.getElseRegion())}) {
    if (region->empty())
      continue;
    OpBuilder::InsertionGuard guard(builder);
    if (!made->front().empty())
      made->front().back().erase();
    builder.setInsertionPointToStart(&made->front());
    Operation *yield = region->front().getTerminator();
    if (failed(body(region->front())) || failed(fillSlots(yield, yield->getOperands(), slots)))
      return failure();
    SmallVector<Value> values;
    for (auto [value, slot] : llvm::zip(yield->getOperands(), slots))
      if (!slot)
        handOn(value, yield, values);
    builder.create<scf::YieldOp>(location, values);
  }
  ValueRange handed = branch.getResults();
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    if (slots[i]) {
      place(result, slots[i], {});
      continue;
    }
    receive(result, around, handed);
    lend({op.thenYield().getOperand(i), op.elseYield().getOperand(i)}, result);
  }
  return success();
}

// One of two whole tensors: what canonicalisation makes of an if without work.
void Scheduler::select(arith::SelectOp op) {
  SmallVector<Value> ifTrue, ifFalse, chosen;
  handOn(op.getTrueValue(), op, ifTrue);
  handOn(op.getFalseValue(), op, ifFalse);
  Value condition = scalars.lookup(op.getCondition());
  for (auto [a, b] : llvm::zip(ifTrue, ifFalse))
    chosen.push_back(builder.create<arith::SelectOp>(op.getLoc(), condition, a, b));
  ValueRange handed = chosen;
  receive(op.getResult(), op->getParentRegion(), handed);
  lend({op.getTrueValue(), op.getFalseValue()}, op.getResult());
}

LogicalResult Scheduler::forLoop(scf::ForOp op) {
  Location location = op.getLoc();
  Region *around = op->getParentRegion();
  SmallVector<Storage *> slots, taken;
  SmallVector<Value> handed;
  for (auto [i, init] : llvm::enumerate(op.getInitArgs())) {
    const bool isSlot = isa<RankedTensorType>(init.getType()) && keepsSizes(op, i);
    slots.push_back(isSlot ? slotFor(init, op, taken) : nullptr);
    if (!slots.back())
      handOn(init, op, handed);
  }
  auto loop = builder.create<scf::ForOp>(location, scalars.lookup(op.getLowerBound()),
                                         scalars.lookup(op.getUpperBound()),
                                         scalars.lookup(op.getStep()), handed);
  scalars.map(op.getInductionVar(), loop.getInductionVar());
  ValueRange given = loop.getRegionIterArgs();
  for (auto [i, argument] : llvm::enumerate(op.getRegionIterArgs())) {
    if (slots[i])
      slotIn(slots[i], &op.getRegion(), argument, SmallVector<Value>(placed[op.getInitArgs()[i]].sizes));
    else
      receive(argument, &op.getRegion(), given);
  }
  {
    OpBuilder::InsertionGuard guard(builder);
    if (!loop.getBody()->empty())
      loop.getBody()->back().erase();
    builder.setInsertionPointToStart(loop.getBody());
    Operation *yield = op.getBody()->getTerminator();
    if (failed(body(*op.getBody())) || failed(fillSlots(yield, yield->getOperands(), slots)))
      return failure();
    SmallVector<Value> values;
    for (auto [value, slot] : llvm::zip(yield->getOperands(), slots))
      if (!slot)
        handOn(value, yield, values);
    builder.create<scf::YieldOp>(location, values);
  }
  ValueRange results = loop.getResults();
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    if (slots[i]) {
      SmallVector<Value> sizes = placed[op.getInitArgs()[i]].sizes;
      place(result, slots[i], std::move(sizes));
      continue;
    }
    receive(result, around, results);
    lend({op.getInitArgs()[i], op.getBody()->getTerminator()->getOperand(i)}, result);
  }
  return success();
}

LogicalResult Scheduler::whileLoop(scf::WhileOp op) {
  Location location = op.getLoc();
  Region *around = op->getParentRegion();
  SmallVector<Storage *> slots, taken;
  SmallVector<Value> handed;
  for (Value init : op.getInits()) {
    slots.push_back(takesSlot(init.getType()) ? slotFor(init, op, taken) : nullptr);
    if (!slots.back())
      handOn(init, op, handed);
  }
  // What the condition forwards: a slot as it is, anything else of static shape through a slot of
  // its own.
  scf::ConditionOp condition = op.getConditionOp();
  Block &before = op.getBefore().front();
  SmallVector<Storage *> forwarded;
  for (auto [i, value] : llvm::enumerate(condition.getArgs())) {
    Storage *slot = nullptr;
    if (takesSlot(value.getType())) {
      auto argument = dyn_cast<BlockArgument>(value);
      if (argument && argument.getOwner() == &before)
        slot = slots[argument.getArgNumber()];
      if (!slot || llvm::is_contained(forwarded, slot)) {
        placed[op.getResult(i)] = {};
        slot = allocate(op.getResult(i), op, around, location);
      }
    }
    forwarded.push_back(slot);
  }
  SmallVector<Type> types = handedTypes(op.getResultTypes());
  auto loop = builder.create<scf::WhileOp>(location, types, handed);
  auto region = [&](Region &from, Region &to, TypeRange given, ArrayRef<Storage *> in,
                    ArrayRef<Storage *> out, ValueRange leaving,
                    SmallVectorImpl<Value> &values) -> LogicalResult {
    Block *made =
        builder.createBlock(&to, {}, given, SmallVector<Location>(given.size(), location));
    ValueRange arguments = made->getArguments();
    for (auto [i, argument] : llvm::enumerate(from.getArguments())) {
      if (in[i])
        slotIn(in[i], &from, argument);
      else
        receive(argument, &from, arguments);
    }
    Operation *terminator = from.front().getTerminator();
    if (failed(body(from.front())) || failed(fillSlots(terminator, leaving, out)))
      return failure();
    for (auto [value, slot] : llvm::zip(leaving, out))
      if (!slot)
        handOn(value, terminator, values);
    return success();
  };
  {
    OpBuilder::InsertionGuard guard(builder);
    SmallVector<Value> values;
    if (failed(region(op.getBefore(), loop.getBefore(), ValueRange(handed).getTypes(), slots,
                      forwarded, condition.getArgs(), values)))
      return failure();
    builder.create<scf::ConditionOp>(location, scalars.lookup(condition.getCondition()), values);
    values.clear();
    if (failed(region(op.getAfter(), loop.getAfter(), types, forwarded, slots,
                      op.getYieldOp().getOperands(), values)))
      return failure();
    builder.create<scf::YieldOp>(location, values);
  }
  ValueRange results = loop.getResults();
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    if (forwarded[i]) {
      place(result, forwarded[i], {});
      continue;
    }
    receive(result, around, results);
    lend({condition.getArgs()[i]}, result);
    for (auto [k, slot] : llvm::enumerate(slots))
      if (!slot)
        lend({op.getInits()[k], op.getYieldOp().getOperand(k)}, result);
  }
  return success();
}
