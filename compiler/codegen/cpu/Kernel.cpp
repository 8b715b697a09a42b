#include "codegen/cpu/Passes.h"

#include "dialect/dispatch/Dispatch.h"
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
    map.map(tensor, builder.create<bufferization::ToTensorOp>(loc, tensor.getType(), entry->getArgument(i),
                                                              /*restrict=*/true, writable));
  }
  const unsigned tensors = executable.getNumTensors();
  for (auto [i, parameter] : llvm::enumerate(executable.getParameters()))
    map.map(parameter, entry->getArgument(tensors + i));

  Block &body = executable.getBody().front();
  for (Operation &op : body.without_terminator())
    builder.clone(op, map);
  auto terminator = cast<dispatch::ReturnOp>(body.getTerminator());
  for (auto [i, value] : llvm::enumerate(terminator.getValues())) {
    Value destination = entry->getArgument(executable.getInputs() + i);
    auto write = builder.create<bufferization::MaterializeInDestinationOp>(value.getLoc(), Type(), map.lookup(value),
                                                                           destination);
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
