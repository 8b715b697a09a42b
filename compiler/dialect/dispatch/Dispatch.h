// The dispatch dialect's C++ side: DispatchOps.td has the contract of each op.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/dispatch/DispatchDialect.h.inc"
#define GET_OP_CLASSES
#include "dialect/dispatch/DispatchOps.h.inc"

namespace halcyon::dispatch {

// Bit i: a kernel may write tensor i, where those from `inputs` on are destinations. All ones, any of them, where
// there are more than 64.
uint64_t writtenMask(unsigned inputs, unsigned tensors);

} // namespace halcyon::dispatch
