#include "Pipeline.h"

#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include "dialect/nn/Passes.h"
#include "dispatch/Passes.h"
#include "schedule/Passes.h"
#include "tensor/Passes.h"
#include "tensor/ViewPatterns.h"

using namespace mlir;

namespace halcyon {

static void canonicalize(OpPassManager &passes) {
  passes.addPass(createHideIndices());
  passes.addPass(createCanonicalizerPass(GreedyRewriteConfig(), brokenPatterns()));
}

static void tensorPhase(OpPassManager &passes, const Options &options) {
  passes.addPass(createCheckInput());
  passes.addPass(createInlinerPass({}, [](OpPassManager &) {})); // not with upstream's whole canonicalizer
  passes.addPass(createSymbolDCEPass());
  canonicalize(passes);
  passes.addPass(createCSEPass());
  if (options.optLevel > 1) {
    passes.addNestedPass<func::FuncOp>(createPropagateLayouts());
    canonicalize(passes);
  }
  passes.addPass(createDecomposeNn());
  passes.addNestedPass<func::FuncOp>(createTensorToLinalg());
  passes.addNestedPass<func::FuncOp>(createCheckShapes());
  passes.addNestedPass<func::FuncOp>(createResolveDims());
  passes.addNestedPass<func::FuncOp>(createDropEmptyLoops());
  canonicalize(passes);
  passes.addPass(createCSEPass());
  if (options.weightBits) {
    QuantizeWeightsOptions quantize;
    quantize.bits = options.weightBits;
    quantize.block = options.weightBlock;
    passes.addNestedPass<func::FuncOp>(createQuantizeWeights(quantize));
    canonicalize(passes);
  }
  if (options.optLevel > 0) {
    passes.addNestedPass<func::FuncOp>(createDropUnitDims());
    canonicalize(passes);
    passes.addPass(createCSEPass());
    passes.addNestedPass<func::FuncOp>(createFuseElementwise());
    canonicalize(passes);
    passes.addPass(createCSEPass());
    passes.addNestedPass<func::FuncOp>(createDropEmptyLoops()); // types have become more precise
  }
  // External parameters are read as they lie in their file.
  if (options.optLevel > 1 && options.externalParameters.empty()) {
    passes.addNestedPass<func::FuncOp>(createFoldConstants());
    passes.addNestedPass<func::FuncOp>(createIntegerContractions());
    if (options.multipliesPairs)
      passes.addNestedPass<func::FuncOp>(createPairProducts(PairProductsOptions{options.precision == Precision::bf16}));
    canonicalize(passes);
    passes.addPass(createCSEPass());
    passes.addNestedPass<func::FuncOp>(createFuseElementwise());
    canonicalize(passes);
    passes.addPass(createCSEPass());
    passes.addNestedPass<func::FuncOp>(createProveRanges());
    if (options.winogradTile >= 0)
      passes.addNestedPass<func::FuncOp>(createWinograd(WinogradOptions{options.winogradTile, options.fastMath}));
  }
  if ((options.optLevel > 1 && options.externalParameters.empty()) || options.precision != Precision::f32)
    passes.addNestedPass<func::FuncOp>(createNarrowWeights(NarrowWeightsOptions{options.precision}));
  if (options.optLevel > 1 && options.externalParameters.empty()) {
    passes.addNestedPass<func::FuncOp>(createSplitReductions());
    passes.addNestedPass<func::FuncOp>(createSplitStrides());
    passes.addNestedPass<func::FuncOp>(createPackConstants());
  }
  if (options.optLevel > 1 || options.precision != Precision::f32)
    canonicalize(passes);
}

static void dispatchPhase(OpPassManager &passes, const Options &options) {
  passes.addPass(createLaunchDeclared());
  FormDispatchesOptions form;
  form.fuse = options.optLevel > 0;
  passes.addPass(createFormDispatches(form));
  if (options.optLevel > 0)
    passes.addPass(createShareExecutables());
  passes.addPass(createResidence());
  canonicalize(passes);
  passes.addPass(createCSEPass());
}

static void schedulePhase(OpPassManager &passes, const Options &options) {
  ScheduleBuffersOptions schedule;
  schedule.donate = options.donations;
  passes.addPass(createScheduleBuffers(schedule));
  passes.addNestedPass<func::FuncOp>(createExpandUnsigned());
  canonicalize(passes);
  passes.addPass(createCSEPass());
  passes.addNestedPass<func::FuncOp>(createPlanArena());
  canonicalize(passes);
  passes.addPass(createCSEPass()); // equal offsets are one parameter
  passes.addPass(createOutlineCommands());
  passes.addNestedPass<func::FuncOp>(createConvertSCFToCFPass());
  canonicalize(passes);
  passes.addPass(createCSEPass());
}

llvm::ArrayRef<Phase> phases() {
  static constexpr Phase list[] = {
      {"tensor", tensorPhase},
      {"dispatch", dispatchPhase},
      {"schedule", schedulePhase},
  };
  return list;
}

} // namespace halcyon
