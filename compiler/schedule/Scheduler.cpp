#include "schedule/Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include "dialect/nn/Nn.h"
#include "schedule/InPlace.h"

using namespace mlir;
using namespace halcyon;

// ---- memory -------------------------------------------------------------------------------------

Value Scheduler::constant(int64_t value, Location location) {
  return builder.create<arith::ConstantIndexOp>(location, value);
}

Value Scheduler::bytes(Value tensor, Location location) {
  auto type = cast<RankedTensorType>(tensor.getType());
  const int64_t bits = storageBits(type.getElementType());
  int64_t fixed = 1;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      fixed *= size;
  if (type.hasStaticShape())
    return constant((fixed * bits + 7) / 8, location);
  Value count;
  for (Value size : placed[tensor].sizes)
    count =
        count ? builder.createOrFold<host::SizeMulOp>(location, size.getType(), count, size) : size;
  const bool whole = fixed * bits % 8 == 0;
  count = builder.createOrFold<host::SizeMulOp>(
      location, count.getType(), count,
      constant(whole ? fixed * bits / 8 : fixed * bits, location));
  if (whole)
    return count;
  count = builder.createOrFold<host::SizeAddOp>(location, count.getType(), count,
                                                constant(7, location));
  return builder.create<arith::DivSIOp>(location, count, constant(8, location));
}

Value Scheduler::dimension(Value tensor, int64_t index, Location location) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return constant(type.getDimSize(index), location);
  return placed[tensor].sizes[type.getDynamicDimIndex(index)];
}

Storage *Scheduler::makeStorage(Storage::Kind kind, Value buffer, Region *home) {
  auto *storage = new (storages.Allocate()) Storage;
  storage->kind = kind;
  storage->buffer = buffer;
  storage->home = home;
  return storage;
}

Storage *Scheduler::allocate(Value like, Operation *creator, Region *home, Location location) {
  auto allocation =
      builder.create<host::AllocaOp>(location, host::BufferType::get(builder.getContext()),
                                     host::Lifetime::transient, bytes(like, location));
  Storage *storage = makeStorage(Storage::Kind::allocation, allocation, home);
  storage->allocation = allocation;
  storage->creator = creator;
  return storage;
}

void Scheduler::copy(Value target, Value source, Value like, Location location) {
  Value zero = constant(0, location);
  builder.create<host::CopyOp>(location, target, zero, source, zero, bytes(like, location));
}

Value Scheduler::materialise(Value tensor, Operation *at) {
  Placed &where = placed[tensor];
  if (where.storage->kind != Storage::Kind::empty)
    return where.storage->buffer;
  // Each use of tensor.empty is memory of its own.
  Value buffer = allocate(tensor, at, at->getParentRegion(), at->getLoc())->buffer;
  writeElements(tensor, buffer, at->getLoc());
  return buffer;
}

void Scheduler::writeElements(Value tensor, Value buffer, Location location) {
  const int64_t size = storageBits(cast<RankedTensorType>(tensor.getType()).getElementType()) / 8;
  for (auto [i, element] : llvm::enumerate(placed[tensor].elements)) {
    Value offset = constant(i * size, location);
    if (isa<FloatType>(element.getType())) {
      builder.create<host::WriteOp>(location, element, buffer, offset);
      continue;
    }
    if (element.getType().isInteger(1))
      element = builder.create<arith::ExtUIOp>(location, builder.getI64Type(), element);
    else if (!element.getType().isIndex() && !element.getType().isInteger(64))
      element = builder.create<arith::ExtSIOp>(location, builder.getI64Type(), element);
    builder.create<host::UpdateOp>(location, buffer, offset, element, size);
  }
}

void Scheduler::redirect(Storage &from, Value to) {
  from.buffer.replaceAllUsesWith(to);
  from.allocation.erase();
  from.allocation = nullptr;
  from.buffer = to;
}

void Scheduler::place(Value tensor, Storage *storage, SmallVector<Value> sizes) {
  placed[tensor] = {storage, std::move(sizes), {}};
  storage->tensors.push_back(tensor);
}

