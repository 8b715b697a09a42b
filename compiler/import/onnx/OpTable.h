// import/onnx/OpTable.h -- operator -> importer.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

struct OpImporter {
  const char
      *opType; // with its domain before it where that is not ONNX's own: "ai.onnx.ml.Binarizer"
  // Defines the node's outputs, or fails after an error.
  llvm::LogicalResult (*import)(NodeContext &node);
  size_t minInputs, maxInputs; // inputs under minInputs are never absent
  size_t maxOutputs = 1;
  bool takesAnyKind = false; // sequences and optionals too; else inputs are tensors
};
constexpr size_t anyNumber = SIZE_MAX;

// Null for an operator that is not supported.
const OpImporter *findImporter(llvm::StringRef domain, llvm::StringRef opType);

// One list a family, each in the file of that name.
llvm::ArrayRef<OpImporter> unaryOps();
llvm::ArrayRef<OpImporter> binaryOps();
llvm::ArrayRef<OpImporter> bitOps();
llvm::ArrayRef<OpImporter> sequenceOps();
llvm::ArrayRef<OpImporter> optionalOps();
llvm::ArrayRef<OpImporter> castOps();
llvm::ArrayRef<OpImporter> shapeOps();
llvm::ArrayRef<OpImporter> reshapeOps();
llvm::ArrayRef<OpImporter> sliceOps();
llvm::ArrayRef<OpImporter> gatherOps();
llvm::ArrayRef<OpImporter> padOps();
llvm::ArrayRef<OpImporter> reduceOps();
llvm::ArrayRef<OpImporter> matMulOps();
llvm::ArrayRef<OpImporter> convOps();
llvm::ArrayRef<OpImporter> poolOps();
llvm::ArrayRef<OpImporter> normalizationOps();
llvm::ArrayRef<OpImporter> resizeOps();
llvm::ArrayRef<OpImporter> lossOps();
llvm::ArrayRef<OpImporter> attentionOps();
llvm::ArrayRef<OpImporter> positionOps();
llvm::ArrayRef<OpImporter> normalizationFunctionOps();
llvm::ArrayRef<OpImporter> scatterOps();
llvm::ArrayRef<OpImporter> quantizeOps();
llvm::ArrayRef<OpImporter> microsoftQuantizedOps();
llvm::ArrayRef<OpImporter> microsoftQuantizedLayerOps();
llvm::ArrayRef<OpImporter> nBitsOps();
llvm::ArrayRef<OpImporter> blockOps();
llvm::ArrayRef<OpImporter> gridOps();
llvm::ArrayRef<OpImporter> einsumOps();
llvm::ArrayRef<OpImporter> scanOps();
llvm::ArrayRef<OpImporter> signalOps();
llvm::ArrayRef<OpImporter> linearAttentionOps();
llvm::ArrayRef<OpImporter> selectionOps();
llvm::ArrayRef<OpImporter> suppressionOps();
llvm::ArrayRef<OpImporter> regionOps();
llvm::ArrayRef<OpImporter> unpoolOps();
llvm::ArrayRef<OpImporter> randomOps();
llvm::ArrayRef<OpImporter> tfIdfOps();
llvm::ArrayRef<OpImporter> mlFeatureOps();
llvm::ArrayRef<OpImporter> mlTreeOps();
llvm::ArrayRef<OpImporter> mlLinearOps();
llvm::ArrayRef<OpImporter> microsoftFusedOps();
llvm::ArrayRef<OpImporter> microsoftAttentionOps();
llvm::ArrayRef<OpImporter> mlVectorOps();
llvm::ArrayRef<OpImporter> roiPoolOps();
llvm::ArrayRef<OpImporter> ifOps();
llvm::ArrayRef<OpImporter> loopOps();

} // namespace halcyon::onnx
