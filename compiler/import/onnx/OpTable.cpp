#include "import/onnx/OpTable.h"

namespace halcyon::onnx {

const OpImporter *findImporter(llvm::StringRef domain, llvm::StringRef opType) {
  static const llvm::StringMap<const OpImporter *> table = [] {
    llvm::StringMap<const OpImporter *> made;
    for (auto family : {unaryOps,
                        binaryOps,
                        bitOps,
                        sequenceOps,
                        optionalOps,
                        castOps,
                        shapeOps,
                        reshapeOps,
                        sliceOps,
                        gatherOps,
                        padOps,
                        reduceOps,
                        matMulOps,
                        convOps,
                        poolOps,
                        normalizationOps,
                        resizeOps,
                        lossOps,
                        attentionOps,
                        positionOps,
                        normalizationFunctionOps,
                        scatterOps,
                        quantizeOps,
                        microsoftQuantizedOps,
                        microsoftQuantizedLayerOps,
                        nBitsOps,
                        blockOps,
                        gridOps,
                        einsumOps,
                        scanOps,
                        signalOps,
                        linearAttentionOps,
                        selectionOps,
                        suppressionOps,
                        regionOps,
                        unpoolOps,
                        randomOps,
                        tfIdfOps,
                        mlFeatureOps,
                        mlTreeOps,
                        mlLinearOps,
                        microsoftFusedOps,
                        microsoftAttentionOps,
                        mlVectorOps,
                        roiPoolOps,
                        ifOps,
                        loopOps})
      for (const OpImporter &entry : family())
        made[entry.opType] = &entry;
    return made;
  }();
  if (domain.empty())
    return table.lookup(opType);
  return table.lookup((domain + "." + opType).str());
}

} // namespace halcyon::onnx
