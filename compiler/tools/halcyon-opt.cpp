// halcyon-opt: runs passes on MLIR text, one at a time or as a pipeline; for tests.
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

#include "tools/Register.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  halcyon::registerDialects(registry);
  halcyon::registerPasses();
  // Upstream's, to prepare a test's input or to look further down the pipeline.
  mlir::registerTransformsPasses();
  mlir::registerConversionPasses();
  mlir::affine::registerAffinePasses();
  mlir::arith::registerArithPasses();
  mlir::bufferization::registerBufferizationPasses();
  mlir::registerLinalgPasses();
  mlir::memref::registerMemRefPasses();
  mlir::registerSCFPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Halcyon's passes\n", registry));
}
