// import/Tosa.h -- TOSA operations become linalg, tensor, arith and scf, by MLIR's own lowerings.
#pragma once
#include "mlir/IR/BuiltinOps.h"

namespace halcyon {

// Nothing happens where `module` holds none. An operation that they do not lower is an error at its place.
mlir::LogicalResult lowerTosa(mlir::ModuleOp module);

} // namespace halcyon
