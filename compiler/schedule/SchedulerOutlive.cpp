// What outlives a call: module variables and results.
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "dialect/nn/Nn.h"
#include "schedule/Scheduler.h"

using namespace mlir;
using namespace halcyon;

// ---- module state -------------------------------------------------------------------------------

namespace {

// A tensor and the views of it.
void collectViews(Value tensor, SmallVectorImpl<Value> &views) {
  views.push_back(tensor);
  for (Operation *user : tensor.getUsers())
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, nn::ReinterpretOp>(user))
      collectViews(user->getResult(0), views);
}

} // namespace

void Scheduler::globalLoad(Operation *op, StringAttr variable) {
  Location location = op->getLoc();
  Value tensor = op->getResult(0);
  Value buffer = builder.create<host::VariableOp>(
      location, host::BufferType::get(builder.getContext()), variable.getValue());
  // A store while the loaded value is still needed: load a copy.
  SmallVector<Value> views;
  collectViews(tensor, views);
  bool overwritten = false;
  old.walk([&](ml_program::GlobalStoreOp store) {
    if (store.getGlobal().getLeafReference() != variable)
      return;
    for (Value view : views)
      for (Operation *user : view.getUsers())
        overwritten |= user != store && mayFollow(op, store) &&
                       (store->getBlock() != op->getBlock() || mayFollow(store, user));
  });
  if (overwritten) {
    place(tensor, makeStorage(Storage::Kind::empty, {}, nullptr), {});
    Storage *snapshot = allocate(tensor, op, op->getParentRegion(), location);
    copy(snapshot->buffer, buffer, tensor, location);
    placed.erase(tensor);
    place(tensor, snapshot, {});
    return;
  }
  Storage *storage = makeStorage(Storage::Kind::variable, buffer, nullptr);
  storage->variable = variable;
  place(tensor, storage, {});
}

LogicalResult Scheduler::globalStore(Operation *op) {
  auto store = cast<ml_program::GlobalStoreOp>(op);
  Location location = op->getLoc();
  if (!isa<RankedTensorType>(store.getValue().getType()))
    return op->emitOpError("of a value that is not a tensor is not supported");
  Storage *storage = placed[store.getValue()].storage;
  StringAttr variable = store.getGlobal().getLeafReference();
  if (storage->kind == Storage::Kind::empty || storage->variable == variable)
    return success();
  Value buffer = builder.create<host::VariableOp>(
      location, host::BufferType::get(builder.getContext()), variable.getValue());
  copy(buffer, storage->buffer, store.getValue(), location);
  return success();
}

// ---- results ------------------------------------------------------------------------------------

LogicalResult Scheduler::donate(Placed &result, Value value, const Donation &donation,
                                Location location) {
  Value argument = old.getArgument(donation.argument);
  Storage *donor = placed[argument].storage;
  if (result.storage->buffer == donor->buffer)
    return success();
  auto reject = [&](const Twine &why) {
    return emitError(location, "donate: result ")
           << donation.result << " cannot take the memory of argument " << donation.argument << ": "
           << why;
  };
  if (result.storage->kind != Storage::Kind::allocation || !result.storage->allocation ||
      result.storage->isResult || !result.storage->creator)
    return reject("it is not computed into memory of its own");
  if (result.storage->home != &old.getBody())
    return reject("it is computed inside of a loop or a branch");
  if (result.sizes != placed[argument].sizes)
    return reject("their sizes are not known to be equal");
  Operation *creator = result.storage->creator;
  Operation *reader = useAfter(*donor, creator);
  if (!reader)
    for (Value operand : creator->getOperands())
      if (isa<RankedTensorType>(operand.getType()) && mayBe(*donor, placed[operand].storage) &&
          !readsPointwise(*result.storage, operand))
        reader = creator;
  if (reader) {
    InFlightDiagnostic diagnostic =
        reject("the argument is read when the result is already being written");
    diagnostic.attachNote(reader->getLoc()) << "it is read here, by '" << reader->getName() << "'";
    return diagnostic;
  }
  redirect(*result.storage, donor->buffer);
  return success();
}

LogicalResult Scheduler::results(func::ReturnOp op) {
  Location location = op.getLoc();
  SmallVector<Value> values;
  SmallVector<Value> buffers(op.getNumOperands());
  // Donations first: they decide where a producer writes.
  for (const Donation &donation : donations) {
    Value value = op.getOperand(donation.result);
    if (failed(donate(placed[value], value, donation, location)))
      return failure();
    Storage *donor = placed[old.getArgument(donation.argument)].storage;
    donor->isResult = placed[value].storage->isResult = true;
    buffers[donation.result] = donor->buffer;
  }
  for (auto [i, value] : llvm::enumerate(op.getOperands())) {
    if (!isa<RankedTensorType>(value.getType()))
      return op.emitOpError("result ") << i << " must be a ranked tensor, not " << value.getType();
    if (!buffers[i]) {
      Storage *storage = placed[value].storage;
      const bool ours = storage->kind == Storage::Kind::allocation && storage->allocation &&
                        !storage->isResult && storage->home == &old.getBody();
      if (!ours) {
        // Results are memory of their own, never an argument, a constant, a variable or another
        // result.
        Storage *fresh = allocate(value, op, &old.getBody(), location);
        if (storage->kind != Storage::Kind::empty)
          copy(fresh->buffer, storage->buffer, value, location);
        else
          writeElements(value, fresh->buffer, location);
        storage = fresh;
      }
      storage->isResult = true;
      storage->allocation.setLifetime(host::Lifetime::external);
      buffers[i] = storage->buffer;
    }
    values.push_back(buffers[i]);
    llvm::append_range(values, placed[value].sizes);
  }
  builder.create<func::ReturnOp>(location, values);
  return success();
}