void Scheduler::view(Value from, Value to, SmallVector<Value> sizes) {
  place(to, placed[from].storage, std::move(sizes));
}

// ---- the function -------------------------------------------------------------------------------

void Scheduler::arguments(Block &entry) {
  llvm::StringMap<Value> symbols;
  Block *block = builder.getInsertionBlock();
  for (auto [i, argument] : llvm::enumerate(old.getArguments())) {
    Location location = argument.getLoc();
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type) {
      scalars.map(argument, block->addArgument(argument.getType(), location));
      continue;
    }
    auto residence = old.getArgAttrOfType<StringAttr>(i, "halcyon.residence");
    const bool onHost = residence && residence.getValue() != "device";
    const bool onDevice = !residence || residence.getValue() != "host";
    Placed where;
    if (onDevice) {
      where.storage =
          makeStorage(Storage::Kind::argument,
                      block->addArgument(host::BufferType::get(builder.getContext()), location),
                      &old.getBody());
      auto dims = old.getArgAttrOfType<ArrayAttr>(i, "halcyon.dims");
      for (auto [d, size] : llvm::enumerate(type.getShape())) {
        if (!ShapedType::isDynamic(size))
          continue;
        Value given = block->addArgument(builder.getIndexType(), location);
        // Equal symbols are equal sizes, checked on entry.
        auto name = dims && d < dims.size() ? dyn_cast<StringAttr>(dims[d]) : StringAttr();
        where.sizes.push_back(name ? symbols.try_emplace(name.getValue(), given).first->second
                                   : given);
      }
    } else {
      where.storage = makeStorage(Storage::Kind::empty, {}, nullptr);
    }
    if (onHost)
      for (int64_t element = 0; element < type.getNumElements(); ++element)
        where.elements.push_back(block->addArgument(type.getElementType(), location));
    where.storage->tensors.push_back(argument);
    placed[argument] = std::move(where);
  }
  for (const Donation &donation : donations) {
    Storage *storage = placed[entry.getArgument(donation.argument)].storage;
    storage->kind = Storage::Kind::allocation;
  }
}

FailureOr<func::FuncOp> Scheduler::run() {
  if (!old.getBody().hasOneBlock())
    return old.emitError("@") << old.getName()
                              << ": control flow between blocks is not supported; use scf";
  for (auto [i, argument] : llvm::enumerate(old.getArguments())) {
    auto residence = old.getArgAttrOfType<StringAttr>(i, "halcyon.residence");
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (residence && residence.getValue() != "device" &&
        (!type || !type.hasStaticShape() || type.getNumElements() > 64))
      return old.emitError("argument ")
             << i << " with residence " << residence
             << " must be a tensor of static shape and at most 64 elements";
  }
  Block &entry = old.getBody().front();
  auto terminator = cast<func::ReturnOp>(entry.getTerminator());

  builder.setInsertionPointAfter(old);
  auto function = builder.create<func::FuncOp>(old.getLoc(), old.getName(),
                                               FunctionType::get(builder.getContext(), {}, {}));
  function->setAttr("halcyon.signature", signatureOf(old, donations));
  builder.setInsertionPointToStart(function.addEntryBlock());
  arguments(entry);
  if (failed(body(entry)) || failed(results(terminator)))
    return failure();
  function.setFunctionType(
      FunctionType::get(builder.getContext(), function.getBody().front().getArgumentTypes(),
                        function.getBody().front().getTerminator()->getOperandTypes()));
  return function;
}

LogicalResult Scheduler::body(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(operation(&op)))
      return failure();
  return success();
}

// The location, whose name then ends in what is wrong there.
static Location saying(StringRef what, Location location) {
  StringAttr name;
  location->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (!named)
      return WalkResult::advance();
    name = named.getName();
    return WalkResult::interrupt();
  });
  const std::string text = name ? (name.getValue() + ": " + what).str() : what.str();
  return NameLoc::get(StringAttr::get(location.getContext(), text), location);
}

