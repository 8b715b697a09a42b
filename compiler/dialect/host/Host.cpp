#include "dialect/host/Host.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halcyon::host;

#include "dialect/host/HostDialect.cpp.inc"
#include "dialect/host/HostEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/host/HostTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/host/HostOps.cpp.inc"

void HostDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/host/HostTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/host/HostOps.cpp.inc"
      >();
}

// ---- sizes --------------------------------------------------------------------------------------

namespace {

std::optional<int64_t> constantOf(Attribute attribute) {
  auto integer = dyn_cast_or_null<IntegerAttr>(attribute);
  if (!integer)
    return std::nullopt;
  return integer.getValue().getSExtValue();
}

// What traps at run time is left for run time.
template <typename Compute>
OpFoldResult foldSizes(Attribute lhs, Attribute rhs, Type type, Compute compute) {
  auto a = constantOf(lhs), b = constantOf(rhs);
  if (!a || !b || *a < 0 || *b < 0)
    return {};
  std::optional<int64_t> result = compute(*a, *b);
  if (!result)
    return {};
  return IntegerAttr::get(type, *result);
}

} // namespace

// While a function is being scheduled, sizes are of type index: no typed accessors here.
OpFoldResult SizeAddOp::fold(FoldAdaptor adaptor) {
  if (constantOf(adaptor.getRhs()) == 0)
    return getOperation()->getOperand(0);
  if (constantOf(adaptor.getLhs()) == 0)
    return getOperation()->getOperand(1);
  return foldSizes(adaptor.getLhs(), adaptor.getRhs(), getOperation()->getResult(0).getType(),
                   [](int64_t a, int64_t b) -> std::optional<int64_t> {
                     int64_t sum;
                     return llvm::AddOverflow(a, b, sum) ? std::nullopt : std::optional(sum);
                   });
}

OpFoldResult SizeSubOp::fold(FoldAdaptor adaptor) {
  if (constantOf(adaptor.getRhs()) == 0)
    return getOperation()->getOperand(0);
  return foldSizes(adaptor.getLhs(), adaptor.getRhs(), getOperation()->getResult(0).getType(),
                   [](int64_t a, int64_t b) -> std::optional<int64_t> {
                     return b > a ? std::nullopt : std::optional(a - b);
                   });
}

OpFoldResult SizeMulOp::fold(FoldAdaptor adaptor) {
  if (constantOf(adaptor.getRhs()) == 1 || constantOf(adaptor.getLhs()) == 0)
    return getOperation()->getOperand(0);
  if (constantOf(adaptor.getLhs()) == 1 || constantOf(adaptor.getRhs()) == 0)
    return getOperation()->getOperand(1);
  return foldSizes(adaptor.getLhs(), adaptor.getRhs(), getOperation()->getResult(0).getType(),
                   [](int64_t a, int64_t b) -> std::optional<int64_t> {
                     int64_t product;
                     return llvm::MulOverflow(a, b, product) ? std::nullopt
                                                             : std::optional(product);
                   });
}

OpFoldResult SizeAlignOp::fold(FoldAdaptor adaptor) {
  if (constantOf(adaptor.getRhs()) == 1)
    return getOperation()->getOperand(0);
  return foldSizes(adaptor.getLhs(), adaptor.getRhs(), getOperation()->getResult(0).getType(),
                   [](int64_t a, int64_t b) -> std::optional<int64_t> {
                     int64_t sum;
                     if (b <= 0 || (b & (b - 1)) || llvm::AddOverflow(a, b - 1, sum))
                       return std::nullopt;
                     return sum & ~(b - 1);
                   });
}

Operation *HostDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                            Location location) {
  return arith::ConstantOp::materialize(builder, value, type, location);
}

// ---- verifiers ----------------------------------------------------------------------------------

LogicalResult DispatchOp::verify() {
  if (getWorkload().size() > 3)
    return emitOpError("has more than 3 workload values");
  if (getBuffers().size() != getOffsets().size() || getBuffers().size() != getSizes().size())
    return emitOpError("must have an offset and a size for each of its ")
           << getBuffers().size() << " bindings";
  if (getInputs() > getBuffers().size())
    return emitOpError("has more inputs than bindings");
  return success();
}

LogicalResult CallOp::verify() {
  if (getBuffers().size() != getOffsets().size())
    return emitOpError("must have an offset for each of its ") << getBuffers().size() << " buffers";
  return success();
}

LogicalResult ListInsertOp::verify() {
  if (static_cast<int64_t>(getDims().size()) > shapeRank)
    return emitOpError("has ") << getDims().size() << " dimensions; a list remembers " << shapeRank;
  return success();
}

