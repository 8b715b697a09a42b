// Lists of tensors: a value becomes a list that grows in place where nobody needs the old one, else one made anew. Entries
// are as host.list describes them.
#include "schedule/Scheduler.h"

using namespace mlir;
using namespace halcyon;

namespace {

constexpr int64_t stride = 1 + host::shapeRank;

// Whether an operation hands the list itself on; else it looks at entries.
bool keepsList(Operation *op) {
  return !isa<host::ListLengthOp, host::ListDimOp, host::ListGetOp>(op);
}

// Whether the list's object is this value's alone, so that it may grow in place once the value is not needed any more:
// it was made for it, or a loop carries it from one iteration, which used it up, to the next.
bool isAlone(Value list) {
  if (auto argument = dyn_cast<BlockArgument>(list)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop || argument == loop.getInductionVar())
      return false;
    Value init = loop.getTiedLoopInit(argument)->get();
    Value next = loop.getTiedLoopYieldedValue(argument)->get();
    Operation *maker = next.getDefiningOp();
    return init.hasOneUse() && init.getDefiningOp<host::ListEmptyOp>() &&
           init.getParentBlock() == loop->getBlock() && next.hasOneUse() &&
           (next == list || (isa_and_nonnull<host::ListInsertOp, host::ListEraseOp>(maker) &&
                             maker->getBlock() == argument.getOwner()));
  }
  return isa_and_nonnull<host::ListInsertOp, host::ListEraseOp>(list.getDefiningOp());
}

// An insertion at the end of a list that nobody needs as it was before.
bool growsInPlace(host::ListInsertOp op) {
  Value list = op.getList();
  auto end = op.getPosition().getDefiningOp<host::ListLengthOp>();
  if (!end || end.getList() != list || list.getParentBlock() != op->getBlock() || !isAlone(list))
    return false;
  return llvm::all_of(list.getUsers(), [&](Operation *user) {
    Operation *beside = op->getBlock()->findAncestorOpInBlock(*user);
    return user == op || (!keepsList(user) && beside && beside->isBeforeInBlock(op));
  });
}

} // namespace

Value Scheduler::firstEntry(Value position, Location location) {
  return builder.createOrFold<host::SizeMulOp>(location, position.getType(), position,
                                               constant(stride, location));
}

// Memory that nobody writes any more: a list may hold it for as long as it likes.
Value Scheduler::keepForList(Value tensor, Operation *op) {
  Storage *storage = placed[tensor].storage;
  const bool ours = storage->kind == Storage::Kind::allocation && storage->allocation &&
                    !storage->isSlot && !storage->isResult && storage->borrowers.empty() &&
                    isWritable(*storage, op);
  if (ours) { // from now on as a constant is
    storage->kind = Storage::Kind::borrowed;
    storage->allocation = nullptr;
    return storage->buffer;
  }
  if (storage->kind == Storage::Kind::constant || storage->fromList)
    return storage->buffer;
  Value fresh = allocate(tensor, op, op->getParentRegion(), op->getLoc())->buffer;
  if (storage->kind == Storage::Kind::empty)
    writeElements(tensor, fresh, op->getLoc());
  else
    copy(fresh, storage->buffer, tensor, op->getLoc());
  return fresh;
}

void Scheduler::listInsert(host::ListInsertOp op) {
  Location location = op.getLoc();
  Value source = scalars.lookup(op.getList()), buffer = keepForList(op.getTensor(), op);
  const bool inPlace = growsInPlace(op);
  Value made = source, at;
  if (!inPlace) {
    made = builder.create<host::ListCreateOp>(location, source.getType());
    at = firstEntry(scalars.lookup(op.getPosition()), location);
    builder.create<host::ListAppendOp>(location, made, source, constant(0, location), at);
  }
  builder.create<host::ListPushOp>(location, made, buffer);
  for (int64_t i = 0; i < host::shapeRank; ++i) {
    const bool has = i < static_cast<int64_t>(op.getDims().size());
    builder.create<host::ListPushOp>(location, made,
                                     has ? scalars.lookup(op.getDims()[i]) : constant(-1, location));
  }
  scalars.map(op.getResult(), made);
  if (inPlace)
    return;
  Value end = builder.create<host::ListSizeOp>(location, at.getType(), source);
  builder.create<host::ListAppendOp>(location, made, source, at, end);
}

void Scheduler::listErase(host::ListEraseOp op) {
  Location location = op.getLoc();
  Value source = scalars.lookup(op.getList());
  Value made = builder.create<host::ListCreateOp>(location, source.getType());
  Value at = firstEntry(scalars.lookup(op.getPosition()), location);
  Value after = builder.createOrFold<host::SizeAddOp>(location, at.getType(), at,
                                                      constant(stride, location));
  Value end = builder.create<host::ListSizeOp>(location, at.getType(), source);
  builder.create<host::ListAppendOp>(location, made, source, constant(0, location), at);
  builder.create<host::ListAppendOp>(location, made, source, after, end);
  scalars.map(op.getResult(), made);
}

void Scheduler::listGet(host::ListGetOp op) {
  Location location = op.getLoc();
  Value buffer = builder.create<host::ListAtOp>(
      location, host::BufferType::get(builder.getContext()), scalars.lookup(op.getList()),
      firstEntry(scalars.lookup(op.getPosition()), location));
  SmallVector<Value> sizes;
  for (Value size : op.getSizes())
    sizes.push_back(scalars.lookup(size));
  Storage *storage = makeStorage(Storage::Kind::borrowed, buffer, op->getParentRegion());
  storage->fromList = true;
  place(op.getTensor(), storage, sizes);
}

LogicalResult Scheduler::list(Operation *op) {
  Location location = op->getLoc();
  if (auto insert = dyn_cast<host::ListInsertOp>(op)) {
    listInsert(insert);
  } else if (auto erase = dyn_cast<host::ListEraseOp>(op)) {
    listErase(erase);
  } else if (auto get = dyn_cast<host::ListGetOp>(op)) {
    listGet(get);
  } else if (auto empty = dyn_cast<host::ListEmptyOp>(op)) {
    scalars.map(op->getResult(0), builder.create<host::ListCreateOp>(location, empty.getType()));
  } else if (auto length = dyn_cast<host::ListLengthOp>(op)) {
    Value entries = builder.create<host::ListSizeOp>(location, builder.getIndexType(),
                                                     scalars.lookup(length.getList()));
    scalars.map(op->getResult(0),
                builder.create<arith::DivSIOp>(location, entries, constant(stride, location)));
  } else if (auto dim = dyn_cast<host::ListDimOp>(op)) {
    Value first = firstEntry(scalars.lookup(dim.getPosition()), location);
    Value index = builder.createOrFold<host::SizeAddOp>(
        location, first.getType(), first,
        constant(1 + static_cast<int64_t>(dim.getDimension()), location));
    scalars.map(op->getResult(0),
                builder.create<host::ListAtOp>(location, builder.getIndexType(),
                                               scalars.lookup(dim.getList()), index));
  } else if (isa<host::CheckPositionOp>(op)) {
    builder.clone(*op, scalars);
  } else {
    return op->emitError("cannot be scheduled: '") << op->getName() << "'";
  }
  return success();
}