LogicalResult Scheduler::operation(Operation *op) {
  Location location = op->getLoc();
  if (auto launchOp = dyn_cast<dispatch::LaunchOp>(op))
    return launch(launchOp);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return forLoop(loop);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return whileLoop(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return ifElse(branch);
  if (auto choice = dyn_cast<arith::SelectOp>(op); choice &&
                                                   isa<RankedTensorType>(choice.getType()) &&
                                                   choice.getCondition().getType().isInteger(1)) {
    select(choice);
    return success();
  }
  if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    SmallVector<Value> sizes;
    for (Value size : empty.getDynamicSizes())
      sizes.push_back(scalars.lookup(size));
    place(empty, makeStorage(Storage::Kind::empty, {}, nullptr), sizes);
    return success();
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<Value> sizes;
    for (Value size : expand.getOutputShape())
      sizes.push_back(scalars.lookup(size));
    view(expand.getSrc(), expand, sizes);
    return success();
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SmallVector<Value> sizes;
    auto type = cast<RankedTensorType>(collapse.getType());
    for (auto [d, group] : llvm::enumerate(collapse.getReassociationIndices())) {
      if (!type.isDynamicDim(d))
        continue;
      Value size;
      for (int64_t source : group) {
        Value factor = dimension(collapse.getSrc(), source, location);
        size = size ? builder.createOrFold<host::SizeMulOp>(location, size.getType(), size, factor)
                    : factor;
      }
      sizes.push_back(size);
    }
    view(collapse.getSrc(), collapse, sizes);
    return success();
  }
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    SmallVector<Value> sizes;
    auto to = mlir::dyn_cast<RankedTensorType>(cast.getType());
    if (!to || !isa<RankedTensorType>(cast.getSource().getType()))
      return op->emitOpError("of unranked tensors is not supported");
    for (int64_t d = 0; d < to.getRank(); ++d)
      if (to.isDynamicDim(d))
        sizes.push_back(dimension(cast.getSource(), d, location));
    view(cast.getSource(), cast, sizes);
    return success();
  }
  if (auto bytes = dyn_cast<nn::ReinterpretOp>(op)) {
    SmallVector<Value> sizes;
    for (Value size : bytes.getSizes())
      sizes.push_back(scalars.lookup(size));
    view(bytes.getSource(), bytes, sizes);
    return success();
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!index)
      return op->emitOpError("of a dimension that is not a constant is not supported");
    scalars.map(dim, dimension(dim.getSource(), *index, location));
    return success();
  }
  if (auto hidden = dyn_cast<nn::HiddenIndexOp>(op)) {
    scalars.map(hidden, scalars.lookup(hidden.getIndex()));
    return success();
  }
  if (isa<tensor::ExtractOp>(op))
    return extract(op);
  if (isa<tensor::FromElementsOp>(op))
    return fromElements(op);
  if (isa<arith::ConstantOp>(op) && isa<RankedTensorType>(op->getResult(0).getType())) {
    auto value = cast<ElementsAttr>(cast<arith::ConstantOp>(op).getValue());
    StringAttr scope, key;
    if (auto parameter = op->getAttrOfType<ArrayAttr>("halcyon.parameter")) {
      scope = cast<StringAttr>(parameter[0]);
      key = cast<StringAttr>(parameter[1]);
    }
    Value buffer = builder.create<host::ConstantOp>(
        location, host::BufferType::get(builder.getContext()), value, scope, key);
    place(op->getResult(0), makeStorage(Storage::Kind::constant, buffer, nullptr), {});
    return success();
  }
  if (auto load = dyn_cast<ml_program::GlobalLoadOp>(op)) {
    globalLoad(op, load.getGlobal().getLeafReference());
    return success();
  }
  if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op)) {
    globalLoad(op, load.getGlobal().getLeafReference());
    return success();
  }
  if (isa<ml_program::GlobalStoreOp>(op))
    return globalStore(op);
  if (auto check = dyn_cast<cf::AssertOp>(op)) {
    const bool sizes = check.getMsg() == "sizes differ"; // the runtime has words of its own for this
    builder.create<host::FailOp>(sizes ? location : saying(check.getMsg(), location),
                                 scalars.lookup(check.getArg()), sizes);
    return success();
  }
  if (isa<host::HostDialect>(op->getDialect()))
    return list(op);
  return scalar(op);
}

