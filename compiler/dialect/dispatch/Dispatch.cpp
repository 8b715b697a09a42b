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

uint64_t ExecutableOp::getWritten() {
  if (getNumTensors() > 64) return UINT64_MAX;
  return llvm::maskTrailingOnes<uint64_t>(getNumTensors()) & ~llvm::maskTrailingOnes<uint64_t>(getInputs());
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

LogicalResult LaunchOp::verify() {
  if (getWorkload().size() > 3) return emitOpError("has more than 3 workload values");
  if (getOuts().getTypes() != getResults().getTypes()) return emitOpError("results must have the types of outs");
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &tables) {
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

// On tensors a launch is a pure function of its operands.
void LaunchOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &) {}
