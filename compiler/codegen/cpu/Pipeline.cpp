#include "codegen/cpu/Passes.h"

#include "dialect/dispatch/Dispatch.h"
#include "dialect/nn/Nn.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/TilingInterfaceImpl.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorTilingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "tensor/ViewPatterns.h"

using namespace mlir;
using namespace halcyon;

void halcyon::registerCpuCodegenDialects(DialectRegistry &registry) {
  registry.insert<affine::AffineDialect, arith::ArithDialect, bufferization::BufferizationDialect,
                  cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect, linalg::LinalgDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect, ub::UBDialect,
                  vector::VectorDialect, dispatch::DispatchDialect, nn::NnDialect>();
  affine::registerValueBoundsOpInterfaceExternalModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  arith::registerValueBoundsOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerSubsetOpInterfaceExternalModels(registry);
  linalg::registerTilingInterfaceExternalModels(registry);
  linalg::registerValueBoundsOpInterfaceExternalModels(registry);
  memref::registerValueBoundsOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  scf::registerValueBoundsOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  tensor::registerTilingInterfaceExternalModels(registry);
  tensor::registerValueBoundsOpInterfaceExternalModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

static std::unique_ptr<Pass> canonicalize() {
  return createCanonicalizerPass(GreedyRewriteConfig(), brokenPatterns());
}

void halcyon::buildCpuPipeline(OpPassManager &manager, const CpuTraits &traits, int optLevel) {
  // Tensors: one workgroup's part of the work.
  manager.addPass(createCpuKernel());
  manager.addPass(canonicalize());
  manager.addPass(createCSEPass());
  if (optLevel >= 2)
    manager.addNestedPass<func::FuncOp>(createCpuPadding());
  manager.addNestedPass<func::FuncOp>(createCpuTile());
  manager.addPass(canonicalize());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createCpuOnlineSoftmax());
  if (optLevel >= 2)
    manager.addNestedPass<func::FuncOp>(createCpuReduceEarly());
  manager.addNestedPass<func::FuncOp>(createCpuInPlace());

  // Buffers.
  manager.addPass(createCpuBufferize());
  manager.addPass(canonicalize());
  manager.addPass(createCSEPass());

  // Loops. Those of extent 1 would hide which one is contiguous.
  manager.addPass(createLinalgGeneralizeNamedOpsPass());
  LinalgFoldUnitExtentDimsPassOptions views;
  views.useRankReducingSlices = true;
  manager.addPass(createLinalgFoldUnitExtentDimsPass(views));
  manager.addPass(canonicalize());
  manager.addPass(createCSEPass());
  if (optLevel >= 2) {
    manager.addNestedPass<func::FuncOp>(createCpuBools());
    manager.addNestedPass<func::FuncOp>(createCpuLoadedOperands());
    manager.addNestedPass<func::FuncOp>(
        createCpuWinograd(CpuWinogradOptions{traits.vectorBytes, traits.vectorRegisters}));
    manager.addNestedPass<func::FuncOp>(createCpuRegisterBlocks(
        CpuRegisterBlocksOptions{traits.vectorBytes, traits.vectorRegisters, traits.dotBytes == DotBytes::usdot, traits.dotPairs == DotPairs::arm}));
    manager.addNestedPass<func::FuncOp>(createCpuRowBlocks(CpuRowBlocksOptions{traits.vectorBytes}));
    manager.addNestedPass<func::FuncOp>(createCpuTransposes(CpuTransposesOptions{traits.vectorBytes}));
    manager.addNestedPass<func::FuncOp>(
        createCpuElementwise(CpuElementwiseOptions{traits.vectorBytes, traits.vectorRegisters}));
  }
  manager.addNestedPass<func::FuncOp>(createCpuScratch());
  manager.addNestedPass<func::FuncOp>(createCpuLoops());
  manager.addPass(memref::createFoldMemRefAliasOpsPass());
  manager.addPass(canonicalize());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createCpuSmallFloats(CpuSmallFloatsOptions{traits.halfConversion}));
  manager.addNestedPass<func::FuncOp>(createCpuDotBytes(CpuDotBytesOptions{traits.dotBytes}));
  manager.addNestedPass<func::FuncOp>(createCpuDotPairs(CpuDotPairsOptions{traits.dotPairs}));
  manager.addPass(createCpuMath(CpuMathOptions{traits.roundInstruction, traits.scaleInstruction, traits.extremumInstruction}));
  manager.addPass(canonicalize());
  manager.addPass(createCSEPass());

  // The LLVM dialect.
  manager.addPass(createConvertSCFToCFPass());
  manager.addNestedPass<func::FuncOp>(createCpuAssert());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createUBToLLVMConversionPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  manager.addPass(createCpuHalfBits(CpuHalfBitsOptions{traits.halfConversion}));
  manager.addPass(createCpuEntry());
}