LogicalResult Scheduler::scalar(Operation *op) {
  auto isTensor = [](Type type) { return isa<TensorType>(type); };
  if (llvm::any_of(op->getOperandTypes(), isTensor) ||
      llvm::any_of(op->getResultTypes(), isTensor) || op->getNumRegions() != 0 ||
      !isa<arith::ArithDialect, math::MathDialect>(op->getDialect()))
    return op->emitError("cannot be scheduled: '")
           << op->getName() << "' is neither a launch nor arithmetic on scalars";
  builder.clone(*op, scalars);
  return success();
}

// ---- launches -----------------------------------------------------------------------------------

// Whether the launch may write the memory of its `out`: it is ours, and nobody needs the old value.
bool Scheduler::mayUpdate(dispatch::LaunchOp op, unsigned out) {
  Storage *storage = placed[op.getOuts()[out]].storage;
  const bool isVariable = storage->variable && storesBack(op.getResults()[out], storage->variable);
  if ((!isWritable(*storage, op) && !isVariable) || useAfter(*storage, op))
    return false;
  auto lies = [&](Value other) { return mayBe(*storage, placed[other].storage); };
  if (llvm::any_of(op.getIns(), lies))
    return false;
  return llvm::count_if(op.getOuts(), lies) == 1;
}

// An input that may be overwritten by output `out`, element for element, and is not by another one.
Storage *Scheduler::dyingInput(dispatch::LaunchOp op, unsigned out, ArrayRef<Storage *> taken) {
  // What a region or the function gives is better computed where it has to be.
  for (Operation *user : op.getResults()[out].getUsers())
    if (user->hasTrait<OpTrait::IsTerminator>() ||
        isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, nn::ReinterpretOp>(user))
      return nullptr;
  auto kernel = symbols.lookupNearestSymbolFrom<dispatch::ExecutableOp>(op, op.getExecutableAttr());
  if (!kernel) // the application's own
    return nullptr;
  for (auto [i, in] : llvm::enumerate(op.getIns())) {
    Storage *storage = placed[in].storage;
    auto lies = [&](Value other) { return mayBe(*storage, placed[other].storage); };
    if (storage->allocation && !storage->isSlot && !llvm::is_contained(taken, storage) && in.getType() == op.getOuts()[out].getType() &&
        placed[in].sizes == placed[op.getOuts()[out]].sizes && isWritable(*storage, op) &&
        !useAfter(*storage, op) && llvm::count_if(op.getIns(), lies) == 1 &&
        llvm::count_if(op.getOuts(), lies) == 0 && isPointwise(kernel, i, out))
      return storage;
  }
  return nullptr;
}

