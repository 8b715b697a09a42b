#include "codegen/cpu/Passes.h"
#include "codegen/cpu/Placement.h"

#include "dialect/dispatch/Dispatch.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUKERNEL
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

static MemRefType bufferType(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  return MemRefType::get(type.getShape(), type.getElementType());
}

// What is computed from parameters alone comes first: places of slices.
static void cloneScalars(OpBuilder &builder, Block &body, IRMapping &map) {
  for (Operation &op : body.without_terminator())
    if (op.getNumRegions() == 0 && isMemoryEffectFree(&op) && !llvm::any_of(op.getResultTypes(), llvm::IsaPred<ShapedType>) &&
        llvm::all_of(op.getOperands(), [&](Value operand) {
          return !isa<ShapedType>(operand.getType()) && map.contains(operand);
        }))
      builder.clone(op, map);
}

static Value tensorOf(OpBuilder &builder, Type type, Value buffer, bool writable) {
  return builder.create<bufferization::ToTensorOp>(buffer.getLoc(), type, buffer, /*restrict=*/true, writable);
}

// What the body reads of a part of an argument is a tensor of that part of its buffer.
static void readInPlace(OpBuilder &builder, dispatch::ExecutableOp executable, Block &entry, IRMapping &map) {
  auto mapped = [&](ArrayRef<OpFoldResult> values) {
    return llvm::map_to_vector(values, [&](OpFoldResult each) {
      return isa<Value>(each) ? OpFoldResult(map.lookup(cast<Value>(each))) : each;
    });
  };
  for (auto slice : executable.getBody().front().getOps<tensor::ExtractSliceOp>()) {
    auto source = dyn_cast<BlockArgument>(slice.getSource());
    if (!source || source.getArgNumber() >= static_cast<uint64_t>(executable.getInputs()) || !slice.hasUnitStride() ||
        !llvm::all_of(slice->getOperands().drop_front(), [&](Value scalar) { return map.contains(scalar); }))
      continue;
    Value part = viewOf(builder, slice.getLoc(), entry.getArgument(source.getArgNumber()), slice.getType().getShape(),
                        mapped(slice.getMixedOffsets()), mapped(slice.getMixedSizes()));
    map.map(slice.getResult(), tensorOf(builder, slice.getType(), part, /*writable=*/false));
  }
}

// A result that is inserted into its destination is computed there, where it can be: `result` becomes what was inserted,
// `destination` its place. New operations come after `scalars`.
static void place(Value &result, Value &destination, Operation *scalars) {
  auto insert = result.getDefiningOp<tensor::InsertSliceOp>();
  auto whole = insert ? insert.getDest().getDefiningOp<bufferization::ToTensorOp>() : bufferization::ToTensorOp();
  if (!whole || whole.getMemref() != destination || !insert->use_empty())
    return;
  std::optional<Placement> placement = placementOf(insert);
  if (!placement)
    return;
  OpBuilder builder(scalars->getContext());
  builder.setInsertionPointAfter(scalars);
  destination = placeIn(builder, *placement, insert, destination);
  result = placement->maker->getResult(0);
  placement->start->set(tensorOf(builder, result.getType(), destination, /*writable=*/true));
  insert.erase();
  if (placement->view)
    placement->view.erase();
}

static void lower(dispatch::ExecutableOp executable) {
  OpBuilder builder(executable);
  Location loc = executable.getLoc();
  SmallVector<Type> inputs;
  SmallVector<Attribute> bindings;
  for (Value tensor : executable.getTensors()) {
    inputs.push_back(bufferType(tensor));
    bindings.push_back(TypeAttr::get(inputs.back()));
  }
  for (Value parameter : executable.getParameters())
    inputs.push_back(parameter.getType());
  inputs.append(3, builder.getIndexType());
  inputs.push_back(MemRefType::get({ShapedType::kDynamic}, builder.getI8Type()));

  auto function = builder.create<func::FuncOp>(loc, executable.getSymName(),
                                               builder.getFunctionType(inputs, builder.getI32Type()));
  function->setAttr("halcyon.bindings", builder.getArrayAttr(bindings));
  function->setAttr("halcyon.dims", executable.getDims());
  function->setAttr("halcyon.workload_rank", builder.getI64IntegerAttr(executable.getWorkloadRank()));
  for (NamedAttribute attribute : executable->getDiscardableAttrs())
    function->setAttr(attribute.getName(), attribute.getValue());

  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping map;
  for (auto [i, tensor] : llvm::enumerate(executable.getTensors())) {
    const bool writable = i >= static_cast<uint64_t>(executable.getInputs());
    map.map(tensor, tensorOf(builder, tensor.getType(), entry->getArgument(i), writable));
  }
  const unsigned tensors = executable.getNumTensors();
  for (auto [i, parameter] : llvm::enumerate(executable.getParameters()))
    map.map(parameter, entry->getArgument(tensors + i));

  Block &body = executable.getBody().front();
  cloneScalars(builder, body, map);
  readInPlace(builder, executable, *entry, map);
  Operation *scalars = &entry->back();
  for (Operation &op : body.without_terminator())
    if (op.getNumResults() == 0 || !map.contains(op.getResult(0)))
      builder.clone(op, map);
  auto terminator = cast<dispatch::ReturnOp>(body.getTerminator());
  for (auto [i, value] : llvm::enumerate(terminator.getValues())) {
    Value result = map.lookup(value), destination = entry->getArgument(executable.getInputs() + i);
    place(result, destination, scalars);
    auto write = builder.create<bufferization::MaterializeInDestinationOp>(value.getLoc(), Type(), result, destination);
    write.setRestrict(true);
    write.setWritable(true);
  }
  Value zero = builder.create<arith::ConstantIntOp>(loc, 0, 32);
  builder.create<func::ReturnOp>(loc, zero);
  executable.erase();
}

namespace {
struct CpuKernel : halcyon::impl::CpuKernelBase<CpuKernel> {
  void runOnOperation() override {
    for (auto executable : llvm::make_early_inc_range(getOperation().getOps<dispatch::ExecutableOp>()))
      lower(executable);
  }
};
} // namespace
