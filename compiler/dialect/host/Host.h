// The host dialect's C++ side: HostOps.td has the contract of each op.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/host/HostDialect.h.inc"
#include "dialect/host/HostEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/host/HostTypes.h.inc"
#define GET_OP_CLASSES
#include "dialect/host/HostOps.h.inc"

namespace halcyon::host {

// Dimensions that a list remembers of each tensor.
constexpr int64_t shapeRank = 8;

// A range of bytes that a command touches.
struct Access {
  mlir::Value buffer;
  mlir::Value offset;
  mlir::Value size; // null: `bytes`
  int64_t bytes = 0;
  bool write = false;
};

// Dispatch, copy, fill or update; not barrier.
bool isCommand(mlir::Operation *op);
llvm::SmallVector<Access> accesses(mlir::Operation *command);
// The operand that says where in the buffer `use` the operation's range starts; null where it has
// none.
mlir::OpOperand *offsetOf(mlir::OpOperand &use);

} // namespace halcyon::host