LogicalResult ListDimOp::verify() {
  if (getDimension() >= static_cast<uint64_t>(shapeRank))
    return emitOpError("is of dimension ") << getDimension() << "; a list remembers " << shapeRank;
  return success();
}

LogicalResult ListGetOp::verify() {
  auto type = cast<RankedTensorType>(getTensor().getType());
  if (static_cast<int64_t>(getSizes().size()) != type.getNumDynamicDims())
    return emitOpError("must have a size for each of ") << type.getNumDynamicDims() << " dynamic dimensions";
  return success();
}

static bool isPatternSize(int64_t bytes) {
  return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

LogicalResult FillOp::verify() {
  if (!isPatternSize(getPatternSize()))
    return emitOpError("pattern must be of 1, 2, 4 or 8 bytes, not ") << getPatternSize();
  return success();
}

LogicalResult UpdateOp::verify() {
  if (!isPatternSize(getBytes()))
    return emitOpError("must write 1, 2, 4 or 8 bytes, not ") << getBytes();
  return success();
}

unsigned CommandsOp::getNumBindings() {
  return llvm::count_if(getBody().getArguments(),
                        [](BlockArgument argument) { return isa<BufferType>(argument.getType()); });
}

LogicalResult CommandsOp::verifyRegions() {
  bool parameters = false;
  for (BlockArgument argument : getBody().getArguments()) {
    if (isa<BufferType>(argument.getType())) {
      if (parameters)
        return emitOpError("bindings must come before parameters");
      continue;
    }
    parameters = true;
    if (!argument.getType().isInteger(64))
      return emitOpError("argument ")
             << argument.getArgNumber() << " must be a buffer or i64, not " << argument.getType();
  }
  for (Operation &op : getBody().front())
    if (!isCommand(&op) && !isa<BarrierOp, EndOp, arith::ConstantOp>(op))
      return op.emitOpError("is not a command");
  return success();
}

LogicalResult SubmitOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto commands = tables.lookupNearestSymbolFrom<CommandsOp>(*this, getCommandsAttr());
  if (!commands)
    return emitOpError("names no command list: ") << getCommands();
  if (getBindings().size() != commands.getBindings().size())
    return emitOpError("has ") << getBindings().size() << " bindings, " << getCommands()
                               << " takes " << commands.getBindings().size();
  if (getParameters().size() != commands.getParameters().size())
    return emitOpError("has ") << getParameters().size() << " parameters, " << getCommands()
                               << " takes " << commands.getParameters().size();
  return success();
}

// ---- commands -----------------------------------------------------------------------------------

bool halcyon::host::isCommand(Operation *op) {
  return isa<DispatchOp, CopyOp, FillOp, UpdateOp>(op);
}

SmallVector<Access> halcyon::host::accesses(Operation *command) {
  SmallVector<Access> found;
  if (auto dispatch = dyn_cast<DispatchOp>(command)) {
    for (auto [i, buffer] : llvm::enumerate(dispatch.getBuffers()))
      found.push_back(
          {buffer, dispatch.getOffsets()[i], dispatch.getSizes()[i], 0, i >= dispatch.getInputs()});
  } else if (auto copy = dyn_cast<CopyOp>(command)) {
    found.push_back({copy.getTarget(), copy.getTargetOffset(), copy.getSize(), 0, true});
    found.push_back({copy.getSource(), copy.getSourceOffset(), copy.getSize(), 0, false});
  } else if (auto fill = dyn_cast<FillOp>(command)) {
    found.push_back({fill.getTarget(), fill.getOffset(), fill.getSize(), 0, true});
  } else if (auto update = dyn_cast<UpdateOp>(command)) {
    found.push_back({update.getTarget(),
                     update.getOffset(),
                     {},
                     static_cast<int64_t>(update.getBytes()),
                     true});
  }
  return found;
}

OpOperand *halcyon::host::offsetOf(OpOperand &use) {
  Operation *op = use.getOwner();
  const unsigned number = use.getOperandNumber();
  if (auto dispatch = dyn_cast<DispatchOp>(op)) {
    const unsigned first = dispatch.getBuffers().getBeginOperandIndex();
    return &op->getOpOperand(dispatch.getOffsets().getBeginOperandIndex() + number - first);
  }
  if (auto call = dyn_cast<CallOp>(op)) {
    const unsigned first = call.getBuffers().getBeginOperandIndex();
    return &op->getOpOperand(call.getOffsets().getBeginOperandIndex() + number - first);
  }
  if (isa<CopyOp, FillOp, UpdateOp, ReadOp, WriteOp>(op)) // each offset follows its buffer
    return &op->getOpOperand(number + 1);
  return nullptr;
}
