// dialect/nn/Nn.h -- the nn dialect: structured ops that linalg lacks.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/nn/NnDialect.h.inc"
#include "dialect/nn/NnEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/nn/NnAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialect/nn/NnOps.h.inc"

namespace halcyon {

void registerNnDialect(mlir::DialectRegistry &registry);

} // namespace halcyon
