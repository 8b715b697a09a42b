#include "import/onnx/OpTable.h"

namespace halcyon::onnx {

const OpImporter *findImporter(llvm::StringRef domain, llvm::StringRef opType) {
  static const llvm::StringMap<const OpImporter *> table = [] {
    llvm::StringMap<const OpImporter *> made;
    for (auto family :
         {unaryOps, binaryOps, castOps, shapeOps, reshapeOps, sliceOps, gatherOps, padOps,
          reduceOps, matMulOps, convOps, poolOps, normalizationOps, resizeOps, ifOps, loopOps})
      for (const OpImporter &entry : family())
        made[entry.opType] = &entry;
    return made;
  }();
  return domain.empty() ? table.lookup(opType) : nullptr;
}

} // namespace halcyon::onnx
