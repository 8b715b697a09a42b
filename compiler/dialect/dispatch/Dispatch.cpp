#include "dialect/dispatch/Dispatch.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace halcyon::dispatch;

#include "dialect/dispatch/DispatchDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/dispatch/DispatchOps.cpp.inc"

void DispatchDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialect/dispatch/DispatchOps.cpp.inc"
      >();
}

uint64_t halcyon::dispatch::writtenMask(unsigned inputs, unsigned tensors) {
  if (tensors > 64) return UINT64_MAX;
  return llvm::maskTrailingOnes<uint64_t>(tensors) & ~llvm::maskTrailingOnes<uint64_t>(inputs);
}

Value ExecutableOp::getDimension(unsigned tensor, unsigned dimension) {
  auto type = cast<RankedTensorType>(getTensors()[tensor].getType());
  if (!type.isDynamicDim(dimension)) return {};
  auto numbers = cast<ArrayAttr>(getDims()[tensor]);
  return getParameters()[cast<IntegerAttr>(numbers[type.getDynamicDimIndex(dimension)]).getInt()];
}

LogicalResult ExecutableOp::verifyRegions() {
  Block &body = getBody().front();
  const unsigned tensors = getNumTensors();
  if (getInputs() > tensors) return emitOpError("has more inputs than tensors");
  if (getWorkloadRank() > 3) return emitOpError("workload_rank is not in 0..3");
  if (body.getNumArguments() < tensors) return emitOpError("has more dims entries than arguments");
  const int64_t parameters = body.getNumArguments() - tensors;
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    if (i >= tensors) {
      if (!argument.getType().isIndex() && !argument.getType().isInteger(64))
        return emitOpError("argument ") << i << " must be index or i64";
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type) return emitOpError("argument ") << i << " must be a ranked tensor";
    auto numbers = dyn_cast<ArrayAttr>(getDims()[i]);
    if (!numbers || static_cast<int64_t>(numbers.size()) != type.getNumDynamicDims())
      return emitOpError("dims of argument ") << i << " must list its " << type.getNumDynamicDims()
                                              << " dynamic dimensions";
    for (Attribute number : numbers) {
      auto value = dyn_cast<IntegerAttr>(number);
      if (!value || value.getInt() < 0 || value.getInt() >= parameters)
        return emitOpError("dims of argument ") << i << " name a parameter that does not exist";
    }
  }
  auto terminator = cast<ReturnOp>(body.getTerminator());
  if (terminator.getValues().getTypes() != ValueRange(getDestinations()).getTypes())
    return terminator.emitOpError("must return a value for each destination, of its type");
  return success();
}

unsigned KernelOp::getNumInputs() {
  return llvm::count_if(getType().getInputs(), llvm::IsaPred<RankedTensorType>);
}

LogicalResult KernelOp::verify() {
  if (getTile().size() != 3 || llvm::any_of(getTile(), [](int64_t size) { return size < 1; }))
    return emitOpError("tile must be three positive numbers");
  for (auto [i, type] : llvm::enumerate(getType().getInputs()))
    if (i < getNumInputs() ? !isa<RankedTensorType>(type) : !type.isIndex() && !type.isInteger(64))
      return emitOpError("input ") << i << " must be a ranked tensor, or after these a parameter: index or i64";
  for (Type type : getType().getResults())
    if (!isa<RankedTensorType>(type)) return emitOpError("writes something that is not a ranked tensor: ") << type;
  return success();
}

LogicalResult LaunchOp::verify() {
  if (getWorkload().size() > 3) return emitOpError("has more than 3 workload values");
  if (getOuts().getTypes() != getResults().getTypes()) return emitOpError("results must have the types of outs");
  return success();
}

// Whether a launch gives what a kernel or callback takes.
static LogicalResult verifyDeclared(LaunchOp launch, FunctionType type) {
  SmallVector<Type> inputs(launch.getIns().getTypes());
  llvm::append_range(inputs, launch.getParameters().getTypes());
  if (type != FunctionType::get(launch.getContext(), inputs, launch.getOuts().getTypes()))
    return launch.emitOpError("has other operands than ") << launch.getExecutable() << ": " << type;
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(*this, getExecutableAttr()))
    return verifyDeclared(*this, kernel.getType());
  auto callback = tables.lookupNearestSymbolFrom<CallbackOp>(*this, getExecutableAttr());
  if (static_cast<bool>(callback) != getHost()) return emitOpError("is marked host where it runs a callback, only there");
  if (callback) {
    if (!getWorkload().empty()) return emitOpError("of a callback has no workload");
    return verifyDeclared(*this, callback.getType());
  }
  auto executable = tables.lookupNearestSymbolFrom<ExecutableOp>(*this, getExecutableAttr());
  if (!executable) return emitOpError("names no executable: ") << getExecutable();
  if (getIns().size() != executable.getInputs() || getOuts().size() != executable.getNumDestinations() ||
      getParameters().size() != executable.getParameters().size())
    return emitOpError("has other numbers of operands than ") << getExecutable();
  for (auto [mine, theirs] : llvm::zip(llvm::concat<Value>(SmallVector<Value>(getIns()), SmallVector<Value>(getOuts())),
                                       executable.getTensors()))
    if (mine.getType() != theirs.getType())
      return emitOpError("operand type ") << mine.getType() << " is not the executable's " << theirs.getType();
  for (auto [mine, theirs] : llvm::zip(getParameters(), executable.getParameters()))
    if (mine.getType() != theirs.getType()) return emitOpError("a parameter's type is not the executable's");
  if (getWorkload().size() != executable.getWorkloadRank())
    return emitOpError("has ") << getWorkload().size() << " workload values, not workload_rank";
  return success();
}

// On tensors a kernel is a pure function of its operands; what a callback does nobody knows.
void LaunchOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  if (!getHost()) return;
  effects.emplace_back(MemoryEffects::Read::get());
  effects.emplace_back(MemoryEffects::Write::get());
}