LogicalResult Scheduler::launch(dispatch::LaunchOp op) {
  Location location = op.getLoc();
  SmallVector<Value> buffers, sizes, parameters, workload;
  for (Value in : op.getIns()) {
    buffers.push_back(materialise(in, op));
    sizes.push_back(bytes(in, location));
  }
  SmallVector<Storage *> targets;
  for (auto [i, out] : llvm::enumerate(op.getOuts())) {
    Storage *storage = placed[out].storage;
    if (storage->kind == Storage::Kind::empty) {
      storage = dyingInput(op, i, targets);
      if (!storage)
        storage = allocate(out, op, op->getParentRegion(), location);
    } else if (!mayUpdate(op, i)) {
      Storage *fresh = allocate(out, op, op->getParentRegion(), location);
      copy(fresh->buffer, storage->buffer, out, location);
      storage = fresh;
    }
    targets.push_back(storage);
    buffers.push_back(storage->buffer);
    sizes.push_back(bytes(out, location));
  }
  for (auto [storage, out, result] : llvm::zip(targets, op.getOuts(), op.getResults())) {
    SmallVector<Value> dims = placed[out].sizes;
    place(result, storage, dims);
  }
  if (op.getHost()) {
    SmallVector<Value> dims;
    for (Value tensor : llvm::concat<Value>(SmallVector<Value>(op.getIns()), SmallVector<Value>(op.getOuts())))
      llvm::append_range(dims, placed[tensor].sizes);
    SmallVector<Value> starts(buffers.size(), constant(0, location));
    builder.create<host::CallOp>(location, op.getExecutable(), buffers, starts, dims);
    return success();
  }
  for (Value value : op.getWorkload())
    workload.push_back(scalars.lookup(value));
  for (Value value : op.getParameters())
    parameters.push_back(scalars.lookup(value));
  SmallVector<Value> offsets(buffers.size(), constant(0, location));
  builder.create<host::DispatchOp>(location, op.getExecutableAttr().getAttr(), op.getIns().size(),
                                   workload, parameters, buffers, offsets, sizes);
  return success();
}

// ---- single elements ----------------------------------------------------------------------------

LogicalResult Scheduler::extract(Operation *op) {
  auto extractOp = cast<tensor::ExtractOp>(op);
  auto type = cast<RankedTensorType>(extractOp.getTensor().getType());
  Location location = op->getLoc();
  Placed &where = placed[extractOp.getTensor()];
  if (!where.elements.empty()) {
    int64_t element = 0;
    bool known = true;
    for (auto [index, size] : llvm::zip(extractOp.getIndices(), type.getShape())) {
      APInt value;
      known = known && matchPattern(index, m_ConstantInt(&value));
      if (known)
        element = element * size + value.getSExtValue();
    }
    if (known && element >= 0 && element < static_cast<int64_t>(where.elements.size())) {
      scalars.map(extractOp.getResult(), where.elements[element]);
      return success();
    }
  }
  if (where.storage->kind == Storage::Kind::empty)
    return op->emitOpError("reads a host value at an index that is not a constant in range");
  const int64_t bits = storageBits(type.getElementType());
  if (bits % 8 != 0 || bits > 64)
    return op->emitOpError("of an element of type ")
           << type.getElementType() << " is not supported";
  Value offset = constant(0, location);
  for (auto [d, index] : llvm::enumerate(extractOp.getIndices())) {
    Value size = dimension(extractOp.getTensor(), d, location);
    offset = builder.createOrFold<host::SizeMulOp>(location, size.getType(), offset, size);
    offset = builder.createOrFold<host::SizeAddOp>(location, size.getType(), offset,
                                                   scalars.lookup(index));
  }
  offset = builder.createOrFold<host::SizeMulOp>(location, offset.getType(), offset,
                                                 constant(bits / 8, location));
  Value value =
      builder.create<host::ReadOp>(location, type.getElementType(), where.storage->buffer, offset);
  scalars.map(extractOp.getResult(), value);
  return success();
}

LogicalResult Scheduler::fromElements(Operation *op) {
  auto from = cast<tensor::FromElementsOp>(op);
  auto type = cast<RankedTensorType>(from.getType());
  Location location = op->getLoc();
  SmallVector<Value> elements;
  for (Value element : from.getElements())
    elements.push_back(scalars.lookup(element));
  const int64_t bits = storageBits(type.getElementType());
  if (bits % 8 != 0 || bits > 64)
    return op->emitOpError("of elements of type ") << type.getElementType() << " is not supported";
  const bool onDevice = llvm::any_of(
      op->getUsers(), [](Operation *user) { return !isa<tensor::ExtractOp, tensor::DimOp>(user); });
  Storage *storage = onDevice ? allocate(from, op, op->getParentRegion(), location)
                              : makeStorage(Storage::Kind::empty, {}, nullptr);
  place(from, storage, {});
  placed[from].elements = elements;
  if (onDevice)
    writeElements(from, storage->buffer, location);
  return success();
}
