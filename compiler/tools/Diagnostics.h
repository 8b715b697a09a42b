// tools/Diagnostics.h -- MLIR's diagnostics as lines for people.
#pragma once
#include "mlir/IR/Diagnostics.h"

namespace halcyon {

// Prints "halcyonc: FILE:LINE:COLUMN: 'NODE': error: message" to stderr, whatever thread it comes from.
class PrintDiagnostics : public mlir::ScopedDiagnosticHandler {
public:
  explicit PrintDiagnostics(mlir::MLIRContext *context);
};

} // namespace halcyon
